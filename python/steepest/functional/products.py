"""`steepest.functional`'s products."""

from __future__ import annotations

from numpy.typing import ArrayLike

from .._checks import Array
from ..backends import active
from ._arguments import check_matrix, floats

__all__ = ["linear", "linear_backward"]


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
        In float32 if all arguments are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.linear([[1.0, 2.0]], [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], [0.0, 0.0, 10.0])
    array([[ 1.,  2., 13.]])
    """
    if bias is None:
        a, w = floats(x=x, weight=weight)
        b = None
    else:
        a, w, b = floats(x=x, weight=weight, bias=bias)
    check_matrix(a, "x")
    check_matrix(w, "weight", rows=(a.shape[1], "features of x"))
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
        In float32 if all arguments are, else in float64.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If the shapes do not fit together.

    Examples
    --------
    >>> import steepest as st
    >>> grad_x, grad_weight, grad_bias = st.functional.linear_backward([[1.0, 2.0]], [[3.0], [4.0]], [[1.0]])
    >>> grad_x.tolist(), grad_weight.tolist(), grad_bias.tolist()
    ([[3.0, 4.0]], [[1.0], [2.0]], [1.0])
    """
    a, w, g = floats(x=x, weight=weight, grad=grad)
    check_matrix(a, "x")
    check_matrix(w, "weight", rows=(a.shape[1], "features of x"))
    if g.shape != (a.shape[0], w.shape[1]):
        raise ValueError(f"grad has shape {g.shape}, but the output has {(a.shape[0], w.shape[1])}")
    return active().linear_backward(a, w, g)
