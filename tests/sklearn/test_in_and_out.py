"""Estimators as `Sequential`, and back: the same answers, nothing shared, and what no estimator can be."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from support.conversions import assert_alike, samples

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor, to_sklearn

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
L = st.Linear
NETWORK = {"hidden_layer_sizes": (7, 5), "max_iter": 5, "random_state": 0}
NORMS = {"batch_norm": True, "dropout": [0.1, 0.0], "activation": ["gelu", "leaky_relu"]}
ESTIMATORS = [
    (MLPClassifier(**NETWORK), "binary", st.BinaryCrossEntropy()),
    (MLPClassifier(**NETWORK, **NORMS), "multiclass", st.SoftmaxCrossEntropy()),
    (MLPClassifier(**NETWORK, activation="logistic"), "multilabel", st.BinaryCrossEntropy()),
    (MLPClassifier(**NETWORK, loss="squared_hinge"), "binary", st.MulticlassHinge(squared=True)),
    (MLPClassifier((), max_iter=5, random_state=0, loss="hinge"), "multiclass", st.MulticlassHinge()),
    (MLPRegressor(**NETWORK, **NORMS), "number", st.SquaredError(factor=0.5)),
    (MLPRegressor("huber", **NETWORK, huber_delta=0.3), "numbers", st.Huber(0.3)),
    (MLPRegressor("poisson", **NETWORK), "counts", st.PoissonDeviance()),
    (LinearClassifier(), "binary", st.BinaryCrossEntropy()),
    (LinearClassifier(fit_intercept=False), "multiclass", st.SoftmaxCrossEntropy()),
    (LinearClassifier("hinge", margin=2.0), "binary", st.MulticlassHinge(2.0)),
    (LinearClassifier("squared_hinge"), "multiclass", st.MulticlassHinge(squared=True)),
    (LinearRegressor(), "number", st.SquaredError(factor=0.5)),
    (LinearRegressor("log_cosh"), "numbers", st.LogCosh()),
    (LinearRegressor("poisson"), "counts", st.PoissonDeviance()),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("estimator", "kind", "loss"), ESTIMATORS, ids=str)
def test_a_sequential_gives_the_same_answers(estimator, kind, loss, dtype):
    X, y = samples(kind)
    X = X.astype(dtype)
    estimator = clone(estimator).fit(X, y)
    model = estimator.to_sequential()
    assert type(model) is st.Sequential and model.dtype == dtype and model.loss == loss
    near = {"rtol": 50 * np.finfo(dtype).eps, "atol": 50 * np.finfo(dtype).eps}
    scores = model(X)
    if y.dtype.kind == "f":
        means = np.exp(scores) if kind == "counts" else scores
        np.testing.assert_allclose(means.reshape(y.shape), estimator.predict(X), **near)
        return
    decision = estimator.decision_function(X)
    if decision.ndim == 1:
        scores = scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores[:, 0]
    np.testing.assert_allclose(scores, decision, **near)
    labels = scores > 0 if kind == "multilabel" else estimator.classes_[model.predict(X)]
    np.testing.assert_array_equal(labels, estimator.predict(X))
    if hasattr(estimator, "predict_proba"):
        np.testing.assert_allclose(model.predict_proba(X), estimator.predict_proba(X), **near)
    if kind != "multilabel":
        assert model.score(X, np.searchsorted(estimator.classes_, y)) == estimator.score(X, y)


@pytest.mark.parametrize(("estimator", "kind", "loss"), ESTIMATORS, ids=str)
def test_there_and_back(estimator, kind, loss):
    X, y = samples(kind)
    estimator = clone(estimator).fit(X, y)
    labels = {"classes": estimator.classes_} if kind in ("binary", "multiclass") else {}
    back = type(estimator).from_sequential(estimator.to_sequential(), **labels)
    assert_alike(estimator, back, X)
    np.testing.assert_array_equal(back.predict(X), estimator.predict(X))
    told = estimator.get_params()
    for name in ("loss", "huber_delta", "margin", "hidden_layer_sizes", "batch_norm", "fit_intercept"):
        assert getattr(back, name, None) == told.get(name), name
    if told.get("hidden_layer_sizes"):
        assert (back.activation, back.dropout) == (estimator.activation, estimator.dropout)
    assert_alike(back, type(estimator).from_sequential(back.to_sequential(), **labels), X)


def test_nothing_is_shared():
    X, y = samples()
    estimator = MLPClassifier(**NETWORK, batch_norm=True).fit(X, y)
    before = estimator.predict_proba(X)
    model = estimator.to_sequential()
    model.fit(X, np.arange(len(X)) % 3, epochs=1, progress=False)
    np.testing.assert_array_equal(estimator.predict_proba(X), before)
    scores = model(X)
    back = MLPClassifier.from_sequential(model, classes=estimator.classes_)
    back.partial_fit(X, y)
    np.testing.assert_array_equal(model(X), scores)
    assert not np.array_equal(back.predict_proba(X), model.predict_proba(X))


def trained(*layers, kind="multiclass", loss="softmax", dtype="float64"):
    X, y = samples(kind)
    y = y if y.dtype.kind != "U" else np.unique(y, return_inverse=True)[1]
    y = y[:, np.newaxis] if loss == "bce" else y
    model = st.Sequential(*layers, dtype=dtype)
    model.fit(X, y, loss=loss, epochs=3, progress=False)
    return X, model


@pytest.mark.parametrize("of", [MLPClassifier, LinearClassifier])
@pytest.mark.parametrize(("outputs", "loss", "kind"), [
    (3, "softmax", "multiclass"), (2, "softmax", "binary"), (1, "bce", "binary"),
    (3, "hinge", "multiclass"), (2, "hinge", "binary"),
])  # fmt: skip
def test_labels_are_those_of_the_outputs(of, outputs, loss, kind):
    """Whatever their order: `classes_` is sorted, as scikit-learn's."""
    X, model = trained(L(6, outputs), kind=kind, loss=loss)
    labels = np.array(["emu", "bat", "cat"] if outputs == 3 else ["yes", "no"])
    estimator = of.from_sequential(model, classes=labels)
    assert estimator.classes_.tolist() == sorted(labels)
    np.testing.assert_array_equal(estimator.predict(X), labels[model.predict(X)])
    if loss != "hinge":
        order = np.argsort(labels)
        np.testing.assert_allclose(estimator.predict_proba(X), model.predict_proba(X)[:, order], rtol=1e-10)
    np.testing.assert_array_equal(of.from_sequential(model).predict(X), model.predict(X))
    estimator.partial_fit(X, labels[model.predict(X)])
    assert_alike(estimator, of.from_sequential(estimator.to_sequential(), classes=estimator.classes_), X)


def test_a_converted_network_is_an_estimator_like_any_other():
    X, model = trained(
        L(6, 5), st.BatchNorm(5), st.ReLU(), st.Dropout(0.2), L(5, 4), st.BatchNorm(4), L(4, 3)
    )
    estimator = MLPClassifier.from_sequential(model, feature_names=list("abcdef"))
    assert repr(estimator.get_params()["activation"]) == "['relu', 'identity']"
    assert estimator.dropout == [0.2, 0.0] and estimator.batch_norm and estimator.hidden_layer_sizes == (5, 4)
    assert (estimator.n_layers_, estimator.n_outputs_, estimator.out_activation_) == (4, 3, "softmax")
    assert estimator.n_features_in_ == 6 and estimator.feature_names_in_.tolist() == list("abcdef")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    np.testing.assert_allclose(estimator.predict_proba(frame), model.predict_proba(X), rtol=1e-12)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.predict(frame.rename(columns={"a": "z"}))
    _, plain = trained(L(6, 5), st.Tanh(), L(5, 3))
    theirs = to_sklearn(MLPClassifier.from_sequential(plain))
    np.testing.assert_allclose(theirs.predict_proba(X), plain.predict_proba(X), rtol=1e-10)


def test_layers_without_a_bias_and_models_without_a_loss():
    X = samples()[0]
    for model in (
        st.Sequential(L(6, 4, bias=False), st.ReLU(), L(4, 3, bias=False), dtype="float64"),
        st.Sequential(L(6, 3, bias=False), dtype="float64"),
    ):
        kinds = (MLPClassifier, MLPRegressor) if len(model) > 1 else (LinearClassifier, LinearRegressor)
        classifier, regressor = (kind.from_sequential(model) for kind in kinds)
        np.testing.assert_allclose(classifier.predict_proba(X), model.predict_proba(X), rtol=1e-12)
        np.testing.assert_allclose(regressor.predict(X), model(X), rtol=1e-12, atol=1e-14)
    assert not classifier.fit_intercept and regressor.loss == "squared_error"


MLP, LINEAR = MLPClassifier, LinearClassifier


@pytest.mark.parametrize(("of", "layers", "message"), [
    (MLP, [st.Standardize(6), L(6, 3)],
     "layer 0 is Standardize(features=6), but MLPClassifier has only Linear, BatchNorm, an activation and "
     "Dropout, in this order: model.folded() merges it into the Linear beside it"),
    (MLP, [L(6, 4), st.LayerNorm(4), L(4, 3)], "layer 1 is LayerNorm(features=4, epsilon=1e-05), but"),
    (MLP, [L(6, 4), st.ReLU(), st.BatchNorm(4), L(4, 3)],
     "layer 2 is BatchNorm(features=4, momentum=0.9, epsilon=1e-05), but MLPClassifier has only Linear, "
     "BatchNorm, an activation and Dropout, in this order$"),
    (MLP, [L(6, 4), st.BatchNorm(4, epsilon=0.1), L(4, 3)], "MLPClassifier has an epsilon of 1e-05: model"),
    (MLP, [L(6, 4), st.ReLU(), L(4, 4), st.BatchNorm(4), L(4, 3)],
     "layer 3 is BatchNorm(features=4, momentum=0.9, epsilon=1e-05), but MLPClassifier has batch "
     "normalization after all hidden layers or none: model.folded() merges it into the Linear beside it"),
    (MLP, [L(6, 4), st.LeakyReLU(0.2), L(4, 3)],
     "layer 1 is LeakyReLU(negative_slope=0.2), but MLPClassifier has LeakyReLU only as LeakyReLU("),
    (MLP, [L(6, 3), st.Tanh()], "layer 1 is Tanh(), but MLPClassifier ends with Linear"),
    (MLP, [st.Residual(L(6, 6)), L(6, 3)], "layer 0 is Residual("),
    (LINEAR, [L(6, 4), st.ReLU(), L(4, 3)],
     "layer 1 is ReLU(), but LinearClassifier has one Linear and no other layer"),
])  # fmt: skip
def test_layers_that_no_estimator_has_are_named(of, layers, message):
    model = st.Sequential(*layers)
    with pytest.raises(ValueError, match=re.escape(message).replace(r"\$", "$")):
        of.from_sequential(model)


def squared(scores, targets):
    return float((scores**2).mean()), 2 * scores / scores.size


@pytest.mark.parametrize(("of", "loss", "message"), [
    (MLPClassifier, st.Huber(), "the model was fitted with Huber(delta=1.0, reduction='mean'), but "
     "MLPClassifier is for SoftmaxCrossEntropy, BinaryCrossEntropy and MulticlassHinge"),
    (LinearRegressor, st.MulticlassHinge(), "but LinearRegressor is for SquaredError, AbsoluteError, Huber"),
    (MLPRegressor, st.SoftmaxCrossEntropy(), "the model was fitted with SoftmaxCrossEntropy("),
    (LinearClassifier, st.losses.CustomLoss(squared), "with CustomLoss(squared), but LinearClassifier"),
    (LinearClassifier, st.BinaryCrossEntropy(), "the model has 3 outputs of BinaryCrossEntropy, each a label "
     "of its own, but LinearClassifier predicts one of them"),
])  # fmt: skip
def test_losses_that_do_not_fit_are_named(of, loss, message):
    model = st.Sequential(L(6, 3))
    model.loss = loss
    with pytest.raises(ValueError, match=re.escape(message)):
        of.from_sequential(model)


@pytest.mark.parametrize(("given", "error", "message"), [
    ({"classes": ["a", "b"]}, ValueError, "classes has shape (2,), but the model has 3 classes"),
    ({"classes": ["a", "b", "a"]}, ValueError, "classes has 2 different labels, but the model has 3 classes"),
    ({"classes": [0.5, 1.5, 2.5]}, ValueError, "Unknown label type: continuous"),
    ({"feature_names": ["a"]}, ValueError, "feature_names has 1 names, but the model takes 6 features"),
    ({"feature_names": "abcdef"}, TypeError, "feature_names must be strings, one for each feature"),
    ({"feature_names": range(6)}, TypeError, "feature_names must be strings, one for each feature"),
])  # fmt: skip
def test_labels_and_names_are_checked(given, error, message):
    with pytest.raises(error, match=re.escape(message)):
        MLPClassifier.from_sequential(st.Sequential(L(6, 3)), **given)


def test_multilabel_outputs_have_no_labels():
    model = st.Sequential(L(6, 3))
    model.loss = st.BinaryCrossEntropy()
    with pytest.raises(ValueError, match="classes must be None for multilabel targets"):
        MLPClassifier.from_sequential(model, classes=["a", "b", "c"])


@pytest.mark.parametrize("of", [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor])
def test_what_is_no_model_or_not_fitted(of):
    with pytest.raises(TypeError, match=r"model must be a st\.Sequential, not 3"):
        of.from_sequential(3)
    with pytest.raises(NotFittedError):
        of().to_sequential()
