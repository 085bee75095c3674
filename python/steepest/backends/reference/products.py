"""The specification of products."""

from __future__ import annotations

from ..._checks import Array
from .quiet import quiet


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
