"""`Pool`: what all the samples of a fit say together, wherever they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from .._checks import Array

_T = TypeVar("_T")


class Pool:
    """The samples of one process, which has them all; see `training.ranks` for those of several."""

    def together(self, work: Callable[[], _T]) -> _T:
        """What the work of each process returns; if that fails in one of them, it fails in all."""
        return work()

    def summed(self, of: Callable[[Array], Array], rows: Array) -> Array:
        """What a function makes of all rows, if it adds up something over them: a vector."""
        return of(rows)

    def extremes(self, rows: Array) -> Array:
        """The smallest and the largest of each feature over all rows: (2, features)."""
        return np.array([rows.min(axis=0), rows.max(axis=0)])

    def of_all(self, work: Callable[[Array], Array], rows: Array) -> Array:
        """What a function makes of all rows."""
        return work(rows)

    def some(self, wants: bool) -> bool:
        """Whether a process does."""
        return wants

    def split(self, choose: Callable[[Array], Array], labels: Array) -> tuple[Array, Array]:
        """Rows of this process that a choice among all leaves, and those that it takes, ascending."""
        held = choose(labels)
        return np.setdiff1d(np.arange(len(labels)), held, assume_unique=True), held


POOL = Pool()
