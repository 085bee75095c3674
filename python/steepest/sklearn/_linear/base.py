"""What LinearClassifier and LinearRegressor share: one linear layer fitted by mini-batches, from zero."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.linear_model._base import SparseCoefMixin
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, validate_data

from ..._checks import Array
from ...backends import active
from ...backends.data import Batch, Parameters, TrainConfig
from ...compile.compiled import Compiled
from ...layers import Linear
from ...penalties import L1, L2, ElasticNet
from .._common.classes import WEIGHTED
from .._common.data import finite, own_places, weights_count
from .._fitting.job import FitJob, Problem
from .._fitting.shared import computing
from .._fitting.solver import Solver
from .conversion import ConversionMixin
from .parameters import LinearParameters

LAYER = """
learning_rate_init_ : float
    The first learning rate, as it was used.
"""


class LinearModel(ConversionMixin, SparseCoefMixin, LinearParameters):
    """One linear layer, whose parameters are `coef_` and `intercept_` and nothing else.

    A fit makes the layer that learns of them (`_layer`), and then them of it (`_show`).
    """

    coef_: Any
    intercept_: Any

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

    # ---- a fit ------------------------------------------------------------------------------------------

    def _fitted(self) -> bool:
        return hasattr(self, "coef_")

    def _initialize(self, y: Array, features: int, dtype: np.dtype[Any]) -> None:
        self.coef_, self.intercept_ = self._zeros(y, features, dtype)

    def _arrays(self) -> list[Array]:
        return [self.coef_, self.intercept_]

    def _problem(self, job: FitJob, batch: Batch) -> Problem:
        self._optimizer = solver = self._kept_solver(job) or self._begin(job, batch.weight)
        layer = self._layer()
        features, columns = layer.weight.shape
        linear = Linear(features, columns, bias=bool(self.fit_intercept))
        return Problem(
            job,
            Compiled([linear], layer.weight.dtype, [layer]),
            [array for array in (layer.weight, layer.bias) if array is not None],
            batch,
            self._train_config(),
            solver,
            self._random_state,
            rate_factor=0.5 if self._paired else 1.0,
            publish=lambda: self._show(layer),
        )

    def _begin(self, job: FitJob, weight: Array | None) -> Solver:
        """With the best intercepts and a new solver, at the rate that suits the samples."""
        weights_count(weight, WEIGHTED)
        intercept, pace = self._start(job.y, weight)
        if job.fresh and self.fit_intercept:
            self.intercept_ = self.intercept_ + np.asarray(intercept, job.X.dtype)
        self.learning_rate_init_ = self._initial_rate(job.X, weight, pace)
        return Solver.of(self, [self._layer()], self.learning_rate_init_)

    def _train_config(self) -> TrainConfig:
        """Two columns have half the squares of their difference, and a longer gradient by sqrt(2)."""
        penalty, (clip_value, clip_norm) = self._penalty(), self._clips()
        if isinstance(penalty, L1) and self.solver == "sgd" and self.momentum == 0:
            penalty = replace(penalty, proximal=True)
        if self._paired:
            clip_norm = None if clip_norm is None else clip_norm * math.sqrt(2)
            if isinstance(penalty, L2):
                penalty = L2(2 * penalty.strength)
            elif isinstance(penalty, ElasticNet):
                penalty = replace(penalty, beta=2 * penalty.beta)
        return TrainConfig(self._loss(), (penalty,), clip_value=clip_value, clip_norm=clip_norm)

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
        """X @ coef_.T + intercept_; a row's are the same in any company."""
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
