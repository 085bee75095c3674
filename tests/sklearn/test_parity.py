"""The same random_state gives scikit-learn's parameters, losses and scores, within rounding.

scikit-learn clips probabilities to [eps, 1 - eps] in its loss, and ours is exact: losses are compared where
the networks are not that sure.
"""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.neural_network as theirs
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits

import steepest.sklearn as ours

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1:UserWarning"),
]
X, DIGIT = load_digits(return_X_y=True)
X = X / 16
Z, PROGRESS = load_diabetes(return_X_y=True)
PROGRESS = PROGRESS / 100
SEVERAL = np.stack([DIGIT > 4, DIGIT % 2 == 0, DIGIT % 3 == 0], axis=1).astype(int)
WEIGHT = np.random.default_rng(0).random(len(X))


def pair(name, **parameters):
    parameters = {"random_state": 1, "max_iter": 10, "hidden_layer_sizes": (30,)} | parameters
    return getattr(ours, name)(**parameters), getattr(theirs, name)(**parameters)


def assert_equal_fits(a, b, tolerance=1e-9):
    for p, q in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_allclose(p, q, rtol=0, atol=tolerance)
        assert p.dtype == q.dtype
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(a, name) == getattr(b, name), name
    for name in ("loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_"):
        first, second = getattr(a, name, None), getattr(b, name, None)
        assert (first is None) == (second is None), name
        if first is not None:
            np.testing.assert_allclose(first, second, rtol=tolerance, atol=tolerance, err_msg=name)


CLASSIFIERS = {
    "adam": {},
    "default": {"hidden_layer_sizes": (100,), "max_iter": 200},
    "adam's numbers": {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 1e-3, "learning_rate_init": 0.01},
    "two layers": {"hidden_layer_sizes": (20, 15), "batch_size": 64},
    "an int": {"hidden_layer_sizes": 12, "alpha": 1.0},
    "no layer": {"hidden_layer_sizes": ()},
    "all at once": {"batch_size": 5000},
    "one by one": {"batch_size": 1, "max_iter": 1},
    "no shuffle": {"shuffle": False},
    "no penalty": {"alpha": 0},
    "early stopping": {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 3, "tol": 1e-3},
    "a plateau": {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 100},
    "never stopping": {"n_iter_no_change": np.inf, "tol": 1.0},
    "lbfgs": {"solver": "lbfgs", "max_iter": 12},
    **{name: {"activation": name} for name in ("identity", "logistic", "tanh")},
    **{
        f"sgd, {rate}": {"solver": "sgd", "learning_rate": rate, "learning_rate_init": 0.1, "power_t": 0.3}
        for rate in ("constant", "invscaling", "adaptive")
    },
    "sgd, plain": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.1},
    "sgd, momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.1},
    "sgd, smaller rates": {
        **{"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.5},
        **{"n_iter_no_change": 1, "tol": 0.02, "max_iter": 40},
    },
}
REGRESSORS = {
    "adam": {},
    "poisson": {"loss": "poisson"},
    "lbfgs": {"solver": "lbfgs"},
    "lbfgs, poisson": {"solver": "lbfgs", "loss": "poisson"},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.01},
    "early stopping": {"early_stopping": True, "max_iter": 40, "n_iter_no_change": 2},
}


@pytest.mark.one_of(3)
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers(backend, name):
    a, b = pair("MLPClassifier", **CLASSIFIERS[name])
    with backend.computing() if name != "default" else pytest.MonkeyPatch.context():
        a.fit(X, DIGIT)
        probabilities = a.predict_proba(X)
    b.fit(X, DIGIT)
    assert_equal_fits(a, b)
    np.testing.assert_allclose(probabilities, b.predict_proba(X), atol=1e-8)
    assert (a.predict(X) == b.predict(X)).all() and a.score(X, DIGIT) == b.score(X, DIGIT)


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("y", [DIGIT > 4, np.where(DIGIT > 4, "many", "few"), SEVERAL], ids=str)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_two_classes_and_several_labels(y, solver):
    a, b = (one.fit(X, y) for one in pair("MLPClassifier", solver=solver))
    assert_equal_fits(a, b)
    assert (a.classes_ == b.classes_).all() and (a.predict(X) == b.predict(X)).all()
    np.testing.assert_allclose(a.predict_log_proba(X), b.predict_log_proba(X), atol=1e-8)


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("name", REGRESSORS)
@pytest.mark.parametrize("y", [PROGRESS, np.stack([PROGRESS, PROGRESS**2], axis=1)], ids=["one", "two"])
def test_regressors(name, y):
    a, b = (one.fit(Z, y) for one in pair("MLPRegressor", **REGRESSORS[name]))
    assert_equal_fits(a, b)
    np.testing.assert_allclose(a.predict(Z), b.predict(Z), atol=1e-8)


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_sample_weights(solver, early_stopping):
    options = {"solver": solver, "early_stopping": early_stopping}
    assert_equal_fits(*(one.fit(X, DIGIT, WEIGHT) for one in pair("MLPClassifier", **options)))
    weight = WEIGHT[: len(Z)]
    assert_equal_fits(*(one.fit(Z, PROGRESS, weight) for one in pair("MLPRegressor", **options)))


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_samples(make):
    for options in ({}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"early_stopping": True}):
        a, b = (one.fit(make(X), DIGIT) for one in pair("MLPClassifier", **options))
        assert_equal_fits(a, b)
        np.testing.assert_allclose(a.predict_proba(make(X)), b.predict_proba(X), atol=1e-8)


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("options", [{}, {"solver": "sgd", "learning_rate": "invscaling"}])
def test_partial_fits_and_warm_starts_go_on(options):
    estimators = pair("MLPClassifier", **options, warm_start=True)
    for one in estimators:
        for first in (0, 300, 900):
            one.partial_fit(X[first : first + 500], DIGIT[first : first + 500], classes=range(10))
    assert_equal_fits(*estimators)
    assert_equal_fits(*(one.fit(X, DIGIT) for one in estimators))
    assert_equal_fits(*(one.fit(X, DIGIT).fit(X, DIGIT) for one in pair("MLPClassifier", **options)))


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize(
    "options", [{}, {"tol": 0.5, "n_iter_no_change": 1, "max_iter": 100}, {"early_stopping": True}]
)
def test_a_generator_is_left_where_scikit_learn_leaves_it(options):
    generators = [np.random.RandomState(3), np.random.RandomState(3)]
    for one, generator in zip(pair("MLPClassifier", **options), generators, strict=True):
        one.set_params(random_state=generator).fit(X, DIGIT)
    assert generators[0].randint(2**31) == generators[1].randint(2**31)


@pytest.mark.usefixtures("on_backend")
def test_float32_stays_so():
    single = X.astype(np.float32)
    a, b = (one.fit(single, DIGIT) for one in pair("MLPClassifier"))
    steps = 10 * 9  # each rounds weights below 1
    assert_equal_fits(a, b, steps * np.finfo(np.float32).eps)
    assert a.predict_proba(single).dtype == np.float32


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize(
    ("options", "last"),
    [
        ({"early_stopping": True, "n_iter_no_change": 2, "tol": 0.01}, "consecutive epochs. Stopping."),
        ({"n_iter_no_change": 1, "tol": 0.1}, "consecutive epochs. Stopping."),
        (
            {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.5},
            "Learning rate too small. Stopping.",
        ),
        ({"solver": "lbfgs"}, ""),
    ],
)
def test_what_is_printed(capsys, options, last):
    printed = []
    for one in pair("MLPClassifier", **options, verbose=True, max_iter=50):
        one.fit(X, DIGIT)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1] and printed[0].strip().endswith(last)


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("options", [{}, {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 70}])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_many_warm_starts(options, early_stopping):
    """A fit of scikit-learn writes over the best parameters of those before, unless they are copied."""
    estimators = pair("MLPClassifier", **options, early_stopping=early_stopping, warm_start=True)
    for one in estimators:
        one.set_params(random_state=np.random.RandomState(5))
        for _ in range(4):
            one.fit(X, DIGIT)
            if one is estimators[1]:
                one._best_coefs = [array.copy() for array in one.coefs_]
                one._best_intercepts = [array.copy() for array in one.intercepts_]
    assert_equal_fits(*estimators)
    assert len({one.random_state.randint(2**31) for one in estimators}) == 1


@pytest.mark.usefixtures("on_backend")
@pytest.mark.parametrize("options", [{}, {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0}])
def test_partial_fits_of_a_regressor_with_other_parameters(options):
    """The optimizer stays that of the first, with its learning rate."""
    estimators = pair("MLPRegressor", **options, n_iter_no_change=1)
    for one in estimators:
        for first in (0, 50, 100, 150):
            one.partial_fit(Z[first : first + 120], PROGRESS[first : first + 120])
        one.set_params(learning_rate_init=0.1, alpha=1.0, batch_size=50, shuffle=False)
        one.partial_fit(Z, PROGRESS).partial_fit(Z[:1], PROGRESS[:1])
    assert_equal_fits(*estimators)
