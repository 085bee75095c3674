"""Numbers that are codes: which of them have inputs for their values, and that these are kept."""

from __future__ import annotations

import numpy as np
import pandas
import pytest

import steepest as st
from steepest.sklearn import TableEncoder, TabularClassifier, TabularRegressor

KINDS, ROWS = 60, 1500
RANDOM = np.random.default_rng(1)
ID = RANDOM.integers(0, KINDS, ROWS)
FRAME = pandas.DataFrame({"x": RANDOM.standard_normal(ROWS), "id": 7.5 * ID - 100})
BY_ID = RANDOM.standard_normal(KINDS)[ID] + FRAME["x"].to_numpy()
BY_SIZE = np.sin(ID / 5) + FRAME["x"].to_numpy()  # a curve, which ramps follow
NOISE = RANDOM.standard_normal(ROWS)
SHORT = {"n_members": 1, "max_steps": 1, "random_state": 0}


def codes(model):
    return [list(encoding.codes) for encoding in model.encoder_.encodings_]


def test_codes_are_learned():
    model = TabularRegressor(n_members=1, random_state=0).fit(FRAME[:1000], BY_ID[:1000])
    assert model.score(FRAME[1000:], BY_ID[1000:]) > 0.9  # 0.71 without inputs for them


@pytest.mark.parametrize(("targets", "told"), [(BY_ID, True), (BY_SIZE, False), (NOISE, False)])
def test_a_number_is_a_code_where_its_values_tell_more_than_a_curve(targets, told):
    both = np.column_stack([targets, BY_SIZE])
    for model in (
        TabularRegressor(**SHORT).fit(FRAME, targets),
        TabularRegressor(**SHORT).fit(FRAME, both),
        TabularClassifier(**SHORT).fit(FRAME, np.digitize(targets, [-1, 1])),
    ):
        found = codes(model)
        assert found[0] == [] and bool(found[1]) == told
        if told:
            values, counts = np.unique(FRAME["id"], return_counts=True)
            assert found[1] == values[counts >= 3].tolist()


def test_inputs_of_codes():
    model = TabularRegressor(**SHORT).fit(FRAME, BY_ID)
    names = model.encoder_.get_feature_names_out().tolist()
    assert names[:4] == ["x", "id", "id_-100", "id_-92.5"]
    odd = pandas.DataFrame({"x": 0.0, "id": [-100, -92.5, -96, 1e9, -1e9, np.inf, np.nan]})
    one_hot = model.encoder_.transform(odd)[:, 2:]
    assert [np.flatnonzero(row).tolist() for row in one_hot] == [[0], [1], [], [], [], [], []]
    assert (one_hot[:2].sum(axis=1) == 1).all()


def test_what_two_columns_tell_alike_is_that_of_the_first():
    found = codes(TabularRegressor(**SHORT).fit(FRAME.assign(again=np.exp(ID / 25)), BY_ID))
    assert found[1] and not found[2]


def test_rows_without_weight_tell_nothing():
    weight = (np.arange(ROWS) % 2).astype(float)
    model = TabularRegressor(**SHORT).fit(FRAME, np.where(weight > 0, NOISE, BY_ID), weight)
    assert codes(model) == [[], []]


def test_without_targets_there_are_none():
    assert TableEncoder().fit_transform(FRAME).shape == (ROWS, 2)


def test_many_rows_and_gaps(monkeypatch):
    """Part of the rows tell of the targets; the codes are those of all rows."""
    monkeypatch.setattr("steepest.sklearn._tabular.codes._MOST_ROWS", ROWS // 2)
    frame = FRAME.assign(id=FRAME["id"].where(np.arange(ROWS) % 10 > 0))
    found = codes(TabularRegressor(**SHORT).fit(frame, BY_ID))
    values, counts = np.unique(frame["id"].dropna(), return_counts=True)
    assert found[1] == values[counts >= 3].tolist()


def test_a_file_holds_them(tmp_path):
    model = TabularRegressor(**{**SHORT, "max_steps": 20}).fit(FRAME, BY_ID)
    model.save(tmp_path / "codes.safetensors")
    again = st.load(tmp_path / "codes.safetensors")
    assert again.encodings == tuple(model.encoder_.encodings_)
    np.testing.assert_array_equal(again.predict(FRAME), model.predict(FRAME))


@pytest.mark.parametrize("numbers", [0.1 * ID + 0.3, 20_000_001 + 999.0 * ID], ids=["tenths", "large"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_either_precision_has_the_same_codes(dtype, numbers):
    frame = FRAME.assign(id=numbers)
    model = TabularRegressor(n_members=1, random_state=0).fit(frame.astype(dtype)[:1000], BY_ID[:1000])
    assert codes(model)[1] == np.unique(numbers.astype("float32")).tolist()
    found, other = (model.predict(frame.astype(each)) for each in ("float64", "float32"))
    np.testing.assert_allclose(other, found, rtol=1e-3, atol=1e-3)
    assert model.score(frame.astype("float32")[1000:], BY_ID[1000:]) > 0.9


def test_numbers_that_are_equal_in_float32_are_one_code():
    frame = FRAME.assign(id=2.0**26 + 8 * ID + RANDOM.integers(0, 3, ROWS), x=1e300 * FRAME["x"])
    model = TabularRegressor(**SHORT).fit(frame, BY_ID)
    assert codes(model) == [[], (2.0**26 + 8 * np.arange(KINDS)).tolist()]


def test_names_have_the_digits_of_the_numbers():
    model = TabularRegressor(**SHORT).fit(FRAME.assign(id=0.1 * ID + 0.3), BY_ID)
    assert model.encoder_.get_feature_names_out().tolist()[2:5] == ["id_0.3", "id_0.4", "id_0.5"]
