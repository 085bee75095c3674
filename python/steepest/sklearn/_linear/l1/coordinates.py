"""Compute: the minimum of a quadratic and an l1 penalty.

Coordinate descent (Friedman, Hastie and Tibshirani, Journal of Statistical Software 33, 2010) finds which
weights are 0 and what signs the others have; Newton's steps on these find their last digits, for which
coordinate descent alone takes thousands of sweeps where features are correlated.
"""

from __future__ import annotations

import numpy as np

from ...._checks import Array
from ....backends import active
from ..metric import one_thread, solver
from ..minimize import dot

_SWEEPS, _MOST_SWEEPS = 10, 1000  # between two of Newton's steps, and after some that lead nowhere
_ROUNDS, _FEW, _WORK = 100, 3, 3e8  # at most; beyond a few, while they cost no more multiply-adds than that
_EXACT = 1e-5  # of what has been gained, that a round may still gain in the end


def minimize_quadratic(
    products: Array, slope: Array, l1: Array, start: Array, least: float
) -> tuple[Array, float]:
    """The point w at which slope @ d + d @ products @ d / 2 + l1 @ abs(w), with d = w - start, is lowest.

    products: (weights, weights), symmetric, positive semidefinite. least: what is not worth a round. If it
    does not come so near, the lowest point that was found. Returns also how much lower it is there.
    """
    with one_thread(len(start)):  # of BLAS, whose sums depend on their number
        return _minimized(products, slope, l1, start, least)


def _minimized(products: Array, slope: Array, l1: Array, start: Array, least: float) -> tuple[Array, float]:
    point, here, sweeps, gained, work = start.copy(), slope.copy(), _SWEEPS, 0.0, 0.0
    for number in range(_ROUNDS):
        swept = active().coordinate_descent(products, here, l1, point, sweeps, max(least, _EXACT * gained))
        held = np.flatnonzero((point != 0) | (l1 == 0))
        inner = products[np.ix_(held, held)]
        point[held], stepped = _newton(inner, here[held], l1[held], point[held])
        gained = -_change_of(products, slope, l1, start, point)
        work += sweeps * len(point) ** 2 + len(held) ** 3 / 3
        if not max(swept, stepped) > max(least, _EXACT * gained) or (number >= _FEW and work > _WORK):
            break
        if stepped == 0:
            sweeps = min(2 * sweeps, _MOST_SWEEPS)
        else:
            here = slope + products @ (point - start)
    return point, gained


def _change_of(products: Array, slope: Array, l1: Array, start: Array, end: Array) -> float:
    """Of the quadratic and the penalty, from a point to another; the slope is that at the first."""
    moved = end - start
    curve = dot(slope, moved) + dot(moved, products @ moved) / 2
    return curve + dot(l1, np.abs(end) - np.abs(start))


def _newton(products: Array, slope: Array, l1: Array, point: Array) -> tuple[Array, float]:
    """A lower point along Newton's step for these signs, and how much lower it is, which may be 0."""
    if not len(point):
        return point, 0.0
    step = -solver(products.copy(), np.zeros(len(point)))(slope + l1 * np.sign(point))
    best, gained = point, 0.0
    for there in (_along(products, slope, l1, point, step), _within_signs(l1, point, step)):
        change = _change_of(products, slope, l1, point, there)
        if -change > gained:
            best, gained = there, -change
    return best, gained


def _along(products: Array, slope: Array, l1: Array, point: Array, step: Array) -> Array:
    """The lowest point along a step, however many weights change their signs before it."""
    turning = np.flatnonzero((l1 > 0) & (point * step < 0))
    zeros = -point[turning] / step[turning]  # how long a step makes them 0
    order = np.argsort(zeros, kind="stable")
    turning, zeros = turning[order], zeros[order]
    # The slope along the step grows steadily, and jumps where a weight changes its sign.
    jumps = np.cumsum(2 * l1[turning] * np.abs(step[turning]))
    bend = dot(step, products @ step)
    first = dot(slope + l1 * np.sign(point), step)
    after = first + bend * zeros + jumps
    k = int((after < 0).sum())  # signs that have changed before the lowest point
    steady = -(first + (jumps[k - 1] if k else 0.0)) / bend if bend > 0 else np.inf
    if k < len(zeros) and not steady < zeros[k]:
        there = point + zeros[k] * step
        there[turning[k]] = 0
        return there
    return point + steady * step if steady < np.inf else point


def _within_signs(l1: Array, point: Array, step: Array) -> Array:
    """A whole step, but to 0 for weights that would change their signs."""
    there = point + step
    there[(l1 > 0) & (there * point <= 0)] = 0
    return there
