"""Compute: the minimum of a smooth convex function and an l1 penalty.

Newton's method with the penalty as it is (Lee, Sun and Saunders, "Proximal Newton-type methods for
minimizing composite functions", SIAM Journal on Optimization 24, 2014), on working sets of weights that grow
until no weight outside wants to leave 0 (Massias, Gramfort and Salmon, "Celer: a fast solver for the lasso
with dual extrapolation", ICML 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...._checks import Array
from ..minimize import Function, Minimum, dot
from .coordinates import minimize_quadratic
from .quadratic import MOST_WEIGHTS, Quadratic

_FIRST = 100  # weights of a working set at least; else twice as many as are not 0
_SHORTEST = 1e-10  # of a step along a direction
_QUIET = 2  # iterations in a row that promise next to nothing, before they are believed
_NOTHING = 1e-13  # of the value, which few of its digits tell
_EXACT = 1e-3  # of tol, which a quadratic is solved to
# What is added to the second derivatives, as a part of those by each weight: next to nothing, but more after
# steps that went too far, as they do where all samples that hold a feature are told right.
_RIDGE, _DAMPED = 1e-12, 1e-3
_SPAN, _LEAST_GAIN = 10, 0.003  # steps that gain less of the value lead nowhere: features are too much alike
_FAILURES = 5  # steps in a row that lead nowhere, with a damping of 16 times that before


@dataclass
class ProximalNewton:
    """A minimization of function(point) + sum(l1 * abs(point)).

    Parameters
    ----------
    function : callable
        Of a point, the value and the gradient there, without the l1 penalty.
    quadratic_at : callable
        Of a point, how the function bends there.
    l1 : ndarray of the shape of points
        0 for weights without that penalty.
    """

    function: Function
    quadratic_at: Callable[[Array], Quadratic]
    l1: Array
    at: Minimum | None = None  # where it has come to, if it is interrupted

    def run(self, start: Array, tol: float, max_iter: int, floor: float = 0.0) -> Minimum:
        """From `start` until tol * value is more than what is promised, or the value is below `floor`."""
        self.at = at = self._evaluated(start, [])
        quiet, failures, damping, before = 0, 0, _RIDGE, np.inf
        while len(at.values) < max_iter and at.value > floor:
            step, at.promised = self._step(at, damping, _EXACT * tol * at.value)
            small = at.promised <= tol * at.value
            if small and damping > _RIDGE and not failures:  # a damped one promises too little
                damping = _RIDGE
                continue
            gains, before = at.promised < before / 2, at.promised  # digits, and cheap ones
            quiet = quiet + (not gains) if small else 0
            if at.promised <= _NOTHING * at.value and damping == _RIDGE:
                at.converged = True
                break
            found, length = self._search(at, step)
            if found is None:
                if small or failures == _FAILURES:
                    at.converged = small and damping == _RIDGE
                    break
                failures, damping = failures + 1, max(16 * damping, _DAMPED)
                continue
            failures = 0
            damping = max(damping / 16, _RIDGE) if length == 1 else max(4 * damping, _DAMPED)
            found.promised, found.converged = at.promised, quiet == _QUIET
            self.at = at = found
            stuck = len(at.values) > _SPAN and at.value > (1 - _LEAST_GAIN) * at.values[-1 - _SPAN]
            if at.converged or (stuck and not small):
                break
        return at

    def _evaluated(self, point: Array, values: list[float]) -> Minimum:
        value, slope = self.function(point)
        return Minimum(point=point, slope=slope, value=value + dot(self.l1, np.abs(point)), values=values)

    def _pull(self, at: Minimum) -> Array:
        """The smallest subgradient."""
        out = np.maximum(np.abs(at.slope) - self.l1, 0)
        return np.where(at.point == 0, out, at.slope + self.l1 * np.sign(at.point))

    def _working_set(self, point: Array, gains: Array) -> Array:
        """The weights that are not 0, and those that gain most if they are not."""
        support = (point != 0) | (self.l1 == 0)
        count = int(support.sum())
        worth = np.where(support, np.inf, gains) if 2 * count <= MOST_WEIGHTS else gains
        held = np.argsort(-worth, axis=None, kind="stable")[: min(max(_FIRST, 2 * count), MOST_WEIGHTS)]
        mask = np.zeros(point.shape, bool)
        mask.flat[held] = True
        return mask & (worth > 0)

    def _step(self, at: Minimum, damping: float, least: float) -> tuple[Array, float]:
        """To the minimum with the quadratic on a working set, and what all weights promise."""
        quadratic = self.quadratic_at(at.point)
        diagonal = quadratic.diagonal
        gains = np.square(self._pull(at)) / diagonal / 2  # of each weight by itself
        held = self._working_set(at.point, gains)
        step, promised = np.zeros_like(at.point), float(gains[~held].sum())
        for places, products in quadratic.parts(held):
            products[np.diag_indices_from(products)] += damping * diagonal[places]
            start, slope, l1 = at.point[places], at.slope[places], self.l1[places]
            end, gained = minimize_quadratic(products, slope, l1, start, least)
            step[places] = end - start
            promised += gained
        return step, promised

    def _search(self, at: Minimum, step: Array) -> tuple[Minimum | None, float]:
        """A point along the step that is lower by enough, and what part of the step it is."""
        falls = dot(at.slope, step) + dot(self.l1, np.abs(at.point + step) - np.abs(at.point))
        length = 1.0
        while length > _SHORTEST and falls < 0:
            found = self._evaluated(at.point + length * step, at.values)
            if found.value <= at.value + 1e-4 * length * falls and np.isfinite(found.slope).all():
                found.values.append(found.value)
                return found, length
            length /= 2
        return None, 0.0
