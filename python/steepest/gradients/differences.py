"""Numerical derivatives of any function, by finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array

Function: TypeAlias = Callable[[Array], float]
Method: TypeAlias = Literal["central", "forward"]


def numerical_gradient(
    function: Function, point: ArrayLike, h: float = 1e-5, *, method: Method = "central"
) -> Array:
    """Approximate the gradient of a function by finite differences, one coordinate at a time.

    It is slow and approximate, but hard to get wrong: use it to check an analytic gradient.

    Parameters
    ----------
    function : callable
        Takes a float64 array of the shape of `point` and returns a real number. Each call gets a new copy,
        which the function may change.
    point : array_like
        Where to differentiate, of any shape; converted to float64, and not changed.
    h : float, default 1e-5
        The step, finite and greater than 0.
    method : {"central", "forward"}
        "central" computes ``(f(x + h) - f(x - h)) / 2h``: its error is proportional to h**2, and it takes 2
        evaluations per coordinate. "forward" computes ``(f(x + h) - f(x)) / h``: its error is proportional to
        h, and it takes 1 evaluation per coordinate and 1 more.

    Returns
    -------
    ndarray of float64, the shape of `point`

    Raises
    ------
    ValueError
        If an argument is outside its range, if the function returns a number that is not finite, or if `h` is
        too small to change a coordinate.
    TypeError
        If an argument, or what the function returns, has another type.

    Notes
    -----
    Rounding adds an error of about 1e-16 times the function's value, divided by h. Where values and
    derivatives are about 1, the best h is therefore near 1e-5 for central and 1e-8 for forward differences.

    Examples
    --------
    >>> import steepest as st
    >>> st.gradients.numerical_gradient(lambda w: (w**2).sum(), [1.0, 2.0]).round(6).tolist()
    [2.0, 4.0]
    """
    x = finite_point(point, "point")
    h, method = _checked_settings(h, method)
    here = _finite(evaluated(function, x), "at the point") if method == "forward" else 0.0
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        ahead, above = _moved(function, x, index, h)
        behind, below = (float(x[index]), here) if method == "forward" else _moved(function, x, index, -h)
        gradient[index] = (above - below) / (ahead - behind)  # the step after rounding
    return gradient


def directional_derivative(
    function: Function,
    point: ArrayLike,
    direction: ArrayLike,
    h: float = 1e-5,
    *,
    method: Method = "central",
) -> float:
    """Approximate a directional derivative, the gradient times a direction, by a finite difference.

    Parameters
    ----------
    function, point, h, method
        As for `numerical_gradient`; the point is moved by `h` times the direction.
    direction : array_like, the shape of `point`
        It need not have length 1; the derivative is proportional to its length.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        As for `numerical_gradient`, and if the shapes differ.

    Examples
    --------
    >>> import steepest as st
    >>> round(st.gradients.directional_derivative(lambda w: (w**2).sum(), [1.0, 2.0], [1.0, 1.0]), 6)
    6.0
    """
    x, way = finite_point(point, "point"), finite_point(direction, "direction")
    h, method = _checked_settings(h, method)
    if way.shape != x.shape:
        raise ValueError(f"direction has shape {way.shape}, but point has {x.shape}")
    above = _finite(evaluated(function, x + h * way), "a step along the direction")
    if method == "forward":
        return (above - _finite(evaluated(function, x), "at the point")) / h
    return (above - _finite(evaluated(function, x - h * way), "a step against the direction")) / (2 * h)


def finite_point(value: ArrayLike, name: str) -> Array:
    """A copy of `value` in float64; a ValueError if it is not finite."""
    x = np.array(_checks.real_array(value, name), np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or an infinity")
    return x


def evaluated(function: Function, x: Array) -> float:
    """The value of the function, one real number, for a copy of `x`."""
    with np.errstate(over="ignore", invalid="ignore"):  # whether it is finite is for the caller to say
        value = _checks.real_array(function(x.copy()), "the value of the function")
    if value.ndim != 0:
        raise ValueError(f"the value of the function has shape {value.shape}, but must be one number")
    return float(value)


def _moved(function: Function, x: Array, index: tuple[int, ...], step: float) -> tuple[float, float]:
    """A coordinate after a step, and the value of the function there."""
    moved = x.copy()
    moved[index] += step
    if moved[index] == x[index]:
        raise ValueError(f"h is {abs(step)}, too small to move coordinate {index}, which is {x[index]}")
    return float(moved[index]), _finite(
        evaluated(function, moved), f"with coordinate {index} moved by {step}"
    )


def _finite(value: float, where: str) -> float:
    if not math.isfinite(value):
        raise ValueError(f"the function is {value} {where}, but must be finite")
    return value


def _checked_settings(h: float, method: Method) -> tuple[float, Method]:
    return _checks.positive(h, "h"), _checks.one_of(method, "method", ("central", "forward"))
