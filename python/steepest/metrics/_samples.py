"""Check: labels, scores and weights, as metrics compare them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array

_CODES = "use np.unique(y, return_inverse=True)[1] for names of classes"


class Classes(NamedTuple):
    """The true and the predicted class of each sample, (samples,) int64, and how many classes there are."""

    truth: Array
    predicted: Array
    number: int


def classes_of(labels: ArrayLike, scores: ArrayLike, metric: str) -> Classes:
    """What scores, or predicted classes, say of each sample; `metric` is named in messages."""
    truth, values = _checks.real_array(labels, "labels", _CODES), _checks.real_array(scores, "scores", _CODES)
    if values.ndim == 1 and values.dtype.kind in "biu" and len(values):
        predicted, number = _codes(values, "scores"), 0
    elif values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(
            f"scores have shape {values.shape}, but {metric} takes (samples, classes), or one score of each "
            "sample, which is above 0 for class 1"
        )
    elif values.ndim == 1 or values.shape[1] == 1:
        predicted, number = (values.reshape(-1) > 0).astype(np.int64), 2
    else:
        predicted, number = values.argmax(axis=1), values.shape[1]
    single = number == 2 and (values.ndim == 1 or values.shape[1] == 1)
    truth = _truth(truth, len(values), number, single)
    return Classes(truth, predicted, number or 1 + int(max(truth.max(), predicted.max(), 1)))


def _truth(labels: Array, samples: int, number: int, single: bool) -> Array:
    """The class of each sample; `number` is 0 if it is not known, `single` true for one score a sample."""
    if single and labels.shape == (samples, 1):
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape == (samples, number) and number > 1:
        return _one_hot(labels)
    if labels.shape != (samples,):
        raise ValueError(
            f"labels have shape {labels.shape}, but must be ({samples},), one for each row of scores"
        )
    if labels.dtype.kind == "f" and single and np.isin(labels, (0, 1)).all():
        return labels.astype(np.int64)  # targets of binary cross-entropy
    if labels.dtype.kind == "f":
        raise TypeError(f"labels have dtype {labels.dtype}, but must be integers")
    truth = _codes(labels, "labels")
    if number and truth.max() >= number:
        bad = int((truth >= number).argmax())
        raise ValueError(
            f"label {truth[bad]} of sample {bad} is not one of the {number} classes 0..{number - 1}"
        )
    return truth


def _one_hot(labels: Array) -> Array:
    good = np.isin(labels, (0, 1)).all(axis=1) & (labels.sum(axis=1) == 1)
    if not good.all():
        raise ValueError(
            f"labels have shape {labels.shape}, but row {int(good.argmin())} is not one-hot (a single 1, "
            "else 0): give one class index per sample, or measure each column by itself"
        )
    truth: Array = labels.argmax(axis=1)
    return truth


def _codes(values: Array, name: str) -> Array:
    if values.min() < 0:
        bad = int((values < 0).argmax())
        raise ValueError(f"{name} of sample {bad} is {values[bad]}, but classes are counted from 0")
    return values.astype(np.int64)


def targets_of(labels: ArrayLike, predictions: ArrayLike, metric: str) -> tuple[Array, Array]:
    """Both as (samples, outputs) float64."""
    truth, values = _checks.real_array(labels, "labels"), _checks.real_array(predictions, "predictions")
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(
            f"predictions have shape {values.shape}, but {metric} takes (samples,) or (samples, outputs)"
        )
    values = values.reshape(len(values), -1).astype(np.float64)
    expected = (len(values),) if values.shape[1] == 1 else values.shape
    if truth.shape not in (expected, values.shape):
        raise ValueError(f"labels have shape {truth.shape}, but must be {expected}, as the predictions")
    return truth.reshape(values.shape).astype(np.float64), values


def weight_of(sample_weight: ArrayLike | None, samples: int) -> Array:
    """(samples,) float64; ones if none are given."""
    if sample_weight is None:
        return np.ones(samples)
    return _checks.weights(sample_weight, samples, np.dtype(np.float64))
