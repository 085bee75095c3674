"""What dual coordinate ascent of a linear model learns from, and what it moves: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .._checks import Array
from ..losses import Loss
from .sparse import SparseRows


@dataclass(frozen=True, eq=False)
class DualRows:
    """Rows whose objective, divided by the penalty's strength, is sum of share * loss + sum(W**2) / 2.

    targets: (rows,) int64 of losses that take labels, each in 0..outputs-1; of the others (rows, outputs).
    shares: (rows,), weight / (sum of weights * strength). squares: (rows,), the sum of squares of a row's
    entries. All but labels in the dtype of the entries. The loss is none of binary cross-entropy.
    """

    x: SparseRows
    targets: Array
    shares: Array
    squares: Array
    loss: Loss
    outputs: int


@dataclass(frozen=True, eq=False)
class DualPoint:
    """Arrays that are moved in place.

    gradients: (rows, outputs), for each row a gradient u of its loss by its scores, which the dual holds.
    weight: (features, outputs), - sum of share * x u^T over the rows. bias: (outputs,) or None: moves by -
    bias_square * share * the change of u. losses, gaps: (rows,), as a row was met last, before its step: its
    loss l(s) at its scores s, and l(s) + l*(u) - s u, which is at least 0 and falls to 0.
    """

    weight: Array
    bias: Array | None
    bias_square: float
    gradients: Array
    losses: Array
    gaps: Array


class DualAscent(Protocol):
    """Rows that a backend has read."""

    def ascend(self, point: DualPoint, order: Array) -> float:
        """Make a step on each of the rows of `order`, int64, one after the other.

        Returns how much the sum of squares of the weight has grown.
        """

    def measure(self, point: DualPoint) -> None:
        """Set the losses and gaps of all rows, and move nothing."""
