"""Print what steepest costs, and does to others, in a process or on a machine that it does not have alone.

    python bench/neighbours.py [--threads 2] [--rounds 5] [--peers A,B] [--quick] [--json FILE]

The first table has steps that Python calls one at a time, each followed by a product of NumPy, whose idle
threads poll for work. The second has fits by L-BFGS, where every evaluation of the objective returns to
SciPy. The third has whole fits beside a program that keeps one of the CPUs busy. Competitors must first give
the right answer, and take turns. Times are medians: of all calls in the first table, else over the rounds.

The file has `turns` and `beside`, the seconds of each call or step by step, competitor and round, and `fits`:
the seconds of each fit, and its `outcomes`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

import harness
import numpy as np
from harness import SETTLE_SECONDS, markdown, microseconds, parsed, per_call, report, take_turns
from peers.steps import COMPETITORS, start
from problems import Array, Problem, forget

import steepest as st

PEERS = ("torch", "jax", "sklearn")
SIDE = 400  # of the product's matrices
CALLED = (Problem(128, (784, 256, 10)), Problem(64, (1000, 100, 10)), Problem(256, (1024, 1024, 10)))
FITTED = (
    Problem(64, (1000, 100, 10)),
    Problem(128, (784, 256, 10)),
    Problem(128, (784, 512, 256, 10)),
    Problem(256, (1024, 1024, 1024, 10)),
)
MARKED = 1.05  # a loss of more than that many times the other's, where one stopped early
TURNS = ["microseconds, median (mean)", "step by", "step alone", "step in turns", "of step alone"]
TURNS += ["of 1 thread", "product alone", "product in turns", "of product alone"]
FITS = ["milliseconds by L-BFGS", "steepest", "steepest, 1 thread", "scikit-learn", "times ours"]
FITS += ["scores", "losses", "iterations"]
BESIDE = ["microseconds a step", "fit by", "alone", "beside a busy program", "of alone"]
Act = Callable[[], object]


def product() -> Act:
    """A product of NumPy, after it has given the right answer."""
    random = np.random.default_rng(0)
    a, b = (random.standard_normal((SIDE, SIDE), np.float32) for _ in range(2))
    expected = a.astype(np.float64) @ b
    assert np.linalg.norm(a @ b - expected) <= 1e-5 * np.linalg.norm(expected)
    return partial(np.matmul, a, b, out=np.empty_like(a))


def one_by_one(acts: Sequence[Act], seconds: float) -> Array:
    """The seconds that each call took, one row for each act, called in turn for about `seconds`."""
    for act in acts:
        act()  # wakes its threads
    taken: list[list[float]] = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        taken.append([])
        for act in acts:
            begin = time.perf_counter()
            act()
            taken[-1].append(time.perf_counter() - begin)
    return np.array(taken).T


def called(problem: Problem, names: Sequence[str], given: argparse.Namespace) -> dict[str, list[Array]]:
    """What `one_by_one` returned in each round for the product, and each competitor without and with it."""
    # One thread of JAX cannot be compared: its number is that of the CPUs when the first array is made.
    teams = {name: (given.threads,) if name == "jax" else (given.threads, 1) for name in names}
    multiply, seconds = product(), 0.01 if given.quick else 0.15
    measures = {"product": partial(one_by_one, [multiply], seconds)}
    for name, team in ((each, team) for each in names for team in teams[each]):
        step = partial(start(problem, name, team), 1)
        measures[_who(name, team)] = partial(one_by_one, [step], seconds)
        measures[_who(name, team) + ", product"] = partial(one_by_one, [step, multiply], seconds)
    samples = take_turns(measures, given.rounds)
    forget()
    return samples


def called_rows(problem: Problem, samples: dict[str, list[Array]]) -> list[list[str]]:
    """A line of the first table for each competitor."""
    joined = {name: np.concatenate(arrays, axis=1) for name, arrays in samples.items()}
    (alone,) = joined.pop("product")
    rows = []
    for who in (name for name in joined if not name.endswith(", product")):
        (own,), (step, multiply) = joined[who], joined[f"{who}, product"]
        single = joined.get(_who(who.partition(",")[0], 1))
        of_single = "" if single is None else _times(step, single[0])
        steps = [_typical(own), _typical(step), _times(step, own), of_single]
        products = [_typical(alone), _typical(multiply), _times(multiply, alone)]
        rows.append([problem.name, who, *steps, *products])
    return rows


def _who(name: str, team: int) -> str:
    return f"{name.removesuffix('.step')}, {team} thread{'s' * (team > 1)}"


def _typical(seconds: Array) -> str:
    return f"{microseconds(np.median(seconds))} ({microseconds(seconds.mean())})"


def _times(seconds: Array, base: Array) -> str:
    return f"{np.median(seconds) / np.median(base):.2f} ({seconds.mean() / base.mean():.2f})"


def fits(given: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """By data set: the seconds of each estimator's fit in each round, and what it came to."""
    from sklearn import datasets, neural_network

    from steepest import sklearn as ours

    classes, numbers = "MLPClassifier", "MLPRegressor"
    tasks = {
        "iris": (classes, datasets.load_iris),
        "wine": (classes, datasets.load_wine),
        "breast cancer": (classes, datasets.load_breast_cancer),
        "digits": (classes, datasets.load_digits),
        "diabetes": (numbers, datasets.load_diabetes),
    }
    how: dict[str, Any] = {"solver": "lbfgs", "random_state": 0} | ({"max_iter": 3} if given.quick else {})
    results = {}
    for title, (kind, load) in tasks.items():
        print(f"measuring {title}", file=sys.stderr)
        makes = {
            "steepest": partial(getattr(ours, kind), **how),
            "steepest, 1 thread": partial(getattr(ours, kind), n_threads=1, **how),
            "scikit-learn": partial(getattr(neural_network, kind), **how),
        }
        outcomes: dict[str, dict[str, float]] = {name: {} for name in makes}
        samples = load(return_X_y=True)
        measures = {name: partial(fit, make, samples, outcomes[name]) for name, make in makes.items()}
        seconds = take_turns(measures, given.rounds)
        assert outcomes["steepest"] == outcomes["steepest, 1 thread"], title
        results[title] = {"seconds": seconds, "outcomes": outcomes}
    return results


def fit(make: Callable[[], Any], samples: tuple[Array, Array], outcome: dict[str, float]) -> float:
    """The seconds of one fit; notes what it came to."""
    model = make()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged, as defaults have it
        begin = time.perf_counter()
        model.fit(*samples)
        seconds = time.perf_counter() - begin
    outcome.update(iterations=model.n_iter_, loss=float(model.loss_), score=float(model.score(*samples)))
    return seconds


def fits_row(title: str, result: dict[str, Any]) -> list[str]:
    """A line of the second table; its ratio is of scikit-learn's time and ours."""
    times = {name: median(seconds) for name, seconds in result["seconds"].items()}
    own, theirs = (result["outcomes"][name] for name in ("steepest", "scikit-learn"))
    lowest = min(own["loss"], theirs["loss"])
    losses = (f"{x['loss']:.3g}" + " (higher)" * (x["loss"] > MARKED * lowest) for x in (own, theirs))
    return [
        title,
        *(f"{1e3 * seconds:.1f}" for seconds in times.values()),
        f"{times['scikit-learn'] / times['steepest']:.3g}x",
        f"{own['score']:.4f}, {theirs['score']:.4f}",
        ", ".join(losses),
        f"{own['iterations']}, {theirs['iterations']}",
    ]


@contextmanager
def busy() -> Iterator[None]:
    """A block beside a program that never waits, on the CPUs that this process may use."""
    spin = f"import os\nwhile os.getppid() == {os.getpid()}: pass"  # ends too where this process is killed
    with subprocess.Popen([sys.executable, "-c", spin]) as program:
        try:
            time.sleep(SETTLE_SECONDS)  # it has to start
            yield
        finally:
            program.kill()


def beside(measure: Callable[[], float]) -> float:
    """What it measures there."""
    with busy():
        return measure()


def fitted(problem: Problem, names: Sequence[str], given: argparse.Namespace) -> dict[str, list[float]]:
    """The seconds of a step in each round, by competitor, alone and busy."""
    seconds = 0.01 if given.quick else 0.6
    measures = {}
    for name in names:
        measures[name] = per_call(start(problem, name, given.threads), seconds)
        measures[f"{name}, busy"] = partial(beside, measures[name])
    samples = take_turns(measures, given.rounds)
    forget()
    return samples


def fitted_rows(problem: Problem, samples: dict[str, list[float]]) -> list[list[str]]:
    """A line of the third table for each competitor."""
    times = {name: median(seconds) for name, seconds in samples.items()}
    return [
        [problem.name, name, microseconds(alone), microseconds(times[f"{name}, busy"])]
        + [f"{times[f'{name}, busy'] / alone:.2f}"]
        for name, alone in times.items()
        if not name.endswith(", busy")
    ]


def main() -> None:
    """Measure, print, and write the file."""
    parser = harness.options("What steepest costs, and does to others, where it is not alone.", rounds=5)
    parser.add_argument("--peers", default=",".join(PEERS), help=f"of {', '.join(PEERS)} (default: all)")
    given = parsed(parser)
    peers = list(filter(None, given.peers.split(",")))
    if unknown := [name for name in peers if name not in PEERS]:
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(PEERS)}")
    st.set_num_threads(given.threads)
    installed = [name for name in peers if COMPETITORS[name].installed]
    frameworks = [name for name in installed if name != "sklearn"]
    samples: dict[str, Any] = {"turns": {}, "fits": {}, "beside": {}}
    turns, lbfgs, beside_busy = [TURNS], [FITS], [BESIDE]
    for problem in CALLED:
        print(f"measuring turns of {problem.name}", file=sys.stderr)
        taken = called(problem, ["steepest.step", *frameworks], given)
        turns += called_rows(problem, taken)
        samples["turns"][problem.name] = {
            name: [a.tolist() for a in arrays] for name, arrays in taken.items()
        }
    if "sklearn" in installed:
        samples["fits"] = fits(given)
        lbfgs += [fits_row(title, result) for title, result in samples["fits"].items()]
    for problem in FITTED:
        print(f"measuring fits of {problem.name}", file=sys.stderr)
        samples["beside"][problem.name] = fitted(problem, ["steepest", *frameworks], given)
        beside_busy += fitted_rows(problem, samples["beside"][problem.name])
    report(given, turns, samples, absent=[name for name in peers if name not in installed] or "nothing")
    for lines in (lbfgs, beside_busy):
        if len(lines) > 1:
            print(f"\n{markdown(lines)}")


if __name__ == "__main__":
    main()
