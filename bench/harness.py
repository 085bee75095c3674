"""What all scripts share: options, turns, tables, and the file of samples."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import machine

T = TypeVar("T")

# Idle threads go on polling for work, those of OpenBLAS for a tenth of a second in some builds.
SETTLE_SECONDS = 0.15
# Of a measure, at least: what a fit does once is no part of a step, such as to copy 20 million weights that
# it may go back to, or to look at its loss at the end.
LEAST_STEPS = 32


def options(description: str, *, rounds: int = 0) -> argparse.ArgumentParser:
    """A parser of the options that every script has, --rounds if there are any; `parsed` reads them."""
    parser = argparse.ArgumentParser(description=description)
    threads = machine.usable_cpus()
    parser.add_argument(
        "--threads", type=int, default=threads, help=f"of each competitor (default {threads})"
    )
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds, help=f"turns of each (default {rounds})")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that all works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    return parser


def parsed(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options, checked; from here on this process keeps to that many threads."""
    given = parser.parse_args()
    if not 1 <= given.threads <= machine.usable_cpus():
        parser.error(
            f"--threads is {given.threads}, but this process may use 1 to {machine.usable_cpus()} CPUs"
        )
    if "rounds" in given:
        if given.rounds < 1:
            parser.error(f"--rounds is {given.rounds}, but must be at least 1")
        given.rounds = 1 if given.quick else given.rounds
    machine.limit_threads(given.threads)
    return given


def take_turns(
    measures: Mapping[str, Callable[[], T]], rounds: int, settle: float = SETTLE_SECONDS
) -> dict[str, list[T]]:
    """What each measured in each round. A disturbance of the machine meets all alike."""
    names = list(measures)
    samples: dict[str, list[T]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)  # so that nobody always follows the same one
        for name in names[first:] + names[:first]:
            time.sleep(settle)
            samples[name].append(measures[name]())
    return samples


def per_call(run: Callable[[int], object], seconds: float, least: int = 1) -> Callable[[], float]:
    """A measure of the seconds that one of run(n)'s n calls takes.

    n is for about `seconds` in all, and not below `least`.
    """

    def timed(calls: int) -> float:
        start = time.perf_counter()
        run(calls)
        return time.perf_counter() - start

    calls = 1
    while timed(calls) < seconds / 2:
        calls *= 2
    calls = max(calls, least)

    def measure() -> float:
        run(1)  # wakes the threads
        return timed(calls) / calls

    return measure


def report(
    given: argparse.Namespace, lines: Sequence[Sequence[str]], samples: Mapping[str, Any], **about: Any
) -> None:
    """Print facts and table, and write facts and samples where --json says."""
    about = machine.facts() | {"threads": given.threads} | about
    if "rounds" in given:
        about["rounds"] = given.rounds
    for key, value in about.items():
        print(f"{key}: {value}")
    print(f"\n{markdown(lines)}")
    if given.json:
        given.json.write_text(json.dumps({**about, **samples}, indent=1) + "\n")


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """A table, its first line the head."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in ruled)


def microseconds(seconds: float) -> str:
    """Whole ones from 100 on."""
    return f"{seconds * 1e6:.{0 if seconds >= 1e-4 else 1}f}"
