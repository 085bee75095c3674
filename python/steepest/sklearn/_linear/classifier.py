"""LinearClassifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from ..._checks import Array
from ...losses import Loss, MulticlassHinge, SoftmaxCrossEntropy
from .._common.classes import check_class_weight, check_classes, refuse_balanced, weighted_by_class
from .._common.documented import LINEAR, documented
from .._common.estimator import NON_NEGATIVE
from .base import LinearModel


def _has_probabilities(estimator: Any) -> bool:
    if estimator.loss != "softmax":
        raise AttributeError(f"probability estimates are not available for loss={estimator.loss!r}")
    return True


@documented(LINEAR)
class LinearClassifier(ClassifierMixin, LinearModel):
    """Linear classifier: softmax (multinomial logistic) regression, or a multiclass support vector machine.

    The scores of a sample x are s = coef_ @ x + intercept_, and the objective is::

        mean of l(s, y) + alpha * (l1_ratio * sum|coef_| + (1 - l1_ratio) / 2 * sum(coef_**2))

    without penalty on the intercepts; "l2" has l1_ratio = 0, and "l1" has 1. The loss l of a sample of class
    y is, with j over the other classes,

    - "softmax": log(sum of exp(s_k) over all classes k) - s_y;
    - "hinge": sum of max(0, margin + s_j - s_y), after Weston and Watkins;
    - "squared_hinge": sum of max(0, margin + s_j - s_y)**2.

    For two classes there is one score s, that of the second class; the first has score 0: logistic
    regression, and the support vector machine with max(0, margin -+ s).

    Parameters
    ----------
    loss : {"softmax", "hinge", "squared_hinge"}, default="softmax"
        Only "softmax" gives probabilities.
    {penalty}
    {alpha}
    {l1_ratio}
    {fit_intercept}
    margin : float, default=1.0
        Of the hinge losses.
    {solver}
    {batch_size}
    {learning_rate}
    learning_rate_init : float or "auto", default="auto"
        The first learning rate. "auto" is p / (mean of x @ x + 1) over the first samples, with
        p = 4 for "softmax", 1 for "hinge" and 1 / n_classes for "squared_hinge"; 0.01 for other solvers.
    {power_t}
    {max_iter}
    {shuffle}
    random_state : int, RandomState instance or None, default=None
        Seed of the order of the samples and of the split for early stopping. Weights start at 0.
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
    class_weight : dict or "balanced", default=None
        Weights of the classes, which multiply the sample weights: finite, not negative and not all 0. Classes
        that are not named have weight 1. "balanced" weights are inversely proportional to the class
        frequencies.
    {clip_value}
    {clip_norm}
    {learning_rate_schedule}
    {callbacks}
    {progress}
    {n_threads}

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        One row where there are two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
    classes_ : ndarray of shape (n_classes,)
    loss_curve_ : list of length n_iter_
        The objective of each epoch, averaged over its batches as they were before their updates.
    loss_, best_loss_ : float
        The last of these, and the smallest; that is None with early_stopping.
    validation_loss_curve_ : list of float
        The loss of samples that are held out or given, after each epoch, without penalty and class
        weights.
    validation_scores_, best_validation_score_ : list of float and float, or None
        Accuracy on them, with early_stopping, and the best.
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
    LinearRegressor : The same for numeric targets.

    Notes
    -----
    After Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from steepest.sklearn import LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), LinearClassifier(random_state=0)).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.97
    """

    classes_: Array

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **LinearModel._parameter_constraints,
        "loss": [StrOptions({"softmax", "hinge", "squared_hinge"})],
        "margin": [NON_NEGATIVE],
        "class_weight": [StrOptions({"balanced"}), dict, None],
    }

    def __init__(
        self,
        loss: str = "softmax",
        *,
        penalty: str | None = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        margin: float = 1.0,
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
        class_weight: Any = None,
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
        self.margin = margin
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
        self.class_weight = class_weight
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
    ) -> LinearClassifier:
        """Fit to samples and their classes.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
            Labels of any kind.
        sample_weight : array-like of shape (n_samples,), default=None
            What each sample counts for; finite, not negative and not all 0.
        validation_data : (X, y) or (X, y, sample_weight), default=None
            Samples whose loss, and with early_stopping whose score, is computed after each epoch.

        Returns
        -------
        LinearClassifier
            This one.
        """
        self._fit(X, y, sample_weight, validation_data=validation_data)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> LinearClassifier:
        """Go on for one epoch with these samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        LinearClassifier
            This one.
        """
        refuse_balanced(self.class_weight)
        _check_partial_fit_first_call(self, classes)
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def decision_function(self, X: Any) -> Array:
        """The scores.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Of two classes the one of the second, which is predicted where it is greater than 0.

        Raises
        ------
        ValueError
            If what is computed of a row of X is too large for the dtype it is computed in.
        """
        scores = self._scores(X)
        return scores.ravel() if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> Array:
        """The class of each sample.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)

        Raises
        ------
        ValueError
            If what is computed of a row of X is too large for the dtype it is computed in.
        """
        scores = self.decision_function(X)
        chosen: Array = self.classes_[scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)]
        return chosen

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, for the loss "softmax".

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If what is computed of a row of X is too large for the dtype it is computed in.
        """
        return np.exp(self.predict_log_proba(X))

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of `predict_proba`, exact also where these are tiny.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)

        Raises
        ------
        ValueError
            If what is computed of a row of X is too large for the dtype it is computed in.
        """
        scores = self._scores(X)
        if scores.shape[1] == 1:
            scores = np.hstack([np.zeros_like(scores), scores])
        with np.errstate(over="ignore"):  # -inf, as the logarithm of 0
            scores -= scores.max(axis=1, keepdims=True)
        log_proba: Array = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return log_proba

    # ---- what the fit asks ------------------------------------------------------------------------------

    @property
    def _paired(self) -> bool:
        return len(self.classes_) == 2

    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = validate_data(self, X, y, accept_sparse="csr", dtype=(np.float64, np.float32), reset=reset)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if reset and not incremental:
            self.classes_ = np.unique(y)
        else:
            check_classes(np.unique(y), self.classes_, all_of_them=not incremental)
        if (number := len(self.classes_)) < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {number} class")
        return X, np.searchsorted(self.classes_, y)[:, np.newaxis]

    def _check_class_weight(self, dtype: np.dtype[Any]) -> None:
        check_class_weight(self.class_weight, self.classes_, dtype)

    def _zeros(self, y: Array, features: int, dtype: np.dtype[Any]) -> tuple[Array, Any]:
        scores = 1 if self._paired else len(self.classes_)
        return np.zeros((scores, features), dtype), np.zeros(scores, dtype)

    def _start(self, y: Array, weight: Array | None) -> tuple[Any, float]:
        return 0, {"softmax": 4.0, "hinge": 1.0, "squared_hinge": 1 / len(self.classes_)}[self.loss]

    def _loss(self) -> Loss:
        if self.loss == "softmax":
            return SoftmaxCrossEntropy()
        return MulticlassHinge(float(self.margin), squared=self.loss == "squared_hinge")

    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        return np.ascontiguousarray(y[:, 0], np.int64)

    def _weights(self, y: Array, sample_weight: Array | None) -> Array | None:
        return weighted_by_class(self.class_weight, self.classes_, y[:, 0], sample_weight, self._dtype())

    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        return float(accuracy_score(y[:, 0], scores.argmax(axis=1), sample_weight=sample_weight))
