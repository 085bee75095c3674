"""`steepest.functional`'s activations: each a function, and the gradient of its input."""

from __future__ import annotations

from numpy.typing import ArrayLike

from .._checks import Array
from .._description import check_dtype
from ..backends import active
from ..layers import (
    ELU,
    GELU,
    SELU,
    Activation,
    LeakyReLU,
    LeCunTanh,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from ._arguments import floats

__all__ = [
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "lecun_tanh",
    "lecun_tanh_backward",
    "mish",
    "mish_backward",
    "relu",
    "relu_backward",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
]


def relu(x: ArrayLike) -> Array:
    """max(0, x), element by element.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.relu([-1.0, 2.0])
    array([0., 2.])
    """
    return _forward(ReLU(), x)


def relu_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `relu` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `y`
        0 where `y` is 0; in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.relu_backward([0.0, 2.0], [1.0, 1.0])
    array([0., 1.])
    """
    return _backward(ReLU(), y, grad)


def sigmoid(x: ArrayLike) -> Array:
    """1 / (1 + exp(-x)), element by element, without overflow.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.sigmoid([0.0, -1000.0])
    array([0.5, 0. ])
    """
    return _forward(Sigmoid(), x)


def sigmoid_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `sigmoid` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `y`
        It is grad * y * (1 - y); in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.sigmoid_backward([0.5, 0.0], [1.0, 1.0])
    array([0.25, 0.  ])
    """
    return _backward(Sigmoid(), y, grad)


def tanh(x: ArrayLike) -> Array:
    """Hyperbolic tangent, element by element.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.tanh([0.0, 1000.0])
    array([0., 1.])
    """
    return _forward(Tanh(), x)


def tanh_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `tanh` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `y`
        It is grad * (1 - y**2); in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.tanh_backward([0.0, 1.0], [1.0, 1.0])
    array([1., 0.])
    """
    return _backward(Tanh(), y, grad)


def leaky_relu(x: ArrayLike, negative_slope: float = 0.01) -> Array:
    """max(0, x) + negative_slope * min(0, x), element by element.

    Parameters
    ----------
    x : array_like, any shape
    negative_slope : float, default 0.01
        Not negative.

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If `negative_slope` is outside its range.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.leaky_relu([-1.0, 2.0], 0.5)
    array([-0.5,  2. ])
    """
    return _forward(LeakyReLU(negative_slope), x)


def leaky_relu_backward(y: ArrayLike, grad: ArrayLike, negative_slope: float = 0.01) -> Array:
    """Gradient of the input of `leaky_relu` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.
    negative_slope : float, default 0.01
        Not negative.

    Returns
    -------
    ndarray, the shape of `y`
        It is negative_slope * grad where `y` is not positive; in float32 if both arguments are, else in
        float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ, or `negative_slope` is outside its range.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.leaky_relu_backward([-0.5, 2.0], [1.0, 1.0], 0.5)
    array([0.5, 1. ])
    """
    return _backward(LeakyReLU(negative_slope), y, grad)


def elu(x: ArrayLike, alpha: float = 1.0) -> Array:
    """max(0, x) + alpha * (exp(min(0, x)) - 1), element by element.

    Parameters
    ----------
    x : array_like, any shape
    alpha : float, default 1.0
        Greater than 0.

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.
    ValueError
        If `alpha` is outside its range.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.elu([-1000.0, 2.0])
    array([-1.,  2.])
    """
    return _forward(ELU(alpha), x)


def elu_backward(y: ArrayLike, grad: ArrayLike, alpha: float = 1.0) -> Array:
    """Gradient of the input of `elu` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.
    alpha : float, default 1.0
        Greater than 0.

    Returns
    -------
    ndarray, the shape of `y`
        It is grad * (y + alpha) where `y` is not positive; in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ, or `alpha` is outside its range.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.elu_backward([-0.5, 2.0], [1.0, 1.0])
    array([0.5, 1. ])
    """
    return _backward(ELU(alpha), y, grad)


def selu(x: ArrayLike) -> Array:
    """Scaled ELU, element by element: see `steepest.SELU`.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.selu([-1000.0, 2.0]).round(4)
    array([-1.7581,  2.1014])
    """
    return _forward(SELU(), x)


def selu_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `selu` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `y`
        With s and a of `steepest.SELU`, it is grad * s where `y` is positive, and grad * (y + s * a)
        elsewhere; in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.selu_backward([-1.0, 2.0], [1.0, 1.0]).round(4)
    array([0.7581, 1.0507])
    """
    return _backward(SELU(), y, grad)


def lecun_tanh(x: ArrayLike) -> Array:
    """1.7159 * tanh(2/3 * x), element by element; see `steepest.LeCunTanh`.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.lecun_tanh([0.0, 1000.0])
    array([0.    , 1.7159])
    """
    return _forward(LeCunTanh(), x)


def lecun_tanh_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `lecun_tanh` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `y`
        It is grad * 2/3 * (1.7159 - y**2 / 1.7159); in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.lecun_tanh_backward([0.0], [3.0]).round(4)
    array([3.4318])
    """
    return _backward(LeCunTanh(), y, grad)


def softplus(x: ArrayLike) -> Array:
    """log(1 + exp(x)), element by element, without overflow.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.softplus([-1000.0, 1000.0])
    array([   0., 1000.])
    """
    return _forward(Softplus(), x)


def softplus_backward(y: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `softplus` from its output and that output's gradient.

    Parameters
    ----------
    y : array_like, any shape
        The output.
    grad : array_like, the shape of `y`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `y`
        It is grad * (1 - exp(-y)); in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `y` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.softplus_backward([0.0, 1000.0], [1.0, 1.0])
    array([0., 1.])
    """
    return _backward(Softplus(), y, grad)


def gelu(x: ArrayLike) -> Array:
    """X * Phi(x), element by element, Phi the normal distribution function; see `steepest.GELU`.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.gelu([-1000.0, 1000.0])
    array([  -0., 1000.])
    """
    return _forward(GELU(), x)


def gelu_backward(x: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `gelu` from that input and the output's gradient.

    It needs the input: two inputs can have the same output.

    Parameters
    ----------
    x : array_like, any shape
        The input.
    grad : array_like, the shape of `x`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `x`
        It is grad * (Phi(x) + x * phi(x)), phi the density; in float32 if both arguments are, else in
        float64.

    Raises
    ------
    TypeError
        If `x` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.gelu_backward([0.0, 1000.0], [1.0, 1.0])
    array([0.5, 1. ])
    """
    return _backward(GELU(), x, grad)


def silu(x: ArrayLike) -> Array:
    """X * sigmoid(x), element by element.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.silu([-1000.0, 1000.0])
    array([  -0., 1000.])
    """
    return _forward(SiLU(), x)


def silu_backward(x: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `silu` from that input and the output's gradient.

    It needs the input: two inputs can have the same output.

    Parameters
    ----------
    x : array_like, any shape
        The input.
    grad : array_like, the shape of `x`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `x`
        It is grad * (s + x * s * (1 - s)), s = sigmoid(x); in float32 if both arguments are, else in float64.

    Raises
    ------
    TypeError
        If `x` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.silu_backward([0.0, 1000.0], [1.0, 1.0])
    array([0.5, 1. ])
    """
    return _backward(SiLU(), x, grad)


def mish(x: ArrayLike) -> Array:
    """X * tanh(log(1 + exp(x))), element by element.

    Parameters
    ----------
    x : array_like, any shape

    Returns
    -------
    ndarray, the shape of `x`
        In float32 if `x` is, else in float64.

    Raises
    ------
    TypeError
        If `x` does not hold real numbers.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.mish([-1000.0, 1000.0])
    array([  -0., 1000.])
    """
    return _forward(Mish(), x)


def mish_backward(x: ArrayLike, grad: ArrayLike) -> Array:
    """Gradient of the input of `mish` from that input and the output's gradient.

    It needs the input: two inputs can have the same output.

    Parameters
    ----------
    x : array_like, any shape
        The input.
    grad : array_like, the shape of `x`
        Gradient of the output.

    Returns
    -------
    ndarray, the shape of `x`
        It is grad * (t + x * (1 - t**2) * sigmoid(x)), t = tanh(log(1 + exp(x))); in float32 if both
        arguments are, else in float64.

    Raises
    ------
    TypeError
        If `x` or `grad` does not hold real numbers.
    ValueError
        If their shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.mish_backward([0.0, 1000.0], [1.0, 1.0])
    array([0.6, 1. ])
    """
    return _backward(Mish(), x, grad)


def _forward(layer: Activation, x: ArrayLike) -> Array:
    (array,) = floats(x=x)
    check_dtype(layer, array.dtype)
    return active().activation(layer.name, array, layer.slope)


def _backward(layer: Activation, seen: ArrayLike, grad: ArrayLike) -> Array:
    """`seen` is the output y, or the input x of an activation whose derivative reads that."""
    label = "x" if layer.reads_input else "y"
    given, gradient = floats(**{label: seen, "grad": grad})
    if given.shape != gradient.shape:
        raise ValueError(f"grad has shape {gradient.shape}, but {label} has {given.shape}")
    check_dtype(layer, given.dtype)
    return active().activation_backward(layer.name, given, gradient, layer.slope)
