"""Metrics of classes: functions of labels and scores, or of labels and predicted classes."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _checks
from .._checks import Array
from ._samples import Classes, classes_of, weight_of

__all__ = [
    "ClassReport",
    "accuracy",
    "auc",
    "balanced_accuracy",
    "confusion_matrix",
    "f1",
    "log_loss",
    "per_class",
    "precision",
    "recall",
]

Average: TypeAlias = Literal["auto", "binary", "macro"]


def accuracy(labels: ArrayLike, scores: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Fraction of the samples whose own class has the largest score; of equal scores the first counts.

    Parameters
    ----------
    labels : array_like, (samples,)
        Class indices, integers from 0. For one score of each sample, 0 or 1, of any type. One-hot rows,
        (samples, classes), too.
    scores : array_like, (samples, classes), (samples, 1) or (samples,)
        What a model returns, for at least one sample. One score alone chooses class 1 where it is above 0.
        One integer of each sample is taken as its predicted class.
    sample_weight : array_like, (samples,), optional
        How much each sample counts: finite, not negative and not all zero.

    Returns
    -------
    float
        In [0, 1]. The function has an attribute `greater_is_better`, True, which `EarlyStopping` reads.

    Raises
    ------
    ValueError
        If a shape is not as above, or a label is not one of the classes.
    TypeError
        If the labels are not integers.

    Examples
    --------
    >>> import steepest as st
    >>> st.accuracy([0, 1], [[2.0, 1.0], [3.0, 0.0]])
    0.5
    >>> st.accuracy([0, 1], [-0.3, 0.2])
    1.0
    """
    truth, predicted, _ = classes_of(labels, scores, "accuracy")
    return float(np.average(predicted == truth, weights=_given(sample_weight, len(truth))))


def balanced_accuracy(labels: ArrayLike, scores: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of the recalls of the classes that the labels have: 1 / classes for one constant answer.

    Parameters
    ----------
    labels, scores, sample_weight
        As for `accuracy`.

    Returns
    -------
    float
        In [0, 1]. `greater_is_better` is True.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.balanced_accuracy([0, 0, 0, 1], [0, 0, 0, 0])
    0.5
    """
    counts = _counts(classes_of(labels, scores, "balanced_accuracy"), sample_weight)
    there = counts.sum(axis=1) > 0
    return float(np.mean(np.diag(counts)[there] / counts.sum(axis=1)[there]))


def precision(
    labels: ArrayLike,
    scores: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "auto",
) -> float:
    """Of the samples that are taken for a class, the fraction that belong to it; 0 if there are none.

    Parameters
    ----------
    labels, scores, sample_weight
        As for `accuracy`.
    average : {"auto", "binary", "macro"}, default "auto"
        "binary" is class 1 of two; "macro" the plain mean over the classes that labels or predictions have.
        "auto" is "binary" for two classes and "macro" for more. Classes are two if there are one or two
        scores, or if no label and no predicted class is above 1.

    Returns
    -------
    float
        In [0, 1]. `greater_is_better` is True.

    Raises
    ------
    ValueError, TypeError
        As for `accuracy`, and for another `average`, or "binary" with more than two classes.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.precision([0, 0, 1, 1], [0, 1, 1, 1], average="macro") > st.metrics.precision(
    ...     [0, 0, 1, 1], [0, 1, 1, 1]
    ... )
    True
    """
    return _averaged("precision", labels, scores, sample_weight, average)


def recall(
    labels: ArrayLike,
    scores: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "auto",
) -> float:
    """Of the samples of a class, the fraction that are taken for it; 0 if there are none.

    Parameters
    ----------
    labels, scores, sample_weight, average
        As for `precision`.

    Returns
    -------
    float
        In [0, 1]. `greater_is_better` is True.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.recall([0, 0, 1, 1], [0, 0, 0, 1])
    0.5
    """
    return _averaged("recall", labels, scores, sample_weight, average)


def f1(
    labels: ArrayLike,
    scores: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    average: Average = "auto",
) -> float:
    """Harmonic mean of precision and recall; 0 if a class is never predicted.

    Parameters
    ----------
    labels, scores, sample_weight, average
        As for `precision`.

    Returns
    -------
    float
        In [0, 1]. `greater_is_better` is True.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.f1([0, 1, 1, 1], [1, 1, 0, 0])
    0.4
    """
    return _averaged("f1", labels, scores, sample_weight, average)


def auc(labels: ArrayLike, scores: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve of two classes: how often class 1 has the larger score; equal ones count half.

    Parameters
    ----------
    labels : array_like, (samples,)
        As for `accuracy`.
    scores : array_like, (samples, 2), (samples, 1) or (samples,)
        The score of class 1, or those of both, of which the difference counts.
    sample_weight : array_like, (samples,), optional
        As for `accuracy`.

    Returns
    -------
    float
        In [0, 1]; NaN if only one class has labels. `greater_is_better` is True.

    Raises
    ------
    ValueError, TypeError
        As for `accuracy`, and for scores of more than two classes.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    values = _two(scores, "auc")
    truth = classes_of(labels, values, "auc").truth
    weight = weight_of(sample_weight, len(truth))
    own, place = np.unique(values, return_inverse=True)
    positive = np.bincount(place.reshape(-1), weight * truth, len(own))
    negative = np.bincount(place.reshape(-1), weight * (1 - truth), len(own))
    pairs = positive.sum() * negative.sum()
    below = np.cumsum(negative) - negative / 2
    return float(positive @ below / pairs) if pairs else math.nan


def log_loss(labels: ArrayLike, scores: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
    """Mean of -log of the probability of each sample's own class, by the softmax (or sigmoid) of the scores.

    Parameters
    ----------
    labels : array_like, (samples,)
        As for `accuracy`.
    scores : array_like, (samples, classes), (samples, 1) or (samples,)
        What a model returns: not probabilities.
    sample_weight : array_like, (samples,), optional
        As for `accuracy`.

    Returns
    -------
    float
        In nats. `greater_is_better` is False.

    Raises
    ------
    ValueError, TypeError
        As for `accuracy`.

    Examples
    --------
    >>> import steepest as st
    >>> round(st.metrics.log_loss([0, 1], [[0.0, 0.0], [0.0, 0.0]]), 4)
    0.6931
    """
    values = _checks.real_array(scores, "scores").astype(np.float64)
    truth = classes_of(labels, values, "log_loss").truth
    if values.ndim == 1 or values.shape[1] == 1:
        score = values.reshape(-1)
        values = np.stack([np.zeros_like(score), score], axis=1)
    values = values - values.max(axis=1, keepdims=True)
    losses = np.log(np.exp(values).sum(axis=1)) - values[np.arange(len(values)), truth]
    return float(np.average(losses, weights=_given(sample_weight, len(truth))))


def confusion_matrix(
    labels: ArrayLike,
    scores: ArrayLike,
    classes: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> NDArray[np.int64] | NDArray[np.float64]:
    """How many samples of each class were taken for which.

    Parameters
    ----------
    labels, scores, sample_weight
        As for `accuracy`: scores, or predicted classes.
    classes : int, optional
        Number of classes; by default that of the scores, or one more than the largest class, at least two.

    Returns
    -------
    ndarray, (classes, classes), int64, or float64 with weights
        Row: the true class. Column: the predicted one.

    Raises
    ------
    ValueError, TypeError
        As for `accuracy`, and if there are more classes than `classes`.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.confusion_matrix([0, 0, 1, 2], [0, 1, 1, 2])
    array([[1, 1, 0],
           [0, 1, 0],
           [0, 0, 1]])
    """
    found = _enough(classes_of(labels, scores, "confusion_matrix"), classes)
    counts = _counts(found, sample_weight)
    return counts if sample_weight is not None else counts.astype(np.int64)


class ClassReport(NamedTuple):
    """What `per_class` returns: arrays of one number a class.

    Attributes
    ----------
    precision, recall, f1 : ndarray, (classes,)
        See the functions of these names.
    support : ndarray, (classes,)
        How many samples a class has, or their weight.
    predicted : ndarray, (classes,)
        How many samples were taken for it, or their weight: 0 for a class that is never predicted.

    Examples
    --------
    >>> import steepest as st
    >>> st.metrics.per_class([0, 1], [0, 0]).predicted
    array([2, 0])
    """

    precision: Array
    recall: Array
    f1: Array
    support: Array
    predicted: Array


def per_class(
    labels: ArrayLike,
    scores: ArrayLike,
    classes: int | None = None,
    sample_weight: ArrayLike | None = None,
) -> ClassReport:
    """Precision, recall, F1 and number of samples of each class.

    Parameters
    ----------
    labels, scores, classes, sample_weight
        As for `confusion_matrix`.

    Returns
    -------
    ClassReport
        A quotient whose divisor is 0 is 0.

    Examples
    --------
    >>> import steepest as st
    >>> report = st.metrics.per_class([0, 0, 1, 1], [0, 1, 1, 1])
    >>> report.recall, report.support
    (array([0.5, 1. ]), array([2, 2]))
    """
    counts = confusion_matrix(labels, scores, classes, sample_weight)
    right, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return ClassReport(
        _ratio(right, predicted),
        _ratio(right, support),
        _ratio(2 * right, support + predicted),
        support,
        predicted,
    )


def _averaged(
    name: Literal["precision", "recall", "f1"],
    labels: ArrayLike,
    scores: ArrayLike,
    sample_weight: ArrayLike | None,
    average: Average,
) -> float:
    _checks.one_of(average, "average", ("auto", "binary", "macro"))
    found = classes_of(labels, scores, name)
    if average == "binary" and found.number > 2:
        raise ValueError(f"average is 'binary', but there are {found.number} classes: use 'macro'")
    report = per_class(found.truth, found.predicted, found.number, sample_weight)
    values: Array = getattr(report, name)
    if average == "binary" or (average == "auto" and found.number == 2):
        return float(values[1])
    there = np.union1d(found.truth, found.predicted)  # whatever the weights, as scikit-learn has it
    return float(values[there].mean())


def _counts(found: Classes, sample_weight: ArrayLike | None) -> Array:
    pairs = found.truth * found.number + found.predicted
    weight = weight_of(sample_weight, len(pairs))
    return np.bincount(pairs, weight, found.number**2).reshape(found.number, found.number)


def _enough(found: Classes, classes: int | None) -> Classes:
    if classes is None:
        return found
    number = _checks.integer(classes, "classes", minimum=1)
    largest = int(max(found.truth.max(), found.predicted.max()))
    if largest >= number:
        raise ValueError(f"classes is {number}, but there is a class {largest}, and the first is 0")
    return found._replace(number=number)


def _given(sample_weight: ArrayLike | None, samples: int) -> Array | None:
    return None if sample_weight is None else weight_of(sample_weight, samples)


def _ratio(numbers: Array, divisors: Array) -> Array:
    ratio = np.zeros(len(numbers))
    np.divide(numbers, divisors, out=ratio, where=divisors > 0)
    return ratio


def _two(scores: ArrayLike, metric: str) -> Array:
    """The score of class 1 of two."""
    values = _checks.real_array(scores, "scores").astype(np.float64)
    if values.ndim == 2 and values.shape[1] == 2:
        return values[:, 1] - values[:, 0]
    if values.ndim == 2 and values.shape[1] > 2:
        raise ValueError(f"scores have shape {values.shape}, but {metric} is for two classes")
    return values.reshape(-1) if values.shape[1:] == (1,) else values


for _metric in (accuracy, auc, balanced_accuracy, f1, precision, recall):
    _metric.greater_is_better = True  # type: ignore[attr-defined]
log_loss.greater_is_better = False  # type: ignore[attr-defined]
