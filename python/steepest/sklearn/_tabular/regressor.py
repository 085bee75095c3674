"""TabularRegressor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d

from ..._checks import Array
from ...tables.members import Numbers
from .._common.data import numbers
from .._common.parameters import Names, documented, parameter
from .base import FITTED, TabularEstimator
from .folds import Rows
from .given import checked_targets
from .recipe import Recipe, of_numbers
from .scores import OF_NUMBERS, Metric, own_metric

_LARGEST = 1e150  # of a deviation: its square is finite
_TARGETS = """
n_outputs_ : int
    Number of targets.
target_mean_, target_scale_, target_min_, target_max_ : ndarray of shape (n_outputs,)
    Of the targets, which are standardized; predictions are within their range.
"""


@documented(_TARGETS, FITTED)
@dataclass(eq=False, repr=False)
class TabularRegressor(RegressorMixin, TabularEstimator):
    """Predict numbers from rows of a table as it is: strong by default, without preparation.

    As `TabularClassifier`, with the squared error of standardized targets. Predictions are the mean of the
    members', and are never outside of the range of the targets of the fit.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    TabularClassifier : The same for classes, with sources.
    MLPRegressor : One network, as scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from steepest.sklearn import TabularRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = TabularRegressor(max_steps=100, random_state=0).fit(X[:300], y[:300])
    >>> model.score(X[300:], y[300:]) > 0.4
    True
    """

    _: KW_ONLY
    metric: str | Callable[[Array, Array], float] = parameter(
        "r2",
        [Names(*OF_NUMBERS), callable],
        "What the best epoch is chosen by, and validation_score_ tells. A function is called with targets "
        "and predictions, and is to be large unless it has greater_is_better = False.",
        '"r2", "squared_error", "absolute_error" or callable',
    )

    # ---- what the fit asks ------------------------------------------------------------------------------

    def _validated(self, y: Any) -> Array:
        y = numbers(checked_targets(self, y, multi_output=True, y_numeric=True))
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._one = y.ndim == 1
        y = y.reshape(len(y), -1)
        self.n_outputs_ = y.shape[1]
        return y

    def _groups(self, y: Array) -> Rows:
        return np.zeros(len(y), dtype=np.int64)

    def _prepared(self, y: Array, weight: Array | None) -> tuple[Array, int]:
        with np.errstate(over="ignore", invalid="ignore"):
            self.target_mean_ = np.average(y, axis=0, weights=weight)
            largest = np.abs(y - self.target_mean_).max(axis=0)
            unit = np.where(largest > 0, largest, 1.0)  # or squares of tiny numbers would vanish
            scale = unit * np.sqrt(np.average(((y - self.target_mean_) / unit) ** 2, axis=0, weights=weight))
        if not (np.isfinite(scale).all() and largest.max() < _LARGEST):
            raise ValueError(f"y holds {np.abs(y).max():g}, which is too large to standardize in float64")
        constant = (y == y[0]).all(axis=0) | (scale == 0)
        self.target_scale_ = np.where(constant, 1.0, scale)
        self.target_min_, self.target_max_ = y.min(axis=0), y.max(axis=0)
        return ((y - self.target_mean_) / self.target_scale_).astype(np.float32), self.n_outputs_

    def _recipe(self) -> Recipe:
        return of_numbers()

    def _metric(self) -> Metric:
        if callable(self.metric):
            return own_metric(self.metric, self._shaped, self._shaped)
        return OF_NUMBERS[self.metric]

    def _meaning(self) -> Numbers:
        mean, scale = self.target_mean_, self.target_scale_
        lowest, highest = self.target_min_, self.target_max_
        return Numbers(tuple(mean), tuple(scale), tuple(lowest), tuple(highest), self._one)

    def _shaped(self, y: Array) -> Array:
        return self._meaning().shown(y)

    # ---- what is asked of it ----------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """The prediction for each row.

        Parameters
        ----------
        X : DataFrame, list of dicts, dict of columns, or array-like, of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ValueError
            If a column is missing, or a cell is not of the kind of its column.
        """
        return self._shaped(self._mean(X))
