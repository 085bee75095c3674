"""The command line: what it prints and saves."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from support.commands import Run, assert_refused, flowers, house_prices, write

import steepest
from steepest.datasets import load_digits, two_moons


def answers(out: str) -> list[str]:
    """The column of predictions."""
    return [row["prediction"] for row in csv.DictReader(out.splitlines())]


def test_train_on_the_digits(run: Run) -> None:
    code, out, _ = run("train")
    assert code == 0
    line = r"^epoch +\d+/\d+  loss \d+\.\d{4}  validation loss \d+\.\d{4}  accuracy \d\.\d{4}$"
    assert 3 <= len(re.findall(line, out, re.M)) <= 21
    accuracy = re.search(r"^test accuracy (\d\.\d+) \(\d+ of 359\); always '3': 0.1031$", out, re.M)
    assert accuracy and float(accuracy[1]) >= 0.97
    confusion = np.array([line.split() for line in re.findall(r"^ +\d(?: +\d+){10}$", out, re.M)], dtype=int)
    assert confusion.shape == (10, 11)
    assert confusion[:, 1:].sum() == 359
    assert np.trace(confusion[:, 1:]) == round(float(accuracy[1]) * 359)
    assert re.search(r"^trained \d+ epochs \(best: \d+\), in \d+\.\d\d s, [\d,]+ samples/s$", out, re.M)
    assert out.endswith("saved digits.safetensors\n")
    assert [path.name for path in Path().iterdir()] == ["digits.safetensors"]

    X, y = load_digits()
    np.save("pixels.npy", X)
    code, out, _ = run("predict", "digits.safetensors", "pixels.npy")
    assert code == 0
    assert np.mean(np.array(answers(out), dtype=int) == y) >= 0.97


def test_training_is_reproducible(run: Run) -> None:
    files = []
    for _ in range(2):
        assert run("train", "--epochs", 2, "--quiet", "--force")[0] == 0
        files.append(Path("digits.safetensors").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_error"])
def test_defaults_of_each_loss_learn_the_digits(run: Run, loss: str, seed: int) -> None:
    _, out, _ = run("train", "--quiet", "--loss", loss, "--seed", seed)
    accuracy = re.search(r"test accuracy (\d\.\d+)", out)
    assert accuracy and float(accuracy[1]) >= (0.97 if loss == "softmax" else 0.94)


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_error"])
def test_csv_with_text_labels(run: Run, loss: str) -> None:
    write("flowers.csv", flowers())
    settings = ("--hidden", "8,4", "--penalty", "l2:1e-5", "--learning-rate", "0.02")
    code, out, err = run("train", "flowers.csv", "--loss", loss, *settings)
    assert (code, err) == (0, "")
    assert "flowers.csv: 60 rows, 3 features (3 numbers); classification of 'kind', 3 classes" in out
    assert "saved flowers.safetensors" in out
    code, out, err = run("predict", "flowers.safetensors", "flowers.csv")
    assert (code, err) == (0, "")
    predicted = answers(out)
    with Path("flowers.csv").open(encoding="utf-8") as file:
        expected = [row["kind"] for row in csv.DictReader(file)]
    assert predicted == expected


def test_columns_are_matched_by_name(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    _, expected, _ = run("predict", "flowers.safetensors", "flowers.csv")
    with Path("flowers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = ["remark;constant;mass;length"]
    lines += [f"x;{row['constant']};{row['mass']};{row['length']}" for row in rows]
    write("shuffled.csv", "\ufeff" + "\r\n".join(lines) + "\r\n\r\n")
    code, out, _ = run("predict", "flowers.safetensors", "shuffled.csv")
    assert (code, out) == (0, expected)


def test_csv_without_a_header(run: Run) -> None:
    write("flowers.csv", flowers(header=False))
    code, out, _ = run("train", "flowers.csv", "--quiet")
    assert code == 0
    assert "60 rows, 3 features" in out  # the first row was not lost, though its label is text
    write("rows.csv", "0.0,0.0,7\n0.002,2e6,7\n")
    assert run("predict", "flowers.safetensors", "rows.csv")[1] == 'prediction\n"iris, blue"\nlily\n'


@pytest.mark.parametrize("target", ["kind", "0", "-3"])
def test_target_by_name_and_by_index(run: Run, target: str) -> None:
    X, y = two_moons(60)
    write("moons.csv", "kind,a,b\n" + "".join(f"{k},{a},{b}\n" for (a, b), k in zip(X, y, strict=True)))
    code, out, _ = run("train", "moons.csv", "--target", target, "--quiet")
    assert code == 0
    assert "60 rows, 2 features (2 numbers); classification of 'kind', 2 classes" in out
    write("rows.csv", "b,a\n1.0,0.0\n-0.5,1.0\n")
    assert run("predict", "moons.safetensors", "rows.csv")[1].split() == ["prediction", "0", "1"]


def test_a_header_of_numbers_is_named_by_the_target(run: Run) -> None:
    write("years.csv", "2019,2020,kind\n" + "1,2,a\n3,4,b\n" * 5)
    code, out, _ = run("train", "years.csv", "--target", "kind", "--quiet")
    assert code == 0
    assert "10 rows" in out


def test_npz_with_labels_that_are_not_indices(run: Run) -> None:
    X, y = two_moons(100)
    np.savez("moons.npz", X=X, side=np.where(y == 0, -5, 30))
    code, _, err = run("train", "moons.npz", "--target", "side", "--epochs", 400, "--quiet")
    assert (code, err) == (0, "")
    np.savez("rows.npz", X=X)
    code, out, _ = run("predict", "moons.safetensors", "rows.npz")
    assert np.mean(np.array(answers(out), dtype=int) == np.where(y == 0, -5, 30)) > 0.97


def test_npy_with_labels_kept_as_floats(run: Run) -> None:
    X, y = two_moons(100)
    np.save("moons.npy", np.column_stack([y, X]))
    code, _, err = run("train", "moons.npy", "--target", "0", "--quiet")
    assert (code, err) == (0, "")
    np.save("rows.npy", X)
    assert set(answers(run("predict", "moons.safetensors", "rows.npy")[1])) == {"0", "1"}


def test_regression(run: Run) -> None:
    write("houses.csv", house_prices())
    code, out, err = run("train", "houses.csv", "--epochs", 100)
    assert (code, err) == (0, "")
    assert "200 rows, 1 feature (1 number); regression of 'price'" in out
    explained = re.search(r"^test R\^2 (\d\.\d+), RMSE [\d.]+, MAE [\d.]+$", out, re.M)
    assert explained and float(explained[1]) > 0.99
    write("new.csv", "area\n100\n")
    assert float(answers(run("predict", "houses.safetensors", "new.csv")[1])[0]) == pytest.approx(
        1350, rel=0.02
    )


def test_linear_model_and_other_options(run: Run) -> None:
    write("flowers.csv", flowers())
    for hidden in ("none", ""):
        options = ["--hidden", hidden, "--activation", "tanh", "--optimizer", "sgd", "--force"]
        options += ["--momentum", "0", "--batch-size", "1000"]
        options += ["--penalty", "elastic_net:1e-4,0.5", "--learning-rate", "0.5", "--seed", "3", "--quiet"]
        options += ["--threads", "1", "--backend", "reference", "--test-fraction", "0.5", "--epochs", "50"]
        code, out, err = run("train", "flowers.csv", *options)
        assert (code, err) == (0, "")
        assert re.search(r"\(\d+ of 30\)", out)
        assert "epoch " not in out


def test_probabilities(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    command = ("predict", "flowers.safetensors", "flowers.csv", "--probabilities", "--output", "out.csv")
    assert run(*command) == (0, "", "")
    header, *rows = csv.reader(Path("out.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["prediction", "probability_iris, blue", "probability_lily", "probability_rose"]
    for row in rows:
        probabilities = np.array(row[1:], dtype=float)
        assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
        assert header[1 + probabilities.argmax()] == f"probability_{row[0]}"


def test_the_preparation_is_kept_to_the_last_bit(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    model = steepest.load("flowers.safetensors")
    assert isinstance(model, steepest.TableModel)
    length, mass, constant = model.preparation.columns
    assert (constant.name, constant.mean, constant.scale) == ("constant", 7.0, 1.0)
    row = [(0.001 - length.mean) / length.scale, (1e6 - mass.mean) / mass.scale, 0.0]
    label = model.classes[model.model.predict(np.array([row], dtype=np.float32))[0]]
    write("row.csv", "length,mass,constant\n0.001,1e6,7\n")
    assert answers(run("predict", "flowers.safetensors", "row.csv")[1]) == [label]
    assert model.predict([{"length": 0.001, "mass": 1e6, "constant": 7}]).tolist() == [label]


def test_a_model_saved_in_python(run: Run) -> None:
    steepest.Sequential(steepest.Linear(2, 3)).save("bare.safetensors")
    steepest.Sequential(steepest.Linear(2, 1)).save("single.safetensors")
    np.save("rows.npy", np.ones((4, 2)))
    assert set(answers(run("predict", "bare.safetensors", "rows.npy")[1])) <= {"0", "1", "2"}
    assert len(set(answers(run("predict", "single.safetensors", "rows.npy")[1]))) == 1


def test_info(run: Run) -> None:
    code, out, err = run("info")
    assert (code, err) == (0, "")
    facts = dict(line.split(":", 1) for line in out.splitlines())
    assert facts["version"].strip() == steepest.__version__
    assert facts["numpy"].strip() == np.__version__
    assert {"python", "backend", "num threads", "native"} <= facts.keys()
    assert len({len(line) - len(line.split(":", 1)[1].lstrip()) for line in out.splitlines()}) == 1


def test_an_ensemble_saved_in_python(run: Run) -> None:
    models = [steepest.Sequential(steepest.Linear(2, 3), seed=i) for i in range(2)]
    steepest.Ensemble(models).save("several.safetensors")
    np.save("rows.npy", rows := np.random.default_rng(0).standard_normal((9, 2)))
    expected = steepest.Ensemble(models).predict(rows).tolist()
    assert list(map(int, answers(run("predict", "several.safetensors", "rows.npy")[1]))) == expected
    assert "networks: 2" in run("info", "several.safetensors")[1]
    assert_refused(run, ["evaluate", "several.safetensors", "rows.npy"], "was saved in Python, without the")
