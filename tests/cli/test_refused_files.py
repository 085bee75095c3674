"""One clear line with exit code 2 for files that cannot be read, and no file left by what failed."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from support.commands import GOOD, Run, assert_refused, flowers, house_prices, write
from support.files import load_with_metadata

import steepest


def test_refused_files(run: Run) -> None:
    Path("binary.csv").write_bytes(b"\xff\xfe\x00a,b\n1,2\n")
    assert_refused(run, ["train", "binary.csv"], "is not utf-16 text: give --encoding")
    write("text.npy", GOOD)
    assert_refused(run, ["train", "text.npy"], "text.npy: is not a NumPy file")
    write("text.npz", "")
    assert_refused(run, ["train", "text.npz"], "text.npz: is not a NumPy file")
    np.save("objects.npy", np.array([[1, "x"]], dtype=object), allow_pickle=True)
    assert_refused(run, ["train", "objects.npy"], "Python objects, which are never read")
    np.save("line.npy", np.ones(5))
    assert_refused(run, ["train", "line.npy"], "the array has shape (5,), but must be (rows, columns)")
    np.save("texts.npy", np.array([["a", "b"]]))
    assert_refused(run, ["train", "texts.npy"], "texts.npy has 1 row, but at least 2 are needed")
    np.save("hole.npy", np.array([[np.nan, 0], [np.nan, 1]]))
    assert_refused(run, ["train", "hole.npy"], "there is no column to learn from beside the target")
    np.save("good.npy", np.array([[1.0, 0], [2, 1]]))
    assert_refused(run, ["train", "good.npy", "--target", "y"], "no column 'y'; it has '0', '1'")
    assert_refused(run, ["train", "good.npy", "--target", "2"], "no column '2'; it has '0', '1'")
    np.savez("other.npz", data=np.ones((2, 2)), y=[0, 1])
    assert_refused(run, ["train", "other.npz"], "no array 'X' or 'x' for the features; it has 'data', 'y'")
    np.savez("short.npz", X=np.ones((3, 2)), y=[0, 1])
    assert_refused(run, ["train", "short.npz"], "X has 3 rows, but y has shape (2,)")
    assert_refused(run, ["train", "short.npz", "--target", "t"], "X has 3 rows, but y has shape (2,)")
    np.savez("wide.npz", X=np.ones((2, 2)), y=np.eye(2))
    assert_refused(run, ["train", "wide.npz"], "X has 2 rows, but y has shape (2, 2)")


def archive(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(name, content)
    return file.getvalue()


def saved(values: object) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.npy", saved(np.eye(3)).replace(b"), }", b"(, }"), "is not a NumPy file"),
        ("t.npy", saved(np.eye(3)).replace(b"'fortran", b"'f\\rtran"), "is not a NumPy file"),
        ("t.npy", saved(np.eye(3)).replace(b"(3, 3)", b"(3,-3)"), "is not a NumPy file"),
        ("t.npz", archive("X", b"no array"), "X has shape (), but must be (rows, columns)"),
        ("t.npz", archive("y.npy", b"no array"), "y has shape (), but must be (rows, columns)"),
        ("t.npz", archive("y.npy", saved(np.eye(3))).replace(b"\x14\0", b"\x7f\0"), "is not a NumPy file"),
        ("t.csv", b'a,b\n1,"2\n', "EOF inside string"),
    ],
)
def test_damaged_tables(run: Run, name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    assert_refused(run, ["train", name], message)
    steepest.Sequential(steepest.Linear(2, 2)).save("m.safetensors")
    code, _, err = run("predict", "m.safetensors", name)
    assert (code, err.count("\n")) == (2, 1)


def test_numbers_that_are_not_finite_cost_one_line(run: Run) -> None:
    bits = np.full((3, 3), 0x7F800001, np.uint32)  # signaling NaN
    Path("t.npy").write_bytes(saved(bits.view(np.float32)))
    assert_refused(run, ["train", "t.npy"], "0 rows have a target, but at least 2 are needed")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_refused_at_once(run: Run) -> None:
    write("t.csv", GOOD)
    for name in ("p.csv", "p.npy", "p.npz", "p.safetensors"):
        os.mkfifo(name)
    for name in ("p.csv", "p.npy", "p.npz"):
        assert_refused(run, ["train", name, "--output", "m"], f"{name}: is a pipe or a device, not a file")
    assert_refused(run, ["predict", "p.safetensors", "t.csv"], "p.safetensors: is not a file")
    assert_refused(run, ["train", "t.csv", "--output", "p.csv"], "p.csv: exists and is not a file")


def test_an_index_of_many_digits(run: Run) -> None:
    write("t.csv", GOOD)
    assert_refused(run, ["train", "t.csv", "--target", "9" * 5000], "t.csv: no column '999")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read and write anything"
)
def test_refused_permissions(run: Run) -> None:
    write("t.csv", GOOD)
    Path("closed").mkdir(mode=0o500)
    assert_refused(run, ["train", "t.csv", "--output", "closed/m.safetensors"], "closed cannot be written")
    Path("t.csv").chmod(0)
    code, _, err = run("train", "t.csv")
    assert (code, err) == (2, "steepest: error: t.csv: Permission denied\n")


def test_regression_needs_a_target_that_varies(run: Run) -> None:
    write("t.csv", "a,y\n1,3\n2,3\n")
    message = "'y' is 3 in every row: there is nothing to learn"
    assert_refused(run, ["train", "t.csv", "--task", "regression"], message)


def test_divergence_leaves_no_file(run: Run) -> None:
    write("houses.csv", house_prices())
    command = ["train", "houses.csv", "--optimizer", "sgd", "--learning-rate", "1e6", "--quiet"]
    code, _, err = run(*command)
    assert code == 2
    assert err.count("\n") == 1
    assert "with learning rate 1e+06: try a smaller --learning-rate" in err
    assert [path.name for path in Path().iterdir()] == ["houses.csv"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "length,mass,kind\n1,2,rose\n",
            "no column 'constant'; the model takes 'length', 'mass', 'constant', the table has",
        ),
        ("1,2\n", "has 2 columns, but the model takes 3: "),
        ("1,2,3,4\n", "has 4 columns, but the model takes 3: "),
        ("1,2,3\n4,x,6\n", "row 2, column 'mass': 'x' is not a number"),
        ("mass,constant,length\n4,x,6\n", "row 1, column 'constant': 'x' is not a number"),
    ],
)
def test_predict_refuses_tables(run: Run, text: str, message: str) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    write("rows.csv", text)
    assert_refused(run, ["predict", "flowers.safetensors", "rows.csv", "--output", "out.csv"], message)


def test_predict_refuses_to_destroy_its_input(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    for victim in ("flowers.csv", "flowers.safetensors"):
        command: list[object] = ["predict", "flowers.safetensors", "flowers.csv", "--output", victim]
        assert_refused(run, command, f"{victim}: is the input too")


def test_probabilities_need_softmax(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet", "--loss", "hinge")
    command: list[object] = ["predict", "flowers.safetensors", "flowers.csv", "--probabilities"]
    assert_refused(run, command, "the model has no probabilities: it is trained with hinge")


@pytest.mark.parametrize(
    "change", [{"labels": ["u"]}, {"columns": []}, {"loss": 3}, {"task": "none"}, {"version": 1}]
)
def test_predict_refuses_a_damaged_description(run: Run, change: dict[str, object]) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    model, metadata = load_with_metadata("flowers.safetensors")
    damaged = json.dumps(json.loads(metadata["table"]) | change)
    model.save("damaged.safetensors", metadata={"table": damaged})
    command: list[object] = ["predict", "damaged.safetensors", "flowers.csv"]
    assert_refused(run, command, "its description of the table is damaged")
