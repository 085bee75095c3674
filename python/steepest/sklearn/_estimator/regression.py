"""What both regressors are: losses of numeric targets, and the methods that take and say numbers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeVar

import numpy as np
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from ..._checks import Array, one_of
from ...losses import REGRESSION_LOSSES, Huber, Loss, SquaredError
from ...training.model import Model, checked_model
from .._common.data import finite, numbers, r_squared, targets_fit
from .._common.parameters import POSITIVE, parameter
from .._fitting.job import FitJob
from .sequential import number_settings, parts_of, set_features

Self = TypeVar("Self", bound="RegressionMixin")


@dataclass(eq=False, repr=False)
class RegressorParameters:
    """The parameters of regressors alone."""

    _: KW_ONLY
    huber_delta: float = parameter(1.0, [POSITIVE], 'The loss "huber" is linear for errors larger than this.')


class RegressionMixin(RegressorMixin, RegressorParameters):
    """A regressor; its other base is an `Estimator`."""

    # ---- what the two differ in -------------------------------------------------------------------------

    @abstractmethod
    def _predictions_of(self, scores: Array) -> Array:
        """(n_samples, n_outputs)."""

    @abstractmethod
    def _shaped(self, predictions: Array) -> Array:
        """The predictions as they are shown: (n_samples,) where y was so."""

    # ---- what the fit asks ------------------------------------------------------------------------------

    def _numbers(self, X: Any, y: Any, sparse_formats: Any, reset: bool) -> tuple[Any, Array]:
        """X, and y as float64, in the shape that it has."""
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=sparse_formats,
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        y = numbers(y)
        targets_fit(y, X.dtype if reset else self._dtype())
        if self.loss == "poisson" and np.any(y < 0):
            raise ValueError(f"y holds {y.min()}, but targets of the loss 'poisson' must be at least 0")
        return X, y

    def _loss(self) -> Loss:
        name = one_of(self.loss, "loss", REGRESSION_LOSSES)
        if name == "squared_error":
            return SquaredError(factor=0.5)
        return Huber(float(self.huber_delta)) if name == "huber" else REGRESSION_LOSSES[name]

    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        return np.ascontiguousarray(y, dtype)

    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        return r_squared(y, self._predictions_of(scores), sample_weight)

    # ---- what is asked of it ----------------------------------------------------------------------------

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self: Self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Go on for one epoch with these samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        estimator
            This one.

        Raises
        ------
        ValueError
            As `fit`, and if y has another number of outputs than before.
        RuntimeError
            As `fit`.
        """
        return self._fit(FitJob(X, y, sample_weight, incremental=True))

    def predict(self, X: Any) -> Array:
        """The prediction for each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If a row of X, or what is computed of it, is too large for the dtype it is computed in.
        """
        return self._shaped(finite(self._predictions_of(self._scores(X)), "predictions"))

    # ---- of a network -----------------------------------------------------------------------------------

    @classmethod
    def from_sequential(cls: type[Self], model: Model, *, feature_names: Sequence[str] | None = None) -> Self:
        """A fitted estimator that predicts as a `steepest.Sequential` does.

        It has copies of the arrays in their dtype, the layers as parameters, and the loss. What only says
        how to learn is left out; `partial_fit` begins with a new optimizer.

        Parameters
        ----------
        model : Sequential
            `Linear` layers, for a linear model one; behind each but the last `BatchNorm`, an activation and
            `Dropout`, in this order, as far as there are any, and `BatchNorm` behind all of them or none. A
            model without a loss is taken for one of the squared error.
        feature_names : sequence of str, default=None
            Becomes `feature_names_in_`.

        Returns
        -------
        estimator

        Raises
        ------
        ValueError
            If a layer or the loss is none that the estimator can have, or the number of names is another than
            the model's.
        TypeError
            If `model` is no `Sequential`, or a name no string.

        Examples
        --------
        >>> import steepest as st
        >>> from steepest.sklearn import MLPRegressor
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 1))
        >>> history = model.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], loss="huber", progress=False)
        >>> estimator = MLPRegressor.from_sequential(model)
        >>> estimator.loss, bool((estimator.predict([[1.0, 2.0]]) == model([[1.0, 2.0]])[0]).all())
        ('huber', True)
        """
        parts = parts_of(checked_model(model), cls.__name__)
        made: Self = cls._from_parts(parts, number_settings(model.loss, cls.__name__), {})
        set_features(made, model.in_features, feature_names)
        return made
