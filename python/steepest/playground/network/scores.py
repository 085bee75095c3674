"""Each loss's targets for labels, the class that scores stand for, and how sure they are."""

from __future__ import annotations

import math

import numpy as np

from ... import functional
from ..._checks import Array
from ...losses import BinaryCrossEntropy, Loss, PoissonDeviance, SoftmaxCrossEntropy

# These take no negative targets: classes are 0 and 1, not -1 and 1.
_FROM_ZERO = (BinaryCrossEntropy, PoissonDeviance)


def targets(loss: Loss, y: Array, classes: int) -> tuple[Array, int]:
    """What the loss takes for these labels or numbers, and the number of outputs.

    For labels and a loss of numbers: one output for two classes, else one for each; 1 and -1, or 1 and 0 for
    losses that take no negative ones.
    """
    if not classes:
        if loss.takes_labels:
            raise ValueError(f"{type(loss).__name__} is for classes, but the data have numbers to predict")
        return y.astype(np.float32)[:, np.newaxis], 1
    if loss.takes_labels:
        return y, classes
    low = 0.0 if isinstance(loss, _FROM_ZERO) else -1.0
    columns = np.array([1]) if classes == 2 else np.arange(classes)
    return np.where(y[:, np.newaxis] == columns, 1.0, low).astype(np.float32), len(columns)


def threshold(loss: Loss) -> float:
    """The score above which a single output stands for the second class."""
    return math.log(0.5) if isinstance(loss, PoissonDeviance) else 0.0


def predicted(loss: Loss, scores: Array) -> Array:
    """The class of each row of scores: the largest, or whether the only one is above the threshold."""
    if scores.shape[1] > 1:
        return np.asarray(scores.argmax(axis=1), np.int64)
    return (scores[:, 0] > threshold(loss)).astype(np.int64)


def certainty(loss: Loss, scores: Array) -> Array:
    """How sure the answers are, 0 to 1: of probabilities, or of the lead over the second best score.

    A softmax that is as even as it can be is 0. For hinges and other losses the lead counts up to the margin
    that they ask for: 1, or 2 between the targets -1 and 1.
    """
    if isinstance(loss, SoftmaxCrossEntropy):
        k = scores.shape[1]
        return np.asarray((functional.softmax(scores).max(axis=1) * k - 1) / (k - 1))
    if scores.shape[1] == 1:
        above = scores[:, 0] - threshold(loss)
        return np.abs(np.tanh(above / 2)) if isinstance(loss, _FROM_ZERO) else np.abs(above)
    second, first = np.sort(scores, axis=1)[:, -2:].T
    margin = float(getattr(loss, "margin", 2.0)) or 1.0
    return np.asarray((first - second) / margin)
