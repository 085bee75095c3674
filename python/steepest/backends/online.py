"""What a linear model learns from row by row, as rows come, and what it moves: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from .._checks import Array
from ..losses import Loss
from .sparse import SparseRows


@dataclass(frozen=True, eq=False)
class OnlineRows:
    """Rows to learn from.

    labels: (rows,) int64, each in 0..classes-1. weight: (rows,), what each counts, of the entries' dtype.
    """

    x: SparseRows
    labels: Array
    weight: Array
    loss: Loss
    classes: int


@dataclass(frozen=True, eq=False)
class OnlinePoint:
    """Arrays that are moved in place, and how far.

    weight: (features, classes), but (features, 1) of two classes: a score s stands for -s / 2 and s / 2.
    bias: (classes,), (1,) or None: the weight of a feature that is `unit` in each row, times that. sums:
    (features + 1,) float64, over the rows so far, of weight * x_j^2 * |g|^2, the last one of the bias. rate,
    floor: the rate of feature j is rate / sqrt(floor + sum).
    """

    weight: Array
    bias: Array | None
    sums: Array
    rate: float
    floor: float
    unit: float


class Online(Protocol):
    """Rows that a backend has read."""

    def learn(self, point: OnlinePoint, order: Array) -> float:
        """Make a step on each of the rows of `order`, int64, one after the other.

        Returns the sum of weight * loss over them, each before its step, or NaN if one would not be finite,
        before which it ends.
        """
