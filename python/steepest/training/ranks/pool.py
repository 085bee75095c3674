"""`RankedPool`: what the samples of all ranks say together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ..._checks import Array
from ...compile.pool import Pool
from .parts import Bounds, added
from .ranks import Ranks, bounds_of

_T = TypeVar("_T")


class RankedPool(Pool):
    """The samples of all ranks; sums are of shards, in the order that `added` has.

    Parameters
    ----------
    ranks : Ranks
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self.learned: Bounds | None = None  # of shards, where rows are held out: they differ in how many
        self.held: Bounds | None = None

    def together(self, work: Callable[[], _T]) -> _T:
        """As `Ranks.together`."""
        return self._ranks.together(work)

    def summed(self, of: Callable[[Array], Array], rows: Array) -> Array:
        """The sum of what it makes of each shard; some may have no rows."""
        own = self._ranks.together(lambda: [of(part) for part in self._shards(rows)])
        told = self._ranks.tell(np.ravel(own)).reshape(self._ranks.shards, -1)
        return np.array([added(column) for column in told.T])

    def extremes(self, rows: Array) -> Array:
        """Of the rows of all ranks, of which some may have none."""

        def own() -> Array:
            return np.concatenate([rows.min(axis=0, initial=np.inf), rows.max(axis=0, initial=-np.inf)])

        told = self._ranks.tell(self._ranks.together(own)).reshape(-1, 2, rows.shape[1])
        return np.array([told[:, 0].min(axis=0), told[:, 1].max(axis=0)])

    def of_all(self, work: Callable[[Array], Array], rows: Array) -> Array:
        """What rank 0 makes of the rows of all, which it must have memory for."""
        of_ranks = self._ranks.gather(rows)
        return self._ranks.first(lambda: work(np.concatenate(of_ranks or [])))

    def some(self, wants: bool) -> bool:
        """Whether a rank does."""
        return self._ranks.any(wants)

    def split(self, choose: Callable[[Array], Array], labels: Array) -> tuple[Array, Array]:
        """By a choice of rank 0 among the rows of all, in the order of the ranks; shards stay as they are."""
        of_ranks = self._ranks.gather(labels)

        def chosen() -> list[Array]:
            every = np.concatenate(of_ranks or [])
            taken = np.zeros(len(every), bool)
            taken[choose(every)] = True
            ends = np.cumsum([len(own) for own in of_ranks or []])
            return [np.packbits(own) for own in np.split(taken, ends[:-1])]

        own = self._ranks.first(chosen)[self._ranks.rank]
        taken = np.unpackbits(own, count=len(labels)).astype(bool)
        bounds = bounds_of(len(labels), len(self._ranks.own))
        train, held = np.flatnonzero(~taken), np.flatnonzero(taken)
        self.learned, self.held = (np.searchsorted(rows, bounds).tolist() for rows in (train, held))
        return train, held

    def _shards(self, rows: Array) -> list[Array]:
        """The rows of each own shard, of those that are learned from."""
        bounds = self.learned or bounds_of(len(rows), len(self._ranks.own))
        return np.split(rows, bounds[1:-1])
