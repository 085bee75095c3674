"""`RankedPool`: what the samples of all ranks say together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from ..._checks import Array
from ...compile.pool import Pool
from .parts import added
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

    def together(self, work: Callable[[], _T]) -> _T:
        """As `Ranks.together`."""
        return self._ranks.together(work)

    def summed(self, of: Callable[[Array], Array], rows: Array) -> Array:
        """The sum of what it makes of each shard; some may have no rows."""
        own = self._ranks.together(lambda: [of(part) for part in self._shards(rows)])
        told = self._ranks.tell(np.ravel(own)).reshape(self._ranks.shards, -1)  # type: ignore[arg-type]
        return np.array([added(column) for column in told.T])

    def _shards(self, rows: Array) -> list[Array]:
        """The rows of each own shard."""
        return np.split(rows, bounds_of(len(rows), len(self._ranks.own))[1:-1])
