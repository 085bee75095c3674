"""LinearClassifier and LinearRegressor with an l1 penalty: the minimum, and weights that are exactly 0."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from scipy.optimize import linprog
from sklearn.linear_model import ElasticNet, Lasso, QuantileRegressor
from support.linear_models import classes, converged

from steepest.sklearn import LinearClassifier, LinearRegressor
from steepest.sklearn._linear.l1 import quadratic
from steepest.sklearn._linear.l1.proximal import ProximalNewton
from steepest.sklearn._linear.l1.quadratic import Quadratic

on_backend = pytest.mark.usefixtures("on_backend")


def wide(samples=80, features=300, common=0.0, seed=0):
    """More features than samples, of which seven tell, and all may have much in common."""
    random = np.random.default_rng(seed)
    X = random.standard_normal((samples, features)) + common * random.standard_normal((samples, 1))
    return X, X[:, :7] @ random.uniform(1, 3, 7) + 0.5 * random.standard_normal(samples)


def slopes(model, X, y):
    """Of the loss by each weight, from its formula, (scores, features)."""
    X = X.toarray() if sparse.issparse(X) else X
    if isinstance(model, LinearRegressor):
        error = model.predict(X) - y
        if model.loss == "huber":
            error = np.clip(error, -model.huber_delta, model.huber_delta)
        return (error @ X / len(y))[None]
    one_hot = np.eye(len(model.classes_))[np.searchsorted(model.classes_, y)]
    return ((model.predict_proba(X) - one_hot).T @ X / len(y))[-len(np.atleast_2d(model.coef_)) :]


def assert_minimum(model, X, y, tol=1e-6):
    """No weight can be better: its slope is as large as the penalty's, or less where the weight is 0."""
    weight, slope = np.atleast_2d(model.coef_), slopes(model, X, y)
    share = model.l1_ratio if model.penalty == "elasticnet" else 1.0
    slope = slope + model.alpha * (1 - share) * weight
    assert (np.abs(slope[weight == 0]) <= model.alpha * share * (1 + tol)).all()
    np.testing.assert_allclose(
        slope[weight != 0], -model.alpha * share * np.sign(weight[weight != 0]), atol=tol * model.alpha
    )


@on_backend
@pytest.mark.parametrize("common", [0, 10])
@pytest.mark.parametrize("alpha", [1.0, 0.1, 0.01])
def test_weights_are_those_of_the_lasso(common, alpha):
    X, y = wide(60, 120, common)
    model = LinearRegressor(penalty="l1", alpha=alpha).fit(X, y)
    assert_minimum(model, X, y)
    theirs = Lasso(alpha=alpha, tol=1e-12, max_iter=1_000_000).fit(X, y)
    np.testing.assert_array_equal(model.coef_ != 0, theirs.coef_ != 0)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-5)


@on_backend
@pytest.mark.parametrize("loss", ["squared_error", "huber"])
@pytest.mark.parametrize("penalty", ["l1", "elasticnet"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_numbers_and_sparse_rows(loss, penalty, form):
    X, y = wide(60, 150)
    X[np.abs(X) < 1] = 0
    model = converged(LinearRegressor(loss, penalty=penalty, alpha=0.1, l1_ratio=0.7), form(X), y, "lbfgs")
    assert_minimum(model, X, y, 1e-3)
    assert 7 <= (model.coef_ != 0).sum() <= 60


@on_backend
@pytest.mark.parametrize("number", [2, 3, 5])
@pytest.mark.parametrize("alpha", [0.03, 0.001])
def test_classes(number, alpha):
    X, y = classes(number, samples=120, features=12, noise=1.0)
    model = converged(LinearClassifier(penalty="l1", alpha=alpha), X, y, "lbfgs")
    assert_minimum(model, X, y, 1e-3)
    assert (model.coef_ == 0).any() == (alpha > 0.01 or number > 2)


@pytest.mark.parametrize("most", [1500, 10])
def test_many_weights_of_several_scores(monkeypatch, most):
    """All pairs of them are few enough, or those of each score are taken by themselves."""
    random = np.random.default_rng(0)
    X = sparse.random_array((300, 100), density=0.2, rng=random, format="csr")
    y = random.integers(0, 5, 300)
    monkeypatch.setattr(quadratic, "_TOGETHER", most)
    model = LinearClassifier(penalty="l1", alpha=1e-3, solver="lbfgs").fit(X, y)
    assert (model.coef_ != 0).sum() > 100
    assert_minimum(model, X, y, 1e-6 if most > 10 else 0.2)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_rows_in_blocks(monkeypatch, form):
    """As many at once as memory allows, and some for all where there are many more than weights."""
    X, y = classes(3, samples=240, features=6, noise=1.0)
    whole = LinearClassifier(penalty="l1", alpha=0.01, solver="lbfgs").fit(form(X), y)
    monkeypatch.setattr(quadratic, "_NUMBERS", 100)
    blocks = LinearClassifier(penalty="l1", alpha=0.01, solver="lbfgs").fit(form(X), y)
    np.testing.assert_allclose(blocks.coef_, whole.coef_, atol=1e-9)
    monkeypatch.setattr(quadratic, "_MIXED", 0)
    monkeypatch.setattr(quadratic, "_PRODUCTS", 1)
    some = LinearClassifier(penalty="l1", alpha=0.01, solver="lbfgs").fit(form(X), y)
    assert whole.loss_ * (1 - 1e-9) <= some.loss_ <= whole.loss_ * (1 + 1e-4)


@on_backend
def test_twice_the_same_feature_is_no_harm():
    X, y = wide(60, 20)
    X[:, 1] = X[:, 0]
    assert_minimum(LinearRegressor(penalty="l1", alpha=0.05).fit(X, y), X, y)
    X[:, 1] *= 1e6  # the cheaper one alone
    model = LinearRegressor(penalty="l1", alpha=0.05).fit(X, y)
    assert model.coef_[0] == 0 < model.coef_[1]


@on_backend
def test_an_alpha_that_is_too_large_leaves_no_weight():
    X, y = wide(40, 30)
    most = np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / len(y)
    for alpha, number in ((1.001 * most, 0), (0.999 * most, 1)):
        model = LinearRegressor(penalty="l1", alpha=alpha).fit(X, y)
        assert (model.coef_ != 0).sum() == number
    model = LinearRegressor(penalty="elasticnet", alpha=2 * most, l1_ratio=0.6).fit(X, y)
    assert not model.coef_.any() and model.intercept_ == pytest.approx(y.mean())


def test_a_weight_of_a_row_counts_like_its_repeats():
    X, y = wide(40, 60)
    times = np.arange(40) % 3
    weighted = LinearRegressor(penalty="elasticnet", alpha=0.1, l1_ratio=0.5).fit(X, y, sample_weight=times)
    repeated = LinearRegressor(penalty="elasticnet", alpha=0.1, l1_ratio=0.5)
    repeated.fit(X.repeat(times, 0), y.repeat(times))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-7)
    theirs = ElasticNet(alpha=0.1, tol=1e-12, max_iter=100_000).fit(X, y, sample_weight=times)
    np.testing.assert_allclose(weighted.coef_, theirs.coef_, atol=1e-5)


@on_backend
@pytest.mark.parametrize("rows", [4, 40])
@pytest.mark.parametrize("alpha", [0.3, 0.003])
def test_kinks_of_the_loss_beside_those_of_the_penalty(rows, alpha):
    """Against linear programs."""
    X, y = wide(rows, 60)
    y = 100 * y + 1000
    model = LinearRegressor("absolute_error", penalty="l1", alpha=100 * alpha).fit(X, y)  # without a warning
    theirs = QuantileRegressor(alpha=50 * alpha).fit(X, y)

    def errors(fitted):
        return np.abs(fitted.predict(X) - y).mean() + 100 * alpha * np.abs(fitted.coef_).sum()

    assert errors(theirs) * (1 - 1e-9) <= errors(model) <= errors(theirs) * (1 + 1e-4)
    labels = (y > np.median(y)).astype(int)
    signs = 2.0 * labels - 1
    model = LinearClassifier("hinge", penalty="l1", alpha=alpha).fit(X, labels)
    share = np.full(rows, 1 / rows)  # slacks, the weights as differences of two that are not negative, a bias
    costs = np.r_[share, np.full(120, alpha), 0]
    less = -np.hstack([np.eye(rows), signs[:, None] * X, -signs[:, None] * X, signs[:, None]])
    program = linprog(costs, less, -np.ones(rows), bounds=[(0, None)] * (rows + 120) + [(None, None)])
    hinges = np.maximum(0, 1 - signs * model.decision_function(X)).mean() + alpha * np.abs(model.coef_).sum()
    assert program.fun * (1 - 1e-9) <= hinges <= program.fun * (1 + 1e-4)


# ---- the method by itself ---------------------------------------------------------------------------------


def flat(bend):
    """A quadratic of two weights that bends less than the function does."""

    def quadratic_at(point):
        return Quadratic(np.eye(2), np.zeros((2, 1)), np.full((2, 1), bend), None)

    return quadratic_at


def sharp(point):
    """Value and slope of a function that bends by 1 at 0, and more and more far from there."""
    with np.errstate(over="ignore"):
        return float(np.cosh(point - 3).sum()), np.sinh(point - 3)


@pytest.mark.parametrize("bend", [1.0, 1e-3])
def test_steps_that_go_too_far_are_damped(bend):
    best = ProximalNewton(sharp, flat(bend), np.array([[0.5], [20.0]])).run(np.zeros((2, 1)), 1e-10, 1000)
    np.testing.assert_allclose(best.point, [[3 - np.arcsinh(0.5)], [0]], atol=1e-4)
    assert best.converged


def test_what_stops_it_leaves_the_point_that_it_has_come_to():
    calls = 0

    def function(point):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return sharp(point)

    method = ProximalNewton(function, flat(1.0), np.zeros((2, 1)))
    with pytest.raises(KeyboardInterrupt):
        method.run(np.zeros((2, 1)), 1e-10, 1000)
    assert method.at.value < 2 * np.cosh(3) and not method.at.converged


def test_a_function_that_is_not_a_number_is_not_converged():
    """It ends, and says that it is not at the minimum."""

    def function(point):
        return (float("nan") if point.any() else 1.0), np.full((2, 1), -1.0)

    best = ProximalNewton(function, flat(1.0), np.zeros((2, 1))).run(np.zeros((2, 1)), 1e-10, 1000)
    assert not best.converged and not best.point.any()
