"""Linear models as they come out of the box, on raw tables and some others: seconds, and what is reached.

    python bench/linear.py

Each learner is told the same objective, but LinearSVC penalizes its intercept too.
The gap is how much higher its objective is than the lowest that any of them found, relative to that; its time
is the median of the rounds. The last column is the accuracy, or R^2, on a quarter of the rows, held out.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from harness import options, parsed, report
from scipy.special import logsumexp
from sklearn import datasets, linear_model, preprocessing, svm
from sklearn.model_selection import train_test_split

from steepest.sklearn import LinearClassifier, LinearRegressor

ALPHA = 1e-3
Losses = Callable[[np.ndarray, np.ndarray], np.ndarray]


def softmax(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cross-entropy of each sample; of one score that of two classes."""
    if scores.shape[1] == 1:
        return np.logaddexp(0, np.where(y == 1, -scores[:, 0], scores[:, 0]))
    return logsumexp(scores, axis=1) - scores[np.arange(len(y)), y]


def squared_hinge(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of two classes."""
    return np.maximum(0, 1 - np.where(y == 1, 1, -1) * scores[:, 0]) ** 2


def squared_error(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Half of it."""
    return (scores[:, 0] - y) ** 2 / 2


def absolute_error(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of each sample."""
    return np.abs(scores[:, 0] - y)


def problems() -> dict[str, tuple[Any, Losses, str, dict[str, Callable[[int], Any]]]]:
    """Data, the loss, the kind of penalty, and the learners of each, by the number of samples."""
    logistic = {
        "steepest": lambda n: LinearClassifier(alpha=ALPHA),
        "LogisticRegression": lambda n: linear_model.LogisticRegression(C=1 / (ALPHA * n)),
        "LogisticRegression, 10,000 iterations": lambda n: linear_model.LogisticRegression(
            C=1 / (ALPHA * n), max_iter=10_000
        ),
        "LogisticRegression, newton-cholesky": lambda n: linear_model.LogisticRegression(
            C=1 / (ALPHA * n), solver="newton-cholesky", max_iter=1000
        ),
    }
    hinge = {
        "steepest": lambda n: LinearClassifier("squared_hinge", alpha=ALPHA),
        "LinearSVC": lambda n: svm.LinearSVC(C=1 / (ALPHA * n)),
        "SGDClassifier": lambda n: linear_model.SGDClassifier("squared_hinge", alpha=ALPHA),
    }
    squares = {
        "steepest": lambda n: LinearRegressor(alpha=ALPHA),
        "Ridge": lambda n: linear_model.Ridge(alpha=ALPHA * n),
        "SGDRegressor": lambda n: linear_model.SGDRegressor(alpha=ALPHA),
    }
    lasso = {
        "steepest": lambda n: LinearRegressor(penalty="l1", alpha=ALPHA),
        "Lasso": lambda n: linear_model.Lasso(alpha=ALPHA),
    }
    sparse_logistic = {
        "steepest": lambda n: LinearClassifier(penalty="l1", alpha=ALPHA),
        "LogisticRegression, saga": lambda n: linear_model.LogisticRegression(
            l1_ratio=1, solver="saga", C=1 / (ALPHA * n)
        ),
    }
    medians = {
        "steepest": lambda n: LinearRegressor("absolute_error", penalty="l1", alpha=ALPHA),
        "QuantileRegressor": lambda n: linear_model.QuantileRegressor(alpha=ALPHA / 2),
    }
    iris, wine, digits = (
        load(return_X_y=True) for load in (datasets.load_iris, datasets.load_wine, datasets.load_digits)
    )
    cancer, diabetes = (
        datasets.load_breast_cancer(return_X_y=True),
        datasets.load_diabetes(return_X_y=True, scaled=False),
    )
    scaled = preprocessing.StandardScaler().fit_transform(digits[0]), digits[1]
    wide, numbers = datasets.make_regression(1500, 2000, n_informative=20, noise=10, random_state=0)
    return {
        "iris, softmax": (iris, softmax, "l2", logistic),
        "wine, softmax": (wine, softmax, "l2", logistic),
        "breast cancer, softmax": (cancer, softmax, "l2", logistic),
        "digits, softmax": (digits, softmax, "l2", logistic),
        "digits scaled, softmax": (scaled, softmax, "l2", logistic),
        "digits scaled, softmax, l1": (scaled, softmax, "l1", sparse_logistic),
        "breast cancer, squared hinge": (cancer, squared_hinge, "l2", hinge),
        "diabetes, squares": (diabetes, squared_error, "l2", squares),
        "diabetes, squares, l1": (diabetes, squared_error, "l1", lasso),
        "2,000 features, squares, l1": ((wide, numbers / numbers.std()), squared_error, "l1", lasso),
        "diabetes, absolute error, l1": (diabetes, absolute_error, "l1", medians),
    }


def objective(model: Any, losses: Losses, penalty: str, X: np.ndarray, y: np.ndarray) -> float:
    """As it was told."""
    coef = np.atleast_2d(model.coef_)
    own = losses(X @ coef.T + model.intercept_, y).mean()
    return float(own + ALPHA * (np.abs(coef).sum() if penalty == "l1" else (coef**2).sum() / 2))


def fitted(make: Callable[[int], Any], X: np.ndarray, y: np.ndarray, rounds: int) -> tuple[Any, float, int]:
    """A model, the median of its seconds, and how many warnings came with it."""
    seconds = []
    for _ in range(rounds):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            start = time.perf_counter()
            model = make(len(y)).fit(X, y)
            seconds.append(time.perf_counter() - start)
    return model, median(seconds), len(caught)


def main() -> None:
    """Measure, print, and write the file."""
    given = parsed(options("Linear models as they come out of the box.", rounds=5))
    gaps: dict[str, dict[str, float]] = {}
    lines = [["data, loss", "learner", "milliseconds", "gap", "warned", "held-out score"]]
    for name, ((X, y), losses, penalty, learners) in problems().items():
        train, test, y_train, y_test = train_test_split(X, y, random_state=0)
        models = {who: fitted(make, train, y_train, given.rounds) for who, make in learners.items()}
        reached = {
            who: objective(model, losses, penalty, train, y_train) for who, (model, *_) in models.items()
        }
        lowest = min(reached.values())
        assert reached["steepest"] <= 1.001 * lowest, name
        gaps[name] = {who: (value - lowest) / lowest for who, value in reached.items()}
        for who, (model, seconds, warned) in models.items():
            score = model.score(test, y_test)
            lines.append(
                [
                    name,
                    who,
                    f"{1e3 * seconds:.1f}",
                    f"{gaps[name][who]:.1e}",
                    "yes" if warned else "",
                    f"{score:.3f}",
                ]
            )
    report(given, lines, {"gaps": gaps})


if __name__ == "__main__":
    main()
