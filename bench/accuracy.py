"""Print how long a whole fit to a given test accuracy takes, in steepest and in other libraries.

    python bench/accuracy.py [--threads 2] [--rounds 5] [--peers A,B] [--only TEXT] [--quick] [--json FILE]

All train the same network on the same data with the same settings, and each fit must reach the accuracy.
They live in one process and take turns; seconds are medians over the rounds.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

from fits import FITS, INSTALLED, TASKS, Task, clouds
from harness import options, parsed, report, take_turns


def main() -> None:
    """Measure, print, and write the file."""
    parser = options("Fits to an accuracy, steepest against others.", rounds=5)
    parser.add_argument(
        "--peers", default="sklearn,torch", help=f"of {', '.join(FITS)} (default sklearn,torch)"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="only tasks whose name has this in it")
    given = parsed(parser)
    names = list(dict.fromkeys(["steepest", *filter(None, given.peers.split(","))]))
    if unknown := [name for name in names if name not in FITS]:
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(FITS)}")
    absent = [name for name in names if name not in INSTALLED]
    tasks = {
        title: quick(task) if given.quick else task for title, task in TASKS.items() if given.only in title
    }
    results = []
    for title, task in tasks.items():
        print(f"measuring {title}", file=sys.stderr)
        results.append({"name": title} | measure(task, [n for n in names if n not in absent], given.rounds))
    if not results:
        parser.error(f"no task is called like {given.only!r}; there are {', '.join(TASKS)}")
    head = ["task", "epochs", "fit by", "seconds", "best round", "test accuracy", "times steepest's"]
    lines = [line for result in results for line in rows(result)]
    report(given, [head, *lines], {"tasks": results}, absent=absent or "nothing")


def quick(task: Task) -> Task:
    """One epoch on little data, to no accuracy in particular."""
    load = partial(clouds, 2_000, 500) if "clouds" in str(task.load) else task.load
    return replace(task, load=load, epochs=1, accuracy=0)


def measure(task: Task, names: list[str], rounds: int) -> dict[str, Any]:
    """The seconds of each fit in each round, and the accuracies that they reached."""
    training, test = task.load()
    accuracies: dict[str, list[float]] = {name: [] for name in names}

    def fit(name: str) -> float:
        start = time.perf_counter()
        predict = FITS[name][1](*training, task)
        seconds = time.perf_counter() - start
        accuracy = float((predict(test[0]) == test[1]).mean())
        assert accuracy >= task.accuracy, f"{name} reached {accuracy:.3f}, not {task.accuracy}"
        accuracies[name].append(accuracy)
        return seconds

    for name in names:  # imports, and wakes the threads
        FITS[name][1](*(part[:500] for part in training), replace(task, epochs=1))
    samples = take_turns({name: partial(fit, name) for name in names}, rounds)
    return {"epochs": task.epochs, "seconds": samples, "accuracy": accuracies}


def rows(result: dict[str, Any]) -> list[list[str]]:
    """A line of the table for each competitor."""
    lines = []
    own = median(result["seconds"]["steepest"])
    for name, seconds in result["seconds"].items():
        accuracy = f"{median(result['accuracy'][name]):.1%}"
        times = (f"{median(seconds):.3f}", f"{min(seconds):.3f}", accuracy, f"{median(seconds) / own:.1f}x")
        lines.append([result["name"], str(result["epochs"]), name, *times])
    return lines


if __name__ == "__main__":
    main()
