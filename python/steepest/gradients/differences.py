"""Derivatives of any function, from differences of its values."""

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
    """Gradient of a function from its values at points moved by `h`, one coordinate at a time.

    Slow, approximate and easy to write: what an analytic gradient is checked against.

    Parameters
    ----------
    function : callable
        Takes a float64 array of the shape of `point`, its own to keep or to change; returns a real number.
    point : array_like
        Of any shape; converted to float64, and not changed.
    h : float, default 1e-5
        The step, finite and greater than 0.
    method : {"central", "forward"}
        ``(f(x + h) - f(x - h)) / 2h``, whose error shrinks with h**2, from 2 evaluations a coordinate; or
        ``(f(x + h) - f(x)) / h``, whose error shrinks with h, from 1 a coordinate and 1 more.

    Returns
    -------
    ndarray of float64, the shape of `point`

    Raises
    ------
    ValueError, TypeError
        Also if the function returns what is no finite real number, and if `h` is too small to move a
        coordinate.

    Notes
    -----
    Besides, rounding leaves an error of about 1e-16 times the function's value, divided by h. The best h
    is therefore near 1e-5 for central and 1e-8 for forward differences, where values and derivatives are
    of the size of 1.
    """
    x = finite_point(point, "point")
    h, method = _checked_settings(h, method)
    here = _finite(evaluated(function, x), "at the point") if method == "forward" else 0.0
    gradient = np.empty_like(x)
    for index in np.ndindex(x.shape):
        ahead, above = _moved(function, x, index, h)
        behind, below = (float(x[index]), here) if method == "forward" else _moved(function, x, index, -h)
        gradient[index] = (above - below) / (ahead - behind)  # the step that was made, h but for rounding
    return gradient


def directional_derivative(
    function: Function,
    point: ArrayLike,
    direction: ArrayLike,
    h: float = 1e-5,
    *,
    method: Method = "central",
) -> float:
    """How fast a function changes along a direction: its gradient times the direction, from two values.

    Parameters
    ----------
    function, point, h, method
        As for `numerical_gradient`; the point is moved by `h` times the direction.
    direction : array_like, the shape of `point`
        Of any length: twice the direction has twice the derivative.

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        As for `numerical_gradient`, and if the shapes differ.
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
    """A copy of `value` in float64, refused if not finite."""
    x = np.array(_checks.real_array(value, name), np.float64)
    if not np.isfinite(x).all():
        raise ValueError(f"{name} holds NaN or an infinity")
    return x


def evaluated(function: Function, x: Array) -> float:
    """The function's value, one real number, of a copy of `x`."""
    with np.errstate(over="ignore", invalid="ignore"):  # whether it is finite is for the caller to say
        value = _checks.real_array(function(x.copy()), "the value of the function")
    if value.ndim != 0:
        raise ValueError(f"the value of the function has shape {value.shape}, but must be one number")
    return float(value)


def _moved(function: Function, x: Array, index: tuple[int, ...], step: float) -> tuple[float, float]:
    """One coordinate after a step, and the function there."""
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
