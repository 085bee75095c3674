"""Linear classifiers of sparse rows, by dual coordinate ascent; and alpha="auto"."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from support.linear_models import CLASSIFIER_LOSSES, objective, texts
from support.tolerances import assert_same_bits

from steepest.sklearn import LinearClassifier

on_backends = pytest.mark.usefixtures("on_backend")


# ---- the minimum ------------------------------------------------------------------------------------------


@on_backends
@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
@pytest.mark.parametrize("number", [2, 3, 20])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_it_is_the_minimum_that_lbfgs_finds(loss, number, fit_intercept):
    X, y = texts(number, 60, 100)
    weight = np.random.default_rng(1).uniform(0, 2, len(y)) * (np.arange(len(y)) % 7 > 0)
    for options in ({"alpha": 1.0}, {"alpha": 3e-2, "class_weight": dict.fromkeys(range(number), 3)}):
        model = LinearClassifier(loss, fit_intercept=fit_intercept, random_state=0, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.set_params(solver="sdca").fit(X, y, weight)
        tol = 1e-5 if loss == "hinge" else 1e-8
        best = LinearClassifier(loss, fit_intercept=fit_intercept, solver="lbfgs", tol=tol, **options)
        best.fit(X, y, weight)
        least = objective(best, X, y, weight)
        assert least * (1 - 1e-4) <= objective(model, X, y, weight) <= least * (1 + 1e-3)
        np.testing.assert_allclose(model.loss_, objective(model, X, y, weight), rtol=1e-6)
        assert model.n_iter_ == len(model.loss_curve_)
        assert fit_intercept or not model.intercept_.any()


@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
def test_tol_says_how_near(loss):
    X, y = texts()
    values = []
    for tol in (1e-2, 1e-6):
        model = LinearClassifier(loss, solver="sdca", alpha=1e-2, tol=tol, max_iter=20_000, random_state=0)
        values.append(objective(model.fit(X, y), X, y))
    best = LinearClassifier(loss, solver="lbfgs", alpha=1e-2, tol=1e-9).fit(X, y)
    least = objective(best, X, y)
    assert values[1] < values[0] and values[1] <= least * (1 + 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
def test_texts_are_fitted_so_by_default(loss, dtype):
    X, y = texts(5, 600, 3000)
    X = X.astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = LinearClassifier(loss, alpha=1e-3, random_state=0).fit(X, y)
    assert model.solver_ == "sdca" and model.coef_.dtype == dtype
    best = LinearClassifier(loss, alpha=1e-3, solver="sdca", tol=1e-6, max_iter=10_000)
    best.fit(X.astype(float), y)
    assert objective(model, X.astype(float), y) <= objective(best, X.astype(float), y) * (1 + 1e-3)
    assert LinearClassifier(loss).fit(X, y).score(*(X, y)) > 0.95


@pytest.mark.parametrize("alpha", [1e4, 1.0, 1e-5, 1e-9])
@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
def test_the_minimum_or_a_warning_at_any_alpha(alpha, loss):
    X, y = texts(4, 80)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = LinearClassifier(loss, solver="sdca", alpha=alpha, random_state=0, max_iter=300).fit(X, y)
    best = LinearClassifier(loss, alpha=alpha, solver="lbfgs", tol=1e-9, max_iter=5000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        best.fit(X, y)
    assert told or objective(model, X, y) <= objective(best, X, y) * (1 + 1e-3)
    assert alpha < 1e-4 or not told
    assert all("epochs of sdca: the objective may be up to" in str(one.message) for one in told)


def test_it_says_what_is_left_where_the_epochs_end():
    X, y = texts()
    message = (
        r"max_iter=2 epochs of sdca: the objective may be up to .* % above it. Increase max_iter, tol or"
    )
    with pytest.warns(ConvergenceWarning, match=message):
        LinearClassifier(solver="sdca", max_iter=2, alpha=1e-4).fit(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("max_iter", [1, 2, 5, 1000])
def test_the_loss_is_that_of_the_weights(max_iter, dtype):
    for seed, loss in enumerate(CLASSIFIER_LOSSES):
        X, y = texts(5, 90, 200, seed)
        model = LinearClassifier(loss, solver="sdca", alpha=1e-3, max_iter=max_iter, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X.astype(dtype), y)
        np.testing.assert_allclose(
            model.loss_, objective(model, X, y), rtol=1e-4 if dtype == np.float32 else 1e-9
        )


def test_float32_is_as_good_where_steps_are_short():
    """They are made in float64 then."""
    X, y = texts(20, 200, 1000)
    fits = [LinearClassifier(solver="sdca", alpha=3e-7, random_state=0) for _ in range(2)]
    for model, dtype in zip(fits, (np.float32, np.float64), strict=True):
        model.fit(X.astype(dtype), y)
    assert fits[0].coef_.dtype == np.float32
    np.testing.assert_allclose(fits[0].loss_, fits[1].loss_, rtol=1e-3)


@pytest.mark.parametrize("margin", [0, 30, 1e3, 1e5])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
def test_margins_of_any_size(loss, margin):
    X = sparse.csr_array(np.ones((100, 1)))
    y = np.repeat([0, 1], [75, 25])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = LinearClassifier(loss, margin=margin, alpha=1e-4, solver="sdca", random_state=0).fit(X, y)
    best = LinearClassifier(loss, margin=margin, alpha=1e-4, solver="lbfgs", tol=1e-6).fit(X, y)
    assert told or objective(model, X, y) <= objective(best, X, y) * (1 + 1e-3)
    assert (
        told == [] or margin > 1e3 or loss == "squared_hinge"
    )  # rows that are all the same, and differ in y


@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
def test_tol_of_0_goes_as_far_as_rounding(loss):
    X, y = texts(2, 90, 200)
    model = LinearClassifier(loss, solver="sdca", alpha=1e-2, tol=0, max_iter=3000, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    best = LinearClassifier(loss, solver="sdca", alpha=1e-2, tol=1e-10, max_iter=10_000, random_state=0)
    np.testing.assert_allclose(model.loss_, best.fit(X, y).loss_, rtol=1e-8)


def test_weights_that_float32_cannot_hold_are_told():
    X = sparse.csr_array(np.diag([-25, 172.5, 84.6]).astype(np.float32))
    with pytest.warns(ConvergenceWarning, match=r"too coarse for these weights|may be up to"):
        LinearClassifier("hinge", solver="sdca", alpha=1e-3, random_state=0).fit(X, [0, 1, 1])


def test_many_classes_are_fitted():
    X, y = texts(300, 900, 2000)
    for loss in CLASSIFIER_LOSSES:
        for dtype in (np.float32, np.float64):
            LinearClassifier(loss, solver="sdca", alpha=1e-3, random_state=0).fit(X.astype(dtype), y)


def test_an_alpha_that_moves_scores_beyond_all_numbers_is_refused():
    X, y = texts()
    with pytest.raises(
        ValueError, match=r"x @ x / \(alpha \* n\) is .* for a row of X, but must be below 1e"
    ):
        LinearClassifier(solver="sdca", alpha=1e-300).fit(X, y)


def test_it_begins_anew_with_a_warm_start_too():
    X, y = texts()
    model = LinearClassifier(solver="sdca", random_state=0, warm_start=True).fit(X, y)
    first = model.coef_.copy()
    assert_same_bits(model.fit(X, y).coef_, first)


def test_ctrl_c_keeps_what_is_learned():
    X, y = texts()
    model = LinearClassifier(solver="sdca", alpha=1e-4, random_state=0)
    calls, permutation = 0, np.random.RandomState.permutation

    class Order(np.random.RandomState):
        def permutation(self, rows):
            nonlocal calls
            calls += 1
            if calls == 3:
                raise KeyboardInterrupt
            return permutation(self, rows)

    with pytest.warns(UserWarning, match="interrupted by user"):
        model.set_params(random_state=Order(0)).fit(X, y)
    np.testing.assert_allclose(model.loss_, objective(model, X, y))
    assert model.score(X, y) > 0.5 and calls == 3


@on_backends
@pytest.mark.parametrize("make", [np.asarray, sparse.csc_array, sparse.coo_array, sparse.csr_matrix])
def test_samples_of_any_form_are_fitted_alike(make):
    X, y = texts()
    given = X.toarray() if make is np.asarray else make(X)
    model = LinearClassifier(solver="sdca", alpha=1e-3, random_state=0)
    assert_same_bits(model.fit(X, y).coef_.copy(), model.fit(given, y).coef_)


@on_backends
def test_entries_out_of_order_or_twice_are_as_their_sums():
    X, y = texts()
    shuffled = X.copy()
    for i in range(len(y)):
        own = slice(X.indptr[i], X.indptr[i + 1])
        shuffled.indices[own], shuffled.data[own] = X.indices[own][::-1], X.data[own][::-1]
    shuffled.has_sorted_indices = shuffled.has_canonical_format = False
    before = shuffled.indices.copy(), shuffled.data.copy()
    a, b = (LinearClassifier(solver="sdca", random_state=0).fit(samples, y) for samples in (X, shuffled))
    assert_same_bits(a.coef_, b.coef_)
    assert_same_bits(b.decision_function(shuffled), a.decision_function(X))
    assert (shuffled.indices == before[0]).all() and (shuffled.data == before[1]).all()  # not sorted in place


@on_backends
def test_rows_without_entries_and_rows_that_do_not_count():
    X, y = texts(3)
    weight = np.ones(len(y))
    weight[5:] = 0
    empty = sparse.csr_array((len(y), X.shape[1]))
    with pytest.raises(ValueError, match="weight"):
        LinearClassifier(solver="sdca").fit(X, y, 0 * weight)
    model = LinearClassifier(solver="sdca", random_state=0).fit(empty, y)
    assert not model.coef_.any()
    share = np.bincount(y) / len(y)
    np.testing.assert_allclose(model.predict_proba(empty[:1])[0], share, rtol=0.05)
    some = LinearClassifier(solver="sdca", random_state=0, alpha=1e-2).fit(X, y, weight)
    untouched = np.setdiff1d(np.arange(X.shape[1]), X[:5].indices)
    assert not some.coef_[:, untouched].any() and some.coef_.any()


# ---- parameters -------------------------------------------------------------------------------------------


def test_no_bit_depends_on_threads_and_random_state_orders_the_rows():
    X, y = texts(70, 400)
    fits = [
        LinearClassifier(random_state=seed, n_threads=n).fit(X, y) for seed, n in ((0, 1), (0, 2), (1, 2))
    ]
    assert_same_bits(fits[0].coef_, fits[1].coef_)
    assert fits[0].solver_ == "sdca" and (fits[0].coef_ != fits[2].coef_).any()
    assert_same_bits(fits[0].decision_function(X), fits[0].set_params(n_threads=2).decision_function(X))


@pytest.mark.parametrize(
    "options", [{"penalty": None}, {"penalty": "l1"}, {"penalty": "elasticnet"}, {"alpha": 0}]
)
def test_what_has_no_dual_is_refused(options):
    X, y = texts(2)
    with pytest.raises(ValueError, match="solver='sdca' is for penalty='l2'"):
        LinearClassifier(solver="sdca", **options).fit(X, y)


def test_it_has_no_batches():
    X, y = texts()
    assert not hasattr(LinearClassifier(solver="sdca"), "partial_fit")
    with pytest.raises(ValueError, match="early_stopping needs a stochastic solver"):
        LinearClassifier(solver="sdca", early_stopping=True).fit(X, y)
    with pytest.raises(ValueError, match="validation_data needs a stochastic solver"):
        LinearClassifier(solver="sdca").fit(X, y, validation_data=(X, y))


@pytest.mark.parametrize(
    "X, options, solver",
    [
        (texts()[0], {}, "lbfgs"),  # few weights
        (texts(words=4000)[0], {}, "sdca"),
        (texts(words=4000)[0].toarray(), {}, "lbfgs"),
        (texts(words=4000)[0], {"penalty": "l1"}, "lbfgs"),
        (texts(words=4000)[0], {"alpha": 0}, "lbfgs"),
        (texts(words=4000)[0], {"alpha": 1e-12}, "lbfgs"),  # steps would be short
        (texts(words=4000)[0], {"batch_size": 20}, "sgd"),
    ],
)
def test_auto_chooses(X, options, solver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LinearClassifier(max_iter=20, **options).fit(X, texts()[1])
    assert model.solver_ == solver
