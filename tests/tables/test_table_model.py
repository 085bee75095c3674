"""`TableModel`: one file from training to answers, in Python as on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from support.files import load_with_metadata

import steepest as st
from steepest.cli import main
from steepest.tables import Preparation


def people(rows: int = 240) -> pd.DataFrame:
    """A table like that of the Titanic: texts, gaps, booleans, names."""
    random = np.random.default_rng(0)
    sex = random.choice(["male", "female"], rows)
    age = np.where(random.random(rows) < 0.2, np.nan, random.uniform(1, 80, rows).round())
    alone = random.random(rows) < 0.5
    port = random.choice(["S", "C", "Q", None], rows, p=[0.6, 0.2, 0.1, 0.1])
    survived = np.where(random.random(rows) < 0.05, random.random(rows) < 0.5, (sex == "female") | (age < 10))
    return pd.DataFrame(
        {
            "passenger_id": np.arange(rows) + 1,
            "survived": np.where(survived, "yes", "no"),
            "name": [f"Person, Mr. {i}" for i in range(rows)],
            "sex": sex,
            "age": age,
            "alone": alone,
            "port": port,
        }
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A model file of the command line, and its table."""
    folder = tmp_path_factory.mktemp("people")
    frame = people()
    frame.to_csv(folder / "people.csv", index=False)
    output = folder / "people.safetensors"
    words = ["train", str(folder / "people.csv"), "--target", "survived", "--quiet", "--output", str(output)]
    assert main(words) == 0
    return output, frame


def answers(model: Path, table: Path, output: Path) -> list[dict[str, str]]:
    words = ["predict", str(model), str(table), "--probabilities", "--output", str(output), "--force"]
    assert main(words) == 0
    with output.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_python_answers_as_the_command_line_does(trained: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    path, frame = trained
    model = st.load(path)
    assert isinstance(model, st.TableModel)
    expected = answers(path, path.parent / "people.csv", tmp_path / "out.csv")
    assert [row["prediction"] for row in expected] == model.predict(frame).tolist()
    shown = np.array([[float(row["probability_no"]), float(row["probability_yes"])] for row in expected])
    np.testing.assert_allclose(model.predict_proba(frame), shown, rtol=1e-5)
    assert model.score(frame) > 0.9 > max(frame["survived"].value_counts()) / len(frame)


def test_tables_of_every_form_give_the_same(trained: tuple[Path, pd.DataFrame]) -> None:
    path, frame = trained
    model = st.load(path)
    assert isinstance(model, st.TableModel)
    expected = model(frame)
    names = model.feature_names
    assert names == ["sex", "age", "alone", "port"]
    forms: list[Any] = [
        frame[names[::-1]],
        pl.from_pandas(frame[names]),
        frame.astype({"sex": "category", "port": "category", "alone": "boolean"}),
        frame.to_dict("records"),
        frame.to_dict("list"),
        {name: frame[name].to_numpy() for name in names},
        frame[names].to_numpy(),
        frame[names].astype(object).where(frame[names].notna(), None).to_numpy().tolist(),
    ]
    for form in forms:
        np.testing.assert_array_equal(model(form), expected)
    first = {name: frame[name][0] for name in names}
    np.testing.assert_array_equal(model(first), expected[:1])
    assert model(frame[:0]).shape == (0, 2) and model.predict([]).shape == (0,)


def test_what_is_missing_and_unseen_has_an_answer(trained: tuple[Path, pd.DataFrame]) -> None:
    model = st.load(trained[0])
    assert isinstance(model, st.TableModel)
    rows = [
        {"sex": "female", "age": None, "alone": None, "port": "Atlantis"},
        {"sex": None, "age": 5, "alone": True, "port": None},
    ]
    assert set(model.predict(rows)) <= {"yes", "no"}


def test_categories_in_other_letters_are_said(trained: tuple[Path, pd.DataFrame]) -> None:
    model = st.load(trained[0])
    assert isinstance(model, st.TableModel)
    other = trained[1].assign(sex=trained[1]["sex"].str.title())
    with pytest.warns(UserWarning, match="column 'sex': 240 of 240 values, such as .* are none of those"):
        model.predict(other)


def test_evaluate(trained: tuple[Path, pd.DataFrame]) -> None:
    path, frame = trained
    model = st.load(path)
    assert isinstance(model, st.TableModel)
    found = model.evaluate(frame)
    assert set(found) == {"accuracy", "balanced_accuracy", "f1"}
    assert found["accuracy"] == np.mean(model.predict(frame) == frame["survived"])
    assert model.evaluate(frame.drop(columns="survived"), frame["survived"]) == found
    with pytest.raises(st.TableError, match="y has shape"):
        model.evaluate(frame, frame["survived"][:3])
    with pytest.raises(st.TableError, match="'maybe' is not one of the classes 'no', 'yes'"):
        model.evaluate(frame.assign(survived="maybe"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frame: frame.drop(columns="age"), "no column 'age'; the model takes"),
        (lambda frame: frame.rename(columns={"age": "Age"}), r"did you mean 'Age'\?"),
        (lambda frame: "people.csv", "read the file first, as pd.read_csv does"),
        (lambda frame: ["female", 3, True, "S"], r"a single row is \[row\]"),
        (lambda frame: [{"sex": "male"}, None], "rows must be a DataFrame"),
        (lambda frame: [["male", 10**400, True, "S"]], "is not a number"),
        (lambda frame: frame.assign(age="old"), "row 1, column 'age': 'old' is not a number"),
        (lambda frame: frame.assign(age=np.inf), "column 'age': inf is infinite"),
        (lambda frame: frame.assign(age=1e300), "row 1: a number is too large for the model"),
        (
            lambda frame: frame[["sex", "age"]].to_numpy(),
            r"shape \(240, 2\), but the model takes \(rows, 4\)",
        ),
        (lambda frame: None, "rows must be a DataFrame, dicts, or lists, one for each row, not None"),
        (lambda frame: ["female"], "rows must be a DataFrame, dicts, or lists"),
        (lambda frame: {"sex": ["male"], "age": [1, 2]}, "different lengths"),
    ],
)
def test_refused_tables(trained: tuple[Path, pd.DataFrame], change: Any, message: str) -> None:
    path, frame = trained
    model = st.load(path)
    assert isinstance(model, st.TableModel)
    with pytest.raises(st.TableError, match=message):
        model.predict(change(frame))


def test_saved_again(trained: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    model = st.load(trained[0])
    assert isinstance(model, st.TableModel)
    model.save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == trained[0].read_bytes()
    assert "people" in str(model.metadata) and "survived" in model.summary() and "4 columns" in repr(model)


def test_regression_in_its_units_extrapolates(tmp_path: Path) -> None:
    x = np.random.default_rng(0).uniform(0, 10, 100)
    pd.DataFrame({"x": x, "y": 3 * x + 2}).to_csv(tmp_path / "line.csv", index=False)
    output = tmp_path / "line.safetensors"
    assert (
        main(["train", str(tmp_path / "line.csv"), "--hidden", "none", "--quiet", "--output", str(output)])
        == 0
    )
    model = st.load(output)
    assert isinstance(model, st.TableModel)
    assert model.classes is None and model.task == "regression"
    np.testing.assert_allclose(model.predict({"x": [1000.0, -5.0]}), [3002, -13], rtol=5e-3)
    assert model({"x": [1.0]}).shape == (1, 1)
    assert model.evaluate({"x": x}, 3 * x + 2)["r2"] > 0.9999
    with pytest.raises(ValueError, match="has no probabilities: it is a regression"):
        model.predict_proba({"x": [1.0]})


def test_several_labels(tmp_path: Path) -> None:
    x = np.random.default_rng(0).standard_normal((200, 2))
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "up": x[:, 0] > 0, "right": (x[:, 1] > 0).astype(int)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    output = tmp_path / "t.safetensors"
    words = ["train", str(tmp_path / "t.csv"), "--target", "up,right", "--quiet", "--output", str(output)]
    assert main(words) == 0
    model = st.load(output)
    assert isinstance(model, st.TableModel)
    assert model.task == "multilabel" and model.target_names == ["up", "right"]
    assert np.mean(model.predict(frame) == frame[["up", "right"]]) > 0.95
    assert ((model.predict_proba(frame) > 0.5) == model.predict(frame)).all()
    assert model.score(frame) > 0.95


def damaged(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """Descriptions, each with one fault."""
    column = fields["columns"][0]
    changes: list[dict[str, Any]] = [
        {"version": 1},
        {"task": "flying"},
        {"named": 1},
        {"loss": 3},
        {"targets": [1]},
        {"labels": ["no", "no"]},
        {"labels": ["no", float("inf")]},
        {"columns": [column, column, *fields["columns"][2:]]},
        {"columns": [column | {"kind": "odd"}, *fields["columns"][1:]]},
        {"columns": [column | {"more": 1}, *fields["columns"][1:]]},
        {"columns": [column | {"gaps": "no"}, *fields["columns"][1:]]},
        {"columns": fields["columns"][1:]},
        {"columns": "x" * 20},
        {"columns": [fields["columns"][0], fields["columns"][1] | {"scale": 0.0}, *fields["columns"][2:]]},
        {"columns": [fields["columns"][0], fields["columns"][1] | {"mean": "0"}, *fields["columns"][2:]]},
        {"mean": [0.0]},
        {"extra": 1},
    ]
    return [fields | change for change in changes]


def test_damaged_descriptions(trained: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    model, metadata = load_with_metadata(trained[0])
    fields = json.loads(metadata["table"])
    assert Preparation.from_json(metadata["table"], model.in_features, model.out_features)
    for change in [*map(json.dumps, damaged(fields)), "", "[]", "{}", "[" * 100_000]:
        model.save(tmp_path / "bad.safetensors", metadata={"table": change})
        with pytest.raises(st.ModelFileError, match="its description of the table is damaged"):
            st.load(tmp_path / "bad.safetensors")


def test_a_model_that_does_not_fit(trained: tuple[Path, pd.DataFrame]) -> None:
    model = st.load(trained[0])
    assert isinstance(model, st.TableModel)
    with pytest.raises(ValueError, match="makes 11 inputs and reads 2 outputs, but the model has 3 and 2"):
        st.TableModel(st.Sequential(st.Linear(3, 2)), model.preparation)
