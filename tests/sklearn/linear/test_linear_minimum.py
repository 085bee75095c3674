"""solver="lbfgs" of linear models: the minimum of the documented objective, or a warning."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from support.linear_models import CLASSIFIER_LOSSES, REGRESSOR_LOSSES, classes

from steepest.sklearn import LinearClassifier, LinearRegressor

random = np.random.default_rng(5)
WIDE = random.standard_normal((40, 400))


def raw(load):
    return load(return_X_y=True)


def mixed(X):
    """Features of scales from 1e-6 to 1e6, one that is constant, and one twice."""
    scales = np.logspace(-6, 6, X.shape[1])
    return np.c_[X * scales, np.full(len(X), 1e9 / 3), X[:, 0]]


def with_an_outlier(X):
    return np.r_[np.full((1, X.shape[1]), 1000.0), X[1:]]


DIABETES, PROGRESS = load_diabetes(return_X_y=True, scaled=False)
LABELED = {
    "iris": raw(load_iris),
    "wine": raw(load_wine),
    "breast cancer": raw(load_breast_cancer),
    "digits": tuple(part[:300] for part in raw(load_digits)),
    "mixed scales": (mixed(raw(load_wine)[0]), raw(load_wine)[1]),
    "an outlier": (with_an_outlier(classes(3, 200, noise=1.5)[0]), classes(3, 200, noise=1.5)[1]),
    "five rows": (random.standard_normal((5, 3)), np.array([0, 1, 0, 2, 1])),
    "two rows": (np.eye(2), np.array([0, 1])),
    "more features than rows": (WIDE, np.arange(40) % 3),
}
NUMBERED = {
    "diabetes": (DIABETES, PROGRESS),
    "mixed scales": (mixed(DIABETES), PROGRESS),
    "an outlier": (with_an_outlier(DIABETES), PROGRESS),
    "small targets": (DIABETES, 1e-6 * PROGRESS),
    "large targets": (DIABETES, 1e7 * PROGRESS),
    "offset targets": (DIABETES, 1e9 + PROGRESS),
    "five rows": (random.standard_normal((5, 3)), np.arange(5.0)),
    "two rows": (np.eye(2), np.array([0.0, 1.0])),
    "more features than rows": (WIDE, WIDE[:, :3].sum(axis=1)),
}


# ---- the objective, as the docstrings have it -------------------------------------------------------------


def losses(model, scores, y):
    """Of each sample."""
    loss = model.loss
    if isinstance(model, LinearClassifier):
        if scores.shape[1] == 1:
            scores = np.hstack([-scores, scores]) / 2
        own = scores[np.arange(len(y)), y]
        if loss == "softmax":
            return logsumexp(scores, axis=1) - own
        hinges = np.maximum(0, 1 + scores - own[:, None]) ** (1 if loss == "hinge" else 2)
        return hinges.sum(axis=1) - 1
    error = np.abs(scores - y[:, None])
    if loss == "squared_error":
        return (error**2 / 2).sum(axis=1)
    if loss == "huber":
        return np.where(error <= 1, error**2 / 2, error - 0.5).sum(axis=1)
    if loss == "absolute_error":
        return error.sum(axis=1)
    rate = np.exp(scores)
    logs = np.log(np.where(y > 0, y, 1))[:, None]
    return (rate - y[:, None] - y[:, None] * (scores - logs)).sum(axis=1)


def objective(model, weight, bias, X, y, sample_weight=None):
    ratio = {"l1": 1.0, "l2": 0.0, "elasticnet": model.l1_ratio}.get(model.penalty, 0)
    alpha = model.alpha if model.penalty else 0
    own = losses(model, X @ weight + bias, y)
    penalty = ratio * np.abs(weight).sum() + (1 - ratio) / 2 * (weight**2).sum()
    return np.average(own, weights=sample_weight) + alpha * penalty


def reached(model, X, y):
    return objective(model, np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_), X, y)


def lower(model, X, y):
    """What another method still finds from there, in units in which the features are alike."""
    mean, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 1e-12 * np.abs(mean), scale, 1.0)
    weight, bias = np.atleast_2d(model.coef_).T, np.atleast_1d(model.intercept_)
    shape = weight.shape

    @np.errstate(all="ignore")
    def value(point):
        layer = point[:-1] / scale[:, None]
        return objective(model, layer, point[-1] - mean @ layer, X, y)

    def packed(point):
        return value(point.reshape(shape[0] + 1, shape[1]))

    start = np.r_[weight * scale[:, None], [bias + mean @ weight]]
    best, size = value(start), max(1e-12, np.abs(start).max())
    for k in range(40):  # along lines: a convex function that is lower somewhere is lower in its direction
        direction = random.standard_normal(start.shape) * (
            k % 2 or np.eye(start.shape[0])[k % len(start)][:, None]
        )
        for t in size * np.logspace(-6, 0, 7):
            found = value(start + t * direction), value(start - t * direction)
            best = np.nanmin([best, *found])
    if start.size <= 60:
        with np.errstate(all="ignore"):
            found = minimize(packed, start.ravel(), method="L-BFGS-B", options={"maxiter": 50}).fun
        best = np.nanmin([best, found])
    return best


@pytest.mark.parametrize(
    "penalty", [("l2", 1e-4), ("l2", 10.0), ("l1", 0.01), ("elasticnet", 1e-3), (None, 0)]
)
@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
@pytest.mark.parametrize("name", LABELED)
def test_classifiers_reach_the_minimum_or_say_so(name, loss, penalty):
    X, y = LABELED[name]
    check(LinearClassifier(loss, penalty=penalty[0], alpha=penalty[1], max_iter=3000), X, y)


@pytest.mark.parametrize(
    "penalty", [("l2", 1e-4), ("l2", 10.0), ("l1", 0.01), ("elasticnet", 1e-3), (None, 0)]
)
@pytest.mark.parametrize("loss", REGRESSOR_LOSSES)
@pytest.mark.parametrize("name", NUMBERED)
def test_regressors_reach_the_minimum_or_say_so(name, loss, penalty):
    X, y = NUMBERED[name]
    if loss == "poisson" and ("row" in name or "targets" in name):
        y = np.abs(y) / np.abs(y).max()
    check(LinearRegressor(loss, penalty=penalty[0], alpha=penalty[1], max_iter=3000), X, y)


def test_few_fits_end_with_a_warning():
    """So that the tests above do test something."""
    told = 0
    for X, y in LABELED.values():
        for loss in CLASSIFIER_LOSSES:
            for penalty, alpha in (("l2", 1e-4), ("l2", 10.0), ("l1", 0.01)):
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always")
                    LinearClassifier(loss, penalty=penalty, alpha=alpha).fit(X, y)
                told += bool(caught)
    assert told <= 4


def check(model, X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert model.solver_ == "lbfgs" and model.n_iter_ <= 3000
    found = reached(model, X, y)
    scale = np.abs(y).max() if isinstance(model, LinearRegressor) else 1.0
    rounding = 1e-9 * max(scale, 1.0) ** (2 if model.loss == "squared_error" else 1)
    assert abs(model.loss_ - found) <= 1e-6 * found + rounding
    if caught:
        assert all(issubclass(one.category, ConvergenceWarning) for one in caught)
    else:
        assert found <= lower(model, X, y) * 1.001 + rounding
