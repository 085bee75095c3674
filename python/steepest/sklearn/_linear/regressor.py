"""LinearRegressor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import validate_data

from ..._checks import Array
from ...losses import REGRESSION_LOSSES, Huber, Loss, SquaredError
from .._common.data import finite, numbers, r_squared, targets_fit
from .._common.documented import LINEAR, documented
from .._common.estimator import POSITIVE
from .base import LinearModel


@documented(LINEAR)
class LinearRegressor(MultiOutputMixin, RegressorMixin, LinearModel):
    """Linear regression of one or several numbers, by least squares or by losses that outliers pull less.

    Predictions are p = coef_ @ x + intercept_, of which "poisson" takes the exponential, and the objective
    is::

        mean of l(p, y) + alpha * (l1_ratio * sum|coef_| + (1 - l1_ratio) / 2 * sum(coef_**2))

    without penalty on the intercepts; "l2" has l1_ratio = 0, and "l1" has 1. The loss l is the sum over the
    outputs, with e = p - y, of

    - "squared_error": e**2 / 2;
    - "huber": e**2 / 2 where |e| <= d, and d * (|e| - d / 2) beyond, with d = huber_delta;
    - "absolute_error": |e|;
    - "log_cosh": log(cosh(e));
    - "poisson": half the deviance, exp(p) - y - y * (p - log(y)), for y of at least 0.

    The weights start at 0, and the intercepts at their best values for these weights: the mean of y, its
    logarithm for "poisson", and the median for "huber" and "absolute_error".

    Parameters
    ----------
    loss : {"squared_error", "huber", "absolute_error", "poisson", "log_cosh"}, default="squared_error"
    {penalty}
    {alpha}
    {l1_ratio}
    {fit_intercept}
    {huber_delta}
    {solver}
    {batch_size}
    {learning_rate}
    learning_rate_init : float or "auto", default="auto"
        The first learning rate. "auto" is p / (mean of x @ x + 1) over the first samples, with
        p = 1 for "squared_error", the mean error of the median for "absolute_error", that divided by
        huber_delta but at least 1 for "huber", and 1 divided by the mean of y but at most 1 for "poisson";
        0.01 for other solvers.
    {power_t}
    {max_iter}
    {shuffle}
    random_state : int, RandomState instance or None, default=None
        Of these orders, and of the split for early stopping.
    {tol}
    {verbose}
    {warm_start}
    {momentum}
    {nesterovs_momentum}
    {early_stopping}
    {validation_fraction}
    {beta_1}
    {beta_2}
    {epsilon}
    {n_iter_no_change}
    {clip_value}
    {clip_norm}
    {learning_rate_schedule}
    {callbacks}
    {progress}
    {n_threads}

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        The first where y had one dimension.
    intercept_ : float or ndarray of shape (n_targets,)
    loss_curve_ : list of length n_iter_
        The objective of each epoch, averaged over its batches as they were before their updates.
    loss_, best_loss_ : float
        The last of these, and the smallest; that is None with early_stopping.
    validation_loss_curve_ : list of float
        The loss of samples that are held out or given, after each epoch, without penalty.
    validation_scores_, best_validation_score_ : list of float and float, or None
        R^2 on them, with early_stopping, and the best.
    n_iter_ : int
        Epochs of the last fit.
    t_ : int
        Samples seen.
    learning_rate_init_ : float
        The first learning rate, as it was used.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X has names that are all strings.

    See Also
    --------
    LinearClassifier : The same for classes.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from steepest.sklearn import LinearRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LinearRegressor(random_state=0)).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.51
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LinearModel._parameter_constraints,
        "loss": [StrOptions(set(REGRESSION_LOSSES))],
        "huber_delta": [POSITIVE],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        huber_delta: float = 1.0,
        solver: str = "sgd",
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float | str = "auto",
        power_t: float = 0.5,
        max_iter: int = 1000,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.0,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int = 10,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        learning_rate_schedule: Callable[[int], float] | None = None,
        callbacks: Sequence[Callable[[Any], bool | None]] | None = None,
        progress: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.huber_delta = huber_delta
        self.solver = solver
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.clip_value = clip_value
        self.clip_norm = clip_norm
        self.learning_rate_schedule = learning_rate_schedule
        self.callbacks = callbacks
        self.progress = progress
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation_data: tuple[Any, ...] | None = None,
    ) -> LinearRegressor:
        """Fit to samples and their targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Numbers of any kind, which are taken as float64.
        sample_weight : array-like of shape (n_samples,), default=None
            What each sample counts for; finite, not negative and not all 0.
        validation_data : (X, y) or (X, y, sample_weight), default=None
            Samples whose loss, and with early_stopping whose score, is computed after each epoch; for
            the score, R^2, at least 2.

        Returns
        -------
        LinearRegressor
            This one.
        """
        self._fit(X, y, sample_weight, validation_data=validation_data)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> LinearRegressor:
        """Go on for one epoch with these samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        LinearRegressor
            This one.
        """
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """The predicted targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)

        Raises
        ------
        ValueError
            If what is computed of a row of X is too large for the dtype it is computed in.
        """
        predictions = finite(self._predictions_of(self._scores(X)), "predictions")
        return predictions if np.ndim(self.intercept_) else predictions.ravel()

    # ---- what the fit asks ------------------------------------------------------------------------------

    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        y = numbers(y)
        targets_fit(y, X.dtype if reset else self._dtype())
        if self.loss == "poisson" and np.any(y < 0):
            raise ValueError(f"y holds {y.min()}, but targets of the loss 'poisson' must be at least 0")
        if reset:
            self._flat = y.ndim == 1
        y = y.reshape(len(y), -1)
        if not reset and y.shape[1] != (before := np.size(self.intercept_)):
            raise ValueError(f"y has {y.shape[1]} targets, but {before} were fitted")
        return X, y

    def _zeros(self, y: Array, features: int, dtype: np.dtype[Any]) -> tuple[Array, Any]:
        targets = y.shape[1]
        if self._flat:
            return np.zeros(features, dtype), dtype.type(0)
        return np.zeros((targets, features), dtype), np.zeros(targets, dtype)

    def _start(self, y: Array, weight: Array | None) -> tuple[Any, float]:
        mean = np.average(y, axis=0, weights=weight)
        best, pace = mean, 1.0
        if self.loss in ("huber", "absolute_error"):
            best = _median(y, weight)
            # A step moves a prediction by the same, however wrong it is.
            error = float(np.average(np.abs(y - best).max(axis=1), weights=weight))
            pace = max(error / float(self.huber_delta), 1.0) if self.loss == "huber" else error or 1.0
        if self.loss == "poisson":
            best = np.log(np.maximum(mean, np.finfo(np.float32).eps))
            pace = 1 / max(float(mean.max()), 1.0)
        return best if np.ndim(self.intercept_) else best[0], pace

    def _loss(self) -> Loss:
        if self.loss == "squared_error":
            return SquaredError(factor=0.5)
        return Huber(float(self.huber_delta)) if self.loss == "huber" else REGRESSION_LOSSES[self.loss]

    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        return np.ascontiguousarray(y, dtype)

    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        return r_squared(y, self._predictions_of(scores), sample_weight)

    def _predictions_of(self, scores: Array) -> Array:
        with np.errstate(over="ignore"):  # an infinity, which is refused
            return np.exp(scores) if self.loss == "poisson" else scores

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags


def _median(targets: Array, weight: Array | None) -> Array:
    """The lower one of each column: the first target that half of the weight is not above."""
    weight = np.ones(len(targets)) if weight is None else weight
    order = np.argsort(targets, axis=0, kind="stable")
    below = np.cumsum(weight[order], axis=0)
    middle = (below >= below[-1] / 2).argmax(axis=0)
    columns = np.arange(targets.shape[1])
    median: Array = targets[order[middle, columns], columns]
    return median
