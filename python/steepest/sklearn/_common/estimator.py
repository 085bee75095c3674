"""What all estimators share: the parameters of their fits, sparse input, and the way to scikit-learn's."""

from __future__ import annotations

import math
from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from ... import _checks
from .._fitting.callbacks import CallbackSupportMixin
from .held_out import HoldsOut

NON_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
BELOW_1 = Interval(Real, 0, 1, closed="left")
COUNT = Interval(Integral, 1, None, closed="left")


class Estimator(CallbackSupportMixin, HoldsOut, BaseEstimator):
    """A network or a linear model that `_stochastic.learn` fits."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [NON_NEGATIVE],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "batch_size": [StrOptions({"auto"}), COUNT],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "power_t": [NON_NEGATIVE],
        "max_iter": [COUNT],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [NON_NEGATIVE],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [BELOW_1],
        "beta_1": [BELOW_1],
        "beta_2": [BELOW_1],
        "epsilon": [POSITIVE],
        "n_iter_no_change": [COUNT, Options(Real, {np.inf})],
        "clip_value": [POSITIVE, None],
        "clip_norm": [POSITIVE, None],
        "learning_rate_schedule": [callable, None],
        "callbacks": [list, tuple, None],
        "progress": ["boolean"],
        "n_threads": [COUNT, None],
    }

    def _check_class_weight(self, dtype: np.dtype[Any]) -> None:
        """Refuse weights of classes that cannot be counted with in `dtype`; a regressor has none."""

    def _check_numbers(self) -> None:
        """Refuse integers that are larger than any float; `_parameter_constraints` has the other rules."""
        for name, value in self.get_params(deep=False).items():
            if isinstance(value, int) and math.isinf(_checks.real_number(int(value), name)):
                raise ValueError(f"{name} has {value.bit_length()} bits, but must be at most 1.8e308")

    def to_sklearn(self) -> Any:
        """A fitted estimator of scikit-learn that predicts the same; see `steepest.sklearn.to_sklearn`."""
        check_is_fitted(self)
        return self._to_sklearn()

    @abstractmethod
    def _to_sklearn(self) -> Any:
        """The counterpart of an estimator that is fitted."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
