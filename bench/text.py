"""Linear classifiers of texts: which package a docstring is from, by its words and pairs of words.

    pip install '.[bench]'
    python bench/text.py

The texts are docstrings of those of the packages below that are installed, a fifth of them held out. Each
learner is as it comes, and timed from the sparse matrix on; Vowpal Wabbit from its text file, which it reads.
"""

from __future__ import annotations

import ast
import importlib.util
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
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


def docstrings() -> Iterator[tuple[str, str]]:
    """Texts and their packages."""
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        if found is None or found.origin is None:
            continue
        for file in sorted(Path(found.origin).parent.rglob("*.py")):
            try:
                tree = ast.parse(file.read_text(encoding="utf-8"))
            except (SyntaxError, ValueError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
                    text = ast.get_docstring(node) or ""
                    if len(text) > SHORTEST:
                        yield text[:LONGEST], package


class Task:
    """Texts as numbers, to learn from and held out."""

    def __init__(self, most: int) -> None:
        texts, packages = zip(*docstrings(), strict=True)
        labels = np.unique(packages, return_inverse=True)[1]
        chosen = np.random.default_rng(0).permutation(len(texts))[:most]
        train, test = train_test_split(chosen, random_state=0, test_size=0.2)
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, dtype=np.float32)
        self.X = sparse.csr_matrix(vectorizer.fit_transform([texts[i] for i in train]))
        self.X.sort_indices()
        self.held_out = sparse.csr_matrix(vectorizer.transform([texts[i] for i in test]))
        self.y, self.answers = labels[train], labels[test]
        self.classes = int(labels.max()) + 1

    def __str__(self) -> str:
        samples, features = self.X.shape
        entries = self.X.nnz / samples
        return (
            f"{samples:,} texts, {features:,} features, {entries:.0f} entries a row, {self.classes} classes"
        )


Fitted = Callable[[], np.ndarray]  # the classes of what is held out
Learner = Callable[[Task], Fitted]


def estimator(make: Callable[[], Any]) -> Learner:
    """One with scikit-learn's interface."""

    def learn(task: Task) -> Fitted:
        model = make().fit(task.X, task.y)
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


def main() -> None:
    """Measure, print, and write the file."""
    given = parsed(options("Linear classifiers of texts.", rounds=3))
    task = Task(QUICK if given.quick else 10**9)
    answers: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:

        def timed(name: str, learn: Learner) -> Callable[[], float]:
            def measure() -> float:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    start = time.perf_counter()
                    predict = learn(task)
                    seconds = time.perf_counter() - start
                    answers[name] = predict()
                return seconds

            return measure

        measures = {name: timed(name, learn) for name, learn in learners(given.threads, Path(folder)).items()}
        seconds = take_turns(measures, given.rounds)
    scores = {name: float((chosen == task.answers).mean()) for name, chosen in answers.items()}
    print(task)
    lines = [["learner", "seconds", "accuracy"]]
    lines += [[name, f"{median(seconds[name]):.3f}", f"{scores[name]:.4f}"] for name in measures]
    assert scores["steepest"] > 0.95 * max(scores.values())
    report(given, lines, {"seconds": seconds, "accuracy": scores})


if __name__ == "__main__":
    main()
