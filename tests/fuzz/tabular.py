"""The estimators of tables, as calls with drawn parameters and frames of all kinds of columns."""

from __future__ import annotations

import pickle
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

import steepest as st
from steepest.sklearn import TableEncoder, TabularClassifier, TabularRegressor

from .draw import Draw, promise
from .settings import FRACTION, NO_NUMBERS, POSITIVE, Kind

Cells = list[Any]
NAMES = ["a", "b", "a_missing", "ä x", "0"]
COMMON: dict[str, Kind] = {
    "hidden_layer_sizes": [3, (5,), (2, 3), np.int64(4)],
    "bins": ["auto", 0, 1, 7, np.int64(16)],
    "dropout": FRACTION,
    "weight_decay": ["auto", 0, *POSITIVE],
    "max_time": [None, 1e-9, 5],
    "categorical_features": ["from_dtype", None, [], [0], [-1], np.array([0])],
    "n_threads": [None, 1, 2],
    "random_state": [0, np.int64(3), 7],
}
CLASSES: dict[str, Kind] = {
    "label_smoothing": FRACTION,
    "metric": ["log_loss", "accuracy"],
    "class_weight": [None, "balanced"],
}
NUMBERS: dict[str, Kind] = {"metric": ["r2", "squared_error", "absolute_error"]}
LABELS = [[0, 1], [True, False], ["a", "b", "c"], [1, "a"], [0.0, 1.0, 2.0], [2**70, -1], [np.int8(3), 7]]


def _drawn(d: Draw, n: int, kinds: Cells) -> Cells:
    return [d.choice(kinds) for _ in range(n)]


def _dates(d: Draw, n: int) -> Cells:
    return [datetime(2020, 1, 1) + timedelta(hours=d.choice([0, 1, 24, 5000]) * i) for i in range(n)]


# Of n cells.
COLUMNS: list[Callable[[Draw, int], Cells]] = [
    lambda d, n: d.numbers.standard_normal(n).tolist(),
    lambda d, n: (d.numbers.uniform(-1.79, 1.79, n) * d.choice([1e308, 1e-308, 5e-324])).tolist(),
    lambda d, n: _drawn(d, n, [0, 1, 2, 2**62]),
    lambda d, n: _drawn(d, n, [0.0, np.inf, -np.inf, 1.0]),
    lambda d, n: _drawn(d, n, ["x", "y", "", "z\0", "ß", "1"]),
    lambda d, n: _drawn(d, n, ["1", "2.5", "-1e3", "?"]),
    lambda d, n: _drawn(d, n, ["2020-01-01", "2021-05-03T12:00", "1999/12/31"]),
    lambda d, n: _drawn(d, n, [True, False]),
    lambda d, n: _dates(d, n),
    lambda d, n: [one.date() for one in _dates(d, n)],
    lambda d, n: _drawn(d, n, [timedelta(1), timedelta(seconds=3)]),
    lambda d, n: _drawn(d, n, [Decimal("1.5"), Decimal(2)]),
    lambda d, n: [None] * n,
    lambda d, n: [7] * n,
    lambda d, n: [f"row {i}" for i in range(n)],
    lambda d, n: _drawn(d, n, [1, "x", 2.5, date(2020, 1, 1)]),
]


def _column(d: Draw, n: int) -> Cells:
    """Cells of one kind, or some of it, and gaps."""
    if d.odd():
        return _drawn(d, n, NO_NUMBERS)
    kind = d.random.randrange(len(COLUMNS))
    gaps = d.choice([0.0, 0.0, 0.3])
    d.log.append(f"column {kind} with gaps {gaps}")
    return [None if d.maybe(gaps) else cell for cell in COLUMNS[kind](d, n)]


def _table(d: Draw, columns: dict[str, Cells], form: str) -> Any:
    if form == "pandas":
        return pd.DataFrame({name: pd.Series(cells) for name, cells in columns.items()})
    if form == "category":
        return pd.DataFrame({name: pd.Series(cells) for name, cells in columns.items()}).astype("category")
    if form == "polars":
        return pl.DataFrame([pl.Series(name, cells, strict=False) for name, cells in columns.items()])
    array = np.array(list(columns.values()), dtype=object).T
    return array if form == "array" else array.tolist()


@contextmanager
def _documented_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the target can be predicted")
        warnings.filterwarnings("ignore", "no member finished an epoch within max_time=1e-09")
        warnings.filterwarnings("ignore", "The number of unique classes")
        warnings.filterwarnings("ignore", "A column-vector y was passed")
        yield


def tables(d: Draw) -> Any:
    """An estimator that was fitted, asked, copied and saved."""
    n, form = d.choice([4, 11, 40]), d.choice(["pandas", "category", "polars", "array", "list"])
    d.log.append(f"{n} rows as {form}")
    columns = {name: _column(d, n) for name in NAMES[: 1 + d.random.randrange(len(NAMES))]}
    X = _table(d, columns, form)
    classes = d.maybe()
    kind, own = (TabularClassifier, CLASSES) if classes else (TabularRegressor, NUMBERS)
    estimator = kind(max_steps=d.count("max_steps"), n_members=d.count("n_members"))
    estimator.set_params(**d.settings(COMMON | own, 0.2))
    labels = np.array(d.choice(LABELS), dtype=object)
    y = d.array("y", labels[np.arange(n) % len(labels)]) if classes else d.floats("y", (n,))
    weight = d.array("sample_weight", 0.1 + d.numbers.random(n)) if d.maybe(0.2) else None
    with _documented_warnings():
        estimator.fit(X, y, weight)
    asked = _table(d, {name: cells[::-1] for name, cells in columns.items()}, form)
    answers = estimator.predict_proba(asked) if classes else estimator.predict(asked)
    twin = pickle.loads(pickle.dumps(estimator))
    promise(twin.predict(asked).tolist() == estimator.predict(asked).tolist(), "a copy predicts otherwise")
    with tempfile.TemporaryDirectory() as folder:
        estimator.save(Path(folder) / "m")
        read = st.load(Path(folder) / "m")
    again = read.predict_proba(asked) if classes else read.predict(asked)
    promise(np.array_equal(again, answers), "what was read predicts otherwise")
    promise(read.predict(asked).tolist() == twin.predict(asked).tolist(), "labels of a file are others")
    return answers


def encoded(d: Draw) -> Any:
    """A table as inputs, in any form; their names differ."""
    n, form = d.choice([1, 2, 30]), d.choice(["pandas", "category", "polars", "array", "list"])
    d.log.append(f"{n} rows as {form}")
    columns = {name: _column(d, n) for name in NAMES[: 1 + d.random.randrange(len(NAMES))]}
    chosen = d.setting("categorical_features", COMMON["categorical_features"])
    encoder = TableEncoder(chosen, min_frequency=d.count("min_frequency"))
    inputs = encoder.fit_transform(_table(d, columns, form))
    names = encoder.get_feature_names_out().tolist()
    promise(len({*names}) == inputs.shape[1], "two inputs have one name")
    promise(not len(inputs) or np.abs(inputs).max(initial=0) <= np.arcsinh(1e9), "an input is beyond its end")
    return inputs


CALLS = {"tables": (1, tables), "encoded": (2, encoded)}
