"""Timing in turns: all competitors live in one process, so that a disturbance meets them alike."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import machine

# Idle threads go on polling for work, those of OpenBLAS for a tenth of a second in some builds.
SETTLE_SECONDS = 0.15

Run = Callable[[int], object]  # does that many steps, or calls


class Case(Protocol):
    """What is timed: a training step (`problems.Problem`) or a call (`peer_forward.Forward`)."""

    @property
    def name(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def multiply_adds(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def limit(self) -> str: ...


def measure(
    case: Case, starts: Mapping[str, Callable[[], Run]], threads: int, rounds: int, seconds: float
) -> dict[str, Any]:
    """The times of one case, each competitor started by a function that also checks its answer.

    name, dtype       of the case
    flops, bytes      of one step or call: arithmetic, and memory traffic where no cache holds the weights
    limit             what bounds it: "peak", "bandwidth", or "" where it is neither
    seconds           {competitor: [seconds a step or call, one for each round]}
    failed            {competitor: why it could not run}
    peak, bandwidth   the best FLOP/s in this dtype and bytes/s read from memory, seen in the same turns
    """
    runs, failed = _started(starts)
    steps = {name: _steps_in(run, seconds) for name, run in runs.items()}
    names = list(runs)
    samples: dict[str, list[float]] = {name: [] for name in names}
    peak = bandwidth = 0.0
    for number in range(rounds):
        first = number % len(names)  # so that nobody always follows the same one
        for name in names[first:] + names[:first]:
            time.sleep(SETTLE_SECONDS)
            runs[name](1)
            samples[name].append(_seconds(runs[name], steps[name]) / steps[name])
        time.sleep(SETTLE_SECONDS)
        peak = max(peak, machine.peak(case.dtype, threads, seconds))
        bandwidth = max(bandwidth, machine.bandwidth(threads, seconds))
    return {
        "name": case.name,
        "dtype": case.dtype,
        "flops": 2 * case.multiply_adds,
        "bytes": case.bytes,
        "limit": case.limit,
        "seconds": samples,
        "failed": failed,
        "peak": peak,
        "bandwidth": bandwidth,
    }


def _started(starts: Mapping[str, Callable[[], Run]]) -> tuple[dict[str, Run], dict[str, str]]:
    """Those that run, and why the others do not; a wrong answer is no such reason, and ends it all."""
    runs, failed = {}, {}
    for name, start in starts.items():
        try:
            runs[name] = start()
        except AssertionError:
            raise
        except Exception as error:
            if name == "steepest":
                raise
            lines = str(error).strip().splitlines()
            failed[name] = f"{type(error).__name__}: {lines[0] if lines else ''}"
            print(f"{name} failed: {failed[name]}", file=sys.stderr)
    return runs, failed


def _seconds(run: Run, steps: int) -> float:
    start = time.perf_counter()
    run(steps)
    return time.perf_counter() - start


def _steps_in(run: Run, seconds: float) -> int:
    """A number of steps that takes about so long."""
    steps = 1
    while _seconds(run, steps) < seconds / 2:
        steps *= 2
    return steps
