"""The specification of the losses: one function for each kernel, which `Loss.kernel` names.

Each takes the loss, the scores and the targets of a batch to the loss of each sample, in float64, and its
gradient by that sample's scores. A hinge at exactly 0 contributes nothing to the gradient, nor does an
absolute error there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from ..._checks import Array
from ...losses import CustomLoss, Huber, Loss, MulticlassHinge, SoftmaxCrossEntropy, SquaredError
from ..custom import evaluate
from .activations import sigmoid
from .quiet import quiet

_Losses: TypeAlias = tuple[Array, Array]  # (samples,), and their gradients (samples, outputs)


def _softmax_cross_entropy(loss: SoftmaxCrossEntropy, scores: Array, labels: Array) -> _Losses:
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1)
    rows = np.arange(len(labels))
    grad = powers / total[:, None]
    smoothing = scores.dtype.type(loss.label_smoothing)
    if smoothing == 0:  # 0 times the distance of an infinity would be NaN
        grad[rows, labels] -= 1
        return np.log(total) - shifted[rows, labels], grad
    own, each = 1 - smoothing, smoothing / scores.dtype.type(scores.shape[1])
    grad -= each
    grad[rows, labels] -= own
    return np.log(total) - (own * shifted[rows, labels] + each * shifted.sum(axis=1)), grad


def _multiclass_hinge(loss: MulticlassHinge, scores: Array, labels: Array) -> _Losses:
    rows = np.arange(len(labels))
    violations = np.maximum(scores - scores[rows, labels][:, None] + scores.dtype.type(loss.margin), 0)
    violations[rows, labels] = 0
    if loss.squared:
        values, grad = np.square(violations), 2 * violations
    else:
        values, grad = violations, (violations > 0).astype(scores.dtype)
    grad[rows, labels] = -grad.sum(axis=1)
    return values.sum(axis=1, dtype=np.float64), grad


def _squared_error(loss: SquaredError, predictions: Array, targets: Array) -> _Losses:
    factor, difference = predictions.dtype.type(loss.factor), predictions - targets
    return factor * np.square(difference).sum(axis=1, dtype=np.float64), 2 * factor * difference


def _absolute_error(loss: Loss, predictions: Array, targets: Array) -> _Losses:
    difference = predictions - targets
    return np.abs(difference).sum(axis=1, dtype=np.float64), np.sign(difference)


def _huber(loss: Huber, predictions: Array, targets: Array) -> _Losses:
    delta, difference = predictions.dtype.type(loss.delta), predictions - targets
    distance = np.abs(difference)
    values = np.where(distance <= delta, difference * difference / 2, delta * (distance - delta / 2))
    return values.sum(axis=1, dtype=np.float64), np.clip(difference, -delta, delta)


def _binary_cross_entropy(loss: Loss, scores: Array, targets: Array) -> _Losses:
    values = np.maximum(scores, 0) - scores * targets + np.log1p(np.exp(-np.abs(scores)))
    return values.sum(axis=1, dtype=np.float64), sigmoid(scores) - targets


def _poisson_deviance(loss: Loss, scores: Array, targets: Array) -> _Losses:
    means, safe = np.exp(scores), np.where(targets > 0, targets, 1)
    values = means - scores * targets + (targets * np.log(safe) - targets)
    return values.sum(axis=1, dtype=np.float64), means - targets


def _log_cosh(loss: Loss, predictions: Array, targets: Array) -> _Losses:
    difference = predictions - targets
    size, tanh = np.abs(difference), np.tanh(difference)
    square = np.square(tanh)
    near = size < 0.88  # where the other form would lose the digits of a small loss
    small = np.log1p(np.where(near, square, 0) / (1 - np.where(near, square, 0))) / 2
    values = np.where(near, small, size + np.log1p(np.exp(-2 * size)) - size.dtype.type(math.log(2)))
    return values.sum(axis=1, dtype=np.float64), tanh


_FORMULAS: Mapping[str, Callable[[Any, Array, Array], _Losses]] = {
    "softmax": _softmax_cross_entropy,
    "hinge": _multiclass_hinge,
    "squared_hinge": _multiclass_hinge,
    "squared_error": _squared_error,
    "absolute_error": _absolute_error,
    "huber": _huber,
    "binary_cross_entropy": _binary_cross_entropy,
    "poisson": _poisson_deviance,
    "log_cosh": _log_cosh,
}


def batch_size(loss: Loss, samples: int, weight: Array | None) -> float:
    """What a sum over samples is divided by: their number or total weight, 1 for a loss that sums.

    A total below the normal numbers, whose reciprocal may be infinite, is none.
    """
    if loss.sums:
        return 1.0
    if weight is None:
        return float(samples)
    total = float(weight.sum(dtype=np.float64))
    return total if total >= np.finfo(np.float64).smallest_normal else 0.0


@quiet
def loss_and_gradient(
    loss: Loss,
    scores: Array,
    targets: Array,
    weight: Array | None,
    sample_scale: float | None = None,
) -> tuple[float, Array]:
    """The mean (or sum) over samples of a loss, and its gradient by the scores."""
    if isinstance(loss, CustomLoss):
        return evaluate(loss, scores, targets)
    size = batch_size(loss, len(scores), weight)
    if sample_scale is not None:
        size = 1 / sample_scale if sample_scale else 0.0
    if size == 0:
        return 0.0, np.zeros_like(scores)
    values, grad = _FORMULAS[loss.kernel](loss, scores, targets)
    if weight is None:
        return float(values.sum(dtype=np.float64)) / size, grad * scores.dtype.type(1 / size)
    share = weight.astype(np.float64) / size
    counts = weight > 0  # what has no weight has no say, be it NaN
    slopes = np.where(counts[:, None], grad * share.astype(scores.dtype)[:, None], 0)
    return float((share * values)[counts].sum()), slopes
