"""The specification: every formula of steepest in plain NumPy.

Values of losses are accumulated in float64. NaN and infinities propagate, without warnings, to the value of
the loss, which is checked before anything is changed. Subgradients at kinks: ReLU'(0) = 0, a hinge at
exactly 0 contributes 0, sign(0) = 0, an absolute error too; LeakyReLU and ELU have at 0 the slope of their
negative side.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ..._checks import Array
from ...averaging import Averaging
from ...constraints import MaxNorm
from ...losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CustomLoss,
    Huber,
    Loss,
    MulticlassHinge,
    PoissonDeviance,
    SoftmaxCrossEntropy,
    SquaredError,
    TargetLoss,
)
from ...penalties import Penalty
from ..custom import evaluate
from ..protocol import ActivationName

Kept: TypeAlias = tuple[Array | None, Array | None]  # of one parameter: the two slots of a state
quiet = np.errstate(all="ignore")  # a decorator
# LeCun's tanh is height * tanh(stretch * x): 1 at 1 and -1 at -1 ("Efficient BackProp", 1998).
LECUN_HEIGHT, LECUN_STRETCH = 1.7159, 2 / 3
_erfc = np.frompyfunc(math.erfc, 1, 1)


@quiet
def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """Compute x @ weight + bias."""
    y: Array = x @ weight
    if bias is not None:
        y += bias
    return y


@quiet
def linear_backward(x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
    """Gradients of x, weight and bias from that of the output."""
    return grad @ weight.T, x.T @ grad, grad.sum(axis=0)


def _normal(x: Array) -> Array:
    """The distribution function of the normal distribution, computed in float64."""
    wide = x.astype(np.float64)
    return np.asarray(_erfc(wide * -math.sqrt(0.5)), np.float64) / 2


@quiet
def activation(name: ActivationName, x: Array, slope: float = 0.0) -> Array:
    """Element by element."""
    if name == "relu":
        return np.maximum(x, 0)
    if name == "sigmoid":
        small = np.exp(-np.abs(x))  # in (0, 1]: cannot overflow
        return np.where(x >= 0, 1 / (1 + small), small / (1 + small))
    if name == "tanh":
        return np.tanh(x)
    if name == "leaky_relu":
        return np.where(x > 0, x, slope * x)
    if name == "elu":
        return np.where(x > 0, x, slope * np.expm1(x))
    if name == "lecun_tanh":
        return LECUN_HEIGHT * np.tanh(LECUN_STRETCH * x)
    if name == "softplus":
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    if name == "gelu":
        return (np.maximum(x, -40) * _normal(x)).astype(x.dtype)  # -inf * 0 would be NaN
    return x


@quiet
def activation_backward(name: ActivationName, y: Array, grad: Array, slope: float = 0.0) -> Array:
    """Gradient of the input from the *output* y and the output's gradient; "gelu" takes its input for y."""
    result: Array = grad
    if name == "relu":
        result = np.where(y > 0, grad, 0)
    elif name == "sigmoid":
        result = grad * (y * (1 - y))
    elif name == "tanh":
        result = grad * (1 - y * y)
    elif name == "leaky_relu":
        result = np.where(y > 0, grad, slope * grad)
    elif name == "elu":
        result = np.where(y > 0, grad, (y + slope) * grad)
    elif name == "lecun_tanh":
        result = grad * (LECUN_HEIGHT * LECUN_STRETCH - LECUN_STRETCH / LECUN_HEIGHT * (y * y))
    elif name == "softplus":
        result = grad * -np.expm1(-y)
    elif name == "gelu":
        x = np.clip(y.astype(np.float64), -40, 40)
        density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        result = grad * (_normal(x) + x * density).astype(grad.dtype)
    return result


@quiet
def exp(x: Array) -> Array:
    """Exponential, element by element."""
    return np.exp(x)


@quiet
def log(x: Array) -> Array:
    """Natural logarithm: -inf at 0, NaN below."""
    return np.log(x)


@quiet
def softmax(scores: Array) -> Array:
    """Row-wise exp(s) / sum(exp(s)), shifted by the largest score so that nothing overflows."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def _softmax_cross_entropy(loss: SoftmaxCrossEntropy, scores: Array, labels: Array) -> tuple[Array, Array]:
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


def _multiclass_hinge(loss: MulticlassHinge, scores: Array, labels: Array) -> tuple[Array, Array]:
    rows = np.arange(len(labels))
    violations = np.maximum(scores - scores[rows, labels][:, None] + scores.dtype.type(loss.margin), 0)
    violations[rows, labels] = 0
    if loss.squared:
        values, grad = np.square(violations), 2 * violations
    else:
        values, grad = violations, (violations > 0).astype(scores.dtype)
    grad[rows, labels] = -grad.sum(axis=1)
    return values.sum(axis=1, dtype=np.float64), grad


def _squared_error(loss: SquaredError, predictions: Array, targets: Array) -> tuple[Array, Array]:
    factor, difference = predictions.dtype.type(loss.factor), predictions - targets
    return factor * np.square(difference).sum(axis=1, dtype=np.float64), 2 * factor * difference


def _absolute_error(predictions: Array, targets: Array) -> tuple[Array, Array]:
    difference = predictions - targets
    return np.abs(difference).sum(axis=1, dtype=np.float64), np.sign(difference)


def _huber(loss: Huber, predictions: Array, targets: Array) -> tuple[Array, Array]:
    delta, difference = predictions.dtype.type(loss.delta), predictions - targets
    distance = np.abs(difference)
    values = np.where(distance <= delta, difference * difference / 2, delta * (distance - delta / 2))
    return values.sum(axis=1, dtype=np.float64), np.clip(difference, -delta, delta)


def _binary_cross_entropy(scores: Array, targets: Array) -> tuple[Array, Array]:
    values = np.maximum(scores, 0) - scores * targets + np.log1p(np.exp(-np.abs(scores)))
    return values.sum(axis=1, dtype=np.float64), activation("sigmoid", scores) - targets


def _poisson_deviance(scores: Array, targets: Array) -> tuple[Array, Array]:
    means, safe = np.exp(scores), np.where(targets > 0, targets, 1)
    values = means - scores * targets + (targets * np.log(safe) - targets)
    return values.sum(axis=1, dtype=np.float64), means - targets


def _sample_losses(
    loss: SoftmaxCrossEntropy | MulticlassHinge | TargetLoss, scores: Array, targets: Array
) -> tuple[Array, Array]:
    """The loss of each sample, and its gradient by that sample's scores."""
    if isinstance(loss, SoftmaxCrossEntropy):
        return _softmax_cross_entropy(loss, scores, targets)
    if isinstance(loss, MulticlassHinge):
        return _multiclass_hinge(loss, scores, targets)
    if isinstance(loss, AbsoluteError):
        return _absolute_error(scores, targets)
    if isinstance(loss, Huber):
        return _huber(loss, scores, targets)
    if isinstance(loss, BinaryCrossEntropy):
        return _binary_cross_entropy(scores, targets)
    if isinstance(loss, PoissonDeviance):
        return _poisson_deviance(scores, targets)
    return _squared_error(loss, scores, targets)


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
def loss_and_gradient(loss: Loss, scores: Array, targets: Array, weight: Array | None) -> tuple[float, Array]:
    """The mean (or sum) over samples of a loss, and its gradient by the scores."""
    if isinstance(loss, CustomLoss):
        return evaluate(loss, scores, targets)
    size = batch_size(loss, len(scores), weight)
    if size == 0:
        return 0.0, np.zeros_like(scores)
    values, grad = _sample_losses(loss, scores, targets)
    if weight is None:
        return float(values.sum(dtype=np.float64)) / size, grad * scores.dtype.type(1 / size)
    share = weight.astype(np.float64) / size
    counts = weight > 0  # what has no weight has no say, be it NaN
    slopes = np.where(counts[:, None], grad * share.astype(scores.dtype)[:, None], 0)
    return float((share * values)[counts].sum()), slopes


@quiet
def penalty_value(penalty: Penalty, weight: Array) -> float:
    """l2 * sum(W**2) + l1 * sum|W|."""
    wide = weight.astype(np.float64)
    squares = penalty.l2 * float(np.square(wide).sum()) if penalty.l2 else 0.0
    return squares + (penalty.l1 * float(np.abs(wide).sum()) if penalty.l1 else 0.0)


@quiet
def penalty_gradient(penalty: Penalty, weight: Array) -> Array:
    """2 * l2 * W + l1 * sign(W), the latter unless the penalty is proximal."""
    real = weight.dtype.type
    gradient: Array = real(2 * penalty.l2) * weight
    return gradient if penalty.proximal else gradient + real(penalty.l1) * np.sign(weight)


@quiet
def shrunk(weight: Array, penalty: Penalty | None, rate: float) -> Array:
    """sign(W) * max(|W| - rate * l1, 0) if the penalty is proximal."""
    if penalty is None or not penalty.proximal:
        return weight
    smaller: Array = np.sign(weight) * np.maximum(np.abs(weight) - weight.dtype.type(rate * penalty.l1), 0)
    return smaller


@quiet
def constrained(weight: Array, constraint: MaxNorm | None) -> Array:
    """Columns whose 2-norm is beyond the limit, scaled back to it."""
    if constraint is None:
        return weight
    norms = np.sqrt(np.square(weight, dtype=np.float64).sum(axis=0))
    factors = np.where(norms > constraint.limit, constraint.limit / norms, 1)
    smaller: Array = weight * factors.astype(weight.dtype)
    return smaller


@quiet
def norm_scale(gradients: Sequence[Array], clip_norm: float | None) -> float:
    """min(1, clip_norm / the 2-norm of all gradients together)."""
    if clip_norm is None:
        return 1.0
    norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
    return clip_norm / norm if norm > clip_norm else 1.0


@quiet
def limited(grad: Array, value: Array, penalty: Penalty | None, clip: float | None) -> Array:
    """The gradient of the objective from that of the data loss, each component within [-clip, clip]."""
    if penalty is not None:
        grad = grad + penalty_gradient(penalty, value)
    return grad if clip is None else np.clip(grad, -value.dtype.type(clip), value.dtype.type(clip))


def average_share(averaging: Averaging, updates: int) -> float:
    """What the parameters count for in the average after one more update than `updates`: 0 before a start."""
    if averaging.uniform:
        return 0.0 if updates < averaging.start else 1 / (updates - averaging.start + 1)
    return 1 - averaging.decay if updates else 1.0


@quiet
def averaged(mean: Array, value: Array, share: float) -> Array:
    """The mean after it has taken in a value, of which it becomes a part of `share`."""
    if (part := value.dtype.type(share)) == 1:
        return value  # whatever the mean was
    moved: Array = mean + part * (value - mean)
    return moved


def write(changes: Sequence[tuple[Array, Array]]) -> None:
    """Copy new values into their arrays: all of them, even if Ctrl-C falls in between."""
    try:
        for array, new in changes:
            array[...] = new
    except BaseException:
        for array, new in changes:
            array[...] = new
        raise
