"""Pipelines of a scaler and a model made `Sequential`: `Standardize` before its layers."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn import datasets, linear_model, neural_network, svm
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from support.conversions import samples

import steepest as st
from steepest.sklearn import LinearClassifier, MLPClassifier, MLPRegressor, from_sklearn

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
SCALERS = [(mean, std) for mean in (True, False) for std in (True, False)]
SHORT = {"hidden_layer_sizes": (7,), "max_iter": 5, "random_state": 0}


def bundled(name):
    """Features of very different scales, and answers as they are: texts of the classes."""
    data = getattr(datasets, f"load_{name}")()
    names = getattr(data, "target_names", None)
    return data.data, data.target if names is None else np.asarray(names)[data.target]


def assert_agrees(model, pipeline, X):
    """`model` takes raw rows."""
    assert isinstance(model, st.Sequential)
    if hasattr(pipeline, "classes_"):
        np.testing.assert_array_equal(pipeline.classes_[model.predict(X)], pipeline.predict(X))
    else:
        expected = pipeline.predict(X)
        means = np.exp(model(X)) if isinstance(model.loss, st.PoissonDeviance) else model(X)
        np.testing.assert_allclose(means.reshape(expected.shape), expected, rtol=1e-9, atol=1e-9)
    if hasattr(pipeline, "predict_proba"):
        np.testing.assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(("with_mean", "with_std"), SCALERS)
@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits"])
@pytest.mark.parametrize("last", [
    neural_network.MLPClassifier(**SHORT), linear_model.LogisticRegression(max_iter=20),
    MLPClassifier(**SHORT, batch_norm=True), LinearClassifier("hinge", max_iter=5),
], ids=str)  # fmt: skip
def test_labels_and_probabilities(last, name, with_mean, with_std):
    X, y = bundled(name)
    scaler = StandardScaler(with_mean=with_mean, with_std=with_std)
    pipeline = make_pipeline(scaler, last).fit(X, y)
    model = from_sklearn(pipeline)
    assert model.layers[0] == st.Standardize(X.shape[1]) and model.dtype == np.float64
    assert_agrees(model, pipeline, X)


@pytest.mark.parametrize("last", [
    neural_network.MLPRegressor(**SHORT), linear_model.Ridge(), MLPRegressor("huber", **SHORT),
    linear_model.PoissonRegressor(), svm.LinearSVC(),
], ids=str)  # fmt: skip
def test_numbers_and_others(last):
    X, y = datasets.load_diabetes(return_X_y=True)
    y = y > 140 if isinstance(last, svm.LinearSVC) else y
    pipeline = make_pipeline(StandardScaler(), last).fit(1e4 * X + 1e6, y)
    assert_agrees(from_sklearn(pipeline), pipeline, 1e4 * X + 1e6)


def test_a_network_of_float32_keeps_the_digits_of_the_scaler():
    """A deviation of 1 around 1e7, which float32 holds to 1."""
    X, y = samples()
    X = X + 1e7
    last = MLPClassifier(**SHORT).fit((X - 1e7).astype(np.float32), y)
    pipeline = Pipeline([("scaler", StandardScaler().fit(X)), ("last", last)])
    model = from_sklearn(pipeline)
    np.testing.assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), rtol=1e-4, atol=1e-6)


def test_columns_that_are_constant():
    X, y = samples()
    X[:, 2] = 3
    pipeline = make_pipeline(StandardScaler(), neural_network.MLPClassifier(**SHORT)).fit(X, y)
    assert_agrees(from_sklearn(pipeline), pipeline, X)


def test_multilabel_targets():
    X, y = samples("multilabel")
    pipeline = make_pipeline(StandardScaler(), neural_network.MLPClassifier(**SHORT)).fit(X, y)
    model = from_sklearn(pipeline)
    np.testing.assert_array_equal(model(X) > 0, pipeline.predict(X))
    np.testing.assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), rtol=1e-9)


def test_steps_that_do_nothing_and_no_scaler():
    X, y = samples()
    for steps in ([StandardScaler(), "passthrough"], ["passthrough", StandardScaler()], []):
        pipeline = make_pipeline(*steps, neural_network.MLPClassifier(**SHORT)).fit(X, y)
        model = from_sklearn(pipeline)
        assert isinstance(model.layers[0], st.Standardize if steps else st.Linear)
        assert_agrees(model, pipeline, X)


def test_it_goes_where_a_sequential_goes(tmp_path):
    """Into files and folded, trained further, and nothing is shared with the pipeline."""
    X, y = bundled("wine")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**SHORT)).fit(X, y)
    before = pipeline.predict_proba(X)
    model = from_sklearn(pipeline)
    model.save(tmp_path / "wine.safetensors")
    for same in (st.load(tmp_path / "wine.safetensors"), model.folded()):
        np.testing.assert_allclose(same.predict_proba(X), before, rtol=1e-9)
    model.fit(X, np.unique(y, return_inverse=True)[1], epochs=2, progress=False)
    np.testing.assert_array_equal(pipeline.predict_proba(X), before)


@pytest.mark.parametrize(("steps", "message"), [
    ([MinMaxScaler()], "step 'minmaxscaler' of the pipeline is MinMaxScaler(), but only one StandardScaler"),
    ([StandardScaler(), StandardScaler()], "step 'standardscaler-2' of the pipeline is StandardScaler(),"),
])  # fmt: skip
def test_other_steps_are_named(steps, message):
    pipeline = make_pipeline(*steps, neural_network.MLPClassifier(**SHORT)).fit(*samples())
    with pytest.raises(TypeError, match=re.escape(message)):
        from_sklearn(pipeline)


def test_what_is_not_fitted_or_no_model():
    X, y = samples()
    with pytest.raises(NotFittedError):
        from_sklearn(make_pipeline(StandardScaler(), neural_network.MLPClassifier()))
    with pytest.raises(NotFittedError):
        from_sklearn(make_pipeline(StandardScaler().fit(X), MLPClassifier()))
    with pytest.raises(TypeError, match=r"must be a multilayer perceptron or linear model .*, not SVC\(\)"):
        from_sklearn(make_pipeline(StandardScaler(), svm.SVC()).fit(X, y))
