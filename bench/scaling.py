"""Print how much faster steepest's large steps are with more threads.

    python bench/scaling.py [--threads 2] [--rounds 7] [--only TEXT] [--quick] [--json FILE]

Each step is measured on 1, 2, ... threads, in turns with multiply-adds in registers on as many. These show
what the machine itself can gain: threads that share a core, a clock or CPU time gain less.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from statistics import median
from typing import Any

from harness import microseconds, options, parsed, per_call, report, take_turns
from machine import peak
from peers.steps import start
from problems import PROBLEMS, Problem, forget

LARGE = 50e6  # multiply-adds of a step: half a millisecond on one core


def main() -> None:
    """Measure, print, and write the file."""
    parser = options("Training steps of steepest on 1, 2, ... threads.", rounds=7)
    parser.add_argument("--only", default="", metavar="TEXT", help="only steps whose name has this in it")
    given = parsed(parser)
    large = [p for p in PROBLEMS if p.multiply_adds >= LARGE and p.limit == "peak"]
    results = []
    for problem in large:
        if given.only in problem.name:
            print(f"measuring {problem.name}", file=sys.stderr)
            seconds = 0.01 if given.quick else 0.2
            results.append({"name": problem.name} | measure(problem, given.threads, given.rounds, seconds))
    if not results:
        parser.error(f"no step is called like {given.only!r}: {[p.name for p in large]}")
    head = [
        "step",
        "threads",
        "microseconds",
        "best round",
        "times as fast",
        "by best rounds",
        "multiply-adds",
    ]
    lines = [line for result in results for line in rows(result)]
    report(given, [head, *lines], {"steps": results})


def measure(problem: Problem, threads: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Seconds per step and multiply-adds per second in each round, by the number of threads."""
    teams = range(1, threads + 1)
    measures, rates = {}, {}
    for team in teams:
        measures[f"{team}"] = per_call(start(problem, "steepest", team), seconds)
        rates[f"peak of {team}"] = partial(peak, problem.dtype, team, seconds)
    samples = take_turns(measures | rates, rounds)
    forget()
    return {
        "seconds": {name: samples[name] for name in measures},
        "peak": {name: samples[f"peak of {name}"] for name in measures},
    }


def rows(result: Mapping[str, Any]) -> list[list[str]]:
    """A line of the table for each number of threads; "times as fast" is against one."""
    lines = []
    for team, seconds in result["seconds"].items():
        gain = median(result["seconds"]["1"]) / median(seconds)
        best = min(result["seconds"]["1"]) / min(seconds)
        machine = max(result["peak"][team]) / max(result["peak"]["1"])
        times = [microseconds(median(seconds)), microseconds(min(seconds))]
        lines.append([result["name"], team, *times, f"{gain:.2f}x", f"{best:.2f}x", f"{machine:.2f}x"])
    return lines


if __name__ == "__main__":
    main()
