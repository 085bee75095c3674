"""Linear classifiers of texts: which package a docstring is from, by its words and pairs of words.

    pip install '.[bench]'
    python bench/text.py
    python bench/text.py --synthetic 1000000 --only 'steepest|SGD'

The texts are docstrings of those of the packages below that are installed, a fifth of them held out. Each
learner is as it comes, and timed from the sparse matrix on; Vowpal Wabbit from its text file, which it reads.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from harness import options, parsed, report, take_turns
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

from steepest.sklearn import LinearClassifier

PACKAGES = (
    *("numpy", "scipy", "sklearn", "pandas", "matplotlib", "networkx", "sympy", "torch", "jax", "hypothesis"),
    *("fontTools", "PIL", "pip", "pygments", "polars"),
)
SHORTEST, LONGEST = 60, 3000  # characters of a text
QUICK = 4000  # texts: of 600, 120 are held out, whose noise alone is as large as what is checked


def docstrings(package: str) -> Iterator[str]:
    """Texts of a package: none, if it is not installed."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return
    for file in sorted(Path(found.origin).parent.rglob("*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                text = ast.get_docstring(node) or ""
                if len(text) > SHORTEST:
                    yield text[:LONGEST]


@dataclass
class Task:
    """Rows and classes, to learn from and held out."""

    X: sparse.csr_matrix
    y: np.ndarray
    held_out: sparse.csr_matrix
    answers: np.ndarray

    @property
    def classes(self) -> int:
        return int(max(self.y.max(), self.answers.max())) + 1

    def __str__(self) -> str:
        samples, features = self.X.shape
        entries = self.X.nnz / samples
        return f"{samples:,} rows, {features:,} features, {entries:.0f} entries a row, {self.classes} classes"


def texts(most: int, lengths: bool = False) -> Task:
    """Tf-idf values of docstrings; their packages, or the logarithms of their lengths."""
    few = most // 8  # of each package: to read all takes 40 seconds
    found = {package: list(islice(docstrings(package), few)) for package in PACKAGES}
    words = list(chain(*found.values()))
    packages = np.repeat(list(found), [len(own) for own in found.values()])
    labels = np.unique(packages, return_inverse=True)[1]
    if lengths:
        labels = np.log([len(text) for text in words])
    chosen = np.random.default_rng(0).permutation(len(words))[:most]
    train, test = train_test_split(chosen, random_state=0, test_size=0.2)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, dtype=np.float32)
    X = sparse.csr_matrix(vectorizer.fit_transform([words[i] for i in train]))
    X.sort_indices()
    held_out = sparse.csr_matrix(vectorizer.transform([words[i] for i in test]))
    return Task(X, labels[train], held_out, labels[test])


def power_law(rows: int, features: int = 2**18, entries: int = 50, classes: int = 10) -> Task:
    """Features as frequent as words are, of which a tenth tell of a class; a tenth of answers is noise."""
    random = np.random.default_rng(0)
    total = rows + 20_000
    y = random.integers(0, classes, total)
    ranks = (features ** random.random((total, entries), np.float32)).astype(np.int32) - 1  # by Zipf's law
    telling = random.random((total, entries), np.float32) < 0.1
    own = random.permutation(features).astype(np.int32)  # each class has words of its own
    ranks = np.where(telling, own[(ranks + y[:, None] * (features // classes)) % features], ranks)
    indptr = np.arange(0, total * entries + 1, entries)
    X = sparse.csr_matrix((np.ones(ranks.size, np.float32), ranks.ravel(), indptr), (total, features))
    X.sum_duplicates()
    y = np.where(random.random(total) < 0.1, random.integers(0, classes, total), y)
    return Task(X[:rows], y[:rows], X[rows:], y[rows:])


Fitted = Callable[[], np.ndarray]  # the classes of what is held out
Learner = Callable[[Task], Fitted]


def estimator(make: Callable[[], Any]) -> Learner:
    """One with scikit-learn's interface."""

    def learn(task: Task) -> Fitted:
        model = make().fit(task.X, task.y)
        return lambda: model.predict(task.held_out)

    return learn


def stream(make: Callable[[], Any], rows: int = 1000) -> Learner:
    """One with `partial_fit`, of which each call gets some rows, once."""

    def learn(task: Task) -> Fitted:
        model, classes = make(), np.arange(task.classes)
        for first in range(0, len(task.y), rows):
            part = slice(first, first + rows)
            model.partial_fit(task.X[part], task.y[part], classes=classes)
        return lambda: model.predict(task.held_out)

    return learn


def liblinear(flags: str) -> Learner:
    """LIBLINEAR's own package."""
    from liblinear import liblinearutil

    def learn(task: Task) -> Fitted:
        model = liblinearutil.train(task.y.astype(float), task.X.astype(float), f"{flags} -q")
        return lambda: np.array(
            liblinearutil.predict([], task.held_out.astype(float), model, "-q")[0], dtype=int
        )

    return learn


def vowpal_wabbit(folder: Path, flags: str) -> Learner:
    """Of files, which are written before it is timed."""
    from vowpalwabbit import Workspace

    def written(name: str, X: Any, y: np.ndarray) -> Path:
        file = folder / f"{name}.txt"
        if not file.exists():
            with file.open("w") as out:
                for i, label in enumerate(y):
                    own = slice(X.indptr[i], X.indptr[i + 1])
                    words = zip(X.indices[own], X.data[own], strict=True)
                    out.write(f"{label + 1} | " + " ".join(f"{j}:{v:.6g}" for j, v in words) + "\n")
        return file

    def learn(task: Task) -> Fitted:
        train, test = written("train", task.X, task.y), written("test", task.held_out, task.answers)
        options = f"--oaa {task.classes} -b 22 --loss_function logistic --holdout_off --quiet {flags}"
        model, out = folder / "model", folder / "answers"
        Workspace(f"{options} -c -k -d {train} -f {model}").finish()

        def predict() -> np.ndarray:
            Workspace(f"-t --quiet -d {test} -i {model} -p {out}").finish()
            return np.loadtxt(out).astype(int) - 1

        return predict

    return learn


def learners(threads: int, folder: Path) -> dict[str, Learner]:
    """Ours as it comes, and what people use."""
    every: dict[str, Learner] = {
        "steepest": estimator(lambda: LinearClassifier(random_state=0)),
        "steepest, squared hinge": estimator(lambda: LinearClassifier("squared_hinge", random_state=0)),
        "steepest, hinge": estimator(lambda: LinearClassifier("hinge", random_state=0)),
        "steepest, online, 1 pass": estimator(
            lambda: LinearClassifier(solver="online", max_iter=1, random_state=0)
        ),
        "steepest, squared hinge, online, 1 pass": estimator(
            lambda: LinearClassifier("squared_hinge", solver="online", max_iter=1, random_state=0)
        ),
        "steepest, partial_fit": stream(LinearClassifier),
        "SGDClassifier, log loss, partial_fit": stream(lambda: SGDClassifier("log_loss", random_state=0)),
        "SGDClassifier, hinge, partial_fit": stream(lambda: SGDClassifier(random_state=0)),
        "SGDClassifier, log loss": estimator(
            lambda: SGDClassifier("log_loss", n_jobs=threads, random_state=0)
        ),
        "SGDClassifier, hinge": estimator(lambda: SGDClassifier(n_jobs=threads, random_state=0)),
        "LinearSVC": estimator(lambda: LinearSVC(random_state=0)),
        "LogisticRegression": estimator(lambda: LogisticRegression()),
        "LogisticRegression, saga": estimator(lambda: LogisticRegression(solver="saga", random_state=0)),
    }
    if importlib.util.find_spec("liblinear"):
        every["LIBLINEAR, L2-regularized L2-loss SVC"] = liblinear("-s 1")
        every["LIBLINEAR, Crammer and Singer"] = liblinear("-s 4")
    if importlib.util.find_spec("vowpalwabbit"):
        every["Vowpal Wabbit, 5 passes"] = vowpal_wabbit(folder, "--passes 5")
    return every


def timed(task: Task, learn: Learner, answers: list[np.ndarray]) -> Callable[[], float]:
    """The seconds of a fit, whose answers for what is held out go to a list."""

    def measure() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            predict = learn(task)
            seconds = time.perf_counter() - start
            answers[:] = [predict()]
        return seconds

    return measure


def main() -> None:
    """Measure, print, and write the file."""
    parser = options("Linear classifiers of texts.", rounds=3)
    parser.add_argument("--only", default="", help="a regular expression: learners whose names have it")
    parser.add_argument("--synthetic", type=int, metavar="ROWS", help="rows of a power law in place of texts")
    given = parsed(parser)
    task = power_law(given.synthetic) if given.synthetic else texts(QUICK if given.quick else 10**9)
    answers: dict[str, list[np.ndarray]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        named = learners(given.threads, Path(folder))
        measures = {
            name: timed(task, named[name], answers[name]) for name in named if re.search(given.only, name)
        }
        seconds = take_turns(measures, given.rounds)
    scores = {name: float((chosen == task.answers).mean()) for name, (chosen,) in answers.items()}
    print(task)
    lines = [["learner", "seconds", "accuracy"]]
    lines += [[name, f"{median(seconds[name]):.3f}", f"{scores[name]:.4f}"] for name in measures]
    for name in scores:
        assert not name.startswith("steepest") or scores[name] > 0.95 * max(scores.values()), name
    report(given, lines, {"seconds": seconds, "accuracy": scores})


if __name__ == "__main__":
    main()
