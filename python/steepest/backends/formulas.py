"""The specification: every formula of steepest in plain NumPy.

Values of losses are accumulated in float64. NaN and infinities propagate, without warnings, to the value of
the loss, which is checked before anything is changed. Subgradients at kinks: ReLU'(0) = 0, a hinge at
exactly 0 contributes 0, sign(0) = 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..averaging import Averaging, PolyakAverage
from ..losses import Loss, MulticlassHinge, SoftmaxCrossEntropy, SquaredError
from ..optimizers import SGD
from ..penalties import Penalty
from .protocol import ActivationName, Array

quiet = np.errstate(all="ignore")  # a decorator


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


@quiet
def activation(name: ActivationName, x: Array) -> Array:
    """Element by element."""
    if name == "relu":
        return np.maximum(x, 0)
    if name == "sigmoid":
        small = np.exp(-np.abs(x))  # in (0, 1]: cannot overflow
        return np.where(x >= 0, 1 / (1 + small), small / (1 + small))
    if name == "tanh":
        return np.tanh(x)
    return x


@quiet
def activation_backward(name: ActivationName, y: Array, grad: Array) -> Array:
    """Gradient of the input from the *output* y and the output's gradient."""
    result: Array = grad
    if name == "relu":
        result = np.where(y > 0, grad, 0)
    elif name == "sigmoid":
        result = grad * (y * (1 - y))
    elif name == "tanh":
        result = grad * (1 - y * y)
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


def _softmax_cross_entropy(scores: Array, labels: Array) -> tuple[Array, Array]:
    shifted = scores - scores.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1)
    rows = np.arange(len(labels))
    grad = powers / total[:, None]
    grad[rows, labels] -= 1
    return np.log(total) - shifted[rows, labels], grad


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


def _squared_error(predictions: Array, targets: Array) -> tuple[Array, Array]:
    difference = predictions - targets
    return np.square(difference).sum(axis=1, dtype=np.float64), 2 * difference


def _sample_losses(loss: Loss, scores: Array, targets: Array) -> tuple[Array, Array]:
    """The loss of each sample, and its gradient by that sample's scores."""
    if isinstance(loss, SoftmaxCrossEntropy):
        return _softmax_cross_entropy(scores, targets)
    if isinstance(loss, MulticlassHinge):
        return _multiclass_hinge(loss, scores, targets)
    return _squared_error(scores, targets)


def batch_size(loss: Loss, samples: int, weight: Array | None) -> float:
    """What a sum over samples is divided by: their number or total weight, 1 for a loss that sums."""
    if isinstance(loss, SquaredError) and loss.reduction == "sum":
        return 1.0
    return float(samples) if weight is None else float(weight.sum(dtype=np.float64))


@quiet
def loss_and_gradient(loss: Loss, scores: Array, targets: Array, weight: Array | None) -> tuple[float, Array]:
    """The mean (or sum) over samples of a loss, and its gradient by the scores."""
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
    """2 * l2 * W + l1 * sign(W)."""
    real = weight.dtype.type
    gradient: Array = real(2 * penalty.l2) * weight + real(penalty.l1) * np.sign(weight)
    return gradient


@quiet
def updated(
    value: Array, grad: Array, velocity: Array | None, optimizer: SGD, penalty: Penalty | None
) -> tuple[Array, Array | None]:
    """The new value and velocity, by the formula in `SGD`."""
    real = value.dtype.type
    if penalty is not None:
        grad = grad + penalty_gradient(penalty, value)
    step = real(optimizer.learning_rate) * grad
    if velocity is None:
        return value - step, None
    momentum = real(optimizer.momentum)
    velocity = momentum * velocity - step
    return value + (momentum * velocity - step if optimizer.nesterov else velocity), velocity


def average_share(averaging: Averaging, updates: int) -> float:
    """What the parameters count for in the average after one more update than `updates`: 0 before a start."""
    if isinstance(averaging, PolyakAverage):
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


def sgd_step(
    weight: Array, grad: Array, velocity: Array | None, optimizer: SGD, penalty: Penalty | None
) -> None:
    """Update weight (and velocity) in place: see `SGD` for the formula."""
    new_weight, new_velocity = updated(weight, grad, velocity, optimizer, penalty)
    changes = [(weight, new_weight)]
    if velocity is not None and new_velocity is not None:
        changes.append((velocity, new_velocity))
    write(changes)
