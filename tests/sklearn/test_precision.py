"""Samples that the precision of an estimator cannot hold: refused by their row, never answered with NaN."""

from __future__ import annotations

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from support.tolerances import assert_same_bits

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

random = np.random.default_rng(3)
X = random.standard_normal((30, 4))
TARGETS = X @ [1, -2, 0.5, 1]
LABELS = (TARGETS > 0).astype(int)
CLASSIFIERS, NETWORKS = (MLPClassifier, LinearClassifier), (MLPClassifier, MLPRegressor)
ESTIMATORS = (MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor)
ASKED = ("predict", "predict_proba", "predict_log_proba", "decision_function")
KINDS = {"dense": np.asarray, "Fortran": np.asfortranarray, "csr": sparse.csr_array, "csc": sparse.csc_matrix}
LARGE = X.copy()  # what float32 cannot hold
LARGE[7, 2], LARGE[7, 3], LARGE[11, 0] = 1e39, -1e39, -1e300
HUGE = X.copy()  # what it can, but not the scores of it
HUGE[7] = [3e38, -3e38, 3e38, 3e38]


def y_of(kind):
    return LABELS if kind in CLASSIFIERS else TARGETS


def made(kind, **options):
    network = {"hidden_layer_sizes": (5,), "activation": "identity"} if kind in NETWORKS else {}
    return kind(**{"max_iter": 5, "random_state": 0} | network | options)


def fitted(kind, dtype=np.float32, **options):
    return made(kind, **options).fit(X.astype(dtype), y_of(kind))


def answers(model, rows):
    """What every entry point says."""
    return {name: getattr(model, name)(rows) for name in ASKED if hasattr(model, name)}


def entries(model, rows):
    yield from (lambda name=name: getattr(model, name)(rows) for name in ASKED if hasattr(model, name))
    yield lambda: model.score(rows, y_of(type(model)))


@pytest.mark.parametrize("name", ["clip_value", "clip_norm"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_bounds_of_gradients_that_are_zero_in_float32_are_refused(kind, name):
    """They would keep all weights where they are."""
    with pytest.raises(ValueError, match=f"{name} is 1e-50, but must be at least 1.17.*float32"):
        fitted(kind, **{name: 1e-50})
    fitted(kind, np.float64, **{name: 1e-50})


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("kind", NETWORKS)
def test_rows_too_large_for_the_network_are_named(kind, form, backend):
    with backend.computing():
        model = fitted(kind)
        for entry in entries(model, KINDS[form](LARGE)):
            with pytest.raises(
                ValueError, match="row 7 of X holds a number too large for float32, the dtype"
            ):
                entry()


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_linear_models_answer_in_float64(kind, form, backend):
    with backend.computing():
        model = fitted(kind)
        wide = copy.deepcopy(model)
        wide.coef_, wide.intercept_ = np.float64(model.coef_), np.float64(model.intercept_)
        expected = answers(wide, LARGE)
        for name, answer in answers(model, KINDS[form](LARGE)).items():
            assert np.isfinite(answer).all() and answer.dtype == expected[name].dtype
            np.testing.assert_allclose(answer, expected[name], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_that_overflow_are_named(kind, form, dtype, backend):
    rows = HUGE.astype(dtype) if dtype == np.float32 else np.where(np.abs(HUGE) > 1e30, 5e269 * HUGE, HUGE)
    with backend.computing():
        model = fitted(kind, dtype)
        for array in model.coefs_ if kind in NETWORKS else [model.coef_]:
            array *= 100
        for entry in entries(model, KINDS[form](rows)):
            with pytest.raises(
                ValueError, match="the scores of row 7 of X are not finite: its numbers, or t"
            ):
                entry()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_rows_that_fit_are_answered_as_before(kind, backend):
    with backend.computing():
        model = fitted(kind)
        small = X.astype(np.float32)
        for name, answer in answers(model, small.astype(np.float64)).items():
            expected = answers(model, small)[name]
            np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)
            if kind in NETWORKS:
                assert_same_bits(answer, expected)


@pytest.mark.parametrize("form", KINDS)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_later_fits_name_rows_too(kind, form, backend):
    rows, y = KINDS[form](LARGE), y_of(kind)
    match = "row 7 of X holds a number too large for float32"
    with backend.computing():
        model = fitted(kind)
        before = model.predict(X)
        with pytest.raises(ValueError, match=match):
            model.partial_fit(rows, y)
        with pytest.raises(ValueError, match=match):
            model.set_params(warm_start=True).fit(rows, y)
        assert_same_bits(model.predict(X), before)
        with pytest.raises(ValueError, match=match):
            made(kind).fit(X.astype(np.float32), y, validation_data=(rows, y))


@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
@pytest.mark.parametrize("loss", ["squared_error", "huber", "absolute_error", "poisson"])
def test_targets_too_large_are_named(kind, loss, backend):
    large = np.abs(TARGETS)
    large[7] = 1e39
    match = r"y of sample 7 is 1e\+39, but must be finite in float32"
    x = X.astype(np.float32)
    with backend.computing():
        model = made(kind, loss=loss)
        for y in (large, np.stack([large, large], axis=1)):
            with pytest.raises(ValueError, match=match):
                model.fit(x, y)
        with pytest.raises(ValueError, match=match):
            model.fit(x, large, validation_data=(x, large))
        model.fit(x, np.abs(TARGETS))
        with pytest.raises(ValueError, match=match):
            model.partial_fit(X, large)
        with pytest.raises(ValueError, match=match):
            model.fit(x, np.abs(TARGETS), validation_data=(x, large))
        assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
def test_exponentials_that_overflow_are_named(kind, backend):
    """Of scores that are finite."""
    with backend.computing():
        model = made(kind, loss="poisson").fit(X, np.exp(TARGETS / 2))
        far = X.copy()
        far[7] = 1e5 * np.sign(
            np.ravel(model.coef_ if kind is LinearRegressor else np.linalg.multi_dot(model.coefs_))
        )
        for entry in entries(model, far):
            with pytest.raises(
                ValueError, match="the predictions of row 7 of X are not finite: its numbers, o"
            ):
                entry()


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("kind", [MLPRegressor, LinearRegressor])
def test_predictions_that_overflow_have_no_score(kind):
    """While a fit stops early: the exponential of scores that are finite."""
    x = X.astype(np.float32)
    far = 1000 * x
    model = made(kind, loss="poisson", early_stopping=True, max_iter=30, learning_rate_init=0.01)
    model.fit(x, np.exp(TARGETS / 2), validation_data=(far, np.ones(30)))
    assert np.isnan(model.validation_scores_).any()
