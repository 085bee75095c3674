"""Compute: the best linear classifier of sparse rows, by stochastic dual coordinate ascent.

After Shalev-Shwartz and Zhang, "Stochastic dual coordinate ascent methods for regularized loss minimization",
JMLR 14, 2013; rows that have little left to gain are passed over as in Hsieh et al., "A dual coordinate
descent method for large-scale linear SVM", ICML 2008. A step needs no learning rate, and the duality gap says
how much is left at most. backends/reference/dual_ascent.py has the formula of a step.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ..._checks import Array
from ...backends import active
from ...backends.data import Parameters
from ...backends.dual import DualPoint, DualRows
from ...backends.memory import rows_in_lines
from ...losses import Loss
from .outcome import Outcome
from .rows import csr_rows, row_squares

_EASY = 3e4  # mean of x @ x / (strength * rows), beyond which steps are too short
_BIAS = 0.2  # an intercept's square in a row, as part of the mean of x @ x
_FREE = 10.0  # and at least this times the strength, with which its penalty is next to nothing
_GAP = 10.0  # the gap, in units of tol, that ends the ascent: it is some times what is left
_LITTLE = 0.2  # of the mean gap: rows that have less are passed over
_FALLEN = 0.1  # of what it was over all rows: then all are looked at again


def suits(squares: Array, share: Array, strength: float, dtype: np.dtype[Any]) -> bool:
    """Whether rows with these squares and shares of the mean are soon fitted: a row's steps are long."""
    if strength == 0:
        return False
    pull = share / strength * squares
    return bool(pull.max() < np.sqrt(np.finfo(dtype).max) and pull.mean() <= _EASY)


class DualFit:
    """A layer that is moved to the minimum of: sum of share * loss + strength / 2 * sum of squared weights.

    Biases are not in the penalty. In the dual they are those of a feature that is the same in all rows,
    whose penalty counts from where they are, and is moved there again when little else is left (the method of
    multipliers).
    """

    def __init__(
        self, X: Any, labels: Array, share: Array, loss: Loss, strength: float, layer: Parameters
    ) -> None:
        (features, classes), dtype = layer.weight.shape, X.dtype
        rows, squares = csr_rows(X), row_squares(X)
        self._share, self._strength, self._layer = share, strength, layer
        self._squares = 0.0  # of the weight, summed
        self._rounding = 2 * float(np.finfo(dtype).eps)  # of a mean loss, whose unit is 1
        shares, of_rows = (share / strength).astype(dtype), squares.astype(dtype)
        self._rows = active().dual_ascent(DualRows(rows, labels, shares, of_rows, loss, classes))
        self._point = DualPoint(
            weight=rows_in_lines(features, classes, dtype),
            bias=None if layer.bias is None else np.zeros(classes, dtype),
            bias_square=max(_BIAS * float(share @ squares), _FREE * strength),
            gradients=np.zeros((len(rows), classes), dtype),
            losses=np.zeros(len(rows), dtype),
            gaps=np.zeros(len(rows), dtype),
        )

    def run(self, tol: float, max_iter: int, rng: np.random.RandomState) -> Outcome:
        """Move the layer until the gap is small. Ctrl-C leaves it where it is, with a warning."""
        outcome = Outcome(value=np.inf, values=[], left=np.inf)
        try:
            self._ascend(_GAP * tol, max_iter, rng, outcome)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
            outcome.interrupted = True
        self._layer.weight[...] = self._point.weight
        if self._layer.bias is not None and self._point.bias is not None:
            self._layer.bias[...] = self._point.bias
        return outcome

    def _ascend(self, tol: float, max_iter: int, rng: np.random.RandomState, outcome: Outcome) -> None:
        counting = np.flatnonzero(self._share)
        some, before, steps = counting, np.inf, 0
        while not outcome.converged and len(outcome.values) < max_iter:
            self._squares += self._rows.ascend(self._point, rng.permutation(some))
            steps += len(some)
            value, left = self._value(), self._left()
            epoch = steps >= len(counting)
            if left <= max(_FALLEN * before, tol * value / 2) or (
                epoch and len(outcome.values) + 1 == max_iter
            ):
                value, left, outcome.left = self._look(tol)
                outcome.converged = outcome.left <= tol
                outcome.coarse = outcome.converged and self._rounding > tol * value
                before = left
            elif len(some) == len(counting):
                before = left
            outcome.value = value
            if epoch or outcome.converged:
                outcome.values.append(value)
                steps = 0
            worth = self._point.gaps[counting] > max(tol * value / 2, _LITTLE * left)
            some = counting[worth] if worth.any() else counting

    def _look(self, tol: float) -> tuple[float, float, float]:
        """At all rows: the objective, the gap but for the biases, and its bound as part of the objective."""
        self._rows.measure(self._point)
        value, left, bias = self._value(), self._left(), self._point.bias
        if value == 0 or bias is None:
            return value, left, left / value if value else 0.0
        slope = self._share @ self._point.gradients  # 0 where the biases are best
        # Best ones are taken to be at most 1 further from 0 than the largest of these.
        beyond = float(bias @ slope) + (float(np.abs(bias).max()) + 1) * float(np.abs(slope).sum())
        bound = (left + beyond) / value
        if bound > tol and left <= tol * value:
            bias -= (self._point.bias_square / self._strength * slope).astype(bias.dtype)
        return value, left, bound

    def _value(self) -> float:
        return float(self._share @ self._point.losses) + self._strength / 2 * self._squares

    def _left(self) -> float:
        return float(self._share @ self._point.gaps)
