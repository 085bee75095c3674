"""Metrics of numbers: functions of targets and predictions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .._checks import Array
from ._samples import targets_of, weight_of

__all__ = ["mean_absolute_error", "mean_squared_error", "r2", "root_mean_squared_error"]


def mean_absolute_error(
    labels: ArrayLike, predictions: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of |prediction - target| over samples and outputs.

    Parameters
    ----------
    labels : array_like, (samples,) or (samples, outputs)
        The targets.
    predictions : array_like, (samples,) or (samples, outputs)
        What a model returns, for at least one sample.
    sample_weight : array_like, (samples,), optional
        How much each sample counts: finite, not negative and not all zero.

    Returns
    -------
    float
        `greater_is_better` is False.

    Raises
    ------
    ValueError
        If the shapes differ.
    TypeError
        If the arrays do not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.mean_absolute_error([1.0, 2.0], [[1.5], [2.0]])
    0.25
    """
    truth, values = targets_of(labels, predictions, "mean_absolute_error")
    return float(_mean(abs(values - truth), sample_weight).mean())


def mean_squared_error(
    labels: ArrayLike, predictions: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Mean of (prediction - target)**2 over samples and outputs; the loss `SquaredError` sums over outputs.

    Parameters
    ----------
    labels, predictions, sample_weight
        As for `mean_absolute_error`.

    Returns
    -------
    float
        `greater_is_better` is False.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.mean_squared_error([1.0, 2.0], [2.0, 4.0])
    2.5
    """
    truth, values = targets_of(labels, predictions, "mean_squared_error")
    return float(_mean((values - truth) ** 2, sample_weight).mean())


def root_mean_squared_error(
    labels: ArrayLike, predictions: ArrayLike, sample_weight: ArrayLike | None = None
) -> float:
    """Root of the mean squared error, in the unit of the targets; of several outputs, the mean of theirs.

    Parameters
    ----------
    labels, predictions, sample_weight
        As for `mean_absolute_error`.

    Returns
    -------
    float
        `greater_is_better` is False.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.root_mean_squared_error([0.0, 0.0], [3.0, 3.0])
    3.0
    """
    truth, values = targets_of(labels, predictions, "root_mean_squared_error")
    return float(np.sqrt(_mean((values - truth) ** 2, sample_weight)).mean())


def r2(labels: ArrayLike, predictions: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Coefficient of determination: 1 is perfect, 0 is no better than the mean of the targets.

    Parameters
    ----------
    labels, predictions, sample_weight
        As for `mean_absolute_error`.

    Returns
    -------
    float
        At most 1; of several outputs, the mean. For equal targets 1 if all are met, else 0; for a single
        sample NaN. `greater_is_better` is True.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.r2([1.0, 2.0, 3.0], [1.0, 2.0, 2.0])
    0.5
    """
    truth, values = targets_of(labels, predictions, "r2")
    if len(truth) < 2:
        return math.nan
    left = _mean((values - truth) ** 2, sample_weight)
    spread = _mean((truth - _mean(truth, sample_weight)) ** 2, sample_weight)
    undefined = np.where(left == 0, 1.0, 0.0)
    explained = 1 - np.divide(left, spread, out=np.ones_like(left), where=spread > 0)
    return float(np.where(spread > 0, explained, undefined).mean())


def _mean(values: Array, sample_weight: ArrayLike | None) -> Array:
    """Of each output."""
    weight = None if sample_weight is None else weight_of(sample_weight, len(values))
    return np.average(values, axis=0, weights=weight)


for _metric in (mean_absolute_error, mean_squared_error, root_mean_squared_error):
    _metric.greater_is_better = False  # type: ignore[attr-defined]
r2.greater_is_better = True  # type: ignore[attr-defined]
