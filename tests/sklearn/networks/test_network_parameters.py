"""Each parameter of a network beyond scikit-learn's acts, and changes nothing by default."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn.datasets import load_diabetes, load_digits
from sklearn.utils.class_weight import compute_class_weight
from support.networks import arrays, assert_same_models

import steepest as st
from steepest.sklearn import LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = load_digits(return_X_y=True)
X, Y = X[:600] / 16, Y[:600]
Z, PROGRESS = load_diabetes(return_X_y=True)
PROGRESS = PROGRESS / 100


def classifier(**options):
    return MLPClassifier(**{"hidden_layer_sizes": (12, 9), "random_state": 1, "max_iter": 8} | options)


def differ(a, b):
    return any(not np.array_equal(p, q) for p, q in zip(arrays(a), arrays(b), strict=False))


@pytest.mark.parametrize(
    "options",
    [
        *({"dropout": rate} for rate in (0.3, [0.3, 0.0], (0.0, 0.5))),
        {"batch_norm": True},
        *(
            {"activation": name}
            for name in ("leaky_relu", "elu", "gelu", "softplus", "lecun_tanh", "selu", "mish")
        ),
        {"activation": ["tanh", "relu"]},
        {"class_weight": "balanced"},
        {"class_weight": {0: 5.0, 3: 0.1}},
        {"penalty": "l1", "alpha": 0.1},
        {"penalty": "elasticnet", "alpha": 0.1},
        {"penalty": None, "alpha": 0.1},
        {"loss": "hinge"},
        {"loss": "squared_hinge"},
        {"clip_value": 1e-4, "solver": "sgd"},
        {"clip_norm": 1e-3, "solver": "sgd"},
        {"learning_rate_schedule": st.schedules.Exponential(0.02, 0.99)},
    ],
    ids=str,
)
def test_it_acts_learns_and_is_pickled(options):
    model = classifier(**options).fit(X, Y)
    assert differ(model, classifier(solver=model.solver, alpha=model.alpha).fit(X, Y))
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(X) == model.predict(X)).all()
    longer = (
        classifier(**options, max_iter=80, learning_rate_init=0.01).fit(X, Y)
        if "clip" not in str(options)
        else model
    )
    assert longer.score(X, Y) > (0.85 if longer is not model else 0)
    if model.class_weight != "balanced":
        assert_same_models(again.partial_fit(X, Y), model.partial_fit(X, Y))
        assert_same_models(again.partial_fit(X, Y), model.partial_fit(X, Y))


def test_defaults_change_nothing():
    """The parameters as they would be without them: those of the parity tests."""
    neutral = {"dropout": [0, 0], "activation": ["relu", "relu"], "l1_ratio": 0.9, "callbacks": []}
    neutral |= {"penalty": "elasticnet", "l1_ratio": 0.0, "clip_norm": 1e9}
    assert_same_models(
        classifier().fit(X, Y), classifier(**neutral, class_weight=dict.fromkeys(range(10), 1)).fit(X, Y)
    )


def test_activations_by_layer_are_those_of_the_layers():
    model = classifier(activation=["tanh", "elu"]).fit(X, Y)
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    hidden = hidden @ model.coefs_[1] + model.intercepts_[1]
    hidden = np.where(hidden > 0, hidden, np.expm1(hidden))
    scores = hidden @ model.coefs_[2] + model.intercepts_[2]
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-9)


def test_batch_norms_are_kept():
    model = classifier(batch_norm=True).fit(X, Y)
    assert [norm.shape for norm in model.batch_norms_] == [(4, 12), (4, 9)]
    scale, shift, mean, variance = model.batch_norms_[0]
    sums = X @ model.coefs_[0] + model.intercepts_[0]
    hidden = np.maximum((sums - mean) / np.sqrt(variance + 1e-5) * scale + shift, 0)
    scale, shift, mean, variance = model.batch_norms_[1]
    sums = hidden @ model.coefs_[1] + model.intercepts_[1]
    hidden = np.maximum((sums - mean) / np.sqrt(variance + 1e-5) * scale + shift, 0)
    scores = hidden @ model.coefs_[2] + model.intercepts_[2]
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-9)


@pytest.mark.parametrize(("penalty", "ratio"), [("l1", 1.0), ("l2", 0.0), ("elasticnet", 0.3), (None, None)])
def test_penalties_are_what_is_documented(penalty, ratio):
    """One step of plain descent on all samples, with and without."""
    options = {"solver": "sgd", "momentum": 0.0, "batch_size": 600, "max_iter": 1, "learning_rate_init": 0.1}
    start = classifier(**options, alpha=0, learning_rate_schedule=lambda step: 1e-300).fit(X, Y)
    without = classifier(**options, alpha=0).fit(X, Y)
    model = classifier(**options, alpha=20.0, penalty=penalty, l1_ratio=0.3).fit(X, Y)
    for w, plain, before in zip(model.coefs_, without.coefs_, start.coefs_, strict=True):
        slope = 0 if ratio is None else ratio * np.sign(before) + (1 - ratio) * before
        np.testing.assert_allclose(w, plain - 0.1 * 20.0 / 600 * slope, atol=1e-12)
    value = (
        sum(ratio * np.abs(w).sum() + (1 - ratio) / 2 * (w**2).sum() for w in start.coefs_) if penalty else 0
    )
    assert model.loss_ == pytest.approx(without.loss_ + 20.0 / 600 * value, rel=1e-12)


def test_class_weights_are_sample_weights():
    balanced = compute_class_weight("balanced", classes=np.unique(Y), y=Y)
    assert_same_models(classifier(class_weight="balanced").fit(X, Y), classifier().fit(X, Y, balanced[Y]))
    given = {3: 2.5, 4: 0.0}
    weight = np.array([given.get(label, 1.0) for label in Y])
    sample = np.random.default_rng(0).random(len(Y))
    assert_same_models(
        classifier(class_weight=given).fit(X, Y, sample), classifier().fit(X, Y, weight * sample)
    )
    assert_same_models(
        classifier(class_weight=given).partial_fit(X, Y, classes=range(10)),
        classifier().partial_fit(X, Y, weight, classes=range(10)),
    )


def test_class_weights_have_the_precision_of_the_samples():
    single, sample = X.astype(np.float32), np.random.default_rng(0).random(len(Y))
    for given in ({}, {"sample_weight": sample}):
        model = classifier(class_weight="balanced").fit(single, Y, **given)
        assert model.coefs_[0].dtype == np.float32 and model.score(single, Y) > 0.1


def test_hinges_have_scores_but_no_probabilities():
    for y in (Y, np.where(Y > 4, "many", "few")):
        model = classifier(loss="hinge", max_iter=60, learning_rate_init=0.01).fit(X, y)
        scores = model.decision_function(X)
        assert not hasattr(model, "predict_proba") and not hasattr(model, "predict_log_proba")
        chosen = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
        assert (model.classes_[chosen] == model.predict(X)).all() and model.score(X, y) > 0.8
    with pytest.raises(AttributeError, match="has no attribute 'predict_proba'"):
        model.predict_proba(X)


@pytest.mark.parametrize(
    "options", [{"loss": "huber"}, {"loss": "huber", "huber_delta": 0.1}, {"loss": "absolute_error"}]
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_losses_of_a_regressor(options, solver):
    common = {"hidden_layer_sizes": (9,), "random_state": 0, "max_iter": 300, "solver": solver, "alpha": 0}
    outliers = PROGRESS.copy()
    outliers[::20] += 1000
    robust, square = (MLPRegressor(**common, **o).fit(Z, outliers) for o in (options, {}))
    good = np.arange(len(Z)) % 20 != 0
    errors = [np.abs(one.predict(Z) - PROGRESS)[good].mean() for one in (robust, square)]
    assert errors[0] < errors[1] / 2
    assert MLPRegressor(**common, loss="huber", huber_delta=0.1).fit(Z, PROGRESS).loss_ != pytest.approx(
        MLPRegressor(**common, loss="huber", huber_delta=1.0).fit(Z, PROGRESS).loss_
    )


def test_activations_losses_and_solvers_by_name():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=200)
    assert LinearRegressor(loss="log_cosh").fit(X, y).score(X, y) > 0.98
    for solver in ("nadam", "lion", "rmsprop"):
        network = MLPRegressor(
            loss="log_cosh",
            hidden_layer_sizes=(16,),
            activation="silu",
            solver=solver,
            learning_rate_init=0.005,
            max_iter=100,
            n_iter_no_change=100,
            random_state=0,
        )
        assert network.fit(X, y).score(X, y) > 0.95


def test_a_warm_start_with_another_loss_predicts_by_it():
    counts = np.floor(PROGRESS * 3)
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, warm_start=True).fit(Z, counts)
    model.set_params(loss="poisson").fit(Z, counts)
    assert model.out_activation_ == "exp" and model.predict(Z).min() > 0
    np.testing.assert_allclose(np.exp(model.to_sequential()(Z)[:, 0]), model.predict(Z), rtol=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "has", "takes"), [("log_loss", "hinge", 1, 2), ("hinge", "log_loss", 2, 1)]
)
def test_a_warm_start_needs_as_many_outputs(before, after, has, takes):
    model = classifier(loss=before, warm_start=True).fit(X, Y > 4)
    model.set_params(loss=after)
    with pytest.raises(
        ValueError, match=f"has {has} outputs, but loss='{after}' and y take {takes}: fit a new one"
    ):
        model.fit(X, Y > 4)
