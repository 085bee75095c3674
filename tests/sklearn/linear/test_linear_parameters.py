"""LinearClassifier and LinearRegressor: what each parameter does, and how well the defaults do."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import needs_native
from support.names import name_of

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.preprocessing import StandardScaler
from support.linear_models import (
    BASE,
    CLASSIFIER_LOSSES,
    REGRESSOR_LOSSES,
    classes,
    numbers,
    quick,
)

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor

pytestmark = pytest.mark.usefixtures("on_backend")

# What to compare with, and what must change the weights.
ACTS = [
    ({}, {"penalty": "l1", "alpha": 0.1}),
    ({}, {"penalty": None}),
    ({}, {"alpha": 0.1}),
    ({"penalty": "elasticnet"}, {"l1_ratio": 0.9}),
    ({}, {"fit_intercept": False}),
    ({}, {"solver": "adam"}),
    ({}, {"batch_size": 10}),
    ({}, {"learning_rate": "invscaling"}),
    ({"learning_rate": "invscaling"}, {"power_t": 0.1}),
    ({}, {"learning_rate_init": 0.03}),
    ({}, {"learning_rate_init": "auto"}),
    ({}, {"max_iter": 5}),
    ({}, {"shuffle": False}),
    ({}, {"random_state": 1}),
    ({"max_iter": 50}, {"tol": 1.0}),
    ({"max_iter": 50, "tol": 1.0}, {"n_iter_no_change": 3}),
    ({}, {"momentum": 0.5}),
    ({"momentum": 0.5}, {"nesterovs_momentum": False}),
    ({}, {"early_stopping": True}),
    ({"early_stopping": True}, {"validation_fraction": 0.3}),
    ({"solver": "adam"}, {"beta_1": 0.5}),
    ({"solver": "adam"}, {"beta_2": 0.5}),
    ({"solver": "adam"}, {"epsilon": 0.1}),
    ({}, {"clip_value": 0.01}),
    ({}, {"clip_norm": 0.01}),
    ({}, {"learning_rate_schedule": lambda step: 0.01 / (step + 1)}),
    ({}, {"callbacks": [lambda estimator: estimator.n_iter_ == 2]}),
]


def standardized(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


# ---- what parameters do -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("base", "change"), ACTS, ids=name_of)
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_parameters_act(kind, base, change):
    data = classes(3) if kind is LinearClassifier else numbers()
    base = BASE | base
    one, other = quick(kind(**base), *data), quick(kind(**base | change), *data)
    again = quick(kind(**base), *data)
    np.testing.assert_array_equal(one.coef_, again.coef_)
    assert np.abs(one.coef_ - other.coef_).max() > 1e-6


def test_the_own_parameters_of_losses_act():
    for loss in ("hinge", "squared_hinge"):
        one, other = (quick(LinearClassifier(loss, margin=m, **BASE), *classes(3)) for m in (1.0, 2.0))
        assert np.abs(one.coef_ - other.coef_).max() > 1e-6
    one, other = (quick(LinearRegressor("huber", huber_delta=d, **BASE), *numbers()) for d in (0.1, 1.0))
    assert np.abs(one.coef_ - other.coef_).max() > 1e-6


@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_threads_and_words_change_nothing(kind, capsys):
    data = classes(3) if kind is LinearClassifier else numbers()
    plain = quick(kind(**BASE), *data)
    assert capsys.readouterr() == ("", "")
    for change in (
        {"n_threads": 1},
        {"n_threads": 2},
        {"verbose": True},
        {"progress": True},
        {"warm_start": True},
    ):
        model = quick(kind(**BASE | change), *data)
        np.testing.assert_array_equal(model.coef_, plain.coef_)
        assert model.loss_curve_ == plain.loss_curve_
    said = capsys.readouterr().out
    assert f"Iteration 4, loss = {plain.loss_curve_[-1]:.8f}" in said


@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_warm_start_goes_on(kind):
    data = classes(3) if kind is LinearClassifier else numbers()
    model = kind(**BASE | {"warm_start": True, "shuffle": False})
    quick(quick(model, *data), *data)
    long = quick(kind(**BASE | {"max_iter": 8, "shuffle": False}), *data)
    np.testing.assert_allclose(model.coef_, long.coef_, rtol=1e-12)
    assert model.n_iter_ == 4 and long.n_iter_ == 8


@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor])
def test_adaptive_rates_end_a_fit_later(kind):
    data = classes(3) if kind is LinearClassifier else numbers()
    options = {"batch_size": 16, "tol": 1e-3, "n_iter_no_change": 2, "random_state": 0}
    constant, adaptive = (kind(learning_rate=rate, **options).fit(*data) for rate in ("constant", "adaptive"))
    assert adaptive.n_iter_ > constant.n_iter_
    assert adaptive.best_loss_ <= constant.best_loss_


def test_early_stopping_keeps_the_best():
    X, y = classes(3, samples=90, noise=1.0)
    model = LinearClassifier(early_stopping=True, random_state=0, n_iter_no_change=5).fit(X, y)
    assert model.n_iter_ == len(model.validation_scores_) == len(model.loss_curve_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.best_loss_ is None
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        LinearClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])


def test_early_stopping_can_look_at_given_samples():
    X, y = classes(3, samples=90, noise=1.0)
    weight = np.ones(30)
    model = LinearClassifier(early_stopping=True, random_state=0)
    quick(model, X[:60], y[:60], validation_data=(X[60:], y[60:], weight))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.score(X[60:], y[60:]) == model.best_validation_score_ == max(model.validation_scores_)


def test_validation_data_have_a_loss():
    X, y = classes(3)
    model = quick(LinearClassifier(**BASE), X, y, validation_data=(X[:20], y[:20]))
    assert len(model.validation_loss_curve_) == 4
    chosen = model.predict_log_proba(X[:20])[np.arange(20), y[:20]]
    assert model.validation_loss_curve_[-1] == pytest.approx(-chosen.mean(), rel=1e-12)
    X, y = numbers(targets=2)
    model = quick(LinearRegressor(**BASE), X, y, validation_data=(X[:20], y[:20]))
    half = ((model.predict(X[:20]) - y[:20]) ** 2).sum(axis=1).mean() / 2
    assert model.validation_loss_curve_[-1] == pytest.approx(half, rel=1e-12)


def test_class_weights_multiply_those_of_samples():
    X, y = classes(3)
    labels = np.array(["a", "b", "c"])[y]
    sample_weight = 1.0 + (np.arange(len(y)) % 4)
    weight = {"a": 1.0, "b": 5.0, "c": 0.5}
    model = quick(LinearClassifier(class_weight=weight, **BASE), X, labels, sample_weight=sample_weight)
    product = sample_weight * np.array([1.0, 5.0, 0.5])[y]
    same = quick(LinearClassifier(**BASE), X, labels, sample_weight=product)
    np.testing.assert_allclose(model.coef_, same.coef_, rtol=1e-12)
    X, y = np.vstack([X, X[y == 1]]), np.hstack([y, y[y == 1]])
    balanced = quick(LinearClassifier(class_weight="balanced", **BASE), X, y)
    by_hand = len(y) / (3 * np.bincount(y))
    same = quick(LinearClassifier(class_weight=dict(enumerate(by_hand)), **BASE), X, y)
    np.testing.assert_allclose(balanced.coef_, same.coef_, rtol=1e-12)


@pytest.mark.parametrize("solver", ["lbfgs", "sgd"])
@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES + REGRESSOR_LOSSES)
def test_weights_are_repetitions(loss, solver):
    kind = LinearClassifier if loss in CLASSIFIER_LOSSES else LinearRegressor
    X, y = classes(3) if kind is LinearClassifier else numbers()
    y = np.abs(y)
    weight = np.arange(len(y)) // 3 % 3
    settings = {"max_iter": 20} if solver == "sgd" else {"tol": 1e-10}
    one = quick(kind(loss, solver=solver, **settings), X, y, sample_weight=weight)
    other = quick(kind(loss, solver=solver, **settings), np.repeat(X, weight, axis=0), np.repeat(y, weight))
    rtol = 1e-9 if solver == "sgd" else 1e-5
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=rtol)
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("number", [2, 3])
def test_callbacks_see_the_weights_of_their_epoch(number):
    X, y = classes(number)
    seen = []

    def look(estimator):
        seen.append((estimator.coef_.copy(), estimator.predict(X)))
        return len(seen) == 3

    model = LinearClassifier(**BASE | {"callbacks": [look], "max_iter": 9}).fit(X, y)
    assert model.n_iter_ == 3
    np.testing.assert_array_equal(seen[-1][0], model.coef_)
    short = quick(LinearClassifier(**BASE | {"max_iter": 2}), X, y)
    np.testing.assert_array_equal(seen[1][0], short.coef_)
    np.testing.assert_array_equal(seen[1][1], short.predict(X))


@pytest.mark.parametrize("number", [2, 3])
def test_callbacks_of_scikit_learn_see_them_too(number):
    monitor = pytest.importorskip("sklearn.callback").ScoringMonitor(scoring="neg_log_loss")
    X, y = classes(number)
    model = quick(LinearClassifier(**BASE).set_callbacks(monitor), X, y)
    told = [entry["neg_log_loss"] for entry in monitor.get_logs().data if entry["task_name"] == "epoch"]
    chosen = model.predict_log_proba(X)[np.arange(len(y)), y]
    assert len(told) == 4 and told[-1] == pytest.approx(chosen.mean()) and told[0] < told[-1]


@pytest.mark.parametrize("estimator", [LinearClassifier(), LinearClassifier("hinge")], ids=str)
def test_a_schedule_of_a_constant_is_that_rate(estimator):
    """Of two classes too, whose score is learned as two."""
    X, y = classes(2)
    one = quick(clone(estimator).set_params(**BASE), X, y)
    schedule = {"learning_rate_init": 9.0, "learning_rate_schedule": lambda step: BASE["learning_rate_init"]}
    other = quick(clone(estimator).set_params(**BASE | schedule), X, y)
    np.testing.assert_array_equal(one.coef_, other.coef_)


def test_bounds_of_gradients_are_those_of_one_score():
    """Where both bind, a step is as long as the rate times the bound."""
    X, y = classes(2)
    options = {"max_iter": 1, "learning_rate_init": 0.5, "penalty": None, "fit_intercept": False}
    model = quick(LinearClassifier(clip_norm=1e-3, **options), X, y)
    np.testing.assert_allclose(np.linalg.norm(model.coef_), 0.5e-3, rtol=1e-12)
    model = quick(LinearClassifier(clip_value=1e-4, **options), X, y)
    np.testing.assert_allclose(np.abs(model.coef_), 0.5e-4, rtol=1e-12)


@needs_native
@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES + REGRESSOR_LOSSES)
def test_both_backends_learn_the_same(loss):
    kind = LinearClassifier if loss in CLASSIFIER_LOSSES else LinearRegressor
    X, y = classes(3) if kind is LinearClassifier else numbers()
    models = []
    for backend in ("native", "reference"):
        with st.config(backend=backend):
            models.append(quick(kind(loss, **BASE), X, np.abs(y)))
            models[-1].predict(X)
    one, other = models
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-9)
    np.testing.assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-9)


# ---- what the defaults reach ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)
@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
def test_defaults_converge_to_good_scores(load, loss):
    X, y = standardized(load)
    model = LinearClassifier(loss, random_state=0).fit(X, y)  # without a warning
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize("loss", REGRESSOR_LOSSES)
def test_defaults_converge_in_regression(loss):
    X, y = standardized(load_diabetes)
    assert LinearRegressor(loss, random_state=0).fit(X, y).score(X, y) > 0.5


def test_defaults_suit_raw_and_sparse_samples():
    X, y = load_digits(return_X_y=True)  # 0 to 16
    assert LinearClassifier(random_state=0).fit(X, y).score(X, y) > 0.95
    random = np.random.default_rng(0)
    topics = random.dirichlet(np.full(300, 0.05), 5)
    y = np.arange(400) % 5
    counts = np.array([random.multinomial(40, topics[topic]) for topic in y])
    rows = sparse.csr_array(counts / np.linalg.norm(counts, axis=1, keepdims=True))
    for loss in CLASSIFIER_LOSSES:
        assert LinearClassifier(loss, random_state=0).fit(rows, y).score(rows, y) > 0.95
