"""Linear regressors of texts: the logarithm of the length of a docstring, by its words and pairs of words.

    pip install '.[bench]'
    python bench/text_lengths.py

The texts are those of text.py. Ridge is told the penalty that ours takes by itself, or is as it comes.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median

import numpy as np
from harness import options, parsed, report, take_turns
from sklearn.linear_model import Ridge, SGDRegressor
from sklearn.metrics import r2_score
from sklearn.svm import LinearSVR
from text import QUICK, Learner, estimator, texts, timed

from steepest.sklearn import LinearRegressor


def learners(alpha: float) -> dict[str, Learner]:
    """Ours as it comes, and others."""
    return {
        "steepest": estimator(lambda: LinearRegressor(random_state=0)),
        "steepest, huber": estimator(lambda: LinearRegressor("huber", huber_delta=0.3, random_state=0)),
        "Ridge, told alpha": estimator(lambda: Ridge(alpha)),
        "Ridge, lsqr, told alpha": estimator(lambda: Ridge(alpha, solver="lsqr")),
        "Ridge, sag, told alpha": estimator(lambda: Ridge(alpha, solver="sag", random_state=0)),
        "Ridge": estimator(lambda: Ridge()),
        "SGDRegressor": estimator(lambda: SGDRegressor(random_state=0)),
        "LinearSVR": estimator(lambda: LinearSVR(random_state=0)),
    }


def main() -> None:
    """Measure, print, and write the file."""
    given = parsed(options("Linear regressors of texts.", rounds=3))
    task = texts(QUICK if given.quick else 10**9, lengths=True)
    alpha = LinearRegressor(random_state=0).fit(task.X, task.y).alpha_ * len(task.y)
    answers: dict[str, list[np.ndarray]] = defaultdict(list)
    measures = {name: timed(task, learn, answers[name]) for name, learn in learners(alpha).items()}
    seconds = take_turns(measures, given.rounds)
    scores = {name: float(r2_score(task.answers, found)) for name, (found,) in answers.items()}
    print(f"{task.X.shape[0]:,} texts, {task.X.shape[1]:,} features")
    lines = [["learner", "seconds", "R^2"]]
    lines += [[name, f"{median(seconds[name]):.3f}", f"{scores[name]:.4f}"] for name in measures]
    assert scores["steepest"] > max(scores.values()) - 0.05
    report(given, lines, {"seconds": seconds, "R^2": scores})


if __name__ == "__main__":
    main()
