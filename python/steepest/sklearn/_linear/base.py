"""What LinearClassifier and LinearRegressor share: one linear layer, fitted at once or by mini-batches."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy import sparse
from sklearn.linear_model._base import SparseCoefMixin
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
from .._fitting.loop import check_config
from .._fitting.shared import computing
from .._fitting.solver import Solver
from .ascended import DualMixin, one_score
from .conversion import ConversionMixin
from .full_batch import solve
from .online import OnlineMixin
from .outcome import Outcome, warn_unless_converged
from .parameters import WITHOUT_BATCHES
from .problem import Objective
from .rows import row_squares, scores_of
from .stream import Stream, Strides
from .strength import StrengthMixin

LAYER = """
solver_ : str
    The solver that was used: with solver="auto", "lbfgs", "sdca", "sgd" or "online".
alpha_ : float
    The strength of the penalty, as it was used; 0 by "online".
learning_rate_init_ : float
    The first learning rate, as it was used. Not set by "lbfgs", "sdca" and "online".
"""


class LinearModel(ConversionMixin, SparseCoefMixin, DualMixin, OnlineMixin, StrengthMixin):
    """One linear layer, whose parameters are `coef_` and `intercept_` and nothing else.

    A fit makes the layer that learns of them (`_layer`), and then them of it (`_show`).
    """

    coef_: Any
    intercept_: Any
    _pace: float = 1.0  # see `_initial_rate`
    _stream: Stream | None = None  # of the calls of `partial_fit` since the last `fit`
    _zero_weights = True

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

    def _finite(self, job: FitJob) -> bool:
        if not (self.solver_ == "online" and job.incremental):
            return super()._finite(job)
        return bool(np.isfinite(self.intercept_).all())  # the core refuses steps that are not finite

    def _learn(self, job: FitJob) -> None:
        weight = self._weights(job.y, job.sample_weight)
        weights_count(weight, WEIGHTED, or_zero=job.incremental)
        self._set_alpha(job, weight)
        self.solver_ = self._chosen_solver(job, self.coef_.size, weight)
        if job.asked is not None and self.solver_ in WITHOUT_BATCHES:
            raise ValueError(
                "checkpoint needs a stochastic solver such as 'sgd' or 'adam', but solver='auto' has chosen "
                f"{self.solver_!r} for these samples, which takes seconds"
            )
        self.alpha_ = 0.0 if self.solver_ == "online" else self.alpha_
        if job.incremental:
            self._learn_more(job, weight)
            return
        self._stream = self._memory = None
        if hasattr(self, "progressive_loss_"):
            del self.progressive_loss_
        if self.solver_ not in WITHOUT_BATCHES:
            super()._learn(job)
            return
        check_config(self, TrainConfig(self._loss(), (self._penalty(),)), self._dtype())
        if self.solver_ == "online":
            self._learn_online(job)
            return
        best = self._ascended(job) if self.solver_ == "sdca" else self._minimized(job)
        self.loss_curve_: list[float] = [*self.loss_curve_, *best.values]
        self.loss_, self.best_loss_, self.n_iter_ = best.value, best.value, len(best.values)
        if self.verbose:
            print("\n".join(f"Iteration {i}, loss = {v:.8f}" for i, v in enumerate(best.values, 1)))
        warn_unless_converged(best, int(self.max_iter))

    def _minimized(self, job: FitJob) -> Outcome:
        batch, penalty = self._training_batch(job), self._penalty()
        intercept = self._start(job.y, batch.weight)[0]
        if job.fresh and self.fit_intercept:
            self._shift_intercept(intercept)
        loss = self._loss()
        objective = Objective(
            TrainConfig(loss, (None,)),
            l1=penalty.l1 if penalty else 0.0,
            l2=penalty.l2 if penalty else 0.0,
            paired=self._paired,
            differences=loss.takes_labels and not self._paired,
            endless=self.loss == "softmax",
        )
        layer = self._scores_layer()
        start = np.atleast_1d(np.asarray(intercept, np.float64))
        best = solve(
            job.X, batch, layer, objective, float(self.tol), int(self.max_iter), start, self._dtype()
        )
        self._show(layer)
        return best

    def _learn_more(self, job: FitJob, weight: Array | None) -> None:
        """From the rows that count by these weights, after a look at how well they are known."""
        if self._stream is None:
            self._stream = Stream(left=float(job.fresh))
        if weight is not None and not (counts := weight > 0).all():
            given = job.sample_weight
            given = None if given is None else given[counts]
            job, weight = replace(job, X=job.X[counts], y=job.y[counts], sample_weight=given), weight[counts]
        if not len(job.y):
            if self.solver_ == "online":
                self._begun(job)
            return
        total = len(job.y) if weight is None else weight.sum(dtype=np.float64)
        if self.solver_ == "online":
            loss = self._learn_online(job)
            if self.n_iter_:  # not interrupted
                self.progressive_loss_ = self._stream.progress(loss, float(total))
            return
        layer = self._layer()
        scores, targets = scores_of(job.X, layer.weight, layer.bias), self._targets(job.y, job.X.dtype)
        loss = active().loss(self._loss(), scores, targets, weight)[0]
        super()._learn(job)
        self.progressive_loss_ = self._stream.progress(loss, float(total))

    def _problem(self, job: FitJob, batch: Batch) -> Problem:
        solver = self._kept_solver(job) or self._begin(job, batch.weight)
        if self._stream is not None:
            self._keep_up(self._stream, solver, job, batch.weight)
        self._optimizer = solver
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
            strides=self._strides(job, batch.weight),
            publish=lambda: self._show(one_score(layer) if self._paired else layer),
        )

    def _begin(self, job: FitJob, weight: Array | None) -> Solver:
        """With the best intercepts and a new solver, at the rate that suits the samples."""
        weights_count(weight, WEIGHTED)
        intercept, self._pace = self._start(job.y, weight)
        if job.fresh and self.fit_intercept and not job.incremental:
            self._shift_intercept(intercept)
        self.learning_rate_init_ = self._initial_rate(job.X, weight, self._pace)
        return Solver.of(self, [self._layer()], self.learning_rate_init_)

    def _keep_up(self, stream: Stream, solver: Solver, job: FitJob, weight: Array | None) -> None:
        """Set out from what the last rows suggest; no step goes too far on rows larger than those before."""
        starting = stream.remember(job.X, job.y, weight)
        start, self._pace = self._start(stream.targets, stream.weights)
        if starting and self.fit_intercept:
            self._shift_intercept(stream.left * (np.asarray(start) - stream.start))
            stream.start = start
        if self.learning_rate_init != "auto" or self.solver_ != "sgd":
            return
        size = stream.size + self.fit_intercept
        rate = min(self._initial_rate(job.X, weight, self._pace), self._pace / size if size else self._pace)
        if not rate:  # of rows whose squares overflow
            return
        factor = rate / (stream.rate or float(solver.optimizer.learning_rate))  # type: ignore[arg-type]
        stream.rate = rate
        if factor != 1:  # of a rate that may have faded since
            initial = float(solver.optimizer.learning_rate) * factor  # type: ignore[arg-type]
            solver.optimizer = replace(solver.optimizer, learning_rate=initial)
            solver.learning_rate *= factor

    def _strides(self, job: FitJob, weight: Array | None) -> Strides:
        """In a fit, weights count by their mean; in a stream, each by itself."""
        unit = 1.0 if weight is None or job.incremental else float(weight.mean(dtype=np.float64))
        plain, intercept = self._batch_solver == "sgd", bool(self.fit_intercept)
        return Strides(job.X, weight, self._pace, intercept, unit, plain, self._longest(), self._stream)

    def _shift_intercept(self, intercept: Any) -> None:
        self.intercept_ = self.intercept_ + np.asarray(intercept, self._dtype())

    def _train_config(self) -> TrainConfig:
        """Two columns have half the squares of their difference, and a longer gradient by sqrt(2)."""
        penalty, (clip_value, clip_norm) = self._penalty(), self._clips()
        if isinstance(penalty, L1) and self._batch_solver == "sgd" and self.momentum == 0:
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
        if self._batch_solver != "sgd":
            return 0.01
        size = np.average(row_squares(X), weights=weight) + self.fit_intercept
        return min(float(pace / size) if size else float(pace), self._longest())

    def _longest(self) -> float:
        """Beyond which rate the penalty alone takes weights further than to 0."""
        penalty = self._penalty()
        return 0.5 / penalty.l2 if penalty is not None and penalty.l2 > 0 else math.inf

    # ---- the layer that learns --------------------------------------------------------------------------

    def _scores_layer(self, dtype: DTypeLike = np.float64) -> Parameters:
        """A copy of `coef_` and `intercept_`: (n_features, scores) and (scores,)."""
        coef = self.coef_.toarray() if sparse.issparse(self.coef_) else self.coef_
        weight = np.array(np.atleast_2d(coef).T, dtype, order="C")
        return Parameters(
            weight, np.array(np.atleast_1d(self.intercept_), dtype) if self.fit_intercept else None
        )

    def _layer(self) -> Parameters:
        """The layer that learns by mini-batches: of two classes, one score s as the two -s / 2 and s / 2."""
        layer = self._scores_layer(self._dtype())
        if not self._paired:
            return layer
        weight, bias = layer.weight, layer.bias
        two = None if bias is None else np.hstack([-bias, bias]) / 2
        return Parameters(np.hstack([-weight, weight]) / 2, two)

    def _show(self, layer: Parameters) -> None:
        """Make `coef_` and `intercept_` of a layer of scores, in the shapes that they have."""
        dtype = self._dtype()
        bias = np.zeros(layer.weight.shape[1]) if layer.bias is None else layer.bias
        with np.errstate(over="ignore"):  # an infinity, which is refused
            # Feature by feature, as predictions read it: turning it round takes longer than a product with
            # 5,000 texts.
            self.coef_ = np.array(layer.weight, dtype).T.reshape(self.coef_.shape)
            self.intercept_ = bias.astype(dtype) if np.ndim(self.intercept_) else dtype.type(bias[0])

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
        coef, intercept = self.coef_, np.atleast_1d(self.intercept_)
        coef = np.atleast_2d(coef.toarray() if sparse.issparse(coef) else coef)
        dtype = np.result_type(X, coef)
        weight, bias = (a.astype(dtype, copy=False) for a in (coef.T, intercept))
        with computing(self.n_threads):
            return finite(scores_of(own_places(X).astype(dtype, copy=False), weight, bias))
