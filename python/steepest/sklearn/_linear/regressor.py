"""LinearRegressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import MultiOutputMixin

from ..._checks import Array
from ...losses import REGRESSION_LOSSES
from .._common.parameters import Names, documented, parameter
from .._estimator.regression import RegressionMixin
from .._fitting.record import RECORD
from .base import LAYER, LinearModel
from .conversion import REGRESSORS
from .stream import PROGRESS


@documented(LAYER, PROGRESS, RECORD)
@dataclass(eq=False, repr=False)
class LinearRegressor(MultiOutputMixin, RegressionMixin, LinearModel):
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

    The weights start at 0, with "sdca" also where warm_start is True, and the intercepts at their best values
    for these weights: the mean of y, its logarithm for "poisson", and the median for "huber" and
    "absolute_error". The p of
    learning_rate_init is 1 for "squared_error" and "log_cosh", the mean error of the median for
    "absolute_error", that divided by huber_delta but at least 1 for "huber", and 1 divided by the mean of y
    but at most 1 for "poisson". "l1" makes many weights exactly 0, by "lbfgs" and by "sgd" without
    momentum.

    Weights count by their ratios in `fit`, and by themselves in `partial_fit`: by "sgd", a batch of mean
    weight w is a step for w such batches, which does not overshoot however large w is. One row is learned as
    by infinitely many short steps, exactly so for "squared_error", after Karampatziakis and Langford, "Online
    importance weight aware updates", UAI 2011. The learning rate comes from the last 1,000 rows there, and
    the intercepts' start from the first 10. Rows of weight 0 change nothing.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,) or (n_targets, n_features)
        The weights, as the first where y had one dimension.
    intercept_ : float or ndarray of shape (n_targets,)
        The intercepts.
    {attributes}

    See Also
    --------
    LinearClassifier : The same for classes.

    Notes
    -----
    docs/linear.md says how each solver works.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from steepest.sklearn import LinearRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = LinearRegressor(penalty=None).fit(X, y)
    >>> model.solver_, round(model.score(X, y), 2)
    ('lbfgs', 0.52)
    """

    # Its own parameters; the others are those of FitParameters, LinearParameters and RegressorParameters.
    loss: str = parameter("squared_error", [Names(*REGRESSION_LOSSES)], "The loss l above.")

    _counterparts = REGRESSORS

    # ---- what the fit asks ------------------------------------------------------------------------------

    def _validated(self, X: Any, y: Any, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = self._numbers(X, y, "csr", reset)
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

    # ---- what is asked of it ----------------------------------------------------------------------------

    def _predictions_of(self, scores: Array) -> Array:
        with np.errstate(over="ignore"):  # an infinity, which is refused
            return np.exp(scores) if self.loss == "poisson" else scores

    def _shaped(self, predictions: Array) -> Array:
        return predictions if np.ndim(self.intercept_) else predictions.ravel()

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
