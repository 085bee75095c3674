"""`Ranks`: the processes of an MPI communicator, what they tell each other, and sums in one fixed order."""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from itertools import accumulate
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from ... import _checks, _extension
from ..._checks import Array
from ..._config import config, current
from .waiting import Interruption, wait_for_all

_T = TypeVar("_T")
_TAG = 4803  # of the messages between two ranks: the program may send others
_NAP = 5e-5  # seconds, between two looks for a message while other threads need the CPUs
_GRACE = 0.5  # seconds, between what the first one says that fails and the end of all


class Alone:
    """The one process of an ordinary fit, which has nobody to tell."""

    def wait_for_all(self) -> None:
        """Nobody to wait for."""

    def same(self, value: _T) -> _T:
        """The value itself."""
        return value

    def together(self, work: Callable[[], _T]) -> _T:
        """What the work returns."""
        return work()

    def first(self, work: Callable[[], _T]) -> _T:
        """What the work returns."""
        return work()

    def threads(self) -> AbstractContextManager[None]:
        """A block in which threads are those of an ordinary fit."""
        return nullcontext()

    def interruptible(self) -> AbstractContextManager[None]:
        """A block whose end by Ctrl-C nobody else has to know of."""
        return nullcontext()


ALONE = Alone()


class Ranks:
    """The processes of one fit, and which shards of the samples each has.

    The gradient of a batch is the sum of those of its shards: of neighbors first, then of neighboring pairs,
    and so on. That order does not depend on how many shards a rank has, where both are powers of 2.

    Parameters
    ----------
    communicator : mpi4py.MPI.Comm
    shards : int or None
        Of all ranks together; None for one each.

    Raises
    ------
    TypeError
        If this is no communicator.
    ValueError
        If shards are given and are no power of 2, or cannot be divided evenly among the ranks.
    """

    def __init__(self, communicator: Any, shards: int | None) -> None:
        if not all(hasattr(communicator, name) for name in ("Get_rank", "Allgather", "Sendrecv", "Abort")):
            raise TypeError(f"communicator must be one of mpi4py, not {communicator!r:.80}")
        self._comm, self.rank, self.size = communicator, communicator.Get_rank(), communicator.Get_size()
        if shards is not None:
            shards = _checks.integer(shards, "shards", minimum=1)
            if shards & (shards - 1):
                raise ValueError(f"shards is {shards}, but must be a power of 2")
            if shards % self.size:
                raise ValueError(f"shards is {shards}, which {self.size} ranks cannot share evenly")
        self.shards = shards or self.size
        each = self.shards // self.size
        self.own = range(self.rank * each, (self.rank + 1) * each)
        # Whether `threads` found ranks on several machines, each with an MPI that several threads may call.
        self.can_overlap = False
        self._known: BaseException | None = None  # what all ranks raise
        self.last_act: Callable[[], None] = lambda: None  # before an end that this rank alone knows of
        self._interruption = Interruption()
        if self.size > 1:
            _end_all_on_errors()

    @property
    def leads(self) -> bool:
        """Whether this is rank 0, which calls back, writes files, and shows what goes on."""
        return bool(self.rank == 0)

    def wait_for_all(self) -> None:
        """Wait until all ranks are here, and say for whom if that takes long."""
        with self.unbroken():
            if self.size > 1:
                wait_for_all(self._comm, _TAG)

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C came in an exchange; the others must be told of it."""
        self._interruption.check()

    def uninterrupted(self) -> AbstractContextManager[None]:
        """A block in which Ctrl-C is kept, as in an exchange, for the next `check`."""
        return self._interruption.exchange()

    def same(self, value: _T) -> _T:
        """What rank 0 has, of anything that can be pickled."""
        with self.unbroken():
            same: _T = self._comm.bcast(value, root=0)
        return same

    def together(self, work: Callable[[], _T]) -> _T:
        """What each rank's own work returns; if that fails on one of them, all raise an error.

        Raises
        ------
        RuntimeError
            That another rank failed, and why.
        """
        failure, result = None, None
        try:
            self.check()
            result = work()
        except BaseException as error:
            failure = error
        self._raise_first(failure)
        return result  # type: ignore[return-value]

    def first(self, work: Callable[[], _T]) -> _T:
        """What rank 0's own work returns, which no other does."""
        return self.same(self.together(lambda: work() if self.leads else None))  # type: ignore[return-value]

    @contextmanager
    def threads(self) -> Iterator[None]:
        """A block in which the ranks of a machine share its CPUs evenly, unless threads were asked for.

        Warns
        -----
        RuntimeWarning
            If more were asked for than there are CPUs.
        """
        asked, usual = current().num_threads, _extension.default_num_threads()
        told = self.every((platform.node(), _cpus(), asked, _threads_may_call_mpi()))
        self.can_overlap = len({node for node, *_ in told}) > 1 and all(may for *_, may in told)
        here = [(cpus, threads) for node, cpus, threads, _ in told if node == told[self.rank][0]]
        cpus = len(frozenset().union(*(own for own, _ in here)))
        given, others = sum(threads for _, threads in here), sum(not threads for _, threads in here)

        def warn() -> None:
            if self.leads and len(here) > 1 and given and given + others > cpus:
                warnings.warn(
                    f"{len(here)} ranks on this machine use {given + others} threads, but may use {cpus} "
                    "CPUs: ask for fewer threads, or leave it to the ranks to share the CPUs",
                    RuntimeWarning,
                    stacklevel=_checks.caller_level(),
                )

        self.together(warn)
        with config(num_threads=asked or max(1, min(usual, (cpus - given) // others))):
            yield

    def gather(self, value: _T) -> list[_T] | None:
        """What all ranks have, for rank 0; None for the others."""
        with self.unbroken():
            gathered: list[_T] | None = self._comm.gather(value, root=0)
        return gathered

    def every(self, value: _T) -> list[_T]:
        """What each rank has."""
        with self.unbroken():
            values: list[_T] = self._comm.allgather(value)
        return values

    def require_same(self, values: Mapping[str, object], what: str) -> None:
        """Refuse what one rank has in another way than rank 0.

        Raises
        ------
        RuntimeError
            On all ranks; it names the first difference.
        """
        first, *others = self.every(values)
        for rank, other in enumerate(others, 1):
            for name in [*first, *other]:
                one, two = first.get(name, "none"), other.get(name, "none")
                if one != two:
                    raise RuntimeError(
                        f"{what} differ: {name} is {one!r:.200} on rank 0, but {two!r:.200} on rank {rank}"
                    )

    def tell(self, numbers: Sequence[float] | Array) -> Array:
        """The numbers of all ranks, (ranks, numbers); each has as many."""
        told = np.empty((self.size, len(numbers)))
        with self.unbroken():
            self._comm.Allgather(np.array(numbers, np.float64), told)
        return told

    def any(self, wants: bool) -> bool:
        """Whether a rank does."""
        return bool(self.tell([wants]).any())

    def add_up(self, vector: Array, naps: Callable[[], bool] | None = None) -> None:
        """Replace a vector by its sum over the ranks, which all of them have then, to the last bit.

        Each pair of ranks halves what it works on, and at the end exchanges the halves that are done
        (Rabenseifner, "Optimization of collective reduction operations", ICCS 2004). The caller
        sees to `unbroken`. naps: for a thread beside others, whether it sleeps between two looks for a
        message; None blocks.
        """
        if self.size == 1:
            return
        most = 1 << (self.size.bit_length() - 1)  # ranks of whole pairs; those beyond lend theirs
        if self.rank >= most:
            self._swap(vector, vector[:0], self.rank - most, naps)
            self._swap(vector[:0], vector, self.rank - most, naps)
            return
        lent = np.empty_like(vector) if self.rank + most < self.size else None
        if lent is not None:
            self._swap(vector[:0], lent, self.rank + most, naps)
            vector += lent
        self._add_pairs(vector, most, naps)
        if lent is not None:
            self._swap(vector, vector[:0], self.rank + most, naps)

    def _add_pairs(self, vector: Array, most: int, naps: Callable[[], bool] | None) -> None:
        begin, end, halves = 0, len(vector), []
        got = np.empty((len(vector) + 1) // 2, vector.dtype)
        distance = 1
        while distance < most:
            partner, middle = self.rank ^ distance, (begin + end) // 2
            low, high = slice(begin, middle), slice(middle, end)
            mine, other = (low, high) if self.rank < partner else (high, low)
            received = got[: mine.stop - mine.start]
            self._swap(vector[other], received, partner, naps)
            vector[mine] += received
            begin, end = mine.start, mine.stop
            halves.append((partner, mine, other))
            distance *= 2
        for partner, mine, other in reversed(halves):
            self._swap(vector[mine], vector[other], partner, naps)

    def _swap(self, sent: Array, received: Array, partner: int, naps: Callable[[], bool] | None) -> None:
        if naps is None:
            self._comm.Sendrecv(sent, partner, _TAG, received, partner, _TAG)
            return
        requests = [self._comm.Irecv(received, partner, _TAG), self._comm.Isend(sent, partner, _TAG)]
        while not requests[0].Testall(requests):
            time.sleep(_NAP if naps() else 0)

    def require_well(self, failed: Sequence[float], failure: BaseException | None) -> None:
        """Raise on all ranks what failed on one of them; `failed` says which."""
        if any(failed):
            self._raise_first(failure)

    def _raise_first(self, failure: BaseException | None) -> None:
        """Raise this rank's failure, or that of the first rank that has one."""
        failures = self.every(None if failure is None else _named(failure))
        if failure is None:
            rank = next((rank for rank, told in enumerate(failures) if told is not None), None)
            if rank is None:
                return
            failure = RuntimeError(f"rank {rank} failed: {failures[rank]}")
        self._known = failure
        raise failure

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A block whose end by Ctrl-C, unless the others know of it, ends all.

        What all know of, they raise when all are here: rank 0 may have a last checkpoint to write.
        """
        self.last_act = lambda: None  # that of the block before
        try:
            with self._interruption.watched():
                yield
        except BaseException as error:
            if self._known is not None and (error is self._known or error.__cause__ is self._known):
                self.every(None)
            elif not isinstance(error, Exception):
                self._abort(error)
            raise

    def _abort(self, error: BaseException) -> None:
        """End all, if there are others, when this rank has kept what it can."""
        try:
            self.last_act()
        finally:
            if self.size > 1:
                _tell_and_abort(self._comm, error)

    @contextmanager
    def unbroken(self) -> Iterator[None]:
        """A block that others wait for: an error within, such as a second Ctrl-C, ends all of them."""
        try:
            with self._interruption.exchange():
                yield
        except BaseException as error:
            self._abort(error)
            raise


def _threads_may_call_mpi() -> bool:
    """Whether MPI was begun for several threads, as mpi4py does unless a program asks for less."""
    MPI = sys.modules.get("mpi4py.MPI")
    return MPI is not None and bool(MPI.Query_thread() == MPI.THREAD_MULTIPLE)


def _cpus() -> frozenset[int]:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    return frozenset(range(os.cpu_count() or 1))


def ranks_of(communicator: Any, shards: int | None) -> Ranks | Alone:
    """Those of a fit.

    Raises
    ------
    ValueError
        If shards are given without a communicator.
    """
    if communicator is None:
        if shards is not None:
            raise ValueError(f"shards={shards!r:.80} divides the samples of ranks: give a communicator too")
        return ALONE
    return Ranks(communicator, shards)


def rows_of(samples: int, ranks: Ranks) -> slice:
    """Those of this rank, of all samples in order."""
    bounds = bounds_of(samples, ranks.shards)
    return slice(bounds[ranks.own.start], bounds[ranks.own.stop])


def bounds_of(samples: int, shards: int) -> list[int]:
    """Where shards of samples begin, and the last one ends; their sizes differ by at most one.

    Halves are halved again: a rank that has some of the shards divides its samples as if it had all.
    """
    if shards & (shards - 1):
        return [place * samples // shards for place in range(shards + 1)]
    sizes = [samples]
    while len(sizes) < shards:
        sizes = [part for size in sizes for part in (size - size // 2, size // 2)]
    return [0, *accumulate(sizes)]


@cache
def _end_all_on_errors() -> None:
    """Or the others would wait for a process that has died, and itself for them."""
    before = sys.excepthook

    def end_all(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if before is not sys.__excepthook__:
            before(kind, error, where)
        _tell_and_abort(sys.modules["mpi4py.MPI"].COMM_WORLD, error)  # that of a fit may be freed by now

    sys.excepthook = end_all


def _named(error: BaseException) -> str:
    """Its kind and message; one that fails to say what it is must not keep the others waiting."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__} without a message"


def _tell_and_abort(communicator: Any, error: BaseException) -> None:
    """At once, or lines of several ranks would mix, and with time for others that fail too."""
    lines = "".join(traceback.format_exception(error))
    sys.stderr.write(f"rank {communicator.Get_rank()}: {lines}")
    sys.stderr.flush()
    time.sleep(_GRACE)
    communicator.Abort(1)
