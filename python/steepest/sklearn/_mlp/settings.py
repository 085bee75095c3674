"""Check: the parameters of networks, and what they say of each layer."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from ..._checks import fraction, integer, one_of
from .._common.estimator import BELOW_1, COUNT, POSITIVE, Estimator
from .._fitting.solver import STOCHASTIC_SOLVERS
from .architecture import ACTIVATIONS


class Settings(Estimator):
    """An estimator's parameters: each by itself, and those that must fit each other."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Estimator._parameter_constraints,
        "hidden_layer_sizes": ["array-like", COUNT],
        "activation": [StrOptions(set(ACTIVATIONS)), list, tuple],
        "solver": [StrOptions({"lbfgs", *STOCHASTIC_SOLVERS})],
        "learning_rate_init": [POSITIVE],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "max_fun": [COUNT],
        "dropout": [BELOW_1, "array-like"],
        "batch_norm": ["boolean"],
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

    def _hidden_units(self) -> list[int]:
        sizes = self.hidden_layer_sizes
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
                raise ValueError(
                    f"{name} needs a stochastic solver such as 'sgd' or 'adam', but solver is {self.solver!r}"
                )

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
        rates = [self.dropout] * hidden if np.ndim(self.dropout) == 0 else list(self.dropout)
        if len(rates) != hidden:
            raise ValueError(f"dropout has {len(rates)} rates, but there are {hidden} hidden layers")
        for i, rate in enumerate(rates):
            fraction(rate, f"dropout[{i}]")
        return [float(rate) for rate in rates]
