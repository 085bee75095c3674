"""Compute: the minimum of a quadratic and an l1 penalty.

Coordinate descent (Friedman, Hastie and Tibshirani, Journal of Statistical Software 33, 2010) finds which
weights are 0 and what signs the others have; Newton's steps on these find their last digits, for which
coordinate descent alone takes thousands of sweeps where features are correlated.
"""

from __future__ import annotations

import numpy as np

from ..._checks import Array
from ...backends import active
from .metric import solver
from .minimize import dot

_SWEEPS, _MOST_SWEEPS = 10, 1000  # between two of Newton's steps, and after some that lead nowhere
_ROUNDS = 100
_LENGTHS = 0.5 ** np.arange(10)  # of one of these steps
_EXACT = 1e-3  # of what has been gained, that a round may still gain in the end


def minimize_quadratic(products: Array, slope: Array, l1: Array, start: Array, least: float) -> Array:
    """The point w at which slope @ d + d @ products @ d / 2 + l1 @ abs(w), with d = w - start, is lowest.

    products: (weights, weights), symmetric, positive semidefinite. least: what is not worth a round. If it
    does not come so near, the lowest point that was found.
    """
    point, here, sweeps, gained = start.copy(), slope.copy(), _SWEEPS, 0.0
    for _ in range(_ROUNDS):
        enough = max(least, _EXACT * gained)
        swept = active().coordinate_descent(products, here, l1, point, sweeps, enough)
        held = np.flatnonzero((point != 0) | (l1 == 0))
        inner = products[np.ix_(held, held)]
        point[held], stepped = _newton(inner, here[held], l1[held], point[held])
        gained = -change_of(products, slope, l1, start, point)
        if not max(swept, stepped) > max(least, _EXACT * gained):
            break
        if stepped == 0:
            sweeps = min(2 * sweeps, _MOST_SWEEPS)
        else:
            here = slope + products @ (point - start)
    return point


def change_of(products: Array, slope: Array, l1: Array, start: Array, end: Array) -> float:
    """Of the quadratic and the penalty, from a point to another; the slope is that at the first."""
    moved = end - start
    curve = dot(slope, moved) + dot(moved, products @ moved) / 2
    return curve + dot(l1, np.abs(end) - np.abs(start))


def _newton(products: Array, slope: Array, l1: Array, point: Array) -> tuple[Array, float]:
    """Where weights have the signs that they have, or are 0, and how much lower it is, which may be 0."""
    signs = np.sign(point)
    step = -solver(products.copy(), np.zeros(len(point)))(slope + l1 * signs)
    zeros = -point / step  # how long a step makes them 0
    first = np.min(zeros, where=(l1 > 0) & (zeros > 0), initial=np.inf)
    best, gained = point, 0.0
    # The last one is for directions that nothing but l1 bounds: as far as to the first weight that is 0 then.
    for length in [*_LENGTHS, first]:
        there = point + length * step
        there[(l1 > 0) & ((there * signs <= 0) | (zeros == length))] = 0
        change = change_of(products, slope, l1, point, there)
        if -change > gained:
            best, gained = there, -change
        elif gained > 0:
            break
    return best, gained
