"""What LinearClassifier and LinearRegressor share: one linear layer fitted by mini-batches, from zero."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.linear_model._base import SparseCoefMixin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._checks import Array
from ...backends import active
from ...backends.data import Parameters, TrainConfig
from ...compile.compiled import Compiled
from ...layers import Linear
from ...losses import Loss
from ...penalties import L1, L2, ElasticNet
from .._common.classes import WEIGHTED
from .._common.data import finite, own_places, rows_in, weights_count, weights_of
from .._common.estimator import BELOW_1, POSITIVE, Estimator
from .._convert.to_sklearn import linear_to_sklearn
from .._fitting.loop import learn
from .._fitting.record import NOT_FINITE, Learned, begin
from .._fitting.solver import STOCHASTIC_SOLVERS, Solver
from .._fitting.together import computing
from .._mlp.architecture import as_float, penalty_of


class LinearModel(SparseCoefMixin, Estimator):
    """One linear layer, whose parameters are `coef_` and `intercept_` and nothing else.

    A fit makes the layer that learns of them (`_layer`), and then them of it (`_show`).
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Estimator._parameter_constraints,
        "fit_intercept": ["boolean"],
        "solver": [StrOptions(set(STOCHASTIC_SOLVERS))],
        "learning_rate_init": [StrOptions({"auto"}), POSITIVE],
        "momentum": [BELOW_1],
    }

    coef_: Any
    intercept_: Any

    def _to_sklearn(self) -> Any:
        return linear_to_sklearn(self)

    # ---- what the two differ in -------------------------------------------------------------------------

    @property
    def _paired(self) -> bool:
        """Whether one score s is learned as the two -s / 2 and s / 2, which multiclass losses need."""
        return False

    @abstractmethod
    def _zeros(self, y: Array, features: int, dtype: np.dtype[Any]) -> tuple[Array, Any]:
        """`coef_` and `intercept_` to begin with, for validated y."""

    @abstractmethod
    def _start(self, y: Array, weight: Array | None) -> tuple[Any, float]:
        """Intercepts that are best without weights, and the pace; see `_initial_rate`."""

    @abstractmethod
    def _loss(self) -> Loss:
        """The loss of the scores."""

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        """The weights of samples, with those of their classes."""
        return sample_weight

    # ---- a fit ------------------------------------------------------------------------------------------

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, incremental: bool = False, validation_data: Any = None
    ) -> None:
        self._check_numbers()
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        fresh = not hasattr(self, "coef_") or (not self.warm_start and not incremental)
        given = X, y, sample_weight
        X, y = self._validated(X, y, incremental, reset=fresh)
        X = own_places(X)
        X = X if fresh else rows_in(X, self._dtype())
        self._check_class_weight(X.dtype)
        if sample_weight is not None:
            sample_weight = weights_of(sample_weight, X)
        self._random_state = check_random_state(self.random_state)
        if fresh:
            begin(self)
            self.coef_, self.intercept_ = self._zeros(y, X.shape[1], X.dtype)
        with computing(self.n_threads):
            self._learn(X, y, sample_weight, fresh, incremental, validation_data, given)
        if not (np.isfinite(self.coef_).all() and np.isfinite(self.intercept_).all()):
            raise ValueError(NOT_FINITE)

    def _learn(
        self,
        X: Any,
        y: Array,
        sample_weight: Array | None,
        fresh: bool,
        incremental: bool,
        validation_data: Any,
        given: tuple[Any, Any, Any],
    ) -> None:
        """From checked samples, with weights to begin with."""
        X, y, sample_weight, held_out = self._split(X, y, sample_weight, validation_data)
        weight = self._weights(y, sample_weight)
        if not incremental or not hasattr(self, "_optimizer"):
            weights_count(weight, WEIGHTED)
            intercept, pace = self._start(y, weight)
            if fresh and self.fit_intercept:
                self.intercept_ = self.intercept_ + np.asarray(intercept, X.dtype)
            self.learning_rate_init_ = self._initial_rate(X, weight, pace)
            self._optimizer = Solver.of(self, [self._layer()], self.learning_rate_init_)
        layer = self._layer()
        features, columns = layer.weight.shape
        linear = Linear(features, columns, bias=bool(self.fit_intercept))
        learned = Learned(
            Compiled([linear], layer.weight.dtype, [layer]),
            [array for array in (layer.weight, layer.bias) if array is not None],
            self._batch(X, y, weight),
            self._train_config(),
            self._random_state,
            held_out,
            incremental=incremental,
            data=given,
            rate_factor=0.5 if self._paired else 1.0,
            publish=lambda: self._show(layer),
        )
        learn(self, learned, self._optimizer)
        self._show(layer)

    def _train_config(self) -> TrainConfig:
        """Two columns have half the squares of their difference, and a longer gradient by sqrt(2)."""
        penalty, norm = penalty_of(self.penalty, self.alpha, self.l1_ratio), as_float(self.clip_norm)
        if isinstance(penalty, L1) and self.solver == "sgd" and self.momentum == 0:
            penalty = replace(penalty, proximal=True)
        if self._paired:
            norm = None if norm is None else norm * math.sqrt(2)
            if isinstance(penalty, L2):
                penalty = L2(2 * penalty.strength)
            elif isinstance(penalty, ElasticNet):
                penalty = replace(penalty, beta=2 * penalty.beta)
        return TrainConfig(self._loss(), (penalty,), clip_value=as_float(self.clip_value), clip_norm=norm)

    def _initial_rate(self, X: Any, weight: Array | None, pace: float) -> float:
        """The one that is given, or one that suits the size of the samples.

        The loss of one sample bends at most c * (|x|**2 + 1) along the parameters, c being that of the loss
        by its score; `pace` is between 1 / c and 2 / c.
        """
        if self.learning_rate_init != "auto":
            return float(self.learning_rate_init)
        if self.solver != "sgd":
            return 0.01
        squares = X.multiply(X).sum(axis=1) if sparse.issparse(X) else np.einsum("ij,ij->i", X, X)
        size = np.average(np.asarray(squares, np.float64).ravel(), weights=weight) + self.fit_intercept
        return float(pace / size) if size else float(pace)

    # ---- the layer that learns --------------------------------------------------------------------------

    def _layer(self) -> Parameters:
        """A copy of `coef_` and `intercept_`: (n_features, columns) and (columns,)."""
        coef = self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_
        weight, bias = np.atleast_2d(coef).T, np.atleast_1d(self.intercept_)
        if self._paired:
            weight, bias = np.hstack([-weight, weight]) / 2, np.hstack([-bias, bias]) / 2
        weight, bias = (np.array(part, self._dtype(), order="C") for part in (weight, bias))
        return Parameters(weight, bias if self.fit_intercept else None)

    def _show(self, layer: Parameters) -> None:
        """Make `coef_` and `intercept_` of it, in the shapes that they have."""
        weight, bias = layer.weight, layer.bias
        if bias is None:
            bias = np.zeros(weight.shape[1], weight.dtype)
        if self._paired:
            weight, bias = weight[:, 1:] - weight[:, :1], bias[1:] - bias[:1]
        self.coef_ = np.ascontiguousarray(weight.T).reshape(self.coef_.shape)
        self.intercept_ = bias.copy() if np.ndim(self.intercept_) else bias[0]

    def _dtype(self) -> np.dtype[Any]:
        return np.dtype(self.coef_.dtype)

    def _reconstruction_attributes(self) -> dict[str, Any]:
        """Copies, from which a callback's estimator is made."""
        return {"coef_": self.coef_.copy(), "intercept_": np.copy(self.intercept_)[()]}

    # ---- what is fitted ---------------------------------------------------------------------------------

    def _scores(self, X: Any) -> Array:
        """X @ coef_.T + intercept_, (n_samples, n_outputs); a row's are the same in any company."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        X = own_places(X)
        coef, intercept = self.coef_, np.atleast_1d(self.intercept_)
        if not sparse.issparse(coef) or coef.ndim == 1:
            coef = np.atleast_2d(coef.toarray() if sparse.issparse(coef) else coef)
        if sparse.issparse(X) or sparse.issparse(coef):
            with np.errstate(over="ignore", invalid="ignore"):  # which is refused
                return finite(safe_sparse_dot(X, coef.T, dense_output=True) + intercept)
        dtype = np.result_type(X, coef)
        X, weight, bias = (np.ascontiguousarray(a, dtype) for a in (X, coef.T, intercept))
        with computing(self.n_threads):
            return finite(active().linear(X, weight, bias))
