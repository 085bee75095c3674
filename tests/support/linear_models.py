"""Samples for linear models, and ways to fit to them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

CLASSIFIER_LOSSES = ["softmax", "hinge", "squared_hinge"]
REGRESSOR_LOSSES = ["squared_error", "huber", "absolute_error", "poisson"]
BASE = {"batch_size": 16, "max_iter": 4, "random_state": 0, "learning_rate_init": 0.02}


def classes(number, samples=60, features=4, noise=0.5):
    """Standardized samples of so many classes, which overlap."""
    random = np.random.default_rng(number)
    y = np.arange(samples) % number
    X = random.standard_normal((number, features))[y] + noise * random.standard_normal((samples, features))
    return StandardScaler().fit_transform(X), y


def numbers(samples=60, features=4, targets=None):
    """Standardized samples, and targets that are nearly linear in them."""
    random = np.random.default_rng(7)
    X = StandardScaler().fit_transform(random.standard_normal((samples, features)))
    weights = random.standard_normal((features, targets or 1))
    y = X @ weights + 0.3 * random.standard_normal((samples, targets or 1)) + 2
    return X, y if targets else y[:, 0]


def converged(estimator, X, y, solver="sgd", momentum=0.9):
    """Fitted by full batches until nothing moves, or to the minimum by "lbfgs"."""
    if solver == "lbfgs":
        return estimator.set_params(solver=solver, tol=1e-9, max_iter=10_000).fit(X, y)  # without a warning
    parameters = {"tol": 0, "n_iter_no_change": np.inf, "max_iter": 4000, "shuffle": False}
    estimator.set_params(solver=solver, momentum=momentum, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


def quick(estimator, X, y, **options):
    """Fitted as far as it comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, **options)
