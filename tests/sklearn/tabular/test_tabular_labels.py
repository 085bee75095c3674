"""TabularClassifier: labels of every type come back as they were given, from files too."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import steepest as st
from steepest.sklearn import TabularClassifier

X = np.random.default_rng(5).standard_normal((60, 2))
SMALL = {"n_members": 1, "hidden_layer_sizes": (4,), "max_steps": 3, "random_state": 0}


def of(*labels, dtype=object):
    return np.array(labels, dtype=dtype)[np.arange(60) % len(labels)]


GIVEN = {
    "numbers and texts": (of(1, "a", "1"), [1, "1", "a"]),
    "a list of these": (of(1, "a").tolist(), [1, "a"]),
    "booleans and numbers": (of(True, 2), [True, 2]),
    "objects that are integers": (of(2, 1), [1, 2]),
    "objects that are NumPy's": (of(np.int64(2), np.int64(1)), [1, 2]),
    "objects that are booleans": (of(True, False), [False, True]),
    "texts": (of("b", "a"), ["a", "b"]),
    "texts of NumPy": (of("b", "a", dtype=np.dtypes.StringDType()), ["a", "b"]),
    "beyond int64": (of(2**70, 1), [1, 2**70]),
    "category of integers": (pd.Series(pd.Categorical(of(2, 1))), [1, 2]),
    "category of texts": (pd.Categorical(of("b", "a")), ["a", "b"]),
    "Int64": (pd.Series(of(2, 1), dtype="Int64"), [1, 2]),
    "boolean": (pd.Series(of(True, False), dtype="boolean"), [False, True]),
    "categorical of polars": (pl.Series(of("b", "a").tolist(), dtype=pl.Categorical), ["a", "b"]),
    "numbers of polars": (pl.Series(of(2, 1).tolist(), dtype=pl.Int8), [1, 2]),
}


def cells(labels):
    return [(type(label), label) for label in labels.tolist()]


@pytest.mark.parametrize("name", GIVEN)
def test_labels_come_back(name, tmp_path):
    y, expected = GIVEN[name]
    model = TabularClassifier(**SMALL).fit(X, y)
    assert cells(model.classes_) == [(type(label), label) for label in expected]
    model.save(tmp_path / "m.safetensors")
    predicted = model.predict(X)
    assert cells(st.load(tmp_path / "m.safetensors").predict(X)) == cells(predicted)
    assert model.score(X, y) == np.mean([own == label for own, label in zip(predicted, list(y), strict=True)])


@pytest.mark.parametrize(
    "label", [Decimal("1.5"), pd.Period("2020-01"), pd.Interval(0, 1), ("a", 1)], ids=repr
)
def test_labels_that_no_file_can_hold(label, tmp_path):
    y = np.empty(60, dtype=object)
    y[:] = [label if i % 2 else "other" for i in range(60)]
    model = TabularClassifier(**SMALL).fit(X, y)
    assert label in model.classes_.tolist() and set(model.predict(X)) <= {label, "other"}
    with pytest.raises(ValueError, match=f"its label .* is a {type(label).__name__}, but must be a bool"):
        model.save(tmp_path / "m.safetensors")


def test_labels_that_are_none():
    lists = np.empty(60, dtype=object)
    lists[:] = [[i % 2] for i in range(60)]
    with pytest.raises(TypeError, match=r"y holds \[0\], which cannot be a label"):
        TabularClassifier(**SMALL).fit(X, lists)
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        TabularClassifier(**SMALL).fit(X, of(1, 2.5))
    with pytest.raises(TypeError, match="labels represented as bytes"):
        TabularClassifier(**SMALL).fit(X, of(b"a", b"b"))
    with pytest.raises(ValueError, match="contains NaN"):
        TabularClassifier(**SMALL).fit(X, pd.Series(of(1, None), dtype="Int64"))


def test_weights_of_mixed_labels():
    y = of(1, "a", "a")
    balanced = TabularClassifier(class_weight="balanced", **SMALL).fit(X, y)
    by_name = TabularClassifier(class_weight={1: 1.5, "a": 0.75}, **SMALL).fit(X, y)
    np.testing.assert_array_equal(balanced.predict_proba(X), by_name.predict_proba(X))
    weight = np.where(y == 1, 1.0, 0.0)
    assert balanced.score(X, y, weight) == np.mean(balanced.predict(X)[y == 1] == 1)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        balanced.score(X, y[1:])
