"""Grid searches and cross-validation over joblib's backends: the scores of one process, to the bit."""

from __future__ import annotations

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from support.networks import assert_same

import steepest as st
from steepest.sklearn import LinearClassifier, MLPClassifier, TabularClassifier

X, Y = load_iris(return_X_y=True)
ESTIMATORS = [
    (MLPClassifier((6,), learning_rate_init=0.05, tol=0.02, random_state=0), {"alpha": [0.001, 1.0]}),
    (LinearClassifier(tol=0.01, random_state=0), {"alpha": [0.01, 1.0]}),
    (
        TabularClassifier(max_steps=40, n_members=2, hidden_layer_sizes=(8,), random_state=0),
        {"dropout": [0.0, 0.25]},
    ),
]


def found(estimator, grid):
    """Everything but times that scikit-learn's tools say."""
    search = GridSearchCV(estimator, grid, cv=2).fit(X, Y)
    validated = cross_validate(estimator, X, Y, cv=3, return_estimator=True, return_train_score=True)
    return [
        *(search.cv_results_[f"split{split}_test_score"] for split in (0, 1)),
        search.predict_proba(X),
        cross_val_score(estimator, X, Y, cv=3),
        validated["test_score"],
        validated["train_score"],
        *(one.predict_proba(X) for one in validated["estimator"]),
    ]


@pytest.mark.parametrize(("estimator", "grid"), ESTIMATORS, ids=lambda value: type(value).__name__)
def test_scores_are_those_of_one_process(request, engine, estimator, grid):
    alone = found(estimator, grid)
    request.getfixturevalue("joblib_backend")
    assert_same(found(estimator, grid), alone)


@pytest.mark.usefixtures("joblib_backend")
def test_workers_have_the_cpus_that_are_theirs(engine):
    """Those of Dask and Ray one thread each; joblib's share the CPUs, of which there may be many."""

    def threads(estimator, X, y):
        return st.get_num_threads()

    score = cross_val_score(LinearClassifier(tol=0.01), X, Y, cv=2, scoring=threads)
    fair = max(1, joblib.cpu_count() // 2) if engine == "loky" else 1
    assert np.all(score == fair)
