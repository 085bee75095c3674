"""Networks of texts: epochs of MLPClassifier in steepest and in scikit-learn, on sparse rows.

    pip install '.[bench]'
    python bench/text_networks.py

The texts are those of text.py, by their words and pairs of words: all of these, or hashed to 2^14 features.
Both libraries have the same parameters and seed, so the same weights and orders of samples, and must come to
the same loss; lazy_adam is another algorithm, and is compared with scikit-learn's adam.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from harness import options, parsed, report, take_turns
from scipy import sparse
from sklearn.neural_network import MLPClassifier as Theirs
from text import QUICK, texts

import steepest as st
from steepest.sklearn import MLPClassifier as Ours

HASHED = 1 << 14
LEARNERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "steepest, sgd": (Ours, {"solver": "sgd"}),
    "steepest, adam": (Ours, {"solver": "adam"}),
    "steepest, lazy_adam": (Ours, {"solver": "lazy_adam", "alpha": 0}),
    "scikit-learn, sgd": (Theirs, {"solver": "sgd"}),
    "scikit-learn, adam": (Theirs, {"solver": "adam"}),
}
FIRST, MORE = 2, {Ours: 10, Theirs: 1}  # epochs that are not timed, since memory is found in them, and timed


def hashed(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """The same entries in 2^14 features, those that meet in one added up."""
    places = np.random.default_rng(0).integers(0, HASHED, X.shape[1], dtype=np.int32)
    folded = sparse.csr_matrix((X.data, places[X.indices], X.indptr), (X.shape[0], HASHED))
    folded.sum_duplicates()
    return folded


def fitted(name: str, X: sparse.csr_matrix, y: np.ndarray, epochs: int) -> tuple[float, list[float]]:
    """The seconds of a fit, and its losses."""
    make, parameters = LEARNERS[name]
    model = make(random_state=0, max_iter=epochs, n_iter_no_change=epochs, tol=0, **parameters)
    start = time.perf_counter()
    model.fit(X, y)
    return time.perf_counter() - start, model.loss_curve_


def seconds_of_an_epoch(name: str, X: sparse.csr_matrix, y: np.ndarray, losses: dict[str, float]) -> float:
    """What some more epochs take longer; notes the loss of the last that all have."""
    more = MORE[LEARNERS[name][0]]
    (few, _), (many, curve) = (fitted(name, X, y, epochs) for epochs in (FIRST, FIRST + more))
    losses[name] = curve[FIRST]
    return (many - few) / more


def main() -> None:
    """Measure, print, and write the file."""
    parser = options("Epochs of networks of texts, steepest against scikit-learn.", rounds=3)
    parser.add_argument("--rows", type=int, default=8000, help="texts to learn from (default 8000)")
    given = parsed(parser)
    st.set_num_threads(given.threads)
    warnings.filterwarnings("ignore", "Stochastic Optimizer: Maximum iterations")
    task = texts(QUICK if given.quick else 10**9)
    rows = min(given.rows, 600) if given.quick else given.rows
    X, y = task.X[:rows], task.y[:rows]
    results, lines = {}, [["data", "learner", "milliseconds an epoch", "times as fast", "loss"]]
    for data in (hashed(X), X):
        title = f"{data.shape[0]:,} x {data.shape[1]:,}"
        losses: dict[str, float] = {}
        measures = {name: partial(seconds_of_an_epoch, name, data, y, losses) for name in LEARNERS}
        results[title] = take_turns(measures, given.rounds)
        times = {name: median(seconds) for name, seconds in results[title].items()}
        for name, taken in times.items():
            peer = f"scikit-learn, {name.rpartition(' ')[2].removeprefix('lazy_')}"
            ratio = f"{times[peer] / taken:.1f}x"
            lines.append([title, name, f"{taken * 1e3:.1f}", ratio, f"{losses[name]:.4f}"])
        for solver in ("sgd", "adam"):
            ours, theirs = losses[f"steepest, {solver}"], losses[f"scikit-learn, {solver}"]
            assert abs(ours - theirs) < 1e-3, losses
    report(given, lines, {"seconds": results}, entries_a_row=round(X.nnz / X.shape[0]))


if __name__ == "__main__":
    main()
