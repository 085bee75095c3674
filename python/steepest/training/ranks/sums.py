"""`Sums`: gradients of shards, added up over all ranks in one fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

import numpy as np

from ..._checks import Array
from ...backends.data import Parameters
from .ranks import Ranks

# Bytes of gradients from which on they are sent while others are computed: below, a batch is done before a
# second thread is awake.
_LEAST = 1 << 20
# Bytes sent together, at least, but for the last piece: at 1 Gbit/s two milliseconds, many times the latency.
_PIECE = 1 << 18


class Sums:
    """The gradients of the own shards, and their sum over all.

    Large ones are sent over a network by a thread of their own, while those of earlier stages are computed.
    On one machine, whose CPUs that thread would need, all are exchanged at the end: 40 ms for a step of two
    ranks with 9 MB of gradients, not 42; over 1 Gbit/s the thread saves 12 ms of 135.

    Parameters
    ----------
    ranks : Ranks
    shapes : sequence of Parameters
        Arrays as large as the gradients of each stage.
    meet : bool
        Whether the calling thread speaks with other ranks while it computes: nobody else does so then.
    """

    def __init__(self, ranks: Ranks, shapes: Sequence[Parameters], *, meet: bool) -> None:
        sizes = [sum(array.size for array in (p.weight, p.bias) if array is not None) for p in shapes]
        self._ranks = ranks
        self._sums = np.zeros((len(ranks.own), sum(sizes)), shapes[0].weight.dtype)
        self.own = [_views(sums, shapes) for sums in self._sums]
        self._pieces = _pieces(sizes, self._sums.itemsize)
        self._may_be_beside = self._sums[0].nbytes >= _LEAST and len(self._pieces) > 1 and not meet
        self._pool: ThreadPoolExecutor | None = None
        self._adding: Future[None] | None = None
        self._there: SimpleQueue[bool] = SimpleQueue()  # whether there is a further piece to add up
        self._left: list[tuple[int, slice]] = []  # pieces that it has not been told of
        self._hurried = False  # whether the calling thread only waits, so that a CPU is free
        self._added = False  # whether the batch's total is made

    @property
    def total(self) -> Sequence[Parameters]:
        """That of the last batch."""
        return self.own[0]

    @contextmanager
    def thread(self) -> Iterator[None]:
        """A block in which there may be one that adds up."""
        if not (self._may_be_beside and self._ranks.can_overlap):
            yield
            return
        with ThreadPoolExecutor(1, "steepest-sums") as self._pool:
            try:
                yield
            finally:
                self._there.put(False)
                self._pool = None

    def begin(self) -> None:
        """Before the gradients of a batch are computed."""
        self._left, self._hurried, self._added = list(self._pieces), False, False
        if self._pool is not None:
            self._there = SimpleQueue()
            with self._ranks.unbroken():  # there may be no thread to be had
                self._adding = self._pool.submit(self._add_beside, self._there)

    @property
    def on_gradient(self) -> Callable[[int], None] | None:
        """Is told which stage's gradient is there, by the last one of the own shards."""
        return self._note if self._adding is not None else None

    def end(self) -> None:
        """When they are computed, or that has failed: others wait for what this rank has to send."""
        if self._adding is None:
            return
        with self._ranks.unbroken():
            self._note(0)
            self._hurried = True
            self._adding.result()
        self._adding, self._added = None, True

    def add_up(self) -> None:
        """Make the total, where that has not been done beside the computation."""
        if not self._added:
            with self._ranks.unbroken():
                self._add(slice(None), None)

    def _note(self, place: int) -> None:
        while self._left and self._left[0][0] >= place:
            self._there.put(True)  # first: Ctrl-C between the two must not leave the thread waiting
            self._left.pop(0)

    def _add_beside(self, there: SimpleQueue[bool]) -> None:
        with np.errstate(all="ignore"):  # the update looks at what comes of it
            for _, piece in self._pieces:
                if not there.get():
                    return
                self._add(piece, lambda: not self._hurried)

    def _add(self, piece: slice, naps: Callable[[], bool] | None) -> None:
        sums, distance = self._sums[:, piece], 1
        while distance < len(sums):
            for j in range(0, len(sums), 2 * distance):
                sums[j] += sums[j + distance]
            distance *= 2
        self._ranks.add_up(sums[0], naps)


def _pieces(sizes: Sequence[int], itemsize: int) -> list[tuple[int, slice]]:
    """What is added up at once, from the last gradients on: the first stage of each, and where it lies."""
    pieces, begin = [], sum(sizes)
    end = begin
    for place in reversed(range(len(sizes))):
        begin -= sizes[place]
        if place == 0 or (end - begin) * itemsize >= _PIECE:
            pieces.append((place, slice(begin, end)))
            end = begin
    return pieces


def _views(sums: Array, shapes: Sequence[Parameters]) -> list[Parameters]:
    """A vector as the gradients of parameters of these shapes, one behind the other."""
    views, first = [], 0
    for p in shapes:
        weight = sums[first : first + p.weight.size].reshape(p.weight.shape)
        first += p.weight.size
        bias = None
        if p.bias is not None:
            bias = sums[first : first + p.bias.size]
            first += p.bias.size
        views.append(Parameters(weight, bias))
    return views
