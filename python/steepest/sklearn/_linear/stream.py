"""Plan: how far steps of mini-batches go: by what samples weigh, how large they are, and what came before.

A batch's loss is the mean of its samples by their weights; what it weighs as a whole is in its learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from ..._checks import Array
from .rows import row_squares

_REMEMBERED = 1000  # rows: a size, scale or mean that was is forgotten after them
_SETTLED = 10  # rows, of whose targets the intercept starts at the best value
_LARGE = 1000  # rows of a batch whose bound is that of its size: products would take longer than the step

PROGRESS = """
progressive_loss_ : float
    Progressive validation: the mean, by weight, of the losses of all rows seen by `partial_fit`, each
    measured before the model learned from it, without penalty. Not set by `fit`.
"""


@dataclass
class Stream:
    """What an estimator remembers of the rows that `partial_fit` got; the arrays are of the last ones.

    rate: the learning rate that suits them, 0 before the first. start: the intercepts that suited the first.
    left: how much of these the intercepts still hold. loss, weight: sums of the progressive loss.
    """

    left: float
    targets: Array = field(default_factory=lambda: np.empty((0, 0)))
    weights: Array = field(default_factory=lambda: np.empty(0))
    squares: Array = field(default_factory=lambda: np.empty(0))
    rate: float = 0.0
    start: Any = 0.0
    rows: int = 0
    loss: float = 0.0
    weight: float = 0.0

    def remember(self, X: Any, y: Array, weight: Array | None) -> bool:
        """Some rows more; whether the intercepts may still start elsewhere."""
        settled, number = self.rows >= _SETTLED, len(y)
        weight = np.ones(number) if weight is None else np.asarray(weight, np.float64)
        most = max(_REMEMBERED, number)
        if self.rows:
            y = np.concatenate([self.targets, y])[-most:]
        self.targets, self.rows = y, self.rows + number
        self.weights = np.concatenate([self.weights, weight])[-most:]
        self.squares = np.concatenate([self.squares, row_squares(X)])[-most:]
        return not settled

    @property
    def size(self) -> float:
        """The mean of x @ x."""
        return float(np.average(self.squares, weights=self.weights))

    def progress(self, loss: float, weight: float) -> float:
        """The progressive loss, with that of some rows more."""
        self.loss, self.weight = self.loss + loss * weight, self.weight + weight
        return self.loss / self.weight


@dataclass(frozen=True)
class Strides:
    """The learning rate of each batch of a fit.

    A batch of mean weight w that bends by c along the parameters goes, at the rate h, by

    - w * h for w up to 1, and further beyond, as by ever shorter steps, to at most 1 / c, which does not
      overshoot: h + (1 / c - h) * (1 - exp(-(w - 1) * h * c));
    - (1 - exp(-w * h * c)) / c where it is one row of a stream: infinitely many short steps on it, exactly so
      for squared errors (Karampatziakis and Langford, "Online importance weight aware updates", UAI 2011).

    Solvers other than "sgd" go by steps of their own length: there w counts up to 1.

    X, weight: the samples. pace: see `LinearModel._initial_rate`; its inverse is how much the loss bends by
    the score. intercept: whether there is one. unit: the weight that counts 1. plain: of "sgd". longest: the
    longest step that the penalty allows. stream: that of `partial_fit`.
    """

    X: Any
    weight: Array | None
    pace: float
    intercept: bool
    unit: float
    plain: bool
    longest: float
    stream: Stream | None

    def __call__(self, rates: Array, orders: Array | None, epochs: int, size: int) -> Array:
        """One for each batch of some epochs, of the one or those that they would have without weights."""
        number = self.X.shape[0]
        alike = self.weight is None or number <= size or np.ptp(self.weight) == 0
        if self.stream is None and (alike or not self.plain):
            return rates
        orders = np.arange(number)[None, :].repeat(epochs, axis=0) if orders is None else orders
        starts = np.arange(0, number, size)
        counts = np.diff(starts, append=number)
        weight = np.ones(number) if self.weight is None else np.asarray(self.weight, np.float64)
        sums = np.add.reduceat(weight[orders], starts, axis=1)
        squares = (weight * (row_squares(self.X) + self.intercept))[orders]
        bends = np.add.reduceat(squares, starts, axis=1) / np.where(sums, sums, 1) / self.pace
        w, rates = sums / counts / self.unit, np.resize(rates, sums.shape)
        if self.stream is None or not self.plain:
            return self._by_steps(w, rates, bends).ravel()
        for at in np.argwhere((w > 1) & (counts > 1) & (counts <= _LARGE)):
            rows = orders[at[0], starts[at[1]] :][: counts[at[1]]]
            bends[tuple(at)] = self._sharp_bend(rows, weight[rows])
        steps = np.where(counts == 1, _shortened(w * rates, bends), self._by_steps(w, rates, bends)).ravel()
        steps = np.minimum(steps, np.maximum(self.longest, rates.ravel()))
        self.stream.left *= float(np.prod(np.maximum(1 - steps / self.pace, 0)))
        return steps

    def _by_steps(self, w: Array, rates: Array, bends: Array) -> Array:
        steps = rates * np.minimum(w, 1)
        if not self.plain:
            return steps
        room = np.maximum(1 - rates * bends, 0)  # of the way along c that a unit of weight leaves
        return steps + room * _shortened(rates * np.maximum(w - 1, 0), bends)

    def _sharp_bend(self, rows: Array, weight: Array) -> float:
        """At least the largest eigenvalue of the Hessian, and that for equal rows: a Frobenius norm."""
        X, roots = self.X[rows], np.sqrt(weight / weight.sum())
        products = X @ X.T
        products = (products.toarray() if sparse.issparse(products) else products) + float(self.intercept)
        return float(np.linalg.norm(roots[:, None] * products * roots)) / self.pace


def _shortened(steps: Array, bends: Array) -> Array:
    """As many short steps, each where the one before has led: (1 - exp(-step * bend)) / bend."""
    return np.where(bends > 0, -np.expm1(-steps * bends) / np.where(bends > 0, bends, 1), steps)
