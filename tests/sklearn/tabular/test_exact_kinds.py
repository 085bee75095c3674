"""Numbers that are kinds keep their digits: integers beyond 2**53, and those of float32."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

from steepest.sklearn import TableEncoder

FIRST = 1541815603606036480  # beyond 2**53: in float64 the next number is 256 larger
IDS = FIRST + np.random.default_rng(0).integers(0, 4, 200)
GAPS = pd.Series(IDS).astype("Int64").where(np.arange(200) != 3)
WITH_NONE = [None if i == 3 else value for i, value in enumerate(IDS.tolist())]
COLUMNS = {
    "int64": pd.Series(IDS),
    "uint64": pd.Series(IDS.astype(np.uint64)),
    "Int64": GAPS,
    "Int64 without gaps": pd.Series(IDS, dtype="Int64"),
    "arrow": GAPS.astype("int64[pyarrow]"),
    "sparse": pd.Series(IDS).astype("Sparse[int64]"),
    "category": pd.Series(IDS).astype("category"),
    "object": pd.Series(WITH_NONE, dtype=object),
    "polars": pl.Series(IDS),
    "polars with gaps": pl.Series(WITH_NONE),
    "Int128": pl.Series(WITH_NONE, dtype=pl.Int128),
    "Decimal": pl.Series([None if cell is None else Decimal(cell) for cell in WITH_NONE]),
}


def frame_of(column):
    return (pl if isinstance(column, pl.Series) else pd).DataFrame({"id": column})


@pytest.mark.parametrize("type_of", COLUMNS)
def test_large_integers_are_different_kinds(type_of):
    frame = frame_of(COLUMNS[type_of])
    encoder = TableEncoder(["id"]).fit(frame)
    assert encoder.get_feature_names_out().tolist() == [f"id_{FIRST + i}" for i in range(4)]
    expected = TableEncoder(["id"]).fit_transform(frame_of(COLUMNS["object"]))
    np.testing.assert_array_equal(np.delete(encoder.transform(frame), 3, 0), np.delete(expected, 3, 0))


@pytest.mark.parametrize("type_of", [name for name in COLUMNS if name != "category"])
def test_large_integers_are_numbers_as_well(type_of):
    spread = np.arange(200) * 10**15
    floats = TableEncoder().fit_transform((IDS + spread)[:, np.newaxis].astype(np.float64))
    column = COLUMNS[type_of]
    if isinstance(column, pl.Series):
        column = column + pl.Series(spread).cast(column.dtype)
    elif type_of == "object":
        column = pd.Series(
            [cell and cell + more for cell, more in zip(WITH_NONE, spread.tolist(), strict=True)]
        )
    else:
        column = column + spread.astype(np.uint64 if type_of == "uint64" else np.int64)
    found = TableEncoder().fit_transform(frame_of(column))[:, 0]
    np.testing.assert_allclose(np.delete(found, 3), np.delete(floats[:, 0], 3), atol=0.02)


SHORT = np.repeat(np.array([0.1, 0.2, 3], dtype=np.float32), 5)


@pytest.mark.parametrize(
    "column",
    [
        *(SHORT, SHORT.astype(np.float16), SHORT.astype(">f4")),
        *(pd.Series(SHORT, dtype=dtype) for dtype in ("Float32", "float[pyarrow]", "category")),
        pd.Series(list(SHORT), dtype=object),
        pl.Series(SHORT),
    ],
    ids=range(8),
)
def test_short_numbers_have_short_names(column):
    encoder = TableEncoder(["id"]).fit(frame_of(column))
    assert encoder.get_feature_names_out().tolist() == ["id_0.1", "id_0.2", "id_3"]
    as_double = pd.DataFrame({"id": [0.1, 0.2, 3.0]})
    assert encoder.transform(as_double).tolist() == np.eye(3).tolist()


def test_short_numbers_of_an_array():
    assert TableEncoder([0]).fit(SHORT[:, np.newaxis]).get_feature_names_out()[0] == "x0_0.1"
