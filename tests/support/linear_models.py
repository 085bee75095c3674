"""Samples for linear models, and ways to fit to them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
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


def texts(number=3, samples=120, words=400, seed=0):
    """Rows of length 1 with some words of many: a third of a row's are of its class."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(samples) % number)
    common = random.zipf(1.3, (samples, 12)) % words
    own = (random.zipf(1.5, (samples, 6)) * number + y[:, None]) % words
    places = np.hstack([common, own])
    X = sparse.csr_array(
        (np.ones(places.size), (np.repeat(np.arange(samples), places.shape[1]), places.ravel())),
        shape=(samples, words),
    )
    X.sum_duplicates()
    return sparse.csr_array(X.multiply(1 / np.sqrt(X.multiply(X).sum(axis=1))[:, None])), y


def objective(model, X, y, weight=None):
    """As LinearClassifier's docstring has it."""
    scores = X @ model.coef_.T + model.intercept_
    if scores.shape[1] == 1:
        scores = np.hstack([-scores, scores]) / 2
    own = scores[np.arange(len(y)), y]
    if model.loss == "softmax":
        losses = np.log(np.exp(scores - own[:, None]).sum(axis=1))
    else:
        over = np.maximum(0, scores - own[:, None] + model.margin)
        over[np.arange(len(y)), y] = 0
        losses = (over**2 if model.loss == "squared_hinge" else over).sum(axis=1)
    return np.average(losses, weights=weight) + model.alpha_ / 2 * np.square(model.coef_).sum()


def number_texts(loss, targets, samples=120, words=400):
    """Rows as those of `texts`, and numbers, or counts, that are nearly linear in them."""
    X, _ = texts(3, samples, words)
    random = np.random.default_rng(3)
    y = X @ random.standard_normal((words, targets or 1))
    y += 0.3 * random.standard_normal(y.shape)
    if loss == "poisson":
        y = random.poisson(3 * np.exp(y)).astype(float)
    return X, y if targets else y[:, 0]


def number_objective(model, X, y, weight=None):
    """As LinearRegressor's docstring has it."""
    scores, y = X @ np.atleast_2d(model.coef_).T.astype(float) + model.intercept_, y.reshape(len(y), -1)
    e, d = scores - y, model.huber_delta
    losses = {
        "squared_error": lambda: e**2 / 2,
        "huber": lambda: np.where(np.abs(e) <= d, e**2 / 2, d * (np.abs(e) - d / 2)),
        "absolute_error": lambda: np.abs(e),
        "log_cosh": lambda: np.where(np.abs(e) < 1e-3, e**2 / 2, np.logaddexp(e, -e) - np.log(2)),
        "poisson": lambda: np.exp(scores) - y - y * (scores - np.log(np.where(y > 0, y, 1))),
    }[model.loss]()
    penalty = model.alpha_ / 2 * np.square(model.coef_, dtype=float).sum()
    return np.average(losses.sum(axis=1), weights=weight) + penalty
