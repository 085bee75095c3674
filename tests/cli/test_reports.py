"""Reports that a person, or a program, can act on; files that are not lost, and not replaced unasked."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import datasets, metrics
from support.commands import Run, assert_refused, flowers, process, write

import steepest as st


def table(name: str) -> str:
    """A data set of scikit-learn as pandas writes it, classes by name."""
    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = bunch.frame
    if "target_names" in bunch:
        frame["target"] = [str(bunch.target_names[i]) for i in frame["target"]]
    frame.to_csv(f"{name}.csv", index=False)
    return f"{name}.csv"


@pytest.mark.parametrize(
    ("name", "least"), [("iris", 0.85), ("wine", 0.93), ("breast_cancer", 0.94), ("diabetes", 0.25)]
)
def test_defaults_learn_real_tables(run: Run, name: str, least: float) -> None:
    code, out, err = run("train", table(name), "--json")
    document = json.loads(out)
    score = document["score"]
    regression = name == "diabetes"
    assert code == 0 and (err.count("\n") == regression)  # that its target is taken for a number
    assert document["task"]["kind"] == ("regression" if regression else "classification")
    assert score["r2" if regression else "accuracy"] > least
    if not regression:
        assert score["baseline"]["accuracy"] < 0.7
    assert document["training"]["best_epoch"] <= document["training"]["epochs"]


def test_few_rows_do_not_end_a_training_early(run: Run) -> None:
    """Of these, the loss of 18 held-out rows rises for 30 epochs, which are 120 steps, and falls again."""
    pd.read_csv(table("iris")).sample(frac=1, random_state=0).to_csv("iris.csv", index=False)
    training = json.loads(run("train", "iris.csv", "--json")[1])["training"]
    assert training["best_epoch"] > 40
    assert training["epochs"] == min(300, training["best_epoch"] + 75)  # of 4 steps each
    for *more, patience in ("--patience", 3, 3), ("--epochs", 1000, 100), ("--batch-size", 8, 30):
        training = json.loads(run("train", "iris.csv", "--json", "--force", *more)[1])["training"]
        assert training["epochs"] == training["best_epoch"] + patience


def test_names_that_a_fit_takes(run: Run) -> None:
    """Of losses and optimizers; the report has their own."""
    words = ["train", table("diabetes"), "--json", "--force", "--epochs", 1]
    found = json.loads(run(*words, "--loss", "mae", "--optimizer", "AdamW")[1])["network"]
    assert found["loss"] == "absolute_error" and found["optimizer"].startswith("AdamW(")


def test_the_numbers_of_a_report(run: Run) -> None:
    run("train", table("breast_cancer"), "--quiet", "--hidden", "none", "--epochs", 3)
    code, out, _ = run("evaluate", "breast_cancer.safetensors", "breast_cancer.csv", "--json")
    assert code == 0
    score = json.loads(out)["score"]
    frame, model = pd.read_csv("breast_cancer.csv"), st.load("breast_cancer.safetensors")
    assert isinstance(model, st.TableModel)
    truth, predicted = frame["target"], model.predict(frame)
    expected = metrics.classification_report(truth, predicted, output_dict=True)
    assert score["accuracy"] == pytest.approx(expected["accuracy"])
    assert score["auc"] == pytest.approx(
        metrics.roc_auc_score(truth, model(frame)[:, 1] - model(frame)[:, 0])
    )
    assert score["confusion"] == metrics.confusion_matrix(truth, predicted).tolist()
    for one in score["classes"]:
        own = expected[one["label"]]
        assert one["precision"] == pytest.approx(own["precision"])
        assert one["recall"] == pytest.approx(own["recall"])
        assert one["f1"] == pytest.approx(own["f1-score"])
        assert one["rows"] == own["support"]
    _, text, _ = run("evaluate", "breast_cancer.safetensors", "breast_cancer.csv")
    assert "always 'benign': 0.6274" in text and "precision  recall" in text and "AUC" in text


def test_a_regression_is_reported_in_its_units(run: Run) -> None:
    _, out, _ = run("train", table("diabetes"), "--json", "--task", "regression")
    score = json.loads(out)["score"]
    assert 30 < score["mae"] < score["rmse"] < score["baseline"]["rmse"] < 100
    _, out, _ = run("train", "diabetes.csv", "--quiet", "--force", "--hidden", "none")
    assert "always the mean" in out and "MAE" in out


def test_what_should_not_be_overlooked(run: Run) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.standard_normal(200), "y": ["a"] * 190 + ["rare"] * 10})
    frame.to_csv("t.csv", index=False)
    _, _, err = run("train", "t.csv", "--quiet")
    assert "not better than always answering 'a'" in err and "class 'rare' never predicted" in err


def test_files_are_not_replaced_unasked(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    assert_refused(run, ["train", "flowers.csv"], "flowers.safetensors: exists already; --force replaces it")
    assert run("train", "flowers.csv", "--quiet", "--force")[0] == 0
    write("out.csv", "mine")
    command: list[object] = ["predict", "flowers.safetensors", "flowers.csv", "--output", "out.csv"]
    assert_refused(run, command, "out.csv: exists already")
    assert run(*command, "--force")[0] == 0
    assert_refused(run, ["train", "flowers.csv", "--force", "--plot", "out.csv"], "must end in .png")
    write("p.png", "mine")
    command = ["evaluate", "flowers.safetensors", "flowers.csv", "--plot", "p.png"]
    assert_refused(run, command, "p.png: exists already")


def test_pictures_of_every_task(run: Run) -> None:
    write("flowers.csv", flowers())
    assert run("train", "flowers.csv", "--quiet", "--plot", "classes.png")[0] == 0
    assert run("train", table("diabetes"), "--quiet", "--plot", "numbers.svg")[0] == 0
    random = np.random.default_rng(0)
    pd.DataFrame(random.integers(0, 2, (60, 4)), columns=list("abcd")).to_csv("t.csv", index=False)
    assert run("train", "t.csv", "--quiet", "--target", "c,d", "--plot", "labels.pdf")[0] == 0
    for name, start in (("classes.png", b"\x89PNG"), ("numbers.svg", b"<?xml"), ("labels.pdf", b"%PDF")):
        assert Path(name).read_bytes().startswith(start)


def test_columns_that_are_kept_beside_the_answers(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    command = ("predict", "flowers.safetensors", "flowers.csv", "--keep", "constant", "--probabilities")
    _, out, _ = run(*command)
    header, *rows = csv.reader(io.StringIO(out))
    assert header[:2] == ["constant", "prediction"] and header[2].startswith("probability_")
    assert rows[0][0] == "7"
    assert run(*command, "--output", "-")[1] == out


def test_options_act(run: Run) -> None:
    write("flowers.csv", flowers())
    sizes = set()
    for options in (
        [],
        ["--batch-norm"],
        ["--dropout", "0.5"],
        ["--optimizer", "sgd"],
        ["--schedule", "cosine"],
        ["--schedule", "cosine_log"],
        ["--schedule", "flat_cosine"],
        ["--class-weight", "balanced"],
        ["--no-early-stopping"],
        ["--activation", "tanh"],
        ["--activation", "mish"],
        ["--features", "length"],
        ["--categorical", "constant"],
        ["--validation", "flowers.csv"],
        ["--test-fraction", "0"],
        ["--seed", "1"],
    ):
        code, _, err = run("train", "flowers.csv", "--quiet", "--force", "--epochs", 5, *options)
        assert code == 0, err
        model = st.load("flowers.safetensors")
        assert isinstance(model, st.TableModel)
        sizes.add(model.model.state_dict()["0.weight"].tobytes())
    assert len(sizes) >= 14  # classes are balanced already, and a constant as a category has its own width


def test_info_of_a_model(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    code, out, _ = run("info", "flowers.safetensors")
    assert code == 0
    for part in ("classification", "length (number)", "iris, blue", "softmax", "Linear(3, 100)", "accuracy"):
        assert part in out
    facts = json.loads(run("info", "flowers.safetensors", "--json")[1])
    assert facts["labels"] == ["iris, blue", "lily", "rose"]
    run("train", "--quiet", "--epochs", 1)
    lines = run("info", "digits.safetensors")[1].splitlines()
    assert max(map(len, lines)) <= 80 and any("and 44 more" in line for line in lines)
    st.Sequential(st.Linear(2, 1)).save("bare.safetensors")
    assert "Linear(2, 1)" in run("info", "bare.safetensors")[1]
    write("flowers.txt", flowers())
    assert run("evaluate", "bare.safetensors", "flowers.txt")[0] == 2


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently")
def test_a_report_that_nobody_reads_loses_no_model(tmp_path: Path) -> None:
    with process("train", "--epochs", "40", folder=tmp_path) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
    assert (child.returncode, err) == (0, "")
    assert isinstance(st.load(tmp_path / "digits.safetensors"), st.TableModel)


def test_a_model_to_standard_output(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "steepest", "train", "--epochs", "1", "--quiet", "--output", "-"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    (tmp_path / "m.safetensors").write_bytes(done.stdout)
    assert isinstance(st.load(tmp_path / "m.safetensors"), st.TableModel)
    assert b"accuracy" in done.stderr and list(tmp_path.iterdir()) == [tmp_path / "m.safetensors"]


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
@pytest.mark.parametrize("streams", ["2>&1 | head -1", ">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_closed_lose_no_model(tmp_path: Path, streams: str) -> None:
    random = np.random.default_rng(0)
    pd.DataFrame(random.standard_normal((60, 2)), columns=["a", "y"]).to_csv(tmp_path / "t.csv", index=False)
    command = f"{sys.executable} -m steepest train t.csv --epochs 3 {streams}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert "Traceback" not in done.stdout + done.stderr
    assert isinstance(st.load(tmp_path / "t.safetensors"), st.TableModel)
