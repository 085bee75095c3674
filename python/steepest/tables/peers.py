"""`Peers`: the processes that hold the rows of one table together, and what they find out of all rows."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..training.ranks import Ranks
from ..training.ranks.parts import added
from ..training.ranks.ranks import bounds_of

_T = TypeVar("_T")
_ODD = np.uint64(0x9E3779B97F4A7C15)  # spreads bits: 2**64 over the golden ratio


class Elsewhere(Exception):
    """Another process failed, which says why."""


class Peers:
    """One process, which holds all rows. `RankedPeers` are several.

    What asks for something of all rows is called by all processes at the same time, and gives all the same
    answer: they decide alike then.

    Attributes
    ----------
    several : bool
        Whether the table is divided into shards, be it of one process.
    rank : int
        The number of this process.
    leads : bool
        Whether this process prints and writes files.
    shards : int
        How many parts of neighboring rows the table has; sums over all rows are those of its shards, in one
        order.
    own : range
        The shards of this process.
    communicator : mpi4py.MPI.Comm or None
        As `Trainer` takes it.
    """

    several, rank, leads, shards, own = False, 0, True, 1, range(1)
    communicator: Any = None

    def every(self, value: _T) -> list[_T]:
        """What each process has, in the order of their rows."""
        return [value]

    def swapped(self, values: list[_T]) -> list[_T]:
        """What each process has for this one."""
        return values

    def gathered(self, value: _T) -> list[_T] | None:
        """What each process has, for the one that leads; None for the others."""
        return [value]

    def odd(self, value: _T) -> tuple[_T, int, _T] | None:
        """What the first process has, and the first one that has something else; None if all are alike."""
        first, *others = self.every(value)
        return next(((first, rank, other) for rank, other in enumerate(others, 1) if other != first), None)

    def same(self, value: _T) -> _T:
        """What the first process has."""
        return self.every(value if self.leads else None)[0]  # type: ignore[return-value]

    def total(self, value: Any) -> Any:
        """The sum of whole numbers, or of arrays of them."""
        return sum(self.every(value))

    def any(self, flag: object) -> bool:
        """Whether it is so in one of them."""
        return any(self.every(bool(flag)))

    def all(self, flag: object) -> bool:
        """Whether it is so in each of them."""
        return all(self.every(bool(flag)))

    def first(self, values: Sequence[_T]) -> _T | None:
        """The first value that there is."""
        return next((own[0] for own in self.every(list(values[:1])) if own), None)

    def distinct(self, different: Sequence[Any] | NDArray[Any]) -> int:
        """How many different values all processes have together; each gives its own, once each."""
        if not self.several:
            return len(different)
        if not isinstance(different, np.ndarray):
            return int(self.total(len(self.counted(Counter(different)))))
        bits = (different.astype(np.float64) + 0.0).view(np.uint64)  # the same of 0.0 and -0.0
        size = len(self.every(None))
        to = (bits * _ODD >> np.uint64(32)) % np.uint64(size)
        got = self.swapped([different[to == rank] for rank in range(size)])
        return int(self.total(len(np.unique(np.concatenate(got)))))

    def counted(self, counts: Counter[Any]) -> Counter[Any]:
        """How often values occur in all rows, of some of the values; other processes have the others."""
        size = len(self.every(None))
        if size == 1:
            return counts
        parts: list[Counter[Any]] = [Counter() for _ in range(size)]
        for value, count in counts.items():
            parts[zlib.crc32(str(value).encode("utf-8", "surrogatepass")) % size][value] = count
        found: Counter[Any] = Counter()
        for part in self.swapped(parts):
            found.update(part)
        return found

    def parts(self, values: Any) -> list[Any]:
        """Something of each row of this process, by its shards."""
        bounds = bounds_of(len(values), len(self.own))
        return [values[first:end] for first, end in pairwise(bounds)]

    def added(self, sums: Sequence[float]) -> float:
        """The sum over all rows, given those of the own shards; the same bits for any number of processes."""
        return added(np.array([one for own in self.every(list(sums)) for one in own]))

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block that ends well for all processes, or for none."""
        yield


ALONE = Peers()


class RankedPeers(Peers):
    """The processes of an MPI communicator.

    All exchanges are of one kind, in which each process may also tell that it has failed: so one that fails
    anywhere within `together` ends all others at their next exchange, and no one waits.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm
    shards : int or None
        As of `Trainer`.

    Raises
    ------
    ValueError
        If the processes cannot share the shards.
    """

    several = True

    def __init__(self, communicator: Any, shards: int | None) -> None:
        ranks = Ranks(communicator, shards)
        self.communicator, self.rank, self.leads = communicator, ranks.rank, ranks.leads
        self.shards, self.own = ranks.shards, ranks.own

    def every(self, value: _T) -> list[_T]:
        """What each process has, in the order of their rows.

        Raises
        ------
        Elsewhere
            If another process has failed.
        """
        told = self.communicator.allgather((None, value))
        if any(failure is not None for failure, _ in told):
            raise Elsewhere
        return [one for _, one in told]

    def swapped(self, values: list[_T]) -> list[_T]:
        """What each process has for this one; all have come here."""
        self.every(None)
        found: list[_T] = self.communicator.alltoall(values)
        return found

    def gathered(self, value: _T) -> list[_T] | None:
        """What each process has, for the one that leads; None for the others."""
        self.every(None)
        found: list[_T] | None = self.communicator.gather(value, root=0)
        return found

    @contextmanager
    def together(self) -> Iterator[None]:
        """A block that ends well for all processes, or for none.

        Raises
        ------
        Elsewhere
            In all processes but the first one that fails of itself, which raises its own error.
        """
        try:
            yield
            self.every(None)
        except Elsewhere:
            raise
        except Exception as error:
            told = self.communicator.allgather((_is_own(error), None))
            own = [place for place, (failure, _) in enumerate(told) if failure]
            known = [place for place, (failure, _) in enumerate(told) if failure is not None]
            if (own or known)[0] != self.rank:
                raise Elsewhere from None
            raise


def _is_own(error: Exception) -> bool:
    """Whether it did not come from another rank of a fit."""
    return not (isinstance(error, RuntimeError) and re.match(r"rank \d+ failed: ", str(error)))
