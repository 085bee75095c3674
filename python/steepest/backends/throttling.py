"""How often a fit in Python asks whether to go on."""

from __future__ import annotations

from time import perf_counter

from .data import ShouldStop

_SECONDS = 0.02


def throttled(should_stop: ShouldStop | None) -> ShouldStop:
    """`should_stop`, called at most every 20 ms."""
    due = perf_counter() + _SECONDS

    def stop(done: float) -> bool:
        nonlocal due
        if should_stop is None or perf_counter() < due:
            return False
        due = perf_counter() + _SECONDS
        return should_stop(done)

    return stop
