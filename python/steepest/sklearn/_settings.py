"""Check: the parameters that MLPClassifier and MLPRegressor share, and what they say of each layer."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from .._checks import one_of
from ._architecture import ACTIVATIONS
from ._stochastic import STOCHASTIC_SOLVERS

_NON_NEGATIVE = Interval(Real, 0, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_BELOW_1 = Interval(Real, 0, 1, closed="left")
_COUNT = Interval(Integral, 1, None, closed="left")


class Settings:
    """An estimator's parameters: each by itself, and those that must fit each other."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", _COUNT],
        "activation": [StrOptions(set(ACTIVATIONS)), list, tuple],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [_NON_NEGATIVE],
        "batch_size": [StrOptions({"auto"}), _COUNT],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [_POSITIVE],
        "power_t": [_NON_NEGATIVE],
        "max_iter": [_COUNT],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [_NON_NEGATIVE],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [_BELOW_1],
        "beta_1": [_BELOW_1],
        "beta_2": [_BELOW_1],
        "epsilon": [_POSITIVE],
        "n_iter_no_change": [_COUNT, Options(Real, {np.inf})],
        "max_fun": [_COUNT],
        "dropout": [_BELOW_1, "array-like"],
        "batch_norm": ["boolean"],
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "clip_value": [_POSITIVE, None],
        "clip_norm": [_POSITIVE, None],
        "learning_rate_schedule": [callable, None],
        "callbacks": [list, tuple, None],
        "progress": ["boolean"],
        "n_threads": [_COUNT, None],
    }

    hidden_layer_sizes: Any
    activation: Any
    solver: str
    dropout: Any
    batch_norm: bool
    clip_value: float | None
    clip_norm: float | None
    learning_rate_schedule: Any
    callbacks: Any
    early_stopping: bool

    def _hidden_units(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        hidden = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        if np.any(np.array(hidden) <= 0):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        return [int(units) for units in hidden]

    def _check_settings(self, hidden: list[int], validation_data: Any, incremental: bool) -> None:
        """Refuse parameters that do not fit each other."""
        self._activations(len(hidden))
        dropped = any(self._dropout(len(hidden)))
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.solver in STOCHASTIC_SOLVERS:
            return
        unused = {
            "dropout": dropped,
            "batch_norm": self.batch_norm,
            "clip_value": self.clip_value is not None,
            "clip_norm": self.clip_norm is not None,
            "learning_rate_schedule": self.learning_rate_schedule is not None,
            "validation_data": validation_data is not None,
            "callbacks": bool(self.callbacks),
        }
        for name, used in unused.items():
            if used:
                raise ValueError(f"{name} needs solver 'sgd' or 'adam', but solver is {self.solver!r}")

    def _activations(self, hidden: int) -> list[str]:
        """One for each hidden layer."""
        if isinstance(self.activation, str):
            return [self.activation] * hidden
        if len(self.activation) != hidden:
            raise ValueError(
                f"activation has {len(self.activation)} names, but there are {hidden} hidden layers"
            )
        for name in self.activation:
            one_of(name, "activation", tuple(ACTIVATIONS))
        return list(self.activation)

    def _dropout(self, hidden: int) -> list[float]:
        """One rate for each hidden layer."""
        one = isinstance(self.dropout, Real)
        rates = [float(rate) for rate in ([self.dropout] * hidden if one else self.dropout)]
        if len(rates) != hidden:
            raise ValueError(f"dropout has {len(rates)} rates, but there are {hidden} hidden layers")
        return rates
