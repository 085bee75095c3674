"""Declare and check: the parameters of networks, and what they say of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse

from ..._checks import fraction, integer, one_of
from .._common.parameters import BELOW_1, COUNT, NON_NEGATIVE, POSITIVE, UP_TO_1, Names, parameter, quoted
from .._estimator.base import Estimator
from .._fitting.job import FitJob
from .._fitting.solver import LAZY_ADAM, STOCHASTIC_SOLVERS
from .architecture import ACTIVATIONS, THEIR_ACTIVATIONS

_BY_BATCHES = (*STOCHASTIC_SOLVERS, LAZY_ADAM)
_OTHERS = [name for name in ACTIVATIONS if name not in THEIR_ACTIVATIONS]


@dataclass(eq=False, repr=False)
class MLPParameters(Estimator):
    """What networks are told: each parameter by itself, and those that must fit each other."""

    hidden_layer_sizes: int | Sequence[int] = parameter(
        (100,),
        ["array-like", COUNT],
        "Number of units in each hidden layer.",
        "int or array-like of int of shape (n_layers - 2,)",
    )
    activation: str | Sequence[str] = parameter(
        "relu",
        [Names(*ACTIVATIONS), list, tuple],
        "Activation of the hidden layers, or a list with one for each: "
        f"{quoted(THEIR_ACTIVATIONS)} and, as extensions, {quoted(_OTHERS)}.",
        "str or sequence of str",
    )
    _: KW_ONLY
    solver: str = parameter(
        "adam",
        [Names("lbfgs", *_BY_BATCHES)],
        '"lbfgs": L-BFGS on all samples at once; or mini-batch gradient descent by one of the stochastic '
        f'solvers {quoted(_BY_BATCHES)}. Those but "lbfgs", "sgd" and "adam" are extensions. '
        "Each uses those of momentum, beta_1, beta_2 and epsilon that it has; "
        '"adamw" also decays weights by its default, 0.01. "lazy_adam" is fast for sparse X: a step updates '
        "only weights of features that its batch has, so alpha must be 0 there. It is another algorithm than "
        '"adam", which moves all; for dense X they are the same.',
        "str",
    )
    alpha: float = parameter(1e-4, [NON_NEGATIVE], "Strength of the penalty.")
    learning_rate_init: float = parameter(
        0.001, [POSITIVE], "The first learning rate of the stochastic solvers."
    )
    max_iter: int = parameter(200, [COUNT], 'Maximum number of epochs, or of iterations of "lbfgs".')
    momentum: float = parameter(0.9, [UP_TO_1], 'Momentum of "sgd", in [0, 1).')
    max_fun: int = parameter(15000, [COUNT], 'Maximum number of evaluations of the objective by "lbfgs".')
    dropout: float | Sequence[float] = parameter(
        0.0,
        [BELOW_1, "array-like"],
        "Dropout rate of the hidden layers, or a list with one for each: the probability that a unit is "
        "dropped in a step.",
        "float or sequence of float",
    )
    batch_norm: bool = parameter(
        False, ["boolean"], "Apply batch normalization before the activation of each hidden layer."
    )

    def _check_solver(self) -> bool:
        if self.solver not in _BY_BATCHES:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True

    def _hidden_units(self) -> list[int]:
        sizes: Any = self.hidden_layer_sizes
        sizes = sizes.tolist() if isinstance(sizes, np.ndarray) else sizes
        hidden = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        for i, units in enumerate(hidden):
            if isinstance(units, bool | np.bool_) or not isinstance(units, Integral):
                raise TypeError(
                    f"hidden_layer_sizes[{i}] is {units!r:.80}, but must be an integer of at least 1"
                )
        if any(units <= 0 for units in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        return [integer(n, f"hidden_layer_sizes[{i}]", minimum=1) for i, n in enumerate(hidden)]

    def _check_settings(self, job: FitJob) -> None:
        hidden = len(self._hidden_units())
        self._activations(hidden)
        dropped = any(self._dropout(hidden))
        super()._check_settings(job)
        if self.solver == LAZY_ADAM and issparse(job.X) and self._penalty() is not None:
            raise ValueError(
                f"solver='lazy_adam' updates only weights of features that a batch of sparse X has, but the "
                f"penalty, of alpha={self.alpha}, is on all: set alpha=0, or solver='adam'"
            )
        if self.solver in _BY_BATCHES:
            return
        used = {
            "dropout": dropped,
            "batch_norm": self.batch_norm,
            "clip_value": self.clip_value is not None,
            "clip_norm": self.clip_norm is not None,
            "learning_rate_schedule": self.learning_rate_schedule is not None,
            "validation_data": job.validation_data is not None,
            "callbacks": bool(self.callbacks),
            "checkpoint": job.asked is not None,
        }
        self._refuse_without_batches(used)

    def _activations(self, hidden: int) -> list[str]:
        """One for each hidden layer."""
        given = self.activation
        names = [given] * hidden if isinstance(given, str) else list(given)
        if len(names) != hidden:
            raise ValueError(f"activation has {len(names)} names, but there are {hidden} hidden layers")
        return [one_of(name, "activation", ACTIVATIONS) for name in names]

    def _dropout(self, hidden: int) -> list[float]:
        """One rate for each hidden layer."""
        given: Any = self.dropout
        rates = [given] * hidden if np.ndim(given) == 0 else list(given)
        if len(rates) != hidden:
            raise ValueError(f"dropout has {len(rates)} rates, but there are {hidden} hidden layers")
        for i, rate in enumerate(rates):
            fraction(rate, f"dropout[{i}]")
        return [float(rate) for rate in rates]
