"""Compute: the minimum of a smooth convex function.

L-BFGS (Nocedal and Wright, "Numerical Optimization", 2006, algorithms 7.4 and 7.5) in a metric near the
inverse of the curvature, which is renewed after some steps. With the Hessian as the metric these are steps of
Newton's method, and the pairs say what has changed since. The line search is that of Lewis and Overton,
"Nonsmooth optimization via quasi-Newton methods", Mathematical Programming 141, 2013: from a first step of
any size it comes to the right one in the logarithm of their ratio.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..._checks import Array
from .outcome import Outcome

_QUIET = 3  # iterations in a row that promise next to nothing, before they are believed
_EVALUATIONS = 60  # of one line search: steps between 1e-18 and 1e28 times the first
_NOTHING = 1e-22  # of the value: weights are within 1e-10 of their best then
_NEAR = 1e-2  # of the value, to the minimum: only from here on the pace says how many steps are left
_DIGITS = 1e-10  # of the value: if more is left where steps gain no more digits, there is one more metric
_EPS = float(np.finfo(np.float64).eps)

Function = Callable[[Array], tuple[float, Array]]
Metric = Callable[[Array], Array]


@dataclass(kw_only=True)
class Minimum(Outcome):
    """Where a minimization has come to, the slope there, and what is left by the curvature that was seen."""

    point: Array
    slope: Array
    promised: float = math.inf


class LBFGS:
    """A minimization.

    Parameters
    ----------
    function : callable
        Of a point, the value and the gradient there.
    metric_at : callable
        Of a point, and the number of steps that are left to the minimum at the pace so far (0 if far away):
        the metric there, which is, of a gradient, the step to the minimum of a function whose curvature is
        the metric's inverse; and how many steps are remembered until there is a new one.
    polish : bool
        Go on while steps gain digits.
    """

    def __init__(
        self,
        function: Function,
        metric_at: Callable[[Array, float], tuple[Metric, int]],
        polish: bool = True,
    ) -> None:
        self._polish = polish
        self._function = function
        self._metric_at = metric_at
        self._metric: Metric
        self._most = 0  # pairs
        self._promises: list[float] = []  # since there is this metric
        self.at: Minimum | None = None
        self._pairs: list[tuple[Array, Array, float]] = []
        self._scale = 1.0  # of the metric, by the last pair

    def run(self, start: Array, tol: float, max_iter: int, floor: float = 0.0) -> Minimum:
        """From `start` until tol * value is more than what is promised, or the value is below `floor`.

        `at` is where it has come to, if it is interrupted.
        """
        value, slope = self._function(start)
        self.at = at = Minimum(point=start, slope=slope, value=value, values=[])
        self._renew(start, 0.0)
        polished = not self._polish
        quiet, before, gained = 0, math.inf, math.inf
        while len(at.values) < max_iter and at.value > floor:
            step = -self._applied(at.slope)
            at.promised = -dot(at.slope, step) / 2 / min(self._scale, 1.0)
            self._promises.append(at.promised)
            # Steps that still gain digits are cheap, and make the result depend on the function alone.
            gains = self._polish and at.promised < 0.5 * before
            calm = max(at.promised, gained) <= tol * at.value
            quiet, before = quiet + (not gains) if calm else 0, at.promised
            if quiet == _QUIET and not polished and at.promised > _DIGITS * at.value:
                polished, quiet = True, 0
                self._renew(at.point, math.inf)
                continue
            if quiet == _QUIET or at.promised <= _NOTHING * at.value:
                at.converged = True
                break
            found = self._search(at, step) if at.promised > 0 else None
            if found is not None:
                gained = at.value - found.value
                if gained > 8 * _EPS * at.value:  # else a pair is of rounding
                    self._remember(found, found.point - at.point, found.slope - at.slope)
                self.at = at = found
                at.values.append(at.value)
            elif self._pairs and at.promised > _EPS * at.value:
                # What is remembered leads nowhere, by rounding.
                self._renew(at.point, self._steps_left(at.value))
            else:
                at.converged = at.promised <= tol * at.value
                break
        return at

    def _applied(self, gradient: Array) -> Array:
        """The step of the quadratic that the remembered pairs and the metric describe."""
        left, shares = gradient, []
        for step, change, product in reversed(self._pairs):
            shares.append(dot(step, left) / product)
            left = left - shares[-1] * change
        result = self._scale * self._metric(left)
        for step, change, product in self._pairs:
            result = result + (shares.pop() - dot(change, result) / product) * step
        return result

    def _renew(self, point: Array, left: float) -> None:
        self._pairs.clear()
        self._promises.clear()
        self._metric, self._most = self._metric_at(point, left)
        self._scale = 1.0

    def _steps_left(self, value: float) -> float:
        """To the minimum, as fast as what is promised has fallen with this metric."""
        first, last = self._promises[0], self._promises[-1]
        if last > _NEAR * value:
            return 0.0
        fallen, to_fall = math.log(first / last), math.log(last / value) - math.log(_NOTHING)
        return len(self._promises) * to_fall / fallen if fallen > 0 else math.inf

    def _remember(self, at: Minimum, step: Array, change: Array) -> None:
        """What a step to a point has shown of the curvature."""
        if len(self._pairs) == self._most:
            self._renew(at.point, self._steps_left(at.value))
            return
        product = dot(step, change)
        if product > _EPS * math.sqrt(dot(step, step) * dot(change, change)):
            self._pairs.append((step, change, product))
            expected = dot(change, self._metric(change))
            self._scale = min(max(product / expected, 0.1), 10.0) if expected > 0 else 1.0

    def _search(self, at: Minimum, step: Array) -> Minimum | None:
        """A point that is lower by enough, and beyond which the value does not go on falling as before."""
        falls, low, high, t = dot(at.slope, step), 0.0, math.inf, 1.0
        best = None
        for _ in range(_EVALUATIONS):
            point = at.point + t * step
            value, slope = self._function(point)
            if -t * falls > 1e3 * _EPS * abs(at.value):
                enough = value <= at.value + 1e-4 * t * falls
            else:  # too little for the value to tell, but its slope does, as of a parabola
                enough = dot(slope, step) <= -0.8 * falls
            if not (enough and np.isfinite(slope).all()):
                high = t
            else:
                low, best = t, Minimum(point=point, slope=slope, value=value, values=at.values)
                if dot(slope, step) >= 0.9 * falls:
                    break
            t = (low + high) / 2 if high < math.inf else 3 * t
            if t in (low, high) or math.isinf(t):
                break
        if best is None or best.value < at.value:
            return best
        # No digit of the value tells them apart any more, but the gradient does.
        return best if dot(best.slope, best.slope) < 0.9 * dot(at.slope, at.slope) else None


def dot(a: Array, b: Array) -> float:
    """The sum of products, in an order that no number of threads changes."""
    return float(np.add.reduce((a * b).ravel()))
