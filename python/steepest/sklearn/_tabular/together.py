"""Members side by side, one a thread, until time is over."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from time import perf_counter
from typing import NamedTuple

from ..._config import config, get_num_threads
from .._fitting.many import side_by_side
from .._fitting.shared import SharedFits, shared_fits
from .checkpoints import Slot
from .member import Member

Until = Callable[[Callable[[], bool]], Member]  # is told whether to end


class Time(NamedTuple):
    """When a fit has begun, by `perf_counter`, and how many seconds it may take."""

    begun: float
    seconds: float

    @property
    def left(self) -> float:
        """Seconds; 0 when it is over."""
        return max(0.0, self.begun + self.seconds - perf_counter())


def together(
    fits: Sequence[Until], slots: Sequence[Slot], time: Time, n_threads: int | None, progress: bool
) -> list[Member]:
    """Members, each with what a checkpoint keeps of it; those that have ended there take no time."""
    threads = int(n_threads or get_num_threads())
    within = shared_fits.get()  # other fits, which have the other threads
    workers = 1 if within is not None else min(threads, len(fits))
    shared = SharedFits()
    before = [0, *accumulate(slot.ended is None for slot in slots)]  # so many are to learn
    rounds, own_threads = math.ceil(before[-1] / workers), max(1, threads // max(1, before[-1]))

    def failed() -> bool:
        return shared.ended.is_set() or (within is not None and within.ended.is_set())

    def one(place: int) -> Member:
        # Those that begin later have the rest of the time, in equal parts for each round.
        end = perf_counter() + time.left / max(1, rounds - before[place] // workers)
        with config(num_threads=own_threads if within is None else 1):
            member = fits[place](lambda: failed() or perf_counter() >= end)
        if not failed():
            slots[place].settle()
        return member

    calls = [partial(one, place) for place in range(len(fits))]
    return side_by_side(calls, shared, workers, progress)
