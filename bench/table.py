"""Print how many microseconds a training step or a call takes, in steepest and in what else is installed.

    python bench/table.py [--threads 2] [--rounds 5] [--peers A,B] [--only TEXT] [--dtype float64] [--quick]
                          [--json FILE]

Competitors take turns (see `rounds.py`), and each must first give the right answer. Times are medians over
the rounds, each of 32 steps or more. The last column is the fraction of the peak that was measured in the
same rounds: multiply-adds in registers or, if memory limits a step, bytes read of an array larger than all
caches.

The file has `machine`, `steepest` (its build), `versions`, `threads`, `rounds`, `peak_gflops` by dtype and
`bandwidth_gbytes` (the best of all rows, in 1e9 a second), and `steps`: what `rounds.measure` returns, each.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import harness
from harness import LEAST_STEPS, microseconds, parsed, report
from peers import forward, steps
from peers.forward import Forward
from peers.steps import COMPETITORS
from problems import PROBLEMS, Problem, forget
from rounds import Run, measure

RIVALS = ("numpy", "torch", "torch.compile", "jax", "sklearn")  # all that is not steepest itself
QUICK = ("reference", "numpy", "torch", "jax", "sklearn")
DEFAULT = ("reference", *RIVALS)


def main() -> None:
    """Measure, print, and write the file."""
    options = _options()
    chosen = [case for case in cases(options.dtype) if options.only in case.name]
    if not chosen:
        raise SystemExit(f"no step is called like {options.only!r}: {[c.name for c in cases(options.dtype)]}")
    names = ["steepest", *options.peers]
    seconds, least = (0.01, 1) if options.quick else (0.2, LEAST_STEPS)
    results = []
    for case in chosen:
        print(f"measuring {case.name}", file=sys.stderr)
        started = starts(case, names, options.threads)
        results.append(measure(case, started, options.threads, options.rounds, seconds, least))
        forget()
    limits = best_limits(results)
    report(options, lines(results, names, limits), {"steps": results}, **limits)


def cases(dtype: str) -> list[Problem | Forward]:
    """What is measured: as listed, or all of it in one dtype or in both."""
    listed = [*PROBLEMS, Forward()]
    if dtype == "listed":
        return listed
    dtypes = ("float32", "float64") if dtype == "both" else (dtype,)
    return list(dict.fromkeys(replace(case, dtype=each) for case in listed for each in dtypes))


def starts(case: Problem | Forward, names: list[str], threads: int) -> dict[str, Callable[[], Run]]:
    """What starts and checks each of these competitors that is installed and can do it."""
    if isinstance(case, Problem):
        competitors, start = COMPETITORS, partial(steps.start, case)
    else:
        competitors, start = forward.CALLERS, partial(forward.start, case)
    able = [
        n for n in names if n in competitors and competitors[n].installed and competitors[n].applies(case)
    ]
    return {name: partial(start, name, threads) for name in able}


def best_limits(results: list[dict[str, Any]]) -> dict[str, Any]:
    """The best that was seen in any row, in 1e9 a second."""
    peaks = {r["dtype"]: max(x["peak"] for x in results if x["dtype"] == r["dtype"]) for r in results}
    return {
        "peak_gflops": {dtype: round(peak / 1e9, 1) for dtype, peak in peaks.items()},
        "bandwidth_gbytes": round(max(r["bandwidth"] for r in results) / 1e9, 1),
    }


def share(result: dict[str, Any], seconds: float, limits: dict[str, Any]) -> float:
    """The fraction of the measured peak that a step of this duration reaches."""
    if result["limit"] == "bandwidth":
        return result["bytes"] / seconds / (limits["bandwidth_gbytes"] * 1e9)
    return result["flops"] / seconds / (limits["peak_gflops"][result["dtype"]] * 1e9)


def lines(results: list[dict[str, Any]], names: list[str], limits: dict[str, Any]) -> list[list[str]]:
    """The head of the table, and a line for each case."""
    rows = [["microseconds", "steepest (best)", *names[1:], "best peer", "share of limit"]]
    for result in results:
        medians = {name: median(seconds) for name, seconds in result["seconds"].items()}
        own = medians.pop("steepest")
        cells = [f"{microseconds(own)} (best {microseconds(min(result['seconds']['steepest']))})"]
        for name in names[1:]:
            if name in medians:
                cells.append(f"{microseconds(medians[name])} ({medians[name] / own:.1f}x)")
            else:
                cells.append(_why_absent(name, result))
        best = min((n for n in medians if n in RIVALS), key=medians.__getitem__, default=None)
        cells.append(f"{best} {medians[best] / own:.2f}x" if best else "")
        reached = f"{share(result, own, limits):.0%} of {result['limit']}" if result["limit"] else ""
        rows.append([result["name"], *cells, reached])
    return rows


def _why_absent(name: str, result: dict[str, Any]) -> str:
    if name in result["failed"]:
        return "failed"
    return "" if COMPETITORS[name].installed else "not installed"


def _options() -> argparse.Namespace:
    parser = harness.options("Training steps, steepest against others.", rounds=5)
    parser.add_argument(
        "--peers",
        help=f"of {', '.join(COMPETITORS)} (default {','.join(DEFAULT)}; torch.compile takes minutes"
        " and is left out by --quick)",
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only steps whose name has this in it")
    parser.add_argument(
        "--dtype",
        default="listed",
        choices=["listed", "float32", "float64", "both"],
        help="of all steps (default: of each as it is listed)",
    )
    options = parsed(parser)
    if options.peers is None:
        options.peers = ",".join(QUICK if options.quick else DEFAULT)
    options.peers = [name for name in options.peers.split(",") if name not in ("", "steepest")]
    if unknown := [name for name in options.peers if name not in COMPETITORS]:
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(COMPETITORS)}")
    return options


if __name__ == "__main__":
    main()
