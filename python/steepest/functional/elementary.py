"""`steepest.functional`'s exponentials and logarithms."""

from __future__ import annotations

from numpy.typing import ArrayLike

from .._checks import Array
from ..backends import active
from ._arguments import check_matrix, floats

__all__ = ["exp", "log", "softmax"]


def exp(x: ArrayLike) -> Array:
    """e**x, element by element.

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
    >>> st.functional.exp([0.0, -1000.0])
    array([1., 0.])
    """
    return active().exp(*floats(x=x))


def log(x: ArrayLike) -> Array:
    """Natural logarithm, element by element: -inf at 0, NaN below.

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
    >>> st.functional.log([1.0, 0.0])
    array([  0., -inf])
    """
    return active().log(*floats(x=x))


def softmax(scores: ArrayLike) -> Array:
    """Row-wise exp(s) / sum(exp(s)), without overflow.

    Parameters
    ----------
    scores : array_like, (samples, classes)
        At least one class.

    Returns
    -------
    ndarray, (samples, classes)
        Rows of probabilities, in float32 if `scores` are, else in float64.

    Raises
    ------
    TypeError
        If `scores` does not hold real numbers.
    ValueError
        If it is not 2-D, or has no classes.

    Examples
    --------
    >>> import steepest as st
    >>> st.functional.softmax([[1000.0, 1000.0], [0.0, -1000.0]])
    array([[0.5, 0.5],
           [1. , 0. ]])
    """
    (s,) = floats(scores=scores)
    check_matrix(s, "scores")
    if s.shape[1] == 0:
        raise ValueError("scores has 0 classes, but at least 1 is needed")
    return active().softmax(s)
