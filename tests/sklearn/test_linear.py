"""LinearClassifier and LinearRegressor: known optima, what each parameter does, and every refusal."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from support.implementations import needs_native

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from sklearn import linear_model, svm
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor

pytestmark = pytest.mark.usefixtures("on_backend")

CLASSIFIER_LOSSES = ["softmax", "hinge", "squared_hinge"]
REGRESSOR_LOSSES = ["squared_error", "huber", "absolute_error", "poisson"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([LinearClassifier(), LinearRegressor()])
def test_it_is_an_estimator(estimator, check, backend):
    with st.config(backend.backend, backend.threads or None, backend.isa or None):
        check(estimator)


def standardized(load):
    X, y = load(return_X_y=True)
    return StandardScaler().fit_transform(X), y


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


def converged(estimator, X, y, momentum=0.9):
    """Fitted by full batches until nothing moves."""
    parameters = {"tol": 0, "n_iter_no_change": np.inf, "max_iter": 4000, "shuffle": False}
    estimator.set_params(momentum=momentum, **parameters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


def quick(estimator, X, y, **options):
    """Fitted as far as it comes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, **options)


# ---- optima that scikit-learn finds in other ways --------------------------------------------------------


@pytest.mark.parametrize("number", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_softmax_is_logistic_regression(number, fit_intercept):
    X, y = classes(number)
    model = converged(LinearClassifier(alpha=0.02, fit_intercept=fit_intercept), X, y)
    theirs = linear_model.LogisticRegression(C=1 / (0.02 * len(y)), fit_intercept=fit_intercept, tol=1e-10)
    theirs.fit(X, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(
        model.intercept_ - model.intercept_.mean() * (number > 2), theirs.intercept_, atol=1e-6
    )
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


def test_squared_hinge_of_two_classes_is_a_support_vector_machine():
    X, y = classes(2)
    model = converged(LinearClassifier("squared_hinge", alpha=0.02, fit_intercept=False), X, y)
    theirs = svm.LinearSVC(C=1 / (0.02 * len(y)), fit_intercept=False, tol=1e-10, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(model.decision_function(X), theirs.decision_function(X), atol=1e-6)


def test_hinge_of_two_classes_is_a_support_vector_machine():
    """Near its optimum, around which steps along subgradients go on."""
    X, y = classes(2)
    model = LinearClassifier("hinge", alpha=0.02, fit_intercept=False, learning_rate_init=1e-3)
    converged(model, X, y)
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
def test_penalties_are_those_of_least_squares(penalty, theirs):
    X, y = numbers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the penalty is l2 alone
        theirs = clone(theirs).fit(X, y)
    model = LinearRegressor(penalty=penalty, alpha=0.1, l1_ratio=0.3)
    converged(model, X, y, momentum=0)  # with momentum, no weights become exactly 0
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(model.intercept_, theirs.intercept_, atol=1e-6)


def test_l1_makes_weights_exactly_0():
    X, y = numbers()
    assert not (converged(LinearRegressor(), X, y).coef_ == 0).any()
    model = converged(LinearRegressor(penalty="l1", alpha=0.3), X, y, momentum=0)
    theirs = linear_model.Lasso(alpha=0.3).fit(X, y)
    assert 0 < (theirs.coef_ == 0).sum() < 4
    np.testing.assert_array_equal(model.coef_ == 0, theirs.coef_ == 0)
    X, y = classes(2)
    strong = converged(LinearClassifier(penalty="l1", alpha=0.2), X, y, momentum=0)
    assert 0 < (strong.coef_ == 0).sum() < 4


def test_poisson_is_a_generalised_linear_model():
    X, y = numbers()
    y = np.exp(y / 2)
    model = converged(LinearRegressor("poisson", alpha=0.05), X, y)
    theirs = linear_model.PoissonRegressor(alpha=0.05, tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.coef_, theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(model.predict(X), theirs.predict(X), rtol=1e-6)


def test_absolute_error_finds_medians():
    X, y = numbers()
    model = LinearRegressor("absolute_error", penalty=None, learning_rate_init=1e-4)
    converged(model, X, y)
    theirs = linear_model.QuantileRegressor(alpha=0).fit(X, y)
    best = np.abs(theirs.predict(X) - y).mean()
    assert best <= np.abs(model.predict(X) - y).mean() <= best * 1.001


def test_huber_lies_between():
    X, y = numbers()
    y[0] += 50  # an outlier
    options = {"penalty": None, "learning_rate_init": 0.1}
    small, large = (
        converged(LinearRegressor("huber", huber_delta=delta, **options), X, y) for delta in (0.1, 1e3)
    )
    squares = linear_model.LinearRegression().fit(X, y)
    np.testing.assert_allclose(large.coef_, squares.coef_, atol=1e-6)
    rest = slice(1, None)
    assert np.abs(small.predict(X) - y)[rest].mean() < 0.5 * np.abs(squares.predict(X) - y)[rest].mean()
    error = small.predict(X) - y
    slope = np.clip(error, -0.1, 0.1) @ np.c_[X, np.ones(len(X))]
    np.testing.assert_allclose(slope / len(X), 0, atol=1e-6)


# ---- steps by hand ---------------------------------------------------------------------------------------


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


# ---- what parameters do ----------------------------------------------------------------------------------

BASE = {"batch_size": 16, "max_iter": 4, "random_state": 0, "learning_rate_init": 0.02}
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


@pytest.mark.parametrize(("base", "change"), ACTS, ids=str)
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


@pytest.mark.parametrize("loss", CLASSIFIER_LOSSES + REGRESSOR_LOSSES)
def test_weights_are_repetitions(loss):
    kind = LinearClassifier if loss in CLASSIFIER_LOSSES else LinearRegressor
    X, y = classes(3) if kind is LinearClassifier else numbers()
    y = np.abs(y)
    weight = np.arange(len(y)) // 3 % 3
    one = quick(kind(loss, max_iter=20), X, y, sample_weight=weight)
    other = quick(kind(loss, max_iter=20), np.repeat(X, weight, axis=0), np.repeat(y, weight))
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-9)
    np.testing.assert_allclose(one.intercept_, other.intercept_, rtol=1e-9)


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


# ---- predictions -----------------------------------------------------------------------------------------


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


# ---- refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("options", "message"), [
    ({"loss": "log_loss"}, "The 'loss' parameter of LinearClassifier must be a str among"),
    ({"penalty": "l3"}, "The 'penalty' parameter of LinearClassifier must be"),
    ({"alpha": -1}, "The 'alpha' parameter of LinearClassifier must be a float in the range"),
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


def test_early_stopping_can_look_at_given_samples():
    X, y = classes(3, samples=90, noise=1.0)
    weight = np.ones(30)
    model = LinearClassifier(early_stopping=True, random_state=0)
    quick(model, X[:60], y[:60], validation_data=(X[60:], y[60:], weight))
    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == model.n_iter_
    assert model.score(X[60:], y[60:]) == model.best_validation_score_ == max(model.validation_scores_)


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


def test_an_end_without_convergence_is_told():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(2\) reached and the optimization"):
        LinearClassifier(max_iter=2).fit(*classes(3))
