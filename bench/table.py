"""Print how many microseconds a training step takes, in steepest and in everything else that is installed.

    python bench/table.py [--threads 2] [--rounds 5] [--peers A,B] [--only TEXT] [--quick] [--json FILE]

All competitors live in this one process and take turns, so that a disturbance meets them alike, and each
must first give the right answer. Times are medians over the rounds; the arithmetic peak is the best rate of
multiply-adds in registers that was seen in the same turns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from peers import COMPETITORS, Runner
from problems import CHECKED_STEPS, PROBLEMS, Problem, check, data, expected, initial

import steepest as st
from steepest import _core

RIVALS = ("numpy", "torch", "torch.compile", "jax", "sklearn")  # all that is not steepest itself
DEFAULT = "reference,numpy,torch,jax,sklearn"
# Idle threads go on polling for work, those of OpenBLAS for a tenth of a second in some builds.
SETTLE_SECONDS = 0.15
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")


def main() -> None:
    """Measure, print, and write the file."""
    options = _options()
    _limit_threads(options.threads)
    names = ["steepest", *options.peers]
    absent = [name for name in names if not COMPETITORS[name].installed]
    rounds, seconds = (1, 0.01) if options.quick else (options.rounds, 0.2)
    results = []
    for problem in PROBLEMS:
        if options.only in problem.name:
            print(f"measuring {problem.name}", file=sys.stderr)
            present = [n for n in names if n not in absent and COMPETITORS[n].applies(problem)]
            results.append(measure(problem, present, options.threads, rounds, seconds))
    if not results:
        raise SystemExit(f"no step is called like {options.only!r}: {[p.name for p in PROBLEMS]}")
    peaks = {r["dtype"]: max(x["peak"] for x in results if x["dtype"] == r["dtype"]) for r in results}
    facts = _facts(options.threads, rounds) | {
        "peak_gflops": {d: round(p / 1e9, 1) for d, p in peaks.items()}
    }
    for key, value in facts.items():
        print(f"{key}: {value}")
    print(f"\n{table(results, names, absent, peaks)}")
    if options.json:
        options.json.write_text(json.dumps(facts | {"steps": results}, indent=1) + "\n")


def measure(problem: Problem, names: list[str], threads: int, rounds: int, seconds: float) -> dict[str, Any]:
    """The seconds a step of each competitor in each round, and the best FLOP/s seen meanwhile."""
    runners = {name: COMPETITORS[name].make(problem, threads) for name in names}
    steps = {}
    for name, runner in runners.items():
        runner.run(CHECKED_STEPS)
        check(problem, runner.parameters())
        steps[name] = _steps_in(runner, seconds)
    samples: dict[str, list[float]] = {name: [] for name in names}
    peak = 0.0
    for number in range(rounds):
        first = number % len(names)  # so that nobody always follows the same one
        for name in names[first:] + names[:first]:
            time.sleep(SETTLE_SECONDS)
            runners[name].run(1)
            samples[name].append(_seconds(runners[name], steps[name]) / steps[name])
        time.sleep(SETTLE_SECONDS)
        peak = max(peak, _flops(problem.dtype, threads, seconds))
    for cached in (data, initial, expected):
        cached.cache_clear()
    flops = 2 * problem.multiply_adds
    return {"name": problem.name, "dtype": problem.dtype, "flops": flops, "seconds": samples, "peak": peak}


def table(results: list[dict[str, Any]], names: list[str], absent: list[str], peaks: dict[str, float]) -> str:
    """One row for each step, in Markdown."""
    peers = names[1:]
    lines = [["step, microseconds", "steepest", "GFLOP/s", "of peak", *peers, "best peer"]]
    for result in results:
        medians = {name: median(seconds) for name, seconds in result["seconds"].items()}
        own = medians.pop("steepest")
        rate = result["flops"] / own
        cells = [_microseconds(own), f"{rate / 1e9:.1f}", f"{rate / peaks[result['dtype']]:.0%}"]
        for name in peers:
            if name in medians:
                cells.append(f"{_microseconds(medians[name])} ({medians[name] / own:.1f}x)")
            else:
                cells.append("not installed" if name in absent else "")
        best = min((n for n in medians if n in RIVALS), key=medians.__getitem__, default=None)
        cells.append(f"{best} {medians[best] / own:.2f}x" if best else "")
        lines.append([result["name"], *cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.{0 if seconds >= 1e-4 else 1}f}"


def _seconds(runner: Runner, steps: int) -> float:
    start = time.perf_counter()
    runner.run(steps)
    return time.perf_counter() - start


def _steps_in(runner: Runner, seconds: float) -> int:
    """A number of steps that takes about so long."""
    steps = 1
    while _seconds(runner, steps) < seconds / 2:
        steps *= 2
    return steps


def _flops(dtype: str, threads: int, seconds: float) -> float:
    """The rate of multiply-adds that touch no memory, two operations each."""
    isa, iterations = st.build_info()["isa_active"], 100_000
    start = time.perf_counter()
    _core.multiply_adds(dtype, iterations, isa, threads)
    iterations = int(iterations * seconds / (time.perf_counter() - start)) + 1
    return 2 * _core.multiply_adds(dtype, iterations, isa, threads)


def _limit_threads(threads: int) -> None:
    """Start anew with the limits that most libraries only read when they are loaded; XLA obeys affinity."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    limits = dict.fromkeys(LIMITS, str(threads))
    if any(os.environ.get(name) != limit for name, limit in limits.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | limits)


def _facts(threads: int, rounds: int) -> dict[str, Any]:
    """Machine, versions and settings."""
    cpuinfo = Path("/proc/cpuinfo")
    models = cpuinfo.read_text().partition("model name\t: ")[2] if cpuinfo.exists() else ""
    packages = {"python": platform.python_version()}
    for name in ("numpy", "torch", "jax", "scikit-learn"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "machine": f"{models.partition(chr(10))[0] or platform.processor()}, {os.cpu_count()} CPUs",
        "steepest": st.build_info(),
        "versions": packages,
        "threads": threads,
        "rounds": rounds,
    }


def _options() -> argparse.Namespace:
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    parser = argparse.ArgumentParser(description="Training steps, steepest against others.")
    parser.add_argument("--threads", type=int, default=usable, help=f"of each competitor (default {usable})")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each competitor (default 5)")
    parser.add_argument("--peers", default=DEFAULT, help=f"of {', '.join(COMPETITORS)} (default {DEFAULT})")
    parser.add_argument("--only", default="", metavar="TEXT", help="only steps whose name has this in it")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that all works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    options = parser.parse_args()
    options.peers = [name for name in options.peers.split(",") if name not in ("", "steepest")]
    if unknown := [name for name in options.peers if name not in COMPETITORS]:
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(COMPETITORS)}")
    if not 1 <= options.threads <= usable:
        parser.error(f"--threads is {options.threads}, but this process may use 1 to {usable} CPUs")
    if options.rounds < 1:
        parser.error(f"--rounds is {options.rounds}, but must be at least 1")
    return options


if __name__ == "__main__":
    main()
