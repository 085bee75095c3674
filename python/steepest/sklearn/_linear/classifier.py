"""LinearClassifier."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, TypeVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from ..._checks import Array
from ...losses import Loss, MulticlassHinge, SoftmaxCrossEntropy
from .._common.classes import check_classes, refuse_balanced
from .._common.parameters import NON_NEGATIVE, Names, documented, parameter
from .._estimator.classification import CLASSES, ClassificationMixin
from .._fitting.job import FitJob
from .._fitting.record import RECORD
from .base import LAYER, LinearModel
from .conversion import CLASSIFIERS
from .stream import PROGRESS

Self = TypeVar("Self", bound="LinearClassifier")


@documented(CLASSES, LAYER, PROGRESS, RECORD)
@dataclass(eq=False, repr=False)
class LinearClassifier(ClassificationMixin, LinearModel):
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

    "l1" makes many weights exactly 0, by "lbfgs" and by "sgd" without momentum. Weights start at 0, with
    "sdca" also where warm_start is True. The p of
    learning_rate_init is 4 for "softmax", 1 for "hinge" and 1 / n_classes for "squared_hinge".

    `partial_fit` learns sparse rows by "online", one by one, dense ones by "sgd"; the first call decides.
    Weights count by their ratios in `fit`, and by themselves in `partial_fit`: by "sgd", a batch of mean
    weight w is a step for w such batches, of bounded length however large w is, after Karampatziakis and
    Langford, "Online importance weight aware updates", UAI 2011. The learning rate comes from the last 1,000
    rows. Rows of weight 0 change nothing.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        The weights; one row where there are two classes. "online" moves them in place.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        The intercepts.
    {attributes}

    See Also
    --------
    LinearRegressor : The same for numeric targets.

    Notes
    -----
    After Weston and Watkins, "Support vector machines for multi-class pattern recognition", ESANN 1999.
    docs/linear.md says how each solver works.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from steepest.sklearn import LinearClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LinearClassifier().fit(X, y)
    >>> model.solver_, round(model.score(X, y), 2)
    ('lbfgs', 0.98)
    """

    # Its own parameters; the others are those of FitParameters, LinearParameters and ClassifierParameters.
    loss: str = parameter(
        "softmax",
        [Names("softmax", "hinge", "squared_hinge", hint=" (scikit-learn's 'log_loss' is 'softmax' here)")],
        'Only "softmax" gives probabilities.',
    )
    _: KW_ONLY
    margin: float = parameter(1.0, [NON_NEGATIVE], "Margin of the hinge losses.")

    _counterparts = CLASSIFIERS
    _probable_loss = "softmax"
    _one_score = True
    _learns_online = True

    @available_if(lambda estimator: estimator._check_solver())
    @_fit_context(prefer_skip_nested_validation=False)
    def partial_fit(self: Self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from these samples once more.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        estimator
            This one.

        Raises
        ------
        ValueError
            As `fit`, and if y has a label that is not in `classes`, or class_weight is "balanced".
        RuntimeError
            As `fit`.
        """
        refuse_balanced(self.class_weight)
        _check_partial_fit_first_call(self, classes)
        return self._fit(FitJob(X, y, sample_weight, incremental=True))

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

    def _score_of(self, scores: Array, y: Array, sample_weight: Array | None) -> float:
        return float(accuracy_score(y[:, 0], scores.argmax(axis=1), sample_weight=sample_weight))

    # ---- what is asked of it ----------------------------------------------------------------------------

    def _decision(self, scores: Array) -> Array:
        return scores.ravel() if scores.shape[1] == 1 else scores

    def _classes_of(self, scores: Array) -> Array:
        one = scores.shape[1] == 1
        chosen: Array = self.classes_[(scores[:, 0] > 0).astype(int) if one else scores.argmax(axis=1)]
        return chosen

    def _probabilities(self, scores: Array) -> Array:
        return np.exp(self._log_probabilities(scores))

    def _log_probabilities(self, scores: Array) -> Array:
        if scores.shape[1] == 1:
            scores = np.hstack([np.zeros_like(scores), scores])
        with np.errstate(over="ignore"):  # -inf, as the logarithm of 0
            scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        powers[np.arange(len(scores)), scores.argmax(axis=1)] = 0  # the 1 to which the others are small
        log_proba: Array = scores - np.log1p(powers.sum(axis=1, keepdims=True))
        return log_proba
