"""The specification of the activations: two functions for each, by the names of `layers.ACTIVATIONS`.

The first takes x and the slope, the second y, the gradient of y and the slope, and returns the gradient of x.
For those that `reads_input`, it takes x for y. ReLU'(0) = 0; LeakyReLU, ELU and SELU have at 0 the slope of
their negative side.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from ..._checks import Array
from .quiet import quiet

_Forward: TypeAlias = Callable[[Array, float], Array]
_Backward: TypeAlias = Callable[[Array, Array, float], Array]


def _identity(x: Array, slope: float) -> Array:
    return x


def _identity_backward(y: Array, grad: Array, slope: float) -> Array:
    return grad


def _relu(x: Array, slope: float) -> Array:
    return np.maximum(x, 0)


def _relu_backward(y: Array, grad: Array, slope: float) -> Array:
    return np.where(y > 0, grad, 0)


def sigmoid(x: Array, slope: float = 0.0) -> Array:
    """1 / (1 + exp(-x)), which binary cross-entropy needs too."""
    small = np.exp(-np.abs(x))  # in (0, 1]: cannot overflow
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def _sigmoid_backward(y: Array, grad: Array, slope: float) -> Array:
    dx: Array = grad * (y * (1 - y))
    return dx


def _tanh(x: Array, slope: float) -> Array:
    return np.tanh(x)


def _tanh_backward(y: Array, grad: Array, slope: float) -> Array:
    dx: Array = grad * (1 - y * y)
    return dx


def _leaky_relu(x: Array, slope: float) -> Array:
    return np.where(x > 0, x, slope * x)


def _leaky_relu_backward(y: Array, grad: Array, slope: float) -> Array:
    return np.where(y > 0, grad, slope * grad)


def _elu(x: Array, slope: float) -> Array:
    return np.where(x > 0, x, slope * np.expm1(x))


def _elu_backward(y: Array, grad: Array, slope: float) -> Array:
    return np.where(y > 0, grad, (y + slope) * grad)


# Klambauer et al., "Self-normalizing neural networks", 2017: s * ELU of alpha a.
SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _selu(x: Array, slope: float) -> Array:
    return SELU_SCALE * _elu(x, SELU_ALPHA)


def _selu_backward(y: Array, grad: Array, slope: float) -> Array:
    return np.where(y > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA).astype(y.dtype) * grad


# LeCun's tanh is height * tanh(stretch * x): 1 at 1 and -1 at -1 ("Efficient BackProp", 1998).
HEIGHT, STRETCH = 1.7159, 2 / 3


def _lecun_tanh(x: Array, slope: float) -> Array:
    return HEIGHT * np.tanh(STRETCH * x)


def _lecun_tanh_backward(y: Array, grad: Array, slope: float) -> Array:
    return grad * (HEIGHT * STRETCH - STRETCH / HEIGHT * (y * y))


def _softplus(x: Array, slope: float) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _softplus_backward(y: Array, grad: Array, slope: float) -> Array:
    return grad * -np.expm1(-y)


_erfc = np.frompyfunc(math.erfc, 1, 1)


def _normal(x: Array) -> Array:
    """The distribution function of the normal distribution, computed in float64."""
    wide = x.astype(np.float64)
    return np.asarray(_erfc(wide * -math.sqrt(0.5)), np.float64) / 2


def _gelu(x: Array, slope: float) -> Array:
    return (np.maximum(x, -40) * _normal(x)).astype(x.dtype)  # -inf * 0 would be NaN


def _gelu_backward(x: Array, grad: Array, slope: float) -> Array:
    wide = np.clip(x.astype(np.float64), -40, 40)
    density = np.exp(-wide * wide / 2) / math.sqrt(2 * math.pi)
    dx: Array = grad * (_normal(wide) + wide * density).astype(grad.dtype)
    return dx


def _silu(x: Array, slope: float) -> Array:
    return np.maximum(x, -1000) * sigmoid(x)  # -inf * 0 would be NaN


def _silu_backward(x: Array, grad: Array, slope: float) -> Array:
    s = sigmoid(x)
    dx: Array = grad * (s + np.clip(x, -1000, 1000) * s * sigmoid(-x))
    return dx


def _mish(x: Array, slope: float) -> Array:
    return np.maximum(x, -1000) * np.tanh(_softplus(x, slope))  # -inf * 0 would be NaN


def _mish_backward(x: Array, grad: Array, slope: float) -> Array:
    soft = _softplus(x, slope)
    dx: Array = grad * (np.tanh(soft) + np.clip(x, -1000, 1000) * sigmoid(x) / np.square(np.cosh(soft)))
    return dx


_FORMULAS: Mapping[str, tuple[_Forward, _Backward]] = {
    "identity": (_identity, _identity_backward),
    "relu": (_relu, _relu_backward),
    "sigmoid": (sigmoid, _sigmoid_backward),
    "tanh": (_tanh, _tanh_backward),
    "leaky_relu": (_leaky_relu, _leaky_relu_backward),
    "elu": (_elu, _elu_backward),
    "selu": (_selu, _selu_backward),
    "lecun_tanh": (_lecun_tanh, _lecun_tanh_backward),
    "softplus": (_softplus, _softplus_backward),
    "gelu": (_gelu, _gelu_backward),
    "silu": (_silu, _silu_backward),
    "mish": (_mish, _mish_backward),
}


@quiet
def activation(name: str, x: Array, slope: float = 0.0) -> Array:
    """Element by element."""
    return _FORMULAS[name][0](x, slope)


@quiet
def activation_backward(name: str, y: Array, grad: Array, slope: float = 0.0) -> Array:
    """Gradient of the input from the output y (the input, where that is read) and the output's gradient."""
    return _FORMULAS[name][1](y, grad, slope)
