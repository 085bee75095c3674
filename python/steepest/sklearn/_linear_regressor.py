"""LinearRegressor."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data

from ..backends.protocol import Array, Batch, Parameters
from ..losses import AbsoluteError, Huber, Loss, PoissonDeviance, SquaredError
from ._linear import LinearModel, rows


class LinearRegressor(MultiOutputMixin, RegressorMixin, LinearModel):
    """Linear regression of one or several numbers, by least squares or by losses that outliers pull less.

    Predictions are p = coef_ @ x + intercept_, of which "poisson" takes the exponential, and the objective
    is::

        mean of l(p, y) + alpha * (l1_ratio * sum|coef_| + (1 - l1_ratio) / 2 * sum(coef_**2))

    without penalty on the intercepts; "l2" has l1_ratio = 0, and "l1" has 1. The loss l is the sum over the
    outputs, with e = p - y, of

    - "squared_error": e**2 / 2;
    - "huber": e**2 / 2 where |e| <= delta, and delta * (|e| - delta / 2) beyond;
    - "absolute_error": |e|;
    - "poisson": half the deviance, exp(p) - y - y * (p - log(y)), for y of at least 0.

    Before the first step the weights are 0, and the intercepts the best without any weights: the mean of y,
    its logarithm for "poisson", and the median for "huber" and "absolute_error".

    Parameters
    ----------
    loss : {"squared_error", "huber", "absolute_error", "poisson"}, default="squared_error"
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        "l1" makes many weights exactly 0.
    alpha : float, default=1e-4
        Strength of the penalty. It is not divided by the number of samples.
    l1_ratio : float, default=0.15
        Share of "l1" in "elasticnet".
    fit_intercept : bool, default=True
        Whether there are intercepts; else they are 0.
    delta : float, default=1.0
        Of "huber": errors beyond it count linearly.
    solver : {"sgd", "adam"}, default="sgd"
        How the weights follow the gradients.
    batch_size : int or "auto", default="auto"
        Samples a step; "auto" is min(200, n_samples).
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        How the learning rate changes, for "sgd": not; as learning_rate_init / (samples seen + 1)**power_t; or
        divided by 5 whenever the loss did not improve by `tol` for `n_iter_no_change` epochs.
    learning_rate_init : float or "auto", default="auto"
        The first learning rate. "auto" is p / (mean of x @ x + 1) over the samples that are seen first, with
        p = 1 for "squared_error", the mean error of the median for "absolute_error", that divided by delta
        but at least 1 for "huber", and 1 divided by the mean of y but at most 1 for "poisson"; 0.01 for
        "adam".
    power_t : float, default=0.5
        Exponent of "invscaling".
    max_iter : int, default=1000
        Epochs at most.
    shuffle : bool, default=True
        Visit the samples in another order each epoch.
    random_state : int, RandomState instance or None, default=None
        Of these orders, and of the split for early stopping.
    tol : float, default=1e-4
        What an epoch must improve the loss (the score, with `early_stopping`) by.
    verbose : bool, default=False
        Print the loss of each epoch.
    warm_start : bool, default=False
        Let `fit` go on from what was fitted before.
    momentum : float, default=0.0
        Of "sgd".
    nesterovs_momentum : bool, default=True
        Nesterov's form of momentum, where there is any.
    early_stopping : bool, default=False
        Hold some samples out, and stop when their score no longer improves, with the best weights.
    validation_fraction : float, default=0.1
        The share that is held out.
    beta_1, beta_2, epsilon : float, default=0.9, 0.999, 1e-8
        Of "adam".
    n_iter_no_change : int, default=10
        Epochs without an improvement after which the fit ends.
    clip_value, clip_norm : float, default=None
        Bounds of each component of the gradient, and of its norm.
    n_threads : int, default=None
        Threads at most; by default those that steepest uses anyway. It changes no bit of the result.
    progress : bool, default=False
        Show a progress bar.
    callbacks : sequence of callables, default=None
        Called after each epoch.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        The first where y had one dimension.
    intercept_ : float or ndarray of shape (n_targets,)
    loss_curve_ : list of length n_iter_
        The objective of each epoch, averaged over its batches as they were before their updates.
    loss_, best_loss_ : float
        The last of these, and the smallest.
    n_iter_ : int
        Epochs of the last fit.
    t_ : int
        Samples seen.
    learning_rate_init_ : float
        The first learning rate, as it was used.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Where X has names that are all strings.

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
    0.52
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LinearModel._parameter_constraints,
        "loss": [StrOptions({"squared_error", "huber", "absolute_error", "poisson"})],
        "delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        *,
        penalty: str | None = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        delta: float = 1.0,
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
        n_threads: int | None = None,
        progress: bool = False,
        callbacks: Any = None,
    ) -> None:
        self.loss = loss
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.delta = delta
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
        self.n_threads = n_threads
        self.progress = progress
        self.callbacks = callbacks

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        validation_data: tuple[Any, ArrayLike] | None = None,
    ) -> LinearRegressor:
        """Fit to samples and their targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None
            What each sample counts for.
        validation_data : (X, y), default=None
            Whose loss is computed after each epoch: `validation_loss_curve_`.

        Returns
        -------
        LinearRegressor
            This one.
        """
        fresh = not (self.warm_start and hasattr(self, "coef_"))
        return self._learn(X, y, sample_weight, fresh=fresh, validation_data=validation_data)

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
        return self._learn(X, y, sample_weight, fresh=not hasattr(self, "coef_"), incremental=True)

    def predict(self, X: Any) -> Array:
        """The predicted targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets)
        """
        scores = self._scores(X)
        scores = np.exp(scores) if self.loss == "poisson" else scores
        return scores.ravel() if np.ndim(self.intercept_) == 0 else scores

    def _learn(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        fresh: bool,
        incremental: bool = False,
        validation_data: Any = None,
    ) -> LinearRegressor:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=True,
            reset=fresh,
        )
        weight = None
        if sample_weight is not None:
            weight = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        targets = np.ascontiguousarray(y.reshape(len(y), -1), X.dtype)
        if self.loss == "poisson" and targets.min() < 0:
            raise ValueError(f"Some value(s) of y are out of the valid range of the loss {self.loss!r}.")
        if not fresh and targets.shape[1] != np.size(self.intercept_):
            raise ValueError(
                f"y has {targets.shape[1]} targets, but there were {np.size(self.intercept_)} before"
            )
        layer = self._layer(X.shape[1], targets.shape[1], X.dtype, fresh)
        if fresh:
            self._start(X, targets, weight, layer)
        epochs = 1 if incremental else self.max_iter
        batch = Batch(rows(X), targets, weight)
        self._descend(layer, self._loss(), batch, self.learning_rate_init_, epochs=epochs)
        bias = np.zeros(targets.shape[1], X.dtype) if layer.bias is None else layer.bias
        one = y.ndim == 1 if fresh else np.ndim(self.intercept_) == 0
        self.coef_ = layer.weight[:, 0].copy() if one else np.ascontiguousarray(layer.weight.T)
        self.intercept_ = bias[0] if one else bias
        return self

    def _start(self, X: Any, targets: Array, weight: Array | None, layer: Parameters) -> None:
        """The intercepts that are best without weights, and a learning rate for such samples and targets."""
        mean = np.average(targets, axis=0, weights=weight)
        best, pace = mean, 1.0
        if self.loss in ("huber", "absolute_error"):
            best = _median(targets, weight)
            # A step moves a prediction by the same, however wrong it is.
            error = float(np.average(np.abs(targets - best).max(axis=1), weights=weight))
            pace = max(error / self.delta, 1.0) if self.loss == "huber" else error or 1.0
        if self.loss == "poisson":
            best = np.log(np.maximum(mean, np.finfo(np.float32).eps))
            pace = 1 / max(float(mean.max()), 1.0)
        if layer.bias is not None:
            layer.bias[:] = best
        self.learning_rate_init_ = self._initial_rate(X, weight, pace)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags

    def _loss(self) -> Loss:
        losses: dict[str, Loss] = {
            "squared_error": SquaredError(factor=0.5),
            "huber": Huber(self.delta),
            "absolute_error": AbsoluteError(),
            "poisson": PoissonDeviance(),
        }
        return losses[self.loss]


def _median(targets: Array, weight: Array | None) -> Array:
    """The lower one of each column: the first target that half of the weight is not above."""
    weight = np.ones(len(targets)) if weight is None else weight
    order = np.argsort(targets, axis=0, kind="stable")
    below = np.cumsum(weight[order], axis=0)
    middle = (below >= below[-1] / 2).argmax(axis=0)
    columns = np.arange(targets.shape[1])
    median: Array = targets[order[middle, columns], columns]
    return median
