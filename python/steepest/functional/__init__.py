"""The kernels as functions on arrays, computed by the active backend.

Arrays are float32 or float64, converted to the wider of the two where both meet; integers become float64.
The result has that dtype. Only the steps of optimizers change arguments. NaN and infinities propagate.
All raise TypeError for what does not hold real numbers, and ValueError for shapes that do not fit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from .._description import check_dtype
from ..backends import active
from ..backends.protocol import ActivationName, reads_input
from ..compile.targets import targets_and_weight
from ..layers import ELU, Activation, Identity, LeakyReLU, slope_of
from ..losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    Huber,
    Loss,
    MulticlassHinge,
    PoissonDeviance,
    Reduction,
    SoftmaxCrossEntropy,
    SquaredError,
)
from .steps import adagrad_step, adam_step, rmsprop_step, sgd_step

__all__ = [
    "absolute_error",
    "adagrad_step",
    "adam_step",
    "binary_cross_entropy",
    "elu",
    "elu_backward",
    "exp",
    "gelu",
    "gelu_backward",
    "huber",
    "leaky_relu",
    "leaky_relu_backward",
    "lecun_tanh",
    "lecun_tanh_backward",
    "linear",
    "linear_backward",
    "log",
    "multiclass_hinge",
    "poisson_deviance",
    "relu",
    "relu_backward",
    "rmsprop_step",
    "sgd_step",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "softplus_backward",
    "squared_error",
    "tanh",
    "tanh_backward",
]

_PLAIN = Identity()  # an activation of no parameter


def linear(x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Array:
    """Compute x @ weight + bias.

    Parameters
    ----------
    x : array_like, (samples, in_features)
    weight : array_like, (in_features, out_features)
    bias : array_like, (out_features,), optional

    Returns
    -------
    ndarray, (samples, out_features)
    """
    if bias is None:
        a, w = _floats(x=x, weight=weight)
        b = None
    else:
        a, w, b = _floats(x=x, weight=weight, bias=bias)
    _matrix(a, "x")
    _matrix(w, "weight", rows=(a.shape[1], "features of x"))
    if b is not None and b.shape != (w.shape[1],):
        raise ValueError(f"bias has shape {b.shape}, but weight has {w.shape[1]} columns")
    return active().linear(a, w, b)


def linear_backward(x: ArrayLike, weight: ArrayLike, grad: ArrayLike) -> tuple[Array, Array, Array]:
    """Gradients of `linear`.

    Parameters
    ----------
    x : array_like, (samples, in_features)
    weight : array_like, (in_features, out_features)
    grad : array_like, (samples, out_features)
        Gradient of the output.

    Returns
    -------
    grad_x : ndarray, (samples, in_features)
    grad_weight : ndarray, (in_features, out_features)
    grad_bias : ndarray, (out_features,)
    """
    a, w, g = _floats(x=x, weight=weight, grad=grad)
    _matrix(a, "x")
    _matrix(w, "weight", rows=(a.shape[1], "features of x"))
    if g.shape != (a.shape[0], w.shape[1]):
        raise ValueError(f"grad has shape {g.shape}, but the output has {(a.shape[0], w.shape[1])}")
    return active().linear_backward(a, w, g)


def relu(x: ArrayLike) -> Array:
    """max(0, x), element by element, for an array of any shape."""
    return _activation("relu", x)


def relu_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `relu` from its output `y` and the output's; 0 where y is 0."""
    return _activation_backward("relu", y, grad)


def sigmoid(x: ArrayLike) -> Array:
    """1 / (1 + exp(-x)), element by element, for an array of any shape."""
    return _activation("sigmoid", x)


def sigmoid_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `sigmoid` from its output `y` and the output's: grad * y * (1 - y)."""
    return _activation_backward("sigmoid", y, grad)


def tanh(x: ArrayLike) -> Array:
    """Hyperbolic tangent, element by element, for an array of any shape."""
    return _activation("tanh", x)


def tanh_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `tanh` from its output `y` and the output's: grad * (1 - y**2)."""
    return _activation_backward("tanh", y, grad)


def leaky_relu(x: ArrayLike, negative_slope: float = 0.01) -> Array:
    """max(0, x) + negative_slope * min(0, x), element by element, for an array of any shape."""
    return _activation("leaky_relu", x, LeakyReLU(negative_slope))


def leaky_relu_backward(y: ArrayLike, grad: ArrayLike, negative_slope: float = 0.01) -> Array:
    """Gradient of the input of `leaky_relu` from its output `y` and the output's; at 0 as below 0."""
    return _activation_backward("leaky_relu", y, grad, LeakyReLU(negative_slope))


def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """max(0, x) + alpha * (exp(min(0, x)) - 1), element by element, for an array of any shape."""
    return _activation("elu", x, ELU(alpha))


def elu_backward(y: ArrayLike, grad: ArrayLike, alpha: float = 1.0) -> Array:
    """Gradient of the input of `elu` from its output `y` and the output's: grad * (y + alpha) for y <= 0."""
    return _activation_backward("elu", y, grad, ELU(alpha))


def lecun_tanh(x: ArrayLike) -> Array:
    """1.7159 * tanh(2/3 * x), element by element, for an array of any shape."""
    return _activation("lecun_tanh", x)


def lecun_tanh_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `lecun_tanh` from its output `y` and the output's."""
    return _activation_backward("lecun_tanh", y, grad)


def softplus(x: ArrayLike) -> Array:
    """log(1 + exp(x)), element by element, for an array of any shape."""
    return _activation("softplus", x)


def softplus_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `softplus` from its output `y` and the output's: grad * (1 - exp(-y))."""
    return _activation_backward("softplus", y, grad)


def gelu(x: ArrayLike) -> Array:
    """The product x * Phi(x), element by element, for an array of any shape; see `steepest.GELU`."""
    return _activation("gelu", x)


def gelu_backward(x: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `gelu` from that input, `x`, and the output's gradient.

    The output does not tell: two inputs have the same. It is grad * (Phi(x) + x * phi(x)), phi the density.
    """
    return _activation_backward("gelu", x, grad)


def exp(x: ArrayLike) -> Array:
    """e**x, element by element, for an array of any shape."""
    return active().exp(*_floats(x=x))


def log(x: ArrayLike) -> Array:
    """Natural logarithm, element by element, for an array of any shape: -inf at 0, NaN below."""
    return active().log(*_floats(x=x))


def softmax(scores: ArrayLike) -> Array:
    """Row-wise exp(s) / sum(exp(s)), without overflow.

    Parameters
    ----------
    scores : array_like, (samples, classes)

    Returns
    -------
    ndarray, (samples, classes)
        Rows of probabilities.
    """
    (s,) = _floats(scores=scores)
    _matrix(s, "scores")
    if s.shape[1] == 0:
        raise ValueError("scores has 0 classes, but at least 1 is needed")
    return active().softmax(s)


def softmax_cross_entropy(
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    label_smoothing: float = 0.0,
    class_weight: Sequence[float] | None = None,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean softmax cross-entropy and its gradient; see `steepest.SoftmaxCrossEntropy`.

    Parameters
    ----------
    scores : array_like, (samples, classes)
    labels : array_like of int, (samples,)
        In 0..classes-1.
    label_smoothing, class_weight
        As in `SoftmaxCrossEntropy`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, classes)
    """
    return _loss(SoftmaxCrossEntropy(label_smoothing, class_weight), scores, labels, sample_weight, "scores")


def multiclass_hinge(
    scores: ArrayLike,
    labels: ArrayLike,
    margin: float = 1.0,
    squared: bool = False,
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean multiclass hinge loss and its gradient; see `steepest.MulticlassHinge`.

    Parameters
    ----------
    scores : array_like, (samples, classes)
    labels : array_like of int, (samples,)
        In 0..classes-1.
    margin, squared
        As in `MulticlassHinge`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, classes)
    """
    return _loss(MulticlassHinge(margin, squared), scores, labels, sample_weight, "scores")


def squared_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    factor: float = 1.0,
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of the summed squares, and its gradient; see `steepest.SquaredError`.

    Parameters
    ----------
    predictions, targets : array_like, (samples, outputs)
        The targets of one output may be (samples,).
    reduction, factor
        As in `SquaredError`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
    """
    predictions, targets = _floats(predictions=predictions, targets=targets)
    return _loss(SquaredError(reduction, factor), predictions, targets, sample_weight)


def absolute_error(
    predictions: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of the summed distances, and its gradient; see `steepest.AbsoluteError`.

    Parameters
    ----------
    predictions, targets : array_like, (samples, outputs)
        The targets of one output may be (samples,).
    reduction : {"mean", "sum"}
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
    """
    predictions, targets = _floats(predictions=predictions, targets=targets)
    return _loss(AbsoluteError(reduction), predictions, targets, sample_weight)


def huber(
    predictions: ArrayLike,
    targets: ArrayLike,
    delta: float = 1.0,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of Huber's loss, and its gradient; see `steepest.Huber`.

    Parameters
    ----------
    predictions, targets : array_like, (samples, outputs)
        The targets of one output may be (samples,).
    delta, reduction
        As in `Huber`.
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
    """
    predictions, targets = _floats(predictions=predictions, targets=targets)
    return _loss(Huber(delta, reduction), predictions, targets, sample_weight)


def binary_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of binary cross-entropies; see `steepest.BinaryCrossEntropy`.

    Parameters
    ----------
    logits : array_like, (samples, outputs)
        Scores, of which the sigmoids are the probabilities.
    targets : array_like, (samples, outputs)
        In [0, 1]; bool and integers too. Those of one output may be (samples,).
    reduction : {"mean", "sum"}
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        By the logits.
    """
    logits, targets = _floats(logits=logits, targets=targets)
    return _loss(BinaryCrossEntropy(reduction), logits, targets, sample_weight, "logits")


def poisson_deviance(
    log_means: ArrayLike,
    targets: ArrayLike,
    reduction: Reduction = "mean",
    *,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Array]:
    """Mean (or sum) over samples of half the Poisson deviances; see `steepest.PoissonDeviance`.

    Parameters
    ----------
    log_means : array_like, (samples, outputs)
        Scores, of which the exponentials are the means.
    targets : array_like, (samples, outputs)
        At least 0. Those of one output may be (samples,).
    reduction : {"mean", "sum"}
    sample_weight : array_like, (samples,), optional

    Returns
    -------
    loss : float
    grad : ndarray, (samples, outputs)
        By the logarithms of the means.
    """
    log_means, targets = _floats(log_means=log_means, targets=targets)
    return _loss(PoissonDeviance(reduction), log_means, targets, sample_weight, "log_means")


def _floats(**arrays: ArrayLike) -> list[Array]:
    """Packed arrays of one float dtype."""
    real = {name: _checks.real_array(value, name) for name, value in arrays.items()}
    for name, array in real.items():
        if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
            raise TypeError(f"{name} has dtype {array.dtype}, but must be float32 or float64")
    floats = [array.dtype if array.dtype.kind == "f" else np.dtype(np.float64) for array in real.values()]
    dtype = _checks.float_dtype(np.result_type(*floats))
    return [_checks.packed(array, dtype) for array in real.values()]


def _matrix(array: Array, name: str, rows: tuple[int, str] | None = None) -> None:
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}, but must be 2-D")
    if rows is not None and array.shape[0] != rows[0]:
        raise ValueError(f"{name} has {array.shape[0]} rows, but there are {rows[0]} {rows[1]}")


def _activation(name: ActivationName, x: ArrayLike, layer: Activation = _PLAIN) -> Array:
    (array,) = _floats(x=x)
    check_dtype(layer, array.dtype)
    return active().activation(name, array, slope_of(layer))


def _activation_backward(
    name: ActivationName, seen: ArrayLike, grad: ArrayLike, layer: Activation = _PLAIN
) -> Array:
    """`seen` is the output y, or the input x of an activation whose derivative reads that."""
    label = "x" if reads_input(name) else "y"
    given, gradient = _floats(**{label: seen, "grad": grad})
    if given.shape != gradient.shape:
        raise ValueError(f"grad has shape {gradient.shape}, but {label} has {given.shape}")
    check_dtype(layer, given.dtype)
    return active().activation_backward(name, given, gradient, slope_of(layer))


def _loss(
    loss: Loss,
    scores: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    name: str = "predictions",
) -> tuple[float, Array]:
    (s,) = _floats(**{name: scores})
    _matrix(s, name)
    _checks.not_empty(s, name)
    check_dtype(loss, s.dtype)
    what = "labels" if loss.takes_labels else "targets"
    scored, backend = (len(s), s.shape[1]), active()
    return backend.loss(loss, s, *targets_and_weight(loss, y, sample_weight, scored, s.dtype, backend, what))
