"""Conversions of networks: equal predictions, the same steps afterwards, nothing shared."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from support.conversions import assert_alike, samples

import steepest as st
from steepest.sklearn import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
    from_sklearn,
    to_sklearn,
)

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
NETWORK = {"hidden_layer_sizes": (7, 5), "max_iter": 5, "random_state": 0}
SOLVERS = [
    {},
    {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.5},
    {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.1},
    {"solver": "sgd", "momentum": 0.0},
    {"solver": "lbfgs"},
    {"early_stopping": True, "activation": "tanh"},
]


@pytest.mark.parametrize("options", SOLVERS, ids=str)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "number", "numbers", "counts"])
def test_perceptrons_convert_both_ways(kind, options):
    X, y = samples(kind)
    classifier = y.dtype.kind != "f"
    more = {"loss": "poisson"} if kind == "counts" else {}
    theirs = (neural_network.MLPClassifier if classifier else neural_network.MLPRegressor)(
        **NETWORK | options | more
    ).fit(X, y)
    ours = from_sklearn(theirs)
    assert type(ours) is (MLPClassifier if classifier else MLPRegressor)
    back = to_sklearn(ours)
    assert type(back) is type(theirs)
    for converted in (ours, back, pickle.loads(pickle.dumps(ours))):
        assert_alike(theirs, converted, X)
        assert theirs.get_params().items() <= converted.get_params().items()
        for name in (
            "n_iter_",
            "t_",
            "loss_",
            "n_layers_",
            "n_outputs_",
            "out_activation_",
            "n_features_in_",
        ):
            assert getattr(converted, name) == getattr(theirs, name), name
        if options.get("solver") != "lbfgs":
            assert converted.loss_curve_ == theirs.loss_curve_
            assert converted.validation_scores_ == theirs.validation_scores_
    assert clone(ours).get_params() == ours.get_params()


@pytest.mark.parametrize("options", SOLVERS[:4], ids=str)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "numbers"])
def test_partial_fits_of_converted_perceptrons_go_on_alike(kind, options):
    X, y = samples(kind)
    classifier = y.dtype.kind != "f"
    theirs = (neural_network.MLPClassifier if classifier else neural_network.MLPRegressor)(
        **NETWORK | options | {"batch_size": 16}
    ).fit(X, y)
    ours = from_sklearn(theirs)
    back = to_sklearn(ours)
    for _ in range(4):
        for one in (theirs, ours, back):
            one.partial_fit(X, y)
        for one in (ours, back):
            for expected, found in zip(
                [*theirs.coefs_, *theirs.intercepts_], [*one.coefs_, *one.intercepts_], strict=True
            ):
                np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("since", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("before", ["adam", "sgd"])
def test_a_solver_set_after_the_fit_is_only_a_setting(before, since):
    """scikit-learn goes on with the optimizer of the fit."""
    X, y = samples()
    theirs = neural_network.MLPClassifier(**NETWORK | {"solver": before, "batch_size": 16}).fit(X, y)
    theirs.set_params(solver=since)
    ours = from_sklearn(theirs)
    back = to_sklearn(ours)
    assert ours.solver == back.solver == since and type(back._optimizer) is type(theirs._optimizer)
    if since != "lbfgs":
        for one in (theirs, ours, back):
            one.partial_fit(X, y)
    for one in (ours, back):
        np.testing.assert_allclose(one.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)


def test_an_optimizer_that_scikit_learn_lacks_is_left_out():
    X, y = samples()
    ours = MLPClassifier(**NETWORK | {"solver": "rmsprop"}).fit(X, y).set_params(solver="adam")
    theirs = to_sklearn(ours)
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=1e-9)
    assert type(theirs.partial_fit(X, y)._optimizer).__name__ == "AdamOptimizer"


@pytest.mark.parametrize("options", [
    *({"solver": name} for name in ("adamw", "nadam", "lion", "adagrad", "rmsprop")),
    {"solver": "sgd", "batch_norm": True},
], ids=str)  # fmt: skip
def test_no_optimizer_is_left_for_one_set_to_lbfgs(options):
    X, y = samples()
    ours = MLPClassifier(**NETWORK | options).fit(X, y).set_params(solver="lbfgs")
    back = from_sklearn(to_sklearn(ours))
    np.testing.assert_allclose(back.predict_proba(X), ours.predict_proba(X), rtol=1e-9)
    before = back.coefs_[0].copy()
    assert np.isfinite(back.set_params(solver="adam").partial_fit(X, y).coefs_[0]).all()
    assert (back.coefs_[0] != before).any()


@pytest.mark.parametrize("fitted", [False, True])
def test_batch_norm_set_after_the_fit_is_refused(fitted):
    X, y = samples()
    model = MLPClassifier(**NETWORK, batch_norm=fitted).fit(X, y).set_params(batch_norm=not fitted)
    how = "with it" if fitted else "without it"
    message = f"batch_norm is {not fitted}, but the network was fitted {how}: fit it again"
    calls = {"predict": (X,), "partial_fit": (X, y), "to_sequential": (), "to_sklearn": ()}
    for name, given in calls.items():
        with pytest.raises(ValueError, match=message):
            getattr(model, name)(*given)
    assert_alike(model.fit(X, y), to_sklearn(model), X)


@pytest.mark.parametrize(("estimator", "kind", "changed"), [
    (MLPRegressor(**NETWORK), "number", {"loss": "hinge"}),
    (LinearRegressor(), "number", {"loss": "hinge"}),
    (MLPClassifier(**NETWORK), "binary", {"loss": "huber"}),
    (LinearClassifier(), "binary", {"loss": "huber"}),
    (MLPRegressor(**NETWORK), "number", {"activation": "rellu"}),
    (LinearClassifier(), "binary", {"fit_intercept": "no"}),
], ids=str)  # fmt: skip
def test_parameters_set_to_what_they_cannot_be_are_named(tmp_path, estimator, kind, changed):
    X, y = samples(kind)
    model, (name,) = clone(estimator).fit(X, y).set_params(**changed), changed
    message = f"The '{name}' parameter of {type(estimator).__name__} must be"
    for call in (model.to_sequential, model.to_sklearn, lambda: st.to_onnx(model, tmp_path / "m")):
        with pytest.raises(ValueError, match=message):
            call()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("changed", [{"loss": "hinge"}, {"activation": "rellu"}], ids=str)
def test_partial_fit_names_what_they_cannot_be(changed):
    X, y = samples("number")
    model, (name,) = MLPRegressor(**NETWORK).fit(X, y).set_params(**changed), changed
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be a str among"):
        model.partial_fit(X, y)


def test_nothing_is_shared():
    X, y = samples()
    theirs = neural_network.MLPClassifier(**NETWORK).fit(X, y)
    before = theirs.predict_proba(X)
    ours = from_sklearn(theirs)
    back = ours.to_sklearn()
    for _ in range(2):
        ours.partial_fit(X, y)
    np.testing.assert_array_equal(theirs.predict_proba(X), before)
    np.testing.assert_array_equal(back.predict_proba(X), before)


def test_float32_and_names_are_kept():
    pandas = pytest.importorskip("pandas")
    X, y = samples()
    frame = pandas.DataFrame(X.astype(np.float32), columns=list("abcdef"))
    ours = from_sklearn(neural_network.MLPClassifier(**NETWORK).fit(frame, y))
    assert all(coef.dtype == np.float32 for coef in ours.coefs_)
    assert list(ours.feature_names_in_) == list("abcdef")
    assert list(ours.to_sklearn().feature_names_in_) == list("abcdef")


def test_what_only_says_how_to_learn_is_left_out():
    X, y = samples()
    ours = MLPClassifier(
        **NETWORK, dropout=0.5, penalty="l1", class_weight="balanced", clip_norm=1.0, n_threads=1
    ).fit(X, y)
    assert_alike(ours, to_sklearn(ours), X)
    plain = MLPClassifier(**NETWORK, penalty=None).fit(X, y)
    assert to_sklearn(plain).alpha == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batch_norm_becomes_a_part_of_the_weights(dtype):
    X, y = samples()
    X = X.astype(dtype)
    ours = MLPClassifier(**NETWORK, batch_norm=True).fit(X, y)
    theirs = to_sklearn(ours)
    tolerance = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=tolerance, atol=tolerance)
    assert theirs.coefs_[0].dtype == dtype and not hasattr(theirs, "batch_norms_")
    assert np.abs(theirs.coefs_[0] - ours.coefs_[0]).max() > 1e-3
    theirs.partial_fit(X, y)  # with an optimizer that begins anew


@pytest.mark.parametrize(("options", "message"), [
    ({"activation": "gelu"}, "activation='gelu' has no counterpart in scikit-learn"),
    ({"activation": ["relu", "tanh"]}, r"activation=\['relu', 'tanh'\] has no counterpart in scikit-learn"),
    ({"loss": "hinge"}, "loss='hinge' has no counterpart in scikit-learn"),
])  # fmt: skip
def test_what_scikit_learn_lacks_is_refused(options, message):
    ours = MLPClassifier(**NETWORK | options).fit(*samples())
    with pytest.raises(ValueError, match=message):
        to_sklearn(ours)


def test_activations_that_are_all_the_same_are_one():
    X, y = samples()
    ours = MLPClassifier(**NETWORK, activation=["tanh", "tanh"]).fit(X, y)
    theirs = to_sklearn(ours)
    assert theirs.activation == "tanh"
    assert_alike(ours, theirs, X)
    with pytest.raises(ValueError, match="loss='huber' has no counterpart in scikit-learn"):
        to_sklearn(MLPRegressor("huber", max_iter=2).fit(*samples("number")))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_there_and_back_with_batch_norm(kind):
    """It becomes a part of the weights, with whose gradients the optimizer's state has nothing to do."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.arange(60) % 3
    made = kind(hidden_layer_sizes=(5,), batch_norm=True, max_iter=3, random_state=0)
    with pytest.warns(ConvergenceWarning):
        made.fit(X, y)
    back = from_sklearn(to_sklearn(made))
    np.testing.assert_allclose(back.predict(X), made.predict(X), rtol=1e-9)
    assert back.partial_fit(X, y) is back
