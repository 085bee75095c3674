"""Columns that went wrong when they were tried: the largest numbers, dates as kinds, nested cells, names."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import steepest as st
from steepest import TableError
from steepest.sklearn import TableEncoder, TabularRegressor

LARGEST = np.finfo(np.float64).max
MOMENTS = pd.Series(
    pd.to_datetime(["2020-01-01", "2020-01-02 12:30:01", None, "2020-01-01"], format="ISO8601")
)


def column(values, dtype=None):
    return pd.DataFrame({"a": pd.Series(values, dtype=dtype)})


@pytest.mark.parametrize(
    "values",
    [
        [-1.7, -0.5, 0.2, 1.0, 1.7],
        [-1.0, -1.0, 1.7, -1.0, -1.0, -1.0, -1.7],  # the quartiles are equal, and half the range is the unit
        [1.7, -1.7, 1.6, 1.75, 0.0],
    ],
)
def test_the_largest_numbers_are_as_others(values):
    plain = np.array(values)[:, np.newaxis]
    large = plain * 1e308  # distances overflow
    expected = TableEncoder().fit_transform(plain)
    np.testing.assert_allclose(TableEncoder().fit_transform(large), expected, rtol=1e-5, atol=1e-6)


def test_a_unit_is_at_most_the_largest_number():
    found = TableEncoder().fit_transform(np.array([[-LARGEST]] * 3 + [[LARGEST]] * 3))
    z = np.repeat([-1.0, 1.0], 3)  # of half the distance of the quartiles
    np.testing.assert_allclose(found[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)


def test_quantiles_do_not_overflow():
    for rows in range(3, 60):
        encoder = TableEncoder().fit(np.append(np.full(rows, LARGEST), 0.0)[:, np.newaxis])
        assert encoder.encodings_[0].median == LARGEST and np.isfinite(encoder.encodings_[0].scale)


@pytest.mark.parametrize(
    "other",
    [
        MOMENTS.astype(str).where(MOMENTS.notna(), None),
        MOMENTS.astype(object),
        MOMENTS.dt.tz_localize("Europe/Berlin"),
        pd.Series(["2020/01/01", "2020-01-02T12:30:01Z", None, "2020-01-01 00:00"], dtype=object),
        pd.Series(["2020-01-01", "2020-01-02 12:30:01.25", None, "2020-01-01"], dtype="category"),
        pl.from_pandas(MOMENTS),
    ],
    ids=range(6),
)
def test_a_date_is_a_kind_however_it_is_written(other):
    frame = pd.DataFrame({"a": MOMENTS})
    other = (pl if isinstance(other, pl.Series) else pd).DataFrame({"a": other})
    encoder = TableEncoder(["a"], min_frequency=1).fit(frame)
    assert encoder.get_feature_names_out().tolist() == ["a_2020-01-02 12:30:01"]
    assert encoder.transform(other).ravel().tolist() == [-1, 1, 0, -1]
    assert TableEncoder(["a"], min_frequency=1).fit(other).transform(frame).ravel().tolist() == [-1, 1, 0, -1]


def test_what_only_looks_like_a_date_stays_as_it_is():
    frame = column(["2020-01-01.1", "2020-01-01.2", "2020-13-01"] * 3)
    names = TableEncoder(["a"]).fit(frame).get_feature_names_out().tolist()
    assert names == ["a_2020-01-01.1", "a_2020-01-01.2", "a_2020-13-01"]


NESTED = {
    "List(Int64)": pl.DataFrame({"a": [[1], [2, 3], None]}),
    "Struct({'u': Int64})": pl.DataFrame({"a": [{"u": 1}, {"u": 2}, None]}),
    "Array(Int64, shape=(2,))": pl.DataFrame({"a": [[1, 2], [3, 4]]}, schema={"a": pl.Array(pl.Int64, 2)}),
    "list<": column([[1], [2, 3]], pd.ArrowDtype(pa.list_(pa.int64()))),
    "struct<u": column([{"u": 1}, {"u": 2}], pd.ArrowDtype(pa.struct([("u", pa.int64())]))),
    "lists": column([[1], [2, 3], None]),
    "dicts": column([None, {"u": 1}, "x"]),
    "ndarrays": column([np.arange(2), np.arange(3)]),
}


@pytest.mark.parametrize("dtype", NESTED)
def test_nested_columns_are_refused(dtype):
    with pytest.raises(TableError, match=r"column 'a' holds .*, but must hold numbers, texts") as caught:
        TableEncoder().fit(NESTED[dtype])
    assert f"holds {dtype}" in str(caught.value)


def test_nested_cells_of_an_array_are_refused():
    cells = np.array([[1.0, "x"], [2.0, "y"]], dtype=object)
    cells[1, 1] = [2]
    with pytest.raises(TableError, match="column 'x1' holds lists, but must hold numbers, texts"):
        TableEncoder().fit(cells)


@pytest.mark.parametrize("kept_as", ["period[M]", object])
def test_periods_are_the_dates_that_they_begin_with(kept_as):
    periods = pd.Series(pd.period_range("2020-01", periods=5, freq="M"))
    periods[2] = pd.NaT
    dates = pd.DataFrame({"a": periods.dt.to_timestamp()})
    frame = pd.DataFrame({"a": periods.astype(kept_as)})
    encoder = TableEncoder().fit(frame)
    assert encoder.encodings_[0].kind == "date"
    for other in (frame, dates):
        np.testing.assert_array_equal(encoder.transform(other), TableEncoder().fit_transform(dates))
    named = TableEncoder(["a"], min_frequency=1).fit(frame).get_feature_names_out().tolist()
    assert named == [f"a_2020-0{month}-01" for month in (1, 2, 4, 5)]


def test_a_frame_that_is_not_there_yet_is_refused(tmp_path):
    lazy = pl.LazyFrame({"a": [1.0, 2.0] * 5})
    model = TabularRegressor(hidden_layer_sizes=(4,), max_steps=1).fit(lazy.collect(), np.arange(10))
    model.save(tmp_path / "m.safetensors")
    saved = st.load(tmp_path / "m.safetensors")
    for use in (TableEncoder().fit, model.predict, saved.predict, lambda X: model.fit(X, np.arange(10))):
        with pytest.raises(TypeError, match=r"X is a LazyFrame, .*: call \.collect\(\)"):
            use(lazy)


def test_a_cell_of_another_kind_says_what_to_do():
    encoder = TableEncoder().fit(column(["1", "2", "3"]))
    with pytest.raises(TableError, match=r"'3a' in row 2 of 2, .* name it in categorical_features"):
        encoder.transform(column(["1", "3a"]))
    unused = pd.Categorical(["1", "2"], categories=["1", "2", "3a"])  # a kind that no row has is no mistake
    assert len(encoder.transform(pd.DataFrame({"a": unused}))) == 2
    encoder = TableEncoder().fit(column(["2020-01-01", "2020-01-02"]))
    with pytest.raises(TableError, match=r"'x' in row 2 of 2, .* a date .* name it in categorical_features"):
        encoder.transform(column(["2020-01-01", "x"]))


def test_types_that_numpy_lacks():
    days = [date(2020, 1, 1), None, date(2021, 1, 1)]
    expected = TableEncoder().fit_transform(column(days, "datetime64[s]"))
    for dtype in ("date32[day][pyarrow]", "date64[ms][pyarrow]"):
        np.testing.assert_array_equal(TableEncoder().fit_transform(column(days, dtype)), expected)
    wide = pl.DataFrame({"a": pl.Series([1, None, 2**70], dtype=pl.Int128)})
    expected = TableEncoder().fit_transform(column([1.0, None, 2.0**70]))
    np.testing.assert_array_equal(TableEncoder().fit_transform(wide), expected)


def test_names_of_outputs_are_different():
    frame = pd.DataFrame({"a": [1, None, 3], "a_missing": [1, 2, 3], "a_missing_2": [3, 1, 2]})
    encoder = TableEncoder(min_frequency=1).set_output(transform="pandas").fit(frame)
    names = ["a", "a_missing_3", "a_missing", "a_missing_2"]
    assert encoder.get_feature_names_out().tolist() == list(encoder.transform(frame)) == names
    kinds = pd.DataFrame({"a": ["b_c", "d", "e"], "a_b": ["c", "d", "e"]})
    names = TableEncoder(min_frequency=1).fit(kinds).get_feature_names_out().tolist()
    assert names == ["a_b_c", "a_d", "a_e", "a_b_c_2", "a_b_d", "a_b_e"]


def test_names_are_those_given():
    encoder = TableEncoder().fit(np.array([[1.0, 2.0], [np.nan, 3.0]]))
    assert encoder.get_feature_names_out(["x0", "x1"]).tolist() == ["x0_missing", "x1"]
    assert encoder.get_feature_names_out(["u", "v"]).tolist() == ["u_missing", "v"]
    with pytest.raises(ValueError, match="input_features has 1 names"):
        encoder.get_feature_names_out(["u"])
    named = TableEncoder().fit(pd.DataFrame({"a": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="not equal to feature_names_in_"):
        named.get_feature_names_out(["b"])
