"""What is predicted from which columns: decided once, on the whole table, and said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from steepest.tables import Preparation, Table, TableError, choose
from steepest.tables.table import column_of


def table(**columns: Any) -> Table:
    return Table("t.csv", {name: column_of(values) for name, values in columns.items()})


X = [float(i * i % 11) for i in range(40)]
KIND = ["ab"[i % 2] for i in range(40)]


def task(values: list[Any]) -> str:
    return choose(table(x=X, y=values)).task


def test_tasks_by_the_values_of_the_target() -> None:
    assert task(KIND) == "classification"
    assert task([i % 3 for i in range(40)]) == "classification"
    assert task([float(i % 3) for i in range(40)]) == "classification"
    assert task([i % 2 == 0 for i in range(40)]) == "classification"
    assert task([i + 0.5 for i in range(40)]) == "regression"
    plan = choose(table(x=X, y=list(range(40))))
    assert plan.task == "regression" and "40 different integers" in plan.notes[0]
    plan = choose(table(x=X, y=[3 + i % 6 for i in range(40)]))
    assert plan.task == "classification" and "6 different integers and is taken for classes" in plan.notes[0]
    for first in (0, 1):  # as labels are numbered
        assert not choose(table(x=X, y=[first + i % 6 for i in range(40)])).notes
    assert choose(table(x=X, a=[0, 1] * 20, b=[1, 1, 0, 0] * 10), ["a", "b"]).task == "multilabel"
    assert choose(table(x=X, a=X, b=X[::-1]), ["a", "b"]).task == "regression"
    assert choose(table(x=X, y=[float(i % 3) for i in range(40)]), task="regression").labels is None


def test_one_and_one_point_nought_are_one_class() -> None:
    plan = choose(table(x=X, y=["1", "1.0", "2", "2"] * 10))
    assert plan.labels == ("1", "1.0", "2")  # texts are texts
    assert choose(table(x=X, y=[1, 1.0, 2, 2] * 10)).labels == (1, 2)


def test_signs_for_no_value_among_numbers() -> None:
    y = [i + 0.5 for i in range(36)]
    plan = choose(table(x=X, y=[*y, None, "NA", "?", "-"]))
    assert plan.task == "regression" and len(plan.rows) == 36
    assert "'-', '?', 'NA' in 3 rows" in plan.notes[0] and "4 of 40 rows have no 'y'" in plan.notes[1]
    with pytest.raises(
        TableError, match="row 37, column 'y': '<1' is not a number, but 36 other targets are"
    ):
        choose(table(x=X, y=[*y, "<1", "<1", ">9", "<1"]))
    with pytest.raises(TableError, match="row 1, column 'y': 'a' is not a number"):
        choose(table(x=X, y=KIND), task="regression")


def test_signs_for_no_value_are_known_to_the_model_too() -> None:
    plan = choose(table(x=[*X[2:], "-", "?"], y=KIND))
    preparation = plan.fit(plan.rows)
    assert preparation.columns[0].gaps
    for sign in (None, "-", " NA ", float("nan")):
        made = preparation.inputs(table(x=[sign, 1.0]))
        assert made[0].tolist() == [0.0, 1.0] and made[1, 1] == 0.0


def test_several_targets_and_rows_by_their_own_numbers() -> None:
    with pytest.raises(TableError, match="a classification has one target, but there are 2"):
        choose(table(x=X, a=KIND, b=KIND), ["a", "b"], task="classification")
    with pytest.raises(TableError, match=r"row 3, column 'b': 2\.0 is neither 0 nor 1"):
        choose(
            table(x=X, a=[None, *[0.0, 1.0] * 19, 1.0], b=[0, 1, 2.0, *[1] * 37]),
            ["a", "b"],
            task="multilabel",
        )


def test_rows_are_numbered_by_ids_that_are_left_out() -> None:
    plan = choose(table(**{"": list(range(40)), "x": X, "y": KIND}))
    assert list(plan.kinds) == ["x"] and "numbers the rows" in plan.notes[0]
    assert list(choose(table(order_id=[i * 7 for i in range(40)], x=X, y=KIND)).kinds) == ["x"]
    assert list(choose(table(year=[1950 + i for i in range(40)], x=X, y=KIND)).kinds) == ["year", "x"]
    assert list(choose(table(id=list(range(40)), x=X, y=KIND), features=["id", "x"]).kinds) == ["id", "x"]
    plan = choose(table(x=list(range(40)), y=KIND))
    assert list(plan.kinds) == ["x"] and "nothing to learn from but 'x'" in plan.notes[0]
    with pytest.raises(TableError, match="there is no column to learn from"):
        choose(table(**{"": list(range(40)), "y": KIND}))


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "id", "PassengerId", "order_id", "row.id"])
def test_names_of_rows_in_any_order_are_left_out(name: str) -> None:
    shuffled = np.random.default_rng(0).permutation(40) * 3 + 7
    plan = choose(table(**{name: shuffled, "x": X, "y": KIND}))
    assert list(plan.kinds) == ["x"] and "numbers the rows" in plan.notes[0]
    assert list(choose(table(paid=shuffled, x=X, y=KIND)).kinds) == ["paid", "x"]
    repeated = table(**{name: shuffled % 20, "x": X, "y": KIND})
    assert list(choose(repeated).kinds) == [name, "x"]


def test_columns_and_their_kinds() -> None:
    columns = {
        "number": X,
        "flag": [True, False] * 20,
        "color": ["red", "blue", None, "red"] * 10,
        "day": [f"2020-03-{i % 28 + 1:02}" for i in range(40)],
        "name": [f"person {i}" for i in range(40)],
        "empty": [None] * 40,
        "y": KIND,
    }
    plan = choose(table(**columns))
    assert plan.kinds == {"number": "number", "flag": "number", "color": "category", "day": "date"}
    assert "'name' has 40 different texts" in plan.notes[0] and "'empty' has no values" in plan.notes[1]
    assert "4 features (2 numbers, 1 category, 1 date); classification of 'y', 2 classes" in plan.describe()
    assert choose(table(**columns), categorical=["name"]).kinds["name"] == "category"
    assert choose(table(**columns), categorical=["number"]).kinds["number"] == "category"
    assert list(choose(table(**columns), drop=["color", "name"]).kinds) == ["number", "flag", "day"]
    assert list(choose(table(**columns), features=["day", "flag"]).kinds) == ["day", "flag"]


@pytest.mark.parametrize(
    ("cells", "advice"),
    [
        ([f"{i}.5" for i in range(30)] + ["missing"] * 10, "give --missing-values 'missing'"),
        ([f"{i % 9}%" for i in range(40)], "write cells such as '0%' without the sign or unit"),
        ([f"${i}.50" for i in range(40)], "such as '$0.50' without the sign or unit"),
        ([f"{i} kg" for i in range(40)], "such as '0 kg' without"),
        ([f"{i},5" for i in range(40)], "give --decimal , or --thousands ,"),
        ([f"{i % 28 + 1}/12/{1990 + i}" for i in range(40)], "write dates such as '1/12/1990' as 2020-12-31"),
    ],
)
def test_numbers_among_texts_are_pointed_out(cells: list[Any], advice: str) -> None:
    assert advice in choose(table(x=X, a=cells, y=KIND)).notes[0]


def test_a_class_of_one_row_is_said() -> None:
    plan = choose(table(x=X, y=[*KIND[1:], "rare"]))
    assert plan.labels == ("a", "b", "rare") and "of 'rare' there is one row each" in plan.notes[0]


def test_gaps() -> None:
    gaps = table(x=[None, *X[1:]], y=KIND)
    assert len(choose(gaps).rows) == 40
    plan = choose(gaps, missing="drop")
    assert len(plan.rows) == 39 and "1 of 40 rows have gaps" in plan.notes[-1]
    with pytest.raises(TableError, match="row 1: there is no 'x'"):
        choose(gaps, missing="error")


def test_names_that_repeat_matter_only_where_they_are_used() -> None:
    both = Table("t.csv", {"a": np.array(X), "b": np.array(X), "y": column_of(KIND)}, repeated=frozenset("a"))
    with pytest.raises(TableError, match="two columns have the name 'a'"):
        choose(both)
    assert list(choose(both, drop=["a"]).kinds) == ["b"]


def test_targets_by_name_and_place() -> None:
    columns = table(a=KIND, b=X, c=X)
    for target in (["a"], ["0"], ["-3"]):
        assert choose(columns, target).targets == ("a",)
    with pytest.raises(TableError, match="no column 'bb'; did you mean 'b'"):
        choose(columns, ["bb"])
    with pytest.raises(TableError, match="name a column twice"):
        choose(columns, ["a", "0"])
    with pytest.raises(TableError, match="'a' is the target, and cannot be a feature"):
        choose(columns, ["a"], features=["a", "b"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"x": [1.0], "y": ["a"]}, "has 1 row, but at least 2"),
        ({"x": X, "y": ["a"] * 40}, "'y' has one class only, 'a': there is nothing to learn$"),
        (
            {"x": X, "y": ["a", None] * 20},
            "nothing to learn; 20 rows have none: an empty cell, or a word such as NA",
        ),
        ({"x": X, "y": [f"t{i}" for i in range(40)]}, "'y' has 40 different values in 40 rows, too many"),
        ({"x": [*X[1:], np.inf], "y": KIND}, "row 40, column 'x': inf is infinite"),
        ({"x": [1e308, -1e308] * 20, "y": KIND}, "numbers too large to standardize"),
        ({"y": KIND}, "there is no column to learn from"),
        ({"x": X, "y": [2.5] * 40}, "'y' is 2.5 in every row"),
    ],
)
def test_tables_that_cannot_be_learned(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(TableError, match=message):
        choose(table(**columns))


def test_a_category_without_a_value_among_the_training_rows() -> None:
    plan = choose(table(x=X, kind=["rare", *[None] * 39], y=KIND))
    preparation = plan.fit(np.arange(1, 40))
    again = Preparation.from_json(preparation.to_json(), preparation.width, preparation.outputs)
    made = again.inputs(table(x=[0.0, 0.0], kind=["new", None]))
    assert made[:, 1:].tolist() == [[1.0, 0.0], [1.0, 1.0]]


def test_large_integers_among_gaps_are_not_rounded_silently() -> None:
    large = [float(2**53 + i % 6) for i in range(39)]
    with pytest.raises(TableError, match=r"integers beyond 2\*\*53, which are rounded"):
        choose(table(x=X, y=[None, *large]), task="classification")
    assert choose(table(x=X, y=[2**53 + i % 6 for i in range(40)])).labels == tuple(
        2**53 + i for i in range(6)
    )
