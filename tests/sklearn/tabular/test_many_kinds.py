"""Categories of more than 50 kinds: which of them have an input, and what is said of those in few rows."""

from __future__ import annotations

import numpy as np
import pandas
import pytest

from steepest.sklearn import TableEncoder, TabularClassifier, TabularRegressor
from steepest.tables.columns import Category, most_kinds
from steepest.tables.table import Table

KINDS, ROWS = 120, 1500
RANDOM = np.random.default_rng(0)
KIND = RANDOM.integers(0, KINDS, ROWS)
FRAME = pandas.DataFrame({"kind": [f"k{i}" for i in KIND], "x": RANDOM.standard_normal(ROWS)})
TOLD = RANDOM.standard_normal(KINDS)[KIND] + FRAME["x"].to_numpy()
NOISE = RANDOM.standard_normal(ROWS) + FRAME["x"].to_numpy()
SHORT = {"n_members": 1, "max_steps": 1, "random_state": 0}


def known(model):
    """How many kinds have an input."""
    return len(model.encoder_.encodings_[0].kinds)


def test_kinds_that_tell_of_a_number_are_learned():
    model = TabularRegressor(n_members=1, random_state=0).fit(FRAME[:1000], TOLD[:1000])
    assert known(model) > 100
    assert model.score(FRAME[1000:], TOLD[1000:]) > 0.9  # 0.65 with 50 of them


@pytest.mark.parametrize(
    ("targets", "several"),
    [(TOLD, True), (NOISE, False), (np.column_stack([NOISE, 1e-9 * TOLD]), True)],
    ids=["told", "noise", "one of two"],
)
def test_kinds_that_tell_of_a_number_have_inputs(targets, several):
    assert (known(TabularRegressor(**SHORT).fit(FRAME, targets)) > 50) == several


@pytest.mark.parametrize(("targets", "several"), [(TOLD, True), (NOISE, False)], ids=["told", "noise"])
def test_kinds_that_tell_of_a_class_have_inputs(targets, several):
    model = TabularClassifier(**SHORT).fit(FRAME, np.digitize(targets, [-1, 1]))
    assert (known(model) > 50) == several


def test_rows_without_weight_tell_nothing():
    weight = (np.arange(ROWS) % 2).astype(float)
    frame = FRAME.assign(kind=FRAME["kind"].where(KIND % 20 > 0))
    model = TabularRegressor(**SHORT).fit(frame, np.where(weight > 0, NOISE, TOLD), weight)
    assert known(model) == 50


def test_large_tables_have_less_inputs():
    assert [most_kinds(rows) for rows in (0, 1, 67_000, 2**27 // 1000, 10**7)] == [1000, 1000, 1000, 500, 50]


@pytest.mark.parametrize(("rows", "kinds"), [(500, 100), (499, 50)])
def test_the_command_line_asks_for_five_rows_of_a_kind(rows, kinds):
    cells = np.array([f"k{i % 100}" for i in range(rows)], dtype=object)
    assert len(Category.of(Table("t", {"c": cells}), "c").kinds) == kinds


@pytest.mark.parametrize("fit", [TableEncoder().fit, TabularRegressor(**SHORT).fit])
def test_kinds_in_few_rows_are_named(fit):
    frame = pandas.DataFrame({"price": [f"${i}.99" for i in range(60)], "x": range(60)})
    told = r"column 'price': 60 of 60 values, such as '\$0.99', are in fewer than 3 rows each"
    with pytest.warns(UserWarning, match=told) as warned:
        fit(frame, np.arange(60.0) ** 2 % 7)
    assert warned[0].filename == __file__


def test_frequent_kinds_and_few_rows_are_not():
    usual = [*["a", "b"] * 20, *(f"once {i}" for i in range(30))]
    TableEncoder().fit(pandas.DataFrame({"c": usual}))
    TableEncoder().fit(pandas.DataFrame({"c": [f"once {i}" for i in range(9)]}))
