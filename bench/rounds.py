"""The times of one step or call: all competitors live in one process and take turns."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

import machine
from harness import per_call, take_turns

Run = Callable[[int], object]  # does that many steps, or calls


class Case(Protocol):
    """What is timed: a training step (`problems.Problem`) or a call (`peers.forward.Forward`)."""

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
    case: Case,
    starts: Mapping[str, Callable[[], Run]],
    threads: int,
    rounds: int,
    seconds: float,
    least: int,
) -> dict[str, Any]:
    """The times of one case, each competitor started by a function that also checks its answer.

    seconds, least: of a round, as for `per_call`.

    name, dtype       of the case
    flops, bytes      of one step or call: arithmetic, and memory traffic where no cache holds the weights
    limit             what bounds it: "peak", "bandwidth", or "" where it is neither
    seconds           {competitor: [seconds a step or call, one for each round]}
    failed            {competitor: why it could not run}
    peak, bandwidth   the best FLOP/s in this dtype and bytes/s read from memory, seen in the same turns
    """
    runs, failed = _started(starts)
    measures = {name: per_call(run, seconds, least) for name, run in runs.items()}
    limits = {
        "peak": partial(machine.peak, case.dtype, threads, seconds),
        "bandwidth": partial(machine.bandwidth, threads, seconds),
    }
    samples = take_turns(measures | limits, rounds)
    peak, bandwidth = (max(samples.pop(limit)) for limit in limits)
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
