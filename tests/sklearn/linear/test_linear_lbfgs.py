"""solver="lbfgs" of linear models: what does not change its result, what "auto" chooses, and what is told."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn import linear_model
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from support.linear_models import CLASSIFIER_LOSSES, REGRESSOR_LOSSES, classes, numbers
from support.names import name_of
from support.tolerances import assert_same_bits
from threadpoolctl import threadpool_info

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor, fit_many
from steepest.sklearn._linear import metric
from steepest.sklearn._linear.minimize import LBFGS

pytestmark = pytest.mark.usefixtures("on_backend")
random = np.random.default_rng(5)


def raw(load):
    return load(return_X_y=True)


# ---- what does not change it ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES + REGRESSOR_LOSSES)
def test_units_and_offsets_change_no_prediction(loss):
    kind = LinearClassifier if loss in CLASSIFIER_LOSSES else LinearRegressor
    X, y = classes(3, 200, noise=2.0) if kind is LinearClassifier else numbers(200)
    y = np.abs(y)
    model = kind(loss, penalty=None, tol=1e-8, max_iter=5000)
    scale, offset = np.array([1e-6, 1.0, 1e3, 1e6]), np.array([1.0, 1e6, -1e3, 1e8])
    plain = model.fit(X, y)
    expected = plain.decision_function(X) if kind is LinearClassifier else plain.predict(X)
    model.fit(scale * X + offset, y)
    rows = scale * X + offset
    found = model.decision_function(rows) if kind is LinearClassifier else model.predict(rows)
    np.testing.assert_allclose(found, expected, atol=2e-3 if "hinge" in loss or "abs" in loss else 1e-5)


@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES + REGRESSOR_LOSSES)
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_sparse_and_narrow_samples_give_the_same(loss, penalty):
    kind = LinearClassifier if loss in CLASSIFIER_LOSSES else LinearRegressor
    X, y = classes(3, 200, noise=2.0) if kind is LinearClassifier else numbers(200)
    X, y = np.where(np.abs(X) < 0.7, 0, X).astype(np.float32).astype(np.float64), np.abs(y)
    options = {"penalty": penalty, "alpha": 0.01, "tol": 1e-8, "max_iter": 5000}
    dense = kind(loss, **options).fit(X, y)
    scattered = kind(loss, **options).fit(sparse.csr_array(X), y)
    narrow = kind(loss, **options).fit(X.astype(np.float32), y.astype(np.float32) if y.dtype == float else y)
    assert narrow.coef_.dtype == np.float32
    for other in (scattered, narrow):
        assert other.loss_ == pytest.approx(dense.loss_, rel=1e-5)
        np.testing.assert_allclose(other.coef_, dense.coef_, atol=1e-3)


@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
def test_threads_and_repetitions_change_no_bit(loss):
    X, y = raw(load_digits)
    X, y = X[:600], y[:600]
    models = []
    for threads in (1, 2, 3, 2):
        model = LinearClassifier(loss, alpha=0.01, n_threads=threads, max_iter=100)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            models.append(model.fit(X, y))
    for model in models[1:]:
        assert_same_bits(model.coef_, models[0].coef_)
        assert_same_bits(model.intercept_, models[0].intercept_)


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_more_features_than_rows(form):
    """In a basis of the rows, with intercepts and weights, from zeros and from elsewhere."""
    X = np.where(random.random((30, 200)) < 0.7, 0, random.standard_normal((30, 200))) + (form is np.asarray)
    y, weight = np.arange(30) % 3, 1.0 + np.arange(30) % 4
    model = LinearClassifier(alpha=0.01, warm_start=True).fit(form(X), y, sample_weight=weight)
    theirs = linear_model.LogisticRegression(C=1 / (0.01 * weight.sum()), tol=1e-10, max_iter=10_000)
    theirs.fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-5)
    first, coef = model.n_iter_, model.coef_
    assert model.fit(form(X), y, sample_weight=weight).n_iter_ < first
    np.testing.assert_allclose(model.coef_, coef, atol=1e-6)
    ridge = linear_model.Ridge(alpha=0.3).fit(X, y)
    squares = LinearRegressor(alpha=0.01).fit(form(X), y)
    np.testing.assert_allclose(squares.predict(form(X)), ridge.predict(X), atol=1e-7)


def test_some_samples_may_stand_for_all_in_a_metric(monkeypatch):
    """Of a million rows it is made of each hundredth: the minimum is the same."""
    X, y = classes(3, 600, noise=2.0)
    for form in (np.asarray, sparse.csr_array):
        expected = LinearClassifier().fit(form(X), y)
        with monkeypatch.context() as patch:
            patch.setattr(metric, "_NUMBERS", 600)
            found = LinearClassifier().fit(form(X), y)
        assert found.n_iter_ > expected.n_iter_  # so that it was another metric
        assert found.loss_ == pytest.approx(expected.loss_, rel=1e-6)
        np.testing.assert_allclose(found.coef_, expected.coef_, atol=1e-3)


def test_fits_side_by_side_leave_the_threads_of_blas_alone():
    X, y = raw(load_digits)
    before = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    models = fit_many(
        LinearClassifier(), {"alpha": [0.1, 1.0, 10.0]}, X[:300], y[:300], n_threads=3, progress=False
    )
    assert [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"] == before
    for model in models:
        assert_same_bits(model.coef_, LinearClassifier(alpha=model.alpha).fit(X[:300], y[:300]).coef_)


def test_l1_makes_weights_of_noise_exactly_0():
    X = random.standard_normal((300, 40))
    signal = X[:, :3] @ [3.0, -2.0, 1.0]
    model = LinearRegressor(penalty="l1", alpha=0.2).fit(X, signal + 0.5 * random.standard_normal(300))
    assert np.flatnonzero(model.coef_).tolist() == [0, 1, 2]
    model = LinearClassifier(penalty="l1", alpha=0.05).fit(X, signal > 0)
    assert 1 <= np.count_nonzero(model.coef_) <= 5 and model.coef_[0, 0] != 0


def test_a_warm_start_is_already_there():
    X, y = raw(load_wine)
    model = LinearClassifier(warm_start=True).fit(X, y)
    first, coef = model.n_iter_, model.coef_.copy()
    model.fit(X, y)
    assert model.n_iter_ < first / 2
    np.testing.assert_allclose(model.coef_, coef, atol=1e-6)


def test_a_warm_start_from_anywhere_finds_the_same_minimum():
    X, y = raw(load_wine)
    for options in ({}, {"penalty": "l1", "alpha": 0.01}, {"loss": "squared_hinge"}):
        model = LinearClassifier(warm_start=True, **options).fit(X, y)
        loss = model.loss_
        model.coef_, model.intercept_ = model.coef_ + 0.5, model.intercept_ - 3
        assert model.fit(X, y).loss_ == pytest.approx(loss, rel=1e-3)
        model.coef_ = 1e200 * np.ones_like(model.coef_)
        assert model.fit(X, y).loss_ == pytest.approx(loss, rel=1e-3)
    x = np.arange(6.0)[:, None]
    count = LinearRegressor("poisson", warm_start=True).fit(x, np.exp(x[:, 0]))
    assert count.fit(300 * x, np.exp(x[:, 0])).loss_ < 1e-3


# ---- what is chosen and what is told ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        {"batch_size": 20},
        {"shuffle": False},
        {"momentum": 0.5},
        {"early_stopping": True},
        {"learning_rate_init": 0.01},
        {"callbacks": [lambda model: None]},
        {"clip_norm": 1.0},
        {"learning_rate_schedule": lambda step: 0.01},
    ],
    ids=name_of,
)
def test_auto_is_what_the_parameters_ask_for(asked):
    X, y = classes(2)
    assert LinearClassifier().fit(X, y).solver_ == "lbfgs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert LinearClassifier(solver="adam", max_iter=2).fit(X, y).solver_ == "adam"
        assert LinearClassifier(**asked, max_iter=2).fit(X, y).solver_ == "sgd"
        assert LinearClassifier(max_iter=2).fit(X, y, validation_data=(X, y)).solver_ == "sgd"
    assert LinearClassifier().partial_fit(X, y, classes=[0, 1]).solver_ == "sgd"


def test_lbfgs_refuses_what_only_batches_have():
    X, y = classes(2)
    for asked in ({"early_stopping": True}, {"clip_value": 1.0}, {"callbacks": [print]}):
        with pytest.raises(ValueError, match=f"{next(iter(asked))} needs a stochastic solver such as 'sgd'"):
            LinearClassifier(solver="lbfgs", **asked).fit(X, y)
    with pytest.raises(ValueError, match="validation_data needs a stochastic solver"):
        LinearClassifier(solver="lbfgs").fit(X, y, validation_data=(X, y))
    assert not hasattr(LinearClassifier(solver="lbfgs"), "partial_fit")
    assert not hasattr(LinearRegressor(solver="lbfgs"), "partial_fit")


@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_separated_classes_without_a_penalty_are_told(load):
    X, y = raw(load)
    with pytest.warns(ConvergenceWarning, match="separated without error, and so the loss has no minimum"):
        model = LinearClassifier(penalty=None).fit(X, y)
    assert model.score(X, y) == 1 and model.loss_ < 1e-5


def test_weights_that_float32_cannot_hold_are_told():
    X = (10 * random.standard_normal((20, 3)) + 1e8).astype(np.float32)
    y = (X.astype(float) - 1e8) @ [1.0, 2.0, 3.0]
    with pytest.warns(ConvergenceWarning, match="dtype are too coarse for these weights: the objective with"):
        LinearRegressor().fit(X, y)
    assert LinearRegressor().fit(X.astype(float), y).score(X.astype(float), y) > 1 - 1e-6


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-100, 1e100, 1e200, 1e300])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_numbers_of_any_size(scale, form):
    """Without a warning of NumPy's, and without huge weights."""
    X, y = numbers()
    for penalty in ("l2", "l1", None):
        model = LinearRegressor(penalty=penalty, alpha=1e-4).fit(form(scale * X), y)
        small = np.abs(scale * model.coef_).max()
        assert small < 1e-12 if penalty and scale < 1 else small > 1e-3


def test_ctrl_c_keeps_the_last_point():
    calls = 0

    def function(point):
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return float((point**4).sum()), 4 * point**3

    method = LBFGS(function, lambda point, left: (lambda gradient: gradient / 12, 10))
    with pytest.raises(KeyboardInterrupt):
        method.run(np.full((3, 1), 2.0), 1e-9, 100)
    best = method.at
    assert 0 < best.value < 48 and not best.converged


def test_a_loss_that_rises_is_told():
    X = np.r_[np.full((1, 5), 1000.0), random.standard_normal((3999, 5))]
    with pytest.warns(
        ConvergenceWarning, match="The loss is .* the first step: the steps are too long. Scale the feat"
    ):
        LinearRegressor(solver="sgd", random_state=0).fit(X, X.sum(axis=1))
    assert LinearRegressor().fit(X, X.sum(axis=1)).score(X, X.sum(axis=1)) > 1 - 1e-9


def test_streams_slow_down_for_larger_samples():
    """The first batch decides no rate for ever."""
    X = 10 * random.standard_normal((400, 5))
    y = X @ np.arange(5.0)
    model = LinearRegressor().partial_fit(np.zeros((20, 5)), np.zeros(20))
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.99
    one = LinearRegressor(fit_intercept=False)
    for _ in range(3):
        for row, target in zip(X, y, strict=True):
            one.partial_fit(row[None, :], [target])
    np.testing.assert_allclose(one.coef_, np.arange(5), atol=0.5)


def test_both_backends_find_the_same_minimum():
    if "isa_available" not in st.build_info():
        pytest.skip("no extension")
    X, y = raw(load_wine)
    for loss in CLASSIFIER_LOSSES:
        found = []
        for backend in ("native", "reference"):
            with st.config(backend=backend):
                found.append(LinearClassifier(loss, tol=1e-8, max_iter=5000).fit(X, y))
        assert found[1].loss_ == pytest.approx(found[0].loss_, rel=1e-4)
