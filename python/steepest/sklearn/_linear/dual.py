"""Compute: the best linear model of sparse rows, by stochastic dual coordinate ascent.

After Shalev-Shwartz and Zhang, "Stochastic dual coordinate ascent methods for regularized loss minimization",
JMLR 14, 2013; rows that have little left to gain are passed over as in Hsieh et al., "A dual coordinate
descent method for large-scale linear SVM", ICML 2008. A step needs no learning rate, and the duality gap says
how much is left at most. backends/reference/dual_ascent.py has the formula of a step.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import _checks
from ..._checks import Array
from ...backends import active
from ...backends.data import Parameters
from ...backends.dual import DualPoint, DualRows
from ...backends.memory import rows_in_lines
from .outcome import COARSE, Outcome
from .rows import csr_rows, row_squares
from .units import Units

_EASY = 3e4  # mean of x @ x / (strength * rows), beyond which steps are too short
_EXACT = 1e3  # and beyond which float32 rounds steps too coarsely: they are made in float64
_LARGE = 1e15  # shares by the strength, and targets, whose squares may be beyond all numbers of float32
_FARTHEST = 1e100  # that scores may be moved
_BIAS = 0.2  # an intercept's square in a row, as part of the mean of x @ x
_FREE = 10.0  # and at least this times the strength, with which its penalty is next to nothing
_GAP = 10.0  # the gap, in units of tol, that ends the ascent: it is some times what is left
_LITTLE = 0.2  # of the mean gap: rows that have less are passed over
_FALLEN = 0.1  # of what it was over all rows: then all are looked at again


def suits(X: Any, units: Units, share: Array, strength: float) -> bool:
    """Whether rows with these shares of the mean are soon fitted: their steps are long."""
    strength *= units.penalty
    return strength > 0 and float(_pulls(row_squares(X), share, strength).mean()) <= _EASY


def _pulls(squares: Array, share: Array, strength: float) -> Array:
    """How far the scores of each row move against a change of its gradient."""
    with np.errstate(over="ignore"):  # an infinity, which is refused
        return share / strength * np.where(share > 0, squares, 0)


class DualFit:
    """A layer that is moved to the minimum of: sum of share * loss + strength / 2 * sum of squared weights.

    Biases are not in the penalty. In the dual they are those of a feature that is the same in all rows,
    whose penalty counts from where they are, and is moved there again when little else is left (the method of
    multipliers).
    """

    def __init__(self, X: Any, units: Units, share: Array, strength: float, layer: Parameters) -> None:
        strength *= units.penalty
        squares = np.where(share > 0, row_squares(X), 0)
        pulls = _pulls(squares, share, strength)
        if not (most := float(pulls.max())) < _FARTHEST:
            raise ValueError(
                f"x @ x / (alpha * n) is {most:.3g} for a row of X, but must be below {_FARTHEST:.0e} for "
                "solver='sdca': take a larger alpha, or smaller numbers"
            )
        far = max(np.abs(units.targets).max(), 1 / units.bend) > _LARGE
        if pulls.mean() > _EXACT or share.max() > _LARGE * strength or far:
            X = X.astype(np.float64)
        (features, outputs), dtype, rows = layer.weight.shape, X.dtype, csr_rows(X)
        self._share, self._strength, self._layer, self._units = share, strength, layer, units
        self._squares = 0.0  # of the weight, summed
        shares, of_rows = (share / strength).astype(dtype), squares.astype(dtype)
        targets = units.targets if units.loss.takes_labels else units.targets.astype(dtype)
        self._rows = active().dual_ascent(DualRows(rows, targets, shares, of_rows, units.loss, outputs))
        self._point = DualPoint(
            weight=rows_in_lines(features, outputs, dtype),
            bias=None if layer.bias is None else np.zeros(outputs, dtype) + np.asarray(units.bias, dtype),
            bias_square=max(_BIAS * float(share @ squares), _FREE * strength / units.bend),
            gradients=np.zeros((len(rows), outputs), dtype),
            losses=np.zeros(len(rows), dtype),
            gaps=np.zeros(len(rows), dtype),
        )

    def run(self, tol: float, max_iter: int, rng: np.random.RandomState) -> Outcome:
        """Move the layer until the gap is small. Ctrl-C leaves it where it is, with a warning."""
        outcome = Outcome(value=np.inf, values=[], left=np.inf)
        try:
            self._ascend(_GAP * tol, max_iter, rng, outcome)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=_checks.caller_level())
            outcome.interrupted = True
            outcome.value = self._value_anew()
        self._write(outcome)
        return outcome

    def _write(self, outcome: Outcome) -> None:
        """To the layer; where that rounds it, with a look at what it comes to there."""
        layer, point, units = self._layer, self._point, self._units
        layer.weight[...] = units.size * point.weight
        rounded = layer.weight.dtype != point.weight.dtype
        if rounded:
            point.weight[...] = layer.weight / units.size
        if layer.bias is not None and point.bias is not None:
            layer.bias[...] = units.start + units.size * point.bias.astype(np.float64)
            bias = (layer.bias - units.start) / units.size
            rounded |= bool((bias != point.bias).any())
            point.bias[...] = bias
        if rounded:
            before, outcome.value = outcome.value, self._value_anew()
            # Predictions are rounded like the intercepts, of which the value knows no more.
            spacing = np.finfo(layer.weight.dtype).eps * np.abs(units.start).max() / units.size
            more = max(2 * (outcome.value - before), units.bend * float(min(spacing, _FARTHEST)) ** 2)
            outcome.coarse |= outcome.converged and more > COARSE * before
            outcome.values[-1:] = [outcome.value]
        outcome.value *= units.value
        outcome.values = [units.value * value for value in outcome.values]

    def _ascend(self, tol: float, max_iter: int, rng: np.random.RandomState, outcome: Outcome) -> None:
        counting = np.flatnonzero(self._share)
        some, before, steps = counting, np.inf, 0
        while True:
            self._squares += self._rows.ascend(self._point, rng.permutation(some))
            steps += len(some)
            value, left, epoch = self._value(), self._left(), steps >= len(counting)
            last = epoch and len(outcome.values) + 1 == max_iter
            if looks := last or left <= max(_FALLEN * before, tol * value / 2):
                value, left, outcome.left = self._look()
                outcome.converged = outcome.left <= tol
                outcome.coarse = outcome.converged and 0 < tol * value < self._rounding()
            if looks or len(some) == len(counting):
                before = left
            outcome.value = value
            if epoch or outcome.converged:
                outcome.values.append(value)
                steps = 0
            if last or outcome.converged:
                return
            mostly = outcome.left / 2 if outcome.left else 0.0  # where the most is left of the biases
            if looks and left <= max(tol, mostly) * value:
                self._move_biases()
            worth = self._point.gaps[counting] > max(tol * value / 2, _LITTLE * left)
            some = counting[worth] if worth.any() else counting

    def _look(self) -> tuple[float, float, float]:
        """At all rows: the objective, the gap but for the biases, and its bound as part of the objective."""
        self._rows.measure(self._point)
        value, left, bias = self._value(), self._left(), self._point.bias
        if value == 0 or bias is None:
            return value, left, left / value if value else 0.0
        # Best biases are taken to be at most a unit further from 0 than the largest of these.
        slope, most = self._slope(), float(np.abs(bias).max()) + self._units.unit
        return value, left, (left + float(bias @ slope) + most * float(np.abs(slope).sum())) / value

    def _slope(self) -> Array:
        """Of the biases, which is 0 where they are best."""
        slope: Array = self._share @ self._point.gradients
        return slope

    def _rounding(self) -> float:
        """Of a mean loss."""
        slope = self._share @ np.abs(self._point.gradients).sum(axis=1) if self._units.digits else 1.0
        return 2 * float(np.finfo(self._layer.weight.dtype).eps) * self._units.unit * float(slope)

    def _move_biases(self) -> None:
        """Let their penalty count from where they are, which moves them as far again."""
        if (bias := self._point.bias) is not None:
            bias -= (self._point.bias_square / self._strength * self._slope()).astype(bias.dtype)

    def _value(self) -> float:
        return float(self._share @ self._point.losses) + self._strength / 2 * self._squares

    def _value_anew(self) -> float:
        """At all rows, after changes of the weight that were not counted."""
        self._squares = float(np.square(self._point.weight, dtype=np.float64).sum())
        return self._look()[0]

    def _left(self) -> float:
        return float(self._share @ self._point.gaps)
