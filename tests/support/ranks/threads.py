"""Ranks that are threads of this process, for what exchanges Python objects alone: no MPI is needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from steepest.tables import RankedPeers

_T = TypeVar("_T")
_PATIENCE = 60  # seconds, after which a rank that waits in vain fails


class _Thread:
    """A communicator, of which each thread has one; all but one of them wait at any time."""

    def __init__(
        self, rank: int, values: list[Any], barrier: threading.Barrier, turn: threading.Lock
    ) -> None:
        self._rank, self._values, self._barrier, self._turn = rank, values, barrier, turn

    def Get_rank(self) -> int:
        return self._rank

    def Get_size(self) -> int:
        return len(self._values)

    def allgather(self, value: Any) -> list[Any]:
        self._values[self._rank] = value
        self._wait()
        found = list(self._values)
        self._wait()
        return found

    def _wait(self) -> None:
        self._turn.release()
        try:
            self._barrier.wait(_PATIENCE)
        finally:
            self._turn.acquire()

    def alltoall(self, values: list[Any]) -> list[Any]:
        return [own[self._rank] for own in self.allgather(values)]

    def gather(self, value: Any, root: int) -> list[Any] | None:
        found = self.allgather(value)
        return found if self._rank == root else None

    Allgather = Sendrecv = Abort = None


def on_threads(ranks: int, shards: int | None, work: Callable[[RankedPeers], _T]) -> list[_T | Exception]:
    """What each rank's work returns, or raises."""
    values, barrier, turn = [None] * ranks, threading.Barrier(ranks), threading.Lock()

    def run(rank: int) -> _T | Exception:
        try:
            with turn:
                peers = RankedPeers(_Thread(rank, values, barrier, turn), shards)
                with peers.together():
                    return work(peers)
        except Exception as error:
            return error

    with ThreadPoolExecutor(ranks) as pool:
        return list(pool.map(run, range(ranks)))
