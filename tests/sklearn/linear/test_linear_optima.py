"""LinearClassifier and LinearRegressor: optima that scikit-learn finds in other ways, and steps by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn import linear_model, svm
from sklearn.base import clone
from support.linear_models import classes, converged, numbers, quick

from steepest.sklearn import LinearClassifier, LinearRegressor

pytestmark = pytest.mark.usefixtures("on_backend")


@pytest.fixture(params=["lbfgs", "sgd"])
def solver(request):
    return request.param


# ---- optima that scikit-learn finds in other ways ---------------------------------------------------------


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_softmax_is_logistic_regression(solver, number, fit_intercept):
    X, y = classes(number)
    model = converged(LinearClassifier(alpha=0.02, fit_intercept=fit_intercept), X, y, solver)
    theirs = linear_model.LogisticRegression(C=1 / (0.02 * len(y)), fit_intercept=fit_intercept, tol=1e-10)
    theirs.fit(X, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(
        model.intercept_ - model.intercept_.mean() * (number > 2), theirs.intercept_, atol=1e-6
    )
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


def test_squared_hinge_of_two_classes_is_a_support_vector_machine(solver):
    X, y = classes(2)
    model = converged(LinearClassifier("squared_hinge", alpha=0.02, fit_intercept=False), X, y, solver)
    theirs = svm.LinearSVC(C=1 / (0.02 * len(y)), fit_intercept=False, tol=1e-10, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(model.decision_function(X), theirs.decision_function(X), atol=1e-6)


def test_hinge_of_two_classes_is_a_support_vector_machine(solver):
    """Near its optimum, around which steps along subgradients go on."""
    X, y = classes(2)
    model = LinearClassifier("hinge", alpha=0.02, fit_intercept=False, learning_rate_init=1e-3)
    converged(model, X, y, solver)
    theirs = svm.LinearSVC(
        C=1 / (0.02 * len(y)), loss="hinge", fit_intercept=False, tol=1e-10, max_iter=1_000_000
    ).fit(X, y)

    def objective(coef):
        slack = np.maximum(0, 1 - np.where(y == 1, 1, -1) * (X @ coef.ravel()))
        return slack.mean() + 0.01 * (coef**2).sum()

    assert objective(theirs.coef_) <= objective(model.coef_) <= objective(theirs.coef_) * 1.001


@pytest.mark.parametrize(("penalty", "theirs"), [
    (None, linear_model.LinearRegression()),
    ("l2", linear_model.ElasticNet(alpha=0.1, l1_ratio=0, tol=1e-12)),
    ("l1", linear_model.Lasso(alpha=0.1, tol=1e-12)),
    ("elasticnet", linear_model.ElasticNet(alpha=0.1, l1_ratio=0.3, tol=1e-12)),
], ids=str)  # fmt: skip
def test_penalties_are_those_of_least_squares(solver, penalty, theirs):
    X, y = numbers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the penalty is l2 alone
        theirs = clone(theirs).fit(X, y)
    model = LinearRegressor(penalty=penalty, alpha=0.1, l1_ratio=0.3)
    converged(model, X, y, solver, momentum=0)  # with momentum, no weights become exactly 0
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, theirs.intercept_, atol=1e-6)


def test_l1_makes_weights_exactly_0(solver):
    X, y = numbers()
    assert not (converged(LinearRegressor(), X, y, solver).coef_ == 0).any()
    model = converged(LinearRegressor(penalty="l1", alpha=0.3), X, y, solver, momentum=0)
    theirs = linear_model.Lasso(alpha=0.3).fit(X, y)
    assert 0 < (theirs.coef_ == 0).sum() < 4
    np.testing.assert_array_equal(model.coef_ == 0, theirs.coef_ == 0)
    X, y = classes(2)
    strong = converged(LinearClassifier(penalty="l1", alpha=0.2), X, y, solver, momentum=0)
    assert 0 < (strong.coef_ == 0).sum() < 4


def test_poisson_is_a_generalised_linear_model(solver):
    X, y = numbers()
    y = np.exp(y / 2)
    model = converged(LinearRegressor("poisson", alpha=0.05), X, y, solver)
    theirs = linear_model.PoissonRegressor(alpha=0.05, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(model.predict(X), theirs.predict(X), rtol=1e-6)


def test_absolute_error_finds_medians(solver):
    X, y = numbers()
    model = LinearRegressor("absolute_error", penalty=None, learning_rate_init=1e-4)
    converged(model, X, y, solver)
    theirs = linear_model.QuantileRegressor(alpha=0).fit(X, y)
    best = np.abs(theirs.predict(X) - y).mean()
    assert best <= np.abs(model.predict(X) - y).mean() <= best * 1.001


def test_penalized_medians_and_squares(solver):
    X, y = numbers()
    if solver == "lbfgs":
        model = converged(LinearRegressor("absolute_error", penalty="l1", alpha=0.2), X, y, solver)
        theirs = linear_model.QuantileRegressor(alpha=0.1).fit(X, y)
        np.testing.assert_allclose(model.predict(X), theirs.predict(X), atol=1e-4)
    model = converged(LinearRegressor(alpha=3 / len(y)), X, y, solver)
    np.testing.assert_allclose(model.coef_, linear_model.Ridge(alpha=3).fit(X, y).coef_, atol=1e-6)


def test_huber_lies_between(solver):
    X, y = numbers()
    y[0] += 50  # an outlier
    options = {"penalty": None, "learning_rate_init": 0.1}
    small, large = (
        converged(LinearRegressor("huber", huber_delta=delta, **options), X, y, solver)
        for delta in (0.1, 1e3)
    )
    squares = linear_model.LinearRegression().fit(X, y)
    np.testing.assert_allclose(large.coef_, squares.coef_, atol=1e-6)
    rest = slice(1, None)
    assert np.abs(small.predict(X) - y)[rest].mean() < 0.5 * np.abs(squares.predict(X) - y)[rest].mean()
    error = small.predict(X) - y
    slope = np.clip(error, -0.1, 0.1) @ np.c_[X, np.ones(len(X))]
    np.testing.assert_allclose(slope / len(X), 0, atol=1e-6)


# ---- steps by hand ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [2, 3])
def test_one_step_of_each_hinge(number):
    X, y = classes(number)
    target = np.eye(number)[y]
    for loss, factor in (("hinge", 1.0), ("squared_hinge", 2 * 0.7)):  # at score 0, of margin 0.7
        model = LinearClassifier(loss, margin=0.7, learning_rate_init=0.01, max_iter=1)
        quick(model, X, y)
        slope = factor * (1 - target - (number - 1) * target) / len(y)
        step = -0.01 * slope.T @ np.c_[X, np.ones(len(y))]
        expected = (
            step[1:] if number == 2 else step
        )  # the score of the second of two, of the first there is none
        np.testing.assert_allclose(np.c_[model.coef_, model.intercept_], expected, rtol=1e-12, atol=1e-15)
        start = (number - 1) * (0.7 if loss == "hinge" else 0.7**2)
        np.testing.assert_allclose(model.loss_curve_, [start], rtol=1e-12)


@pytest.mark.parametrize(
    "estimator", [LinearClassifier(), LinearClassifier("hinge"), LinearRegressor()], ids=str
)
@pytest.mark.parametrize("outputs", [1, 3])
def test_partial_fits_are_epochs(estimator, outputs):
    classifier = isinstance(estimator, LinearClassifier)
    data = classes(max(outputs, 2)) if classifier else numbers(targets=None if outputs == 1 else 3)
    for options in ({}, {"momentum": 0.9}, {"solver": "adam"}, {"learning_rate": "invscaling"}):
        estimator = clone(estimator).set_params(batch_size=16, shuffle=False, max_iter=3, **options)
        whole, steps = quick(clone(estimator), *data), clone(estimator)
        more = {"classes": np.unique(data[1])} if classifier else {}
        for _ in range(3):
            steps.partial_fit(*data, **more)
            more = {}
        np.testing.assert_allclose(steps.coef_, whole.coef_, rtol=1e-12)
        np.testing.assert_allclose(steps.intercept_, whole.intercept_, rtol=1e-12)
        assert steps.loss_curve_ == pytest.approx(whole.loss_curve_)
        assert steps.t_ == whole.t_ == 180
