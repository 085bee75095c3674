"""Linear regressors of sparse rows, by dual coordinate ascent."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from support.linear_models import number_objective, number_texts
from support.tolerances import assert_same_bits

from steepest.losses import REGRESSION_LOSSES
from steepest.sklearn import LinearRegressor

on_backends = pytest.mark.usefixtures("on_backend")
LOSSES = list(REGRESSION_LOSSES)


def told_by(fit):
    """The warnings of a fit."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        fit()
    return [str(one.message) for one in told]


# ---- the minimum ------------------------------------------------------------------------------------------


@on_backends
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("targets", [None, 1, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_it_is_the_minimum_that_lbfgs_finds(loss, targets, fit_intercept):
    X, y = number_texts(loss, targets, 60, 100)
    weight = np.random.default_rng(1).uniform(0, 2, len(y)) * (np.arange(len(y)) % 7 > 0)
    for alpha in (1.0, 3e-2):
        options = {"alpha": alpha, "fit_intercept": fit_intercept, "huber_delta": 0.5}
        model = LinearRegressor(loss, solver="sdca", random_state=0, **options)
        assert not told_by(lambda model=model: model.fit(X, y, weight))
        assert model.coef_.shape == ((100,) if targets is None else (targets, 100))
        tol = 1e-5 if loss == "absolute_error" else 1e-8
        best = LinearRegressor(loss, solver="lbfgs", tol=tol, **options).fit(X, y, weight)
        least = number_objective(best, X, y, weight)
        assert least * (1 - 1e-4) <= number_objective(model, X, y, weight) <= least * (1 + 1e-3)
        np.testing.assert_allclose(model.loss_, number_objective(model, X, y, weight), rtol=1e-6)
        assert model.n_iter_ == len(model.loss_curve_) and model.loss_curve_[-1] == model.loss_
        assert fit_intercept or not np.any(model.intercept_)


def test_squares_are_those_of_ridge():
    X, y = number_texts("squared_error", 2)
    model = LinearRegressor(solver="sdca", alpha=1e-2, tol=1e-9, random_state=0).fit(X, y)
    best = Ridge(alpha=1e-2 * len(y), solver="sparse_cg", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(model.coef_, best.coef_, atol=1e-4)
    np.testing.assert_allclose(model.intercept_, best.intercept_, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES)
def test_texts_are_fitted_so_by_default(loss, dtype):
    X, y = number_texts(loss, None, 600, 3000)
    model = LinearRegressor(loss, alpha=1e-3, random_state=0)
    assert not told_by(lambda: model.fit(X.astype(dtype), y))
    assert model.solver_ == "sdca" and model.coef_.dtype == dtype
    best = LinearRegressor(loss, alpha=1e-3, solver="sdca", tol=1e-6, max_iter=10_000, random_state=0)
    assert number_objective(model, X, y) <= number_objective(best.fit(X, y), X, y) * (1 + 1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "scale, offset", [(1e-6, 0), (1e9, 0), (1.0, 1e6), (1.0, 1e9), (1e-6, 1.0), (1e30, 0)]
)
@pytest.mark.parametrize("loss", [loss for loss in LOSSES if loss != "poisson"])
def test_targets_of_any_scale_and_offset(loss, scale, offset, dtype):
    X, y = number_texts(loss, None, 90, 200)
    y = scale * y + offset
    model = LinearRegressor(loss, solver="sdca", alpha=1e-2, huber_delta=scale, random_state=0)
    told = told_by(lambda: model.fit(X.astype(dtype), y))
    near = LinearRegressor(loss, solver="sdca", alpha=1e-2, huber_delta=scale, tol=1e-6, max_iter=5000)
    told_by(lambda: near.fit(X, y))
    assert told or number_objective(model, X, y) <= number_objective(near, X, y) * (1 + 1e-3)
    small = loss == "absolute_error" and scale < 1  # a penalty that is next to nothing
    assert told == [] or small or (dtype == np.float32 and offset > 1e3 * scale), told


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_counts_of_any_mean(scale):
    X, y = number_texts("poisson", 2, 90, 200)
    y = y * np.array([1.0, 100.0]) * scale
    model = LinearRegressor("poisson", solver="sdca", alpha=1e-2 * scale, random_state=0)
    assert not told_by(lambda: model.fit(X, y))
    best = LinearRegressor("poisson", solver="lbfgs", alpha=1e-2 * scale, tol=1e-9).fit(X, y)
    assert number_objective(model, X, y) <= number_objective(best, X, y) * (1 + 1e-3)


@pytest.mark.parametrize("alpha", [1e4, 1.0, 1e-5, 1e-9])
@pytest.mark.parametrize("loss", LOSSES)
def test_the_minimum_or_a_warning_at_any_alpha(alpha, loss):
    X, y = number_texts(loss, None, 80, 300)
    model = LinearRegressor(loss, solver="sdca", alpha=alpha, random_state=0, max_iter=300)
    told = told_by(lambda: model.fit(X, y))
    best = LinearRegressor(loss, alpha=alpha, solver="lbfgs", tol=1e-9, max_iter=5000)
    told_by(lambda: best.fit(X, y))
    assert told or number_objective(model, X, y) <= number_objective(best, X, y) * (1 + 1e-3)
    assert alpha < 1e-4 or not told
    assert all("epochs of sdca: the objective may be up to" in message for message in told)


@on_backends
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("tol", [0, 1e-4])
def test_targets_that_are_all_the_same_leave_nothing(loss, tol):
    X, _ = number_texts(loss, None, 60, 100)
    for y in (np.full(60, 3.0), np.full((60, 2), 1e9), np.zeros(60) + (loss == "poisson")):
        model = LinearRegressor(loss, solver="sdca", tol=tol, max_iter=50, random_state=0)
        told = told_by(lambda model=model, y=y: model.fit(X, y))
        assert loss == "poisson" or (told == [] and model.loss_ == 0 and not model.coef_.any())
        np.testing.assert_allclose(model.predict(X), y, rtol=1e-4)


def test_tol_says_how_near_and_max_iter_what_is_left():
    X, y = number_texts("huber", None)
    values = []
    for tol in (1e-2, 1e-6):
        model = LinearRegressor("huber", solver="sdca", alpha=1e-2, tol=tol, max_iter=20_000, random_state=0)
        values.append(number_objective(model.fit(X, y), X, y))
    best = LinearRegressor("huber", solver="lbfgs", alpha=1e-2, tol=1e-9).fit(X, y)
    assert values[1] < values[0] and values[1] <= number_objective(best, X, y) * (1 + 1e-5)
    with pytest.warns(ConvergenceWarning, match=r"max_iter=2 epochs of sdca: the objective may be up to"):
        LinearRegressor("huber", solver="sdca", alpha=1e-6, max_iter=2, random_state=0).fit(X, y)


def test_intercepts_that_float32_cannot_hold_are_told():
    X, y = number_texts("squared_error", None)
    with pytest.warns(ConvergenceWarning, match="too coarse for these weights"):
        LinearRegressor(solver="sdca", random_state=0).fit(X.astype(np.float32), y + 1e9)


def test_errors_below_the_digits_of_predictions_are_told():
    X, y = number_texts("squared_error", None)
    model = LinearRegressor(solver="sdca", alpha=1e-2, random_state=0)
    assert not told_by(lambda: model.fit(X, 1e-2 * y + 1e9))
    with pytest.warns(ConvergenceWarning, match="too coarse for these weights"):
        model.fit(X, 1e-6 * y + 1e9)


def test_rows_of_weight_0_say_nothing_however_far_they_are():
    X, y = number_texts("squared_error", None)
    weight = np.ones(len(y))
    weight[5:20] = 0
    fits = []
    for far in (0.0, 1e300):
        model = LinearRegressor(solver="sdca", alpha=1e-2, random_state=0)
        fits.append(model.fit(X, np.where(weight > 0, y, far), weight).coef_)
    assert_same_bits(*fits)


def test_an_outlier_beyond_the_squares_of_float32():
    X, y = number_texts("huber", None)
    y[3] = 1e30
    for loss in ("huber", "squared_error"):
        model = LinearRegressor(loss, solver="sdca", alpha=1e-2, random_state=0)
        model.fit(X.astype(np.float32), y)
        best = LinearRegressor(loss, solver="lbfgs", alpha=1e-2, tol=1e-9).fit(X, y)
        assert number_objective(model, X, y) <= number_objective(best, X, y) * (1 + 1e-3)


def test_ctrl_c_keeps_what_is_learned():
    X, y = number_texts("squared_error", None)
    calls, permutation = 0, np.random.RandomState.permutation

    class Order(np.random.RandomState):
        def permutation(self, rows):
            nonlocal calls
            calls += 1
            if calls == 3:
                raise KeyboardInterrupt
            return permutation(self, rows)

    model = LinearRegressor(solver="sdca", alpha=1e-4, random_state=Order(0))
    with pytest.warns(UserWarning, match="interrupted by user"):
        model.fit(X, 1e6 * y)
    np.testing.assert_allclose(model.loss_, number_objective(model, X, 1e6 * y))
    assert model.score(X, 1e6 * y) > 0.2 and calls == 3


# ---- parameters -------------------------------------------------------------------------------------------


@on_backends
@pytest.mark.parametrize("make", [np.asarray, sparse.csc_array, sparse.coo_array, sparse.csr_matrix])
def test_samples_of_any_form_are_fitted_alike(make):
    X, y = number_texts("huber", 2)
    given = X.toarray() if make is np.asarray else make(X)
    model = LinearRegressor("huber", solver="sdca", alpha=1e-2, random_state=0)
    assert_same_bits(model.fit(X, y).coef_.copy(), model.fit(given, y).coef_)


@pytest.mark.parametrize("loss", LOSSES)
def test_no_bit_depends_on_threads_and_random_state_orders_the_rows(loss):
    X, y = number_texts(loss, 2, 400, 4000)
    fits = [
        LinearRegressor(loss, random_state=seed, alpha=1e-3, n_threads=n).fit(X, y)
        for seed, n in ((0, 1), (0, 2), (1, 2))
    ]
    assert_same_bits(fits[0].coef_, fits[1].coef_)
    assert_same_bits(fits[0].intercept_, fits[1].intercept_)
    assert fits[0].solver_ == "sdca" and (fits[0].coef_ != fits[2].coef_).any()


def test_it_begins_anew_with_a_warm_start_too():
    X, y = number_texts("squared_error", None)
    model = LinearRegressor(solver="sdca", random_state=0, warm_start=True).fit(X, y)
    first = model.coef_.copy()
    assert_same_bits(model.fit(X, y).coef_, first)


@pytest.mark.parametrize("options", [{"penalty": None}, {"penalty": "l1"}, {"alpha": 0}])
def test_what_has_no_dual_is_refused(options):
    X, y = number_texts("squared_error", None)
    with pytest.raises(ValueError, match="solver='sdca' is for penalty='l2' and alpha above 0"):
        LinearRegressor(solver="sdca", **options).fit(X, y)


@pytest.mark.parametrize(
    "words, options, solver",
    [
        (400, {}, "lbfgs"),  # few weights
        (4000, {}, "sdca"),
        (4000, {"loss": "absolute_error"}, "sdca"),
        (4000, {"penalty": "l1"}, "lbfgs"),
        (4000, {"alpha": 1e-12}, "lbfgs"),  # steps would be short
        (4000, {"batch_size": 20}, "sgd"),
    ],
)
def test_auto_chooses(words, options, solver):
    X, y = number_texts("squared_error", None, 120, words)
    model = LinearRegressor(max_iter=20, **options)
    told_by(lambda: model.fit(X, y))
    assert model.solver_ == solver
