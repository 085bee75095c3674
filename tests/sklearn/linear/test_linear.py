"""LinearClassifier and LinearRegressor: predictions, shapes and precision, and every refusal."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from support.linear_models import (
    BASE,
    classes,
    numbers,
    quick,
)

from steepest.sklearn import LinearClassifier, LinearRegressor

pytestmark = pytest.mark.usefixtures("on_backend")


# ---- predictions ------------------------------------------------------------------------------------------


def test_predictions_are_of_the_weights_that_are_there():
    X, y = classes(3)
    model = quick(LinearClassifier(**BASE), X, np.array(["x", "y", "z"])[y])
    model.coef_, model.intercept_ = np.eye(3, 4), np.array([0.0, 0.0, 5.0])
    np.testing.assert_allclose(model.decision_function(X), X[:, :3] + [0, 0, 5])
    assert set(model.predict(X)) == {"z"}
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_allclose(np.log(proba), model.predict_log_proba(X))
    two = quick(LinearClassifier(**BASE), X, y > 0)
    assert two.coef_.shape == (1, 4) and two.intercept_.shape == (1,)
    assert two.decision_function(X).shape == (len(X),)
    np.testing.assert_array_equal(two.predict(X), two.decision_function(X) > 0)
    np.testing.assert_allclose(two.predict_proba(X)[:, 1], 1 / (1 + np.exp(-two.decision_function(X))))


def test_tiny_probabilities_have_logarithms():
    model = quick(LinearClassifier(**BASE), *classes(2))
    model.coef_ = np.full((1, 4), 1000.0)
    np.testing.assert_allclose(model.predict_log_proba(np.ones((1, 4)))[0, 0], -4000, rtol=1e-3)


def test_shapes_of_a_regressor():
    X, y = numbers()
    flat = quick(LinearRegressor(**BASE), X, y)
    assert flat.coef_.shape == (4,) and np.ndim(flat.intercept_) == 0 and flat.predict(X).shape == (60,)
    column = quick(LinearRegressor(**BASE), X, y[:, None])
    assert column.coef_.shape == (1, 4) and column.intercept_.shape == (1,)
    assert column.predict(X).shape == (60, 1)
    np.testing.assert_array_equal(column.coef_[0], flat.coef_)
    X, y = numbers(targets=3)
    several = quick(LinearRegressor(**BASE | {"learning_rate_init": 0.01}), X, y)
    assert several.coef_.shape == (3, 4) and several.predict(X).shape == (60, 3)
    alone = quick(LinearRegressor(**BASE | {"learning_rate_init": 0.01}), X, y[:, 2])
    np.testing.assert_allclose(several.coef_[2], alone.coef_, rtol=1e-9)


@pytest.mark.usefixtures("rows_of_their_own")
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_a_row_is_predicted_alike_in_any_company(kind):
    X, y = classes(3, 300, 40) if kind is LinearClassifier else numbers(300, 40)
    model = quick(kind(**BASE), X, y)
    scores = model.decision_function if kind is LinearClassifier else model.predict
    for rows in (slice(7, 8), slice(3, 101), slice(None, None, -1)):
        np.testing.assert_array_equal(scores(X[rows]), scores(X)[rows])


@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_sparse_samples_and_weights(kind):
    X, y = classes(3) if kind is LinearClassifier else numbers()
    X = np.where(np.abs(X) < 0.5, 0, X)
    dense = quick(kind(**BASE), X, y)
    for form in (sparse.csr_array, sparse.csc_matrix):
        model = quick(kind(**BASE), form(X), y)
        np.testing.assert_allclose(model.coef_, dense.coef_, rtol=1e-12)
        np.testing.assert_allclose(model.predict(form(X)), dense.predict(X))
    before = dense.predict(X)
    assert sparse.issparse(dense.sparsify().coef_)
    np.testing.assert_allclose(dense.predict(X), before)
    np.testing.assert_allclose(dense.predict(form(X)), before)
    np.testing.assert_allclose(dense.densify().predict(X), before)


@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_float32_is_kept(kind):
    X, y = classes(3) if kind is LinearClassifier else numbers()
    model = quick(kind(**BASE), X.astype(np.float32), y)
    assert model.coef_.dtype == np.float32
    wide = quick(kind(**BASE), X, y)
    np.testing.assert_allclose(model.coef_, wide.coef_, atol=1e-5)
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copied.predict(X), model.predict(X))


# ---- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "message"), [
    ({"loss": "log_loss"}, "The 'loss' parameter of LinearClassifier must be a str among"),
    ({"penalty": "l3"}, "The 'penalty' parameter of LinearClassifier must be"),
    ({"alpha": -1}, "The 'alpha' parameter of LinearClassifier must be a str among {'auto'} or a float"),
    ({"learning_rate_init": 0}, "The 'learning_rate_init' parameter of LinearClassifier must be"),
    ({"margin": -1.0}, "The 'margin' parameter of LinearClassifier must be"),
    ({"n_threads": 0}, "The 'n_threads' parameter of LinearClassifier must be"),
])  # fmt: skip
def test_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        LinearClassifier(**options).fit(*classes(3))


def test_data_are_refused():
    X, y = classes(3)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        LinearClassifier().predict(X)
    with pytest.raises(ValueError, match="The number of classes has to be greater than one; got 1 class"):
        LinearClassifier().fit(X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="The number of classes has to be greater than one; got 1 class"):
        LinearClassifier().partial_fit(X, np.zeros(len(y)), classes=[0])
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        LinearClassifier().partial_fit(X, y)
    model = LinearClassifier().partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="`y` has classes not in `self"):
        model.partial_fit(X, y + 1)
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported for partial_fit"):
        LinearClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    warm = quick(LinearClassifier(**BASE, warm_start=True), X, y)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        warm.fit(X, y + 1)
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        LinearClassifier().fit(X, y, sample_weight=-np.ones(len(y)))
    for loss in ("hinge", "squared_hinge"):
        model = quick(LinearClassifier(loss, **BASE), X, y)
        assert not hasattr(model, "predict_proba") and not hasattr(model, "predict_log_proba")
    with pytest.raises(AttributeError, match="has no attribute 'predict_proba'"):
        _ = model.predict_proba


def test_validation_data_are_refused():
    X, y = classes(3)
    for data in (X, [X], (X, y, None, None)):
        with pytest.raises(TypeError, match=r"validation_data must be \(X, y\) or \(X, y, sample_weight\)"):
            LinearClassifier().fit(X, y, validation_data=data)
    with pytest.raises(ValueError, match="X has 3 features, but LinearClassifier is expecting 4 features"):
        LinearClassifier().fit(X, y, validation_data=(X[:, :3], y))
    with pytest.raises(ValueError, match="The validation set is too small"):
        LinearRegressor(early_stopping=True, validation_fraction=0.01).fit(X, y)


def test_targets_are_refused():
    X, y = numbers()
    with pytest.raises(ValueError, match="but targets of the loss 'poisson' must be at least 0"):
        LinearRegressor("poisson").fit(X, y - 10)
    model = LinearRegressor().partial_fit(X, y)
    with pytest.raises(ValueError, match="y has 2 targets, but 1 were fitted"):
        model.partial_fit(X, np.c_[y, y])


def test_a_rate_that_is_too_large_is_told():
    X, y = numbers()
    message = "Solver produced non-finite parameter weights. The input data may contain large values"
    with pytest.raises(ValueError, match=message):
        LinearRegressor(learning_rate_init=1e60).fit(X, y)


@pytest.mark.parametrize("count", [2, 3])
def test_a_rate_that_is_too_large_is_named(count):
    """As it was given, also where two columns of one score learn at half of it."""
    X, y = classes(count)
    with pytest.raises(ValueError, match=r"rate was 1e\+200: a smaller learning_rate_init may help\.$"):
        LinearClassifier(solver="adam", learning_rate_init=1e200).fit(X * 1e200, y)
    schedule = {"learning_rate_schedule": lambda step: 1e200, "solver": "adam"}
    with pytest.raises(ValueError, match=r"rate was 1e\+200: a smaller learning_rate_schedule may help\.$"):
        LinearClassifier(**schedule).fit(X * 1e200, y)


def test_a_loss_of_sklearn_is_told_its_name_here():
    with pytest.raises(ValueError, match=r"scikit-learn's 'log_loss' is 'softmax' here\)\. Got 'log_loss'"):
        LinearClassifier("log_loss").fit(*classes(2))


@pytest.mark.parametrize("solver", ["lbfgs", "sdca"])
def test_partial_fit_names_the_solvers_that_can(solver):
    with pytest.raises(AttributeError, match="no attribute 'partial_fit'") as caught:
        LinearClassifier(solver=solver).partial_fit(*classes(2))
    told = str(caught.value.__cause__)
    assert '"auto", "online", "sgd", ' in told and told.endswith(f"but solver is {solver!r}")


def test_an_end_without_convergence_is_told():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached and the optimization"):
        LinearClassifier(solver="sgd", max_iter=2).fit(*classes(3))
    with pytest.warns(
        ConvergenceWarning, match="has not been reached in max_iter=2 iterations of lbfgs. Incr"
    ):
        LinearClassifier(max_iter=2).fit(*classes(3))


def test_logarithms_of_sure_answers_are_exact():
    X, y = classes(2)
    model = LinearClassifier().fit(X, y)
    model.coef_, model.intercept_ = np.array([[1.0, 0, 0, 0]]), np.zeros(1)
    answers = model.predict_log_proba(np.array([[60.0, 0, 0, 0], [-800.0, 0, 0, 0]]))
    np.testing.assert_allclose(answers[0], [-60, -np.exp(-60)], rtol=1e-12)
    np.testing.assert_allclose(answers[1], [0, -800], rtol=1e-12)
