"""ONNX files of estimators: a runtime of others gives their labels, probabilities and numbers."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from support.conversions import samples

import steepest as st
from steepest.sklearn import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    MLPRegressor,
    TabularClassifier,
    TabularRegressor,
    from_sklearn,
)

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NETWORK = {"hidden_layer_sizes": (7, 5), "max_iter": 20, "random_state": 0}
TABULAR = {"max_steps": 30, "hidden_layer_sizes": (8, 8), "random_state": 0}


def answers_of(model, folder, X):
    """Each output by its name."""
    st.to_onnx(model, folder / "model.onnx")
    session = runtime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, {"X": X.astype(np.float32)}), strict=True))


def assert_agrees(found, estimator, X):
    """Labels are compared where no other class is as probable within rounding."""
    if "predictions" in found:
        expected = estimator.predict(X)
        assert found["predictions"].shape == (len(X), expected.size // len(X))
        size = np.abs(expected).max()
        np.testing.assert_allclose(
            found["predictions"].reshape(expected.shape), expected, rtol=1e-5, atol=1e-5 * size
        )
        return
    np.testing.assert_array_equal(found["classes"], estimator.predict(X))
    assert ("probabilities" in found) == hasattr(estimator, "predict_proba")
    if "probabilities" in found:
        np.testing.assert_allclose(found["probabilities"], estimator.predict_proba(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("estimator", [
    MLPClassifier(**NETWORK), MLPClassifier(**NETWORK, batch_norm=True, activation="gelu", dropout=0.1),
    MLPClassifier(**NETWORK, loss="hinge"), LinearClassifier(), LinearClassifier("squared_hinge", margin=2.0),
], ids=str)  # fmt: skip
def test_classes(tmp_path, estimator, kind):
    X, y = samples(kind)
    if kind == "multilabel" and getattr(estimator, "loss", "") != "log_loss":
        return
    estimator = clone(estimator).fit(X.astype(np.float32), y)
    found = answers_of(estimator, tmp_path, X)
    assert found["classes"].dtype == (object if kind != "multilabel" else np.int64)
    assert_agrees(found, estimator, X.astype(np.float32))
    np.testing.assert_allclose(
        found["scores"], estimator.to_sequential()(X.astype(np.float32)), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("kind", ["number", "numbers", "counts"])
@pytest.mark.parametrize("of", [MLPRegressor, LinearRegressor])
def test_numbers(tmp_path, of, kind):
    X, y = samples(kind)
    settings = NETWORK if of is MLPRegressor else {}
    estimator = of("poisson" if kind == "counts" else "huber", **settings).fit(X, y)
    assert_agrees(answers_of(estimator, tmp_path, X), estimator, X.astype(np.float32))


@pytest.mark.parametrize(("labels", "dtype"), [
    (np.array(["no", "maybe", "yes"], dtype=object), object), (np.array(["Ä", "", "x" * 99]), object),
    (np.array([3, -7, 2**40]), np.int64), (np.array([0, 1, 255], np.uint8), np.int64),
    (np.array([1.0, 2.0, -5.0], np.float32), np.float64), (np.array([True, False]), bool),
])  # fmt: skip
def test_labels_of_each_type(tmp_path, labels, dtype):
    X, y = samples()
    y = labels[np.unique(y, return_inverse=True)[1] % len(labels)]
    for estimator in (LinearClassifier().fit(X, y), MLPClassifier(**NETWORK).fit(X, y)):
        found = answers_of(estimator, tmp_path, X)
        assert found["classes"].dtype == dtype
        assert_agrees(found, estimator, X.astype(np.float32))


def test_a_single_class(tmp_path):
    X, y = samples()
    estimator = MLPClassifier(**NETWORK).fit(X, np.full(len(y), 5))
    found = answers_of(estimator, tmp_path, np.concatenate([X, -100 * X]))
    assert (found["classes"] == 5).all()


def test_labels_that_a_file_cannot_hold(tmp_path):
    X, _ = samples()
    y = np.array([1, "one"], dtype=object)[(X[:, 0] > 0).astype(int)]
    message = r"of one kind, strings, integers, floats or booleans, but those of the model are \[1, 'one'\]"
    with pytest.raises(ValueError, match=message):
        st.to_onnx(TabularClassifier(**TABULAR).fit(X, y), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("unit", ["D", "us", "ns", "ps"])
@pytest.mark.parametrize("kind", ["datetime64", "timedelta64"])
@pytest.mark.parametrize("estimator", [
    MLPClassifier(**NETWORK), LinearClassifier(), TabularClassifier(**TABULAR),
], ids=lambda one: type(one).__name__)  # fmt: skip
def test_dates_are_no_integers(tmp_path, estimator, kind, unit):
    X, _ = samples()
    dates = np.where(X[:, 0] > 0, 10, 20).astype(f"{kind}[{unit}]")
    with pytest.raises(ValueError, match=rf"one kind, .*, but those of the model are \[.*{kind}\("):
        st.to_onnx(clone(estimator).fit(X, dates), tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_pipelines(tmp_path):
    """By way of a `Sequential`: numbers of classes, of raw rows."""
    X, y = load_wine(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**NETWORK)).fit(X, np.array(["a", "b", "c"])[y])
    found = answers_of(from_sklearn(pipeline), tmp_path, X)
    rows = X.astype(np.float32).astype(np.float64)
    np.testing.assert_array_equal(pipeline.classes_[found["classes"]], pipeline.predict(rows))
    np.testing.assert_allclose(found["probabilities"], pipeline.predict_proba(rows), atol=1e-5)


def gaps(X):
    """With gaps, a column without any, and one that is constant."""
    X = np.insert(X, 2, 7, axis=1).astype(np.float32)
    X[3:9, 1], X[20:30, 4], X[40:50, 2] = np.nan, np.nan, np.nan
    return X


@pytest.mark.parametrize("embedding", ["piecewise_linear", "periodic"])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "number", "numbers"])
def test_tables_of_numbers(tmp_path, kind, embedding):
    X, y = samples(kind)
    X = gaps(X)
    of = TabularRegressor if y.dtype.kind == "f" else TabularClassifier
    estimator = of(**TABULAR, embedding=embedding).fit(X, 1e4 * y if y.dtype.kind == "f" else y)
    new = np.concatenate(
        [X, 1e5 * X, np.full((1, 7), np.inf), -np.full((1, 7), np.inf), np.full((1, 7), np.nan)]
    )
    new = new.astype(np.float32)
    found = answers_of(estimator, tmp_path, new)
    assert found.keys() == ({"predictions"} if y.dtype.kind == "f" else {"probabilities", "classes"})
    assert_agrees(found, estimator, new)
    estimator.save(tmp_path / "table.safetensors")
    again = answers_of(st.load(tmp_path / "table.safetensors"), tmp_path, new)
    assert all((again[name] == found[name]).all() for name in found)


def test_numbers_with_long_tails(tmp_path):
    X = np.random.default_rng(0).standard_cauchy((200, 3)).astype(np.float32) ** 3
    X[:, 1] = np.arctan(X[:, 1])
    X[:9, 0] = X[20:30, 1] = np.nan
    estimator = TabularRegressor(**TABULAR).fit(X, np.arcsinh(X[:, 2]))
    assert [encoding.tails for encoding in estimator.encoder_.encodings_] == [True, False, True]
    new = np.concatenate([X, 1e6 * X, [[np.nan] * 3, [np.inf] * 3, [-np.inf] * 3]]).astype(np.float32)
    assert_agrees(answers_of(estimator, tmp_path, new), estimator, new)


def test_numbers_that_are_codes(tmp_path):
    random = np.random.default_rng(0)
    codes = random.integers(0, 40, 600)
    X = np.column_stack([codes / 8, random.standard_normal(600), 1000 * codes]).astype(np.float32)
    X[:9, 0] = X[20:30, 1] = np.nan
    y = random.standard_normal(40)[codes] + 0.1 * random.standard_normal(600)
    estimator = TabularRegressor(**TABULAR).fit(X, y)
    assert estimator.encoder_.transform(X).shape == (600, 40 + 5)
    new = np.concatenate([X, X + 0.01, [[np.nan] * 3, [np.inf] * 3]]).astype(np.float32)
    assert_agrees(answers_of(estimator, tmp_path, new), estimator, new)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_codes_that_are_rounded(tmp_path, dtype):
    random = np.random.default_rng(0)
    codes = random.integers(0, 40, 600)
    X = np.column_stack([0.1 * codes + 0.3, 20_000_001 + 999.0 * random.permutation(40)[codes]])
    y = random.standard_normal((40, 2))[codes] + 0.1 * random.standard_normal((600, 2))
    estimator = TabularRegressor(**TABULAR).fit(X.astype(dtype), y)
    assert estimator.encoder_.transform(X).shape == (600, 40 + 2)
    new = X.astype(np.float32)
    assert_agrees(answers_of(estimator, tmp_path, new), estimator, new)


def test_a_table_without_any_input(tmp_path):
    X, y = np.ones((60, 3), np.float32), np.arange(60) % 2
    estimator = TabularClassifier(**TABULAR).fit(X, y)
    assert_agrees(answers_of(estimator, tmp_path, X), estimator, X)


@pytest.mark.parametrize(("cells", "kind"), [
    (["Bonn", "Ulm"], "category"), ([True, False], "category"),
    ([datetime(2020, 1, 1), datetime(2021, 5, 6)], "date"),
])  # fmt: skip
def test_columns_of_other_kinds_are_named(tmp_path, cells, kind):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"size": np.arange(80.0), "home": pandas.Series(cells * 40)})
    estimator = TabularClassifier(**TABULAR).fit(frame, np.arange(80) > 30)
    message = f"column 'home' is of the kind '{kind}', but only tables of numbers have a form in ONNX"
    with pytest.raises(TypeError, match=message):
        st.to_onnx(estimator, tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("of", [MLPClassifier, MLPRegressor, LinearClassifier, TabularRegressor])
def test_what_is_not_fitted(tmp_path, of):
    with pytest.raises(NotFittedError):
        st.to_onnx(of(), tmp_path / "m")
