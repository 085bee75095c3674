"""`--model tabular`: tables as they are to a mean of networks, in all commands."""

from __future__ import annotations

import csv
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.commands import GOOD, Run, assert_refused, flowers, process, write

import steepest as st
from steepest.sklearn import TabularRegressor

TRAIN = ("--model", "tabular", "--hidden", "16,16", "--quiet")
random = np.random.default_rng(4)
ROWS = 120
X, KIND = random.standard_normal(ROWS), random.choice(["red", "green", "blue"], ROWS)
FRAME = pd.DataFrame(
    {
        "x": np.where(random.random(ROWS) < 0.1, np.nan, X),
        "kind": np.where(random.random(ROWS) < 0.1, None, KIND),
        "day": pd.date_range("2020-01-01", periods=ROWS).astype(str),
        "new": random.random(ROWS) < 0.5,
        "price": np.round(3 * X + 5 * (KIND == "red") + 0.1 * random.standard_normal(ROWS), 3),
        "size": np.where(X + (KIND == "red") > 0, "large", "small"),
    }
)


@pytest.fixture
def table(run: Run) -> str:
    FRAME.to_csv("t.csv", index=False)
    return "t.csv"


def columns(out: str) -> dict[str, list[str]]:
    rows = list(csv.DictReader(out.splitlines()))
    return {name: [row[name] for row in rows] for name in rows[0]}


def test_classes(run: Run, table: str) -> None:
    code, out, err = run("train", table, *TRAIN, "--drop", "price")
    assert (code, err) == (0, "")
    head, *rest = out.splitlines()
    assert head == (
        "t.csv: 120 rows, 4 features (2 numbers, 1 category, 1 date); classification of 'size', 2 classes"
    )
    assert rest[1].startswith("test accuracy 0.") and rest[-1] == "saved t.safetensors"
    assert rest[-2].startswith("trained 4 networks (best epochs: ")
    model = st.load("t.safetensors")
    assert isinstance(model, st.TableEnsemble) and repr(model).startswith("TableEnsemble(4 networks")
    assert (model.feature_names, model.target_names) == (["x", "kind", "day", "new"], ["size"])
    code, out, err = run("predict", "t.safetensors", table, "--probabilities", "--keep", "kind")
    assert (code, err) == (0, "")
    found = columns(out)
    assert list(found) == ["kind", "prediction", "probability_large", "probability_small"]
    frame = pd.read_csv(table)
    assert found["prediction"] == model.predict(frame).tolist()
    np.testing.assert_allclose(
        np.array(found["probability_small"], dtype=float), model.predict_proba(frame)[:, 1], rtol=1e-5
    )
    code, out, err = run("evaluate", "t.safetensors", table, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["score"]["accuracy"] == np.mean(model.predict(frame) == FRAME["size"]) > 0.8


def test_numbers(run: Run, table: str) -> None:
    code, out, err = run("train", table, *TRAIN, "--target", "price", "--drop", "size", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["score"]["r2"] > 0.7 and document["network"]["sizes"] == "11-16-16-1"
    assert len(document["training"]["members"]) == document["network"]["members"] == 4
    code, out, _ = run("predict", "t.safetensors", table)
    predicted = np.array(columns(out)["prediction"], dtype=float)
    np.testing.assert_array_equal(predicted, st.load("t.safetensors").predict(FRAME))
    assert run("evaluate", "t.safetensors", table)[1].startswith("t.csv: 120 rows\ntest R^2 0.")
    _, _, err = run("predict", "t.safetensors", table, "--probabilities")
    assert err == (
        "steepest: error: t.safetensors: --probabilities: the model has no probabilities: it is a "
        "regression\n"
    )


def test_several_targets(run: Run, table: str) -> None:
    FRAME.assign(half=FRAME["price"] / 2).to_csv(table, index=False)
    assert run("train", table, *TRAIN, "--target", "price,half", "--drop", "size")[0] == 0
    assert list(columns(run("predict", "t.safetensors", table)[1])) == ["price", "half"]
    assert "test R^2 of half" in run("evaluate", "t.safetensors", table)[1]


def test_info(run: Run, table: str) -> None:
    run("train", table, *TRAIN, "--drop", "price")
    facts = dict(line.split(":", 1) for line in run("info", "t.safetensors")[1].splitlines())
    assert facts["columns"].strip() == "x (number), kind (category), day (date), new (category)"
    assert [facts[key].strip() for key in ("task", "target", "labels", "networks", "sizes", "rows")] == [
        *("classification", "size", "large, small", "4", "11-16-16-2", "120")
    ]
    assert facts["score"].strip().startswith("test: accuracy 0.")


def test_equal_runs_give_equal_files_for_any_number_of_threads(run: Run, table: str) -> None:
    files = []
    for threads in (1, 2):
        assert run("train", table, *TRAIN, "--drop", "price", "--threads", threads, "--force")[0] == 0
        files.append(Path("t.safetensors").read_bytes())
    assert files[0] == files[1]
    run("train", table, *TRAIN, "--drop", "price", "--seed", 1, "--force")
    assert Path("t.safetensors").read_bytes() != files[0]


def test_it_is_the_estimator(run: Run, table: str) -> None:
    run("train", table, *TRAIN, "--target", "price", "--drop", "size", "--test-fraction", 0)
    features = pd.read_csv(table).drop(columns=["price", "size"])
    estimator = TabularRegressor(hidden_layer_sizes=(16, 16), random_state=0).fit(features, FRAME["price"])
    np.testing.assert_array_equal(st.load("t.safetensors").predict(FRAME), estimator.predict(features))


def test_without_test_rows_members_judge_what_they_held_out(run: Run, table: str) -> None:
    _, out, _ = run("train", table, *TRAIN, "--drop", "price", "--test-fraction", 0, "--json")
    document = json.loads(out)
    assert document["judged"] == "validation" and document["score"]["rows"] == 96  # four fifths


def test_folds_without_a_class(run: Run, table: str) -> None:
    frame = FRAME.drop(columns="price")
    frame.loc[7, "size"] = "huge"
    frame.to_csv(table, index=False)
    code, out, err = run("train", table, *TRAIN, "--cv", 3)
    assert (code, "'huge' there is one row each" in err) == (0, True)
    assert "3 folds: accuracy 0." in out and "huge" in out
    assert st.load("t.safetensors").classes == ["huge", "large", "small"]


def test_labels_keep_their_types(run: Run) -> None:
    pd.DataFrame({"x": X, "y": np.where(X > 0, 10, 2)}).to_csv("t.csv", index=False)
    run("train", "t.csv", *TRAIN)
    assert st.load("t.safetensors").classes == [2, 10]


def test_options_that_suit_both_models(run: Run, table: str) -> None:
    options = ["--hidden", "none", "--dropout", "0.3", "--class-weight", "balanced", "--max-time", "60"]
    options += ["--categorical", "day", "--missing", "drop", "--backend", "reference", "--plot", "p.png"]
    code, out, err = run("train", table, "--model", "tabular", "--drop", "price", *options, "--json")
    assert code == 0 and "rows have gaps and are left out" in err
    assert json.loads(out)["network"]["backend"] == "reference" and Path("p.png").exists()
    assert [encoding.kind for encoding in st.load("t.safetensors").encodings][2] == "category"


def test_a_target_among_the_columns_is_reported(run: Run, table: str) -> None:
    frame = pd.concat([FRAME] * 6)
    frame.assign(copy=frame["size"] == "large").to_csv(table, index=False)
    _, out, err = run("train", table, *TRAIN, "--target", "size", "--drop", "price", "--json")
    assert "the target can be predicted without an error from 'copy' alone" in err
    assert any("'copy' alone" in said for said in json.loads(out)["warnings"])


def test_max_time_ends_the_training(run: Run, table: str) -> None:
    _, out, _ = run("train", table, "--model", "tabular", "--drop", "price", "--max-time", 0.01, "--json")
    assert min(one["epochs"] for one in json.loads(out)["training"]["members"]) < 20


def test_kinds_that_the_model_does_not_know(run: Run, table: str) -> None:
    run("train", table, *TRAIN, "--drop", "price")
    FRAME.assign(kind="Rouge", new=1).to_csv("new.csv", index=False)
    for command in ("predict", "evaluate"):
        code, _, err = run(command, "t.safetensors", "new.csv")
        assert code == 0 and err == (
            "steepest: warning: column 'kind': 120 of 120 values, such as 'Rouge', are none of those that "
            "the model knows: 'blue', 'green', 'red'\n"
        )


def test_rows_that_do_not_fit(run: Run, table: str) -> None:
    run("train", table, *TRAIN, "--drop", "price")
    FRAME.drop(columns="day").to_csv("new.csv", index=False)
    predict: list[object] = ["predict", "t.safetensors", "new.csv"]
    assert_refused(run, predict, "new.csv: no column 'day'; the model takes 'x', 'kind', 'day', 'new', the")
    FRAME.rename(columns={"day": "Day"}).to_csv("new.csv", index=False)
    assert_refused(run, predict, "did you mean 'Day'?")
    FRAME.assign(x=np.where(FRAME.index == 6, "tall", "1")).to_csv("new.csv", index=False)
    assert_refused(run, predict, "column 'x' holds 'tall' in row 7 of 120, which is not a number")
    evaluate: list[object] = ["evaluate", *predict[1:]]
    FRAME.drop(columns="size").to_csv("new.csv", index=False)
    assert_refused(run, evaluate, "new.csv: no column 'size'")
    FRAME.assign(size="medium").to_csv("new.csv", index=False)
    assert_refused(run, evaluate, "'medium' is not one of the classes 'large', 'small'")


def test_arrays_have_places(run: Run) -> None:
    np.save("t.npy", np.column_stack([X > 0, X, X**2, np.arange(ROWS)]))
    assert run("train", "t.npy", *TRAIN, "--target", "0")[0] == 0
    expected = run("predict", "t.safetensors", "t.npy")[1]
    np.save("new.npy", np.column_stack([X, X**2, np.arange(ROWS)]))
    assert run("predict", "t.safetensors", "new.npy")[1] == expected
    np.save("new.npy", np.column_stack([X, X**2]))
    assert_refused(run, ["predict", "t.safetensors", "new.npy"], "has 2 columns, but the model takes 3")


def test_a_file_of_an_estimator(run: Run, table: str) -> None:
    features = pd.read_csv(table).drop(columns=["price", "size"])
    two = FRAME[["price", "price"]].to_numpy()
    TabularRegressor(hidden_layer_sizes=(4,), max_steps=9, random_state=0).fit(features, two).save("m.st")
    assert list(columns(run("predict", "m.st", table)[1])) == ["prediction_0", "prediction_1"]
    assert_refused(run, ["evaluate", "m.st", table], "m.st: was saved in Python, without the name of its")
    facts = [line.partition(":")[0] for line in run("info", "m.st")[1].splitlines()]
    assert facts == ["model", "task", "columns", "networks", "sizes"]


OF_NETWORKS = [
    *(("activation", "relu"), ("batch-norm", None), ("loss", "softmax"), ("optimizer", "adam")),
    *(("learning-rate", 0.1), ("momentum", 0.9), ("schedule", "constant"), ("penalty", "none")),
    *(("batch-size", 32), ("epochs", 3), ("early-stopping", None), ("no-early-stopping", None)),
    *(("patience", 3), ("validation-fraction", 0.2), ("validation", "t.csv")),
]


@pytest.mark.parametrize(("option", "value"), OF_NETWORKS)
def test_options_of_networks_are_refused(run: Run, option: str, value: object) -> None:
    write("t.csv", GOOD)
    given = [f"--{option}"] if value is None else [f"--{option}", value]
    message = f"--{option} is an option of --model network, not of tabular"
    assert_refused(run, ["train", "t.csv", "--model", "tabular", *given], message)


def test_what_cannot_be_learned_is_refused(run: Run) -> None:
    write("t.csv", GOOD)
    train: list[object] = ["train", "t.csv", "--model", "tabular"]
    assert_refused(
        run, ["train", "t.csv", "--max-time", 3], "--max-time is an option of --model tabular, not"
    )
    assert_refused(run, [*train, "--seed", 2**32], "--seed is 4294967296, but must be at most 4294967295")
    assert_refused(run, [*train[:2], "--model", "odd"], "argument --model: invalid choice: 'odd'")
    assert_refused(run, [*train, "--max-time", 0], "max time is 0.0, but must be finite and greater than 0")
    weights = [*train, "--target", "a", "--task", "regression", "--class-weight", "balanced"]
    assert_refused(run, weights, "--class-weight needs classes, but the task is a regression")
    write("t.csv", "a,b,c\n0,1,1\n2,0,1\n3,1,0\n5,0,0\n")
    assert_refused(run, [*train, "--target", "b,c"], "classes or numbers, but the task is a multilabel")


def test_a_table_of_two_rows(run: Run) -> None:
    write("t.csv", "a,y\n1,u\n2,v\n")
    code, out, _ = run("train", "t.csv", *TRAIN)
    assert code == 0 and "of 2)" in out  # each row counts once, although two members held it out


def test_without_scikit_learn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", *TRAIN, "--output", "m.safetensors")
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in [name for name in sys.modules if name.startswith("steepest.sklearn")]:
        monkeypatch.delitem(sys.modules, name)
    assert_refused(run, ["train", "flowers.csv", *TRAIN], "pip install 'steepest[sklearn]'")
    assert run("predict", "m.safetensors", "flowers.csv")[0] == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child alone")
@pytest.mark.parametrize("end", ["SIGINT", "SIGKILL"])
def test_an_ended_training_writes_nothing(tmp_path: Path, end: str) -> None:
    with process("train", "--model", "tabular", "--threads", "1", folder=tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(1.5)
        child.send_signal(getattr(signal, end))
        _, err = child.communicate(timeout=30)
    expected = (130, "steepest: interrupted\n") if end == "SIGINT" else (-signal.SIGKILL, "")
    assert (child.returncode, err) == expected
    assert list(tmp_path.iterdir()) == []


def test_kinds_keep_their_digits(run: Run) -> None:
    ids = 2**60 + np.arange(ROWS) % 3
    frame = pd.DataFrame({"kind": ids, "x": X, "y": np.where(ids % 3 > 0, "u", "v")})
    frame.to_csv("t.csv", index=False)
    train: list[object] = ["train", "t.csv", "--categorical", "kind"]
    assert run(*train, *TRAIN)[0] == 0
    assert st.load("t.safetensors").encodings[0].kinds == tuple(map(str, sorted({*ids.tolist()})))
    frame.assign(kind=frame["kind"].astype("Int64").where(X < 1)).to_csv("t.csv", index=False)
    for options in ((), TRAIN):
        assert_refused(run, [*train, *options, "--force"], "t.csv: 'kind' has integers beyond 2**53, which")


@pytest.mark.parametrize("model", ["network", "tabular"])
def test_short_numbers_of_arrays_have_few_digits(run: Run, model: str) -> None:
    tenths = (np.arange(ROWS) % 3 + 1).astype(np.float32) / np.float32(10)
    np.save("t.npy", np.column_stack([X.astype(np.float32), tenths, (X > 0).astype(np.float32)]))
    assert run("train", "t.npy", "--model", model, "--hidden", "4", "--categorical", "1", "--quiet")[0] == 0
    facts = json.loads(run("info", "t.safetensors", "--json")[1])
    assert "0.1" in json.dumps(facts) and "0.100000001" not in json.dumps(facts)
    pd.DataFrame({"0": X, "1": [0.1, 0.2, 0.3] * (ROWS // 3)}).to_csv("new.csv", index=False)
    code, out, err = run("predict", "t.safetensors", "t.npy", "--keep", "1")
    assert (code, err, set(columns(out)["1"])) == (0, "", {"0.1", "0.2", "0.3"})
    assert columns(run("predict", "t.safetensors", "new.csv")[1])["prediction"] == columns(out)["prediction"]
