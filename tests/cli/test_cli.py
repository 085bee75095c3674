"""The command line: what it prints and saves, and one clear line with exit code 2 for every mistake."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import steepest
from steepest.cli.parser import main
from steepest.datasets import load_digits, two_moons
from steepest.model import load_with_metadata

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in a folder of its own: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(list(map(str, arguments)))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def write(path: str, text: str) -> None:
    Path(path).write_text(text, encoding="utf-8")


def flowers(rows: int = 60, header: bool = True) -> str:
    """Three kinds, told apart by features of very different scales; the constant column tells nothing."""
    random = np.random.default_rng(0)
    lines = ["length,mass,constant,kind"] if header else []
    for i in range(rows):
        length, mass = random.normal((i % 3) * 1e-3, 1e-4), random.normal((i % 3) * 1e6, 1e5)
        lines.append(f'{float(length)!r},{float(mass)!r},7,"{("iris, blue", "rose", "lily")[i % 3]}"')
    return "\n".join(lines) + "\n"


def house_prices(rows: int = 200) -> str:
    area = np.random.default_rng(0).uniform(30, 200, rows)
    return "area,price\n" + "".join(f"{a:.3f},{1000 + 3.5 * a:.2f}\n" for a in area)


def process(*arguments: str, folder: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, "-m", "steepest", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# What must work.


def test_train_on_the_digits(run: Run) -> None:
    code, out, _ = run("train")
    assert code == 0
    assert len(re.findall(r"^epoch +\d+/30  loss \d+\.\d{4}  test accuracy \d\.\d{4}$", out, re.M)) == 30
    accuracy = re.search(r"^test accuracy (\d\.\d+) \(\d+ of 359\)$", out, re.M)
    assert accuracy and float(accuracy[1]) >= 0.97
    confusion = np.array([line.split() for line in re.findall(r"^ +\d(?: +\d+){10}$", out, re.M)], dtype=int)
    assert confusion.shape == (10, 11)
    assert confusion[:, 1:].sum() == 359
    assert np.trace(confusion[:, 1:]) == round(float(accuracy[1]) * 359)
    assert re.search(r"^trained in \d+\.\d\d s, [\d,]+ samples/s$", out, re.M)
    assert out.endswith("saved digits.safetensors\n")
    assert [path.name for path in Path().iterdir()] == ["digits.safetensors"]

    X, y = load_digits()
    np.save("pixels.npy", X)
    code, out, _ = run("predict", "digits.safetensors", "pixels.npy")
    assert code == 0
    assert np.mean(np.array(out.split(), dtype=int) == y) >= 0.97


def test_training_is_reproducible(run: Run) -> None:
    for name in ("a", "b"):
        assert run("train", "--epochs", 2, "--quiet", "--output", f"{name}.safetensors")[0] == 0
    assert Path("a.safetensors").read_bytes() == Path("b.safetensors").read_bytes()


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
    assert "flowers.csv: 60 rows, 3 features, 3 classes; 12 rows held back to test" in out
    assert "network: 3-8-4-3" in out
    assert "saved flowers.safetensors" in out
    code, out, err = run("predict", "flowers.safetensors", "flowers.csv")
    assert (code, err) == (0, "")
    predicted = [row[0] for row in csv.reader(out.splitlines())]
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
    assert "60 rows, 3 features, 3 classes" in out  # the first row was not lost, though its label is text
    write("rows.csv", "0.0,0.0,7\n0.002,2e6,7\n")
    assert run("predict", "flowers.safetensors", "rows.csv")[1] == '"iris, blue"\nlily\n'


@pytest.mark.parametrize("target", ["kind", "0", "-3"])
def test_target_by_name_and_by_index(run: Run, target: str) -> None:
    X, y = two_moons(60)
    write("moons.csv", "kind,a,b\n" + "".join(f"{k},{a},{b}\n" for (a, b), k in zip(X, y, strict=True)))
    code, out, _ = run("train", "moons.csv", "--target", target, "--quiet")
    assert code == 0
    assert "60 rows, 2 features, 2 classes" in out
    write("rows.csv", "b,a\n1.0,0.0\n-0.5,1.0\n")
    assert run("predict", "moons.safetensors", "rows.csv")[1].split() == ["0", "1"]


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
    assert np.mean(np.array(out.split(), dtype=int) == np.where(y == 0, -5, 30)) > 0.97


def test_npy_with_labels_kept_as_floats(run: Run) -> None:
    X, y = two_moons(100)
    np.save("moons.npy", np.column_stack([y, X]))
    code, _, err = run("train", "moons.npy", "--target", "0", "--quiet")
    assert (code, err) == (0, "")
    np.save("rows.npy", X)
    assert set(run("predict", "moons.safetensors", "rows.npy")[1].split()) == {"0", "1"}


def test_regression(run: Run) -> None:
    write("houses.csv", house_prices())
    code, out, err = run("train", "houses.csv", "--loss", "squared_error", "--epochs", 100)
    assert (code, err) == (0, "")
    assert "200 rows, 1 features, regression" in out
    explained = re.search(r"^test RMSE [\d.]+, R\^2 (\d\.\d+)$", out, re.M)
    assert explained and float(explained[1]) > 0.99
    write("new.csv", "area\n100\n")
    assert float(run("predict", "houses.safetensors", "new.csv")[1]) == pytest.approx(1350, rel=0.02)


def test_linear_model_and_other_options(run: Run) -> None:
    write("flowers.csv", flowers())
    for hidden in ("none", ""):
        options = ["--hidden", hidden, "--activation", "tanh", "--momentum", "0", "--batch-size", "1000"]
        options += ["--penalty", "elastic_net:1e-4,0.5", "--learning-rate", "0.5", "--seed", "3", "--quiet"]
        options += ["--threads", "1", "--backend", "reference", "--test-fraction", "0.5", "--epochs", "50"]
        code, out, err = run("train", "flowers.csv", *options)
        assert (code, err) == (0, "")
        assert "network: 3-3; softmax loss; reference backend" in out
        assert "30 rows held back" in out
        assert "epoch " not in out


def test_probabilities(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    command = ("predict", "flowers.safetensors", "flowers.csv", "--probabilities", "--output", "out.csv")
    assert run(*command) == (0, "", "")
    header, *rows = csv.reader(Path("out.csv").read_text(encoding="utf-8").splitlines())
    assert header == ["prediction", "iris, blue", "lily", "rose"]
    for row in rows:
        probabilities = np.array(row[1:], dtype=float)
        assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
        assert header[1:][probabilities.argmax()] == row[0]


def test_the_preparation_is_kept_to_the_last_bit(run: Run) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    model, metadata = load_with_metadata("flowers.safetensors")
    kept = json.loads(metadata["table"])
    assert kept["names"] == ["length", "mass", "constant"]
    assert kept["labels"] == ["iris, blue", "lily", "rose"]
    assert kept["features"]["mean"][2] == 7.0
    assert kept["features"]["scale"][2] == 1.0
    x = np.array([[0.001, 1e6, 7.0]])
    inputs = (x - np.array(kept["features"]["mean"])) / np.array(kept["features"]["scale"])
    write("row.csv", "length,mass,constant\n0.001,1e6,7\n")
    label = kept["labels"][model.predict(inputs.astype(np.float32))[0]]
    assert run("predict", "flowers.safetensors", "row.csv")[1] == f"{label}\n"


def test_a_model_saved_in_python(run: Run) -> None:
    steepest.Sequential(steepest.Linear(2, 3)).save("bare.safetensors")
    steepest.Sequential(steepest.Linear(2, 1)).save("single.safetensors")
    np.save("rows.npy", np.ones((4, 2)))
    assert set(run("predict", "bare.safetensors", "rows.npy")[1].split()) <= {"0", "1", "2"}
    assert len(set(run("predict", "single.safetensors", "rows.npy")[1].split())) == 1


def test_info(run: Run) -> None:
    code, out, err = run("info")
    assert (code, err) == (0, "")
    facts = dict(line.split(":", 1) for line in out.splitlines())
    assert facts["version"].strip() == steepest.__version__
    assert facts["numpy"].strip() == np.__version__
    assert {"python", "backend", "num threads", "native"} <= facts.keys()
    assert len({len(line) - len(line.split(":", 1)[1].lstrip()) for line in out.splitlines()}) == 1


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["predict", "--help"], ["--version"]])
def test_help(run: Run, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        run(*arguments)
    assert exit_.value.code == 0


# What must fail, with one line.

GOOD = "a,b,y\n1,2,u\n3,4,v\n5,6,u\n7,8,v\n"
TABLES = [
    ("", "is empty"),
    ("\n\n", "is empty"),
    ("a,b,y\n", "has a header, but no rows"),
    ("y\nu\nv\n", "has one column only, the target, and no features"),
    ("a,b,y\n1,2,u\n", "the table has 1 row, but at least 2 are needed"),
    ("a,b,y\n1,2,u\n\n3,4\n", "line 4: 2 columns, but line 1 has 3"),
    ('a,b,y\n1,2,u\n3,4,"v\n', "line 3: unexpected end of data"),
    ("a,b,y\n1,2,u\n3,x,v\n", "line 3, column 'b': 'x' is not a number"),
    ("1,2,u\n3,x,v\n", "line 2, column 1: 'x' is not a number"),
    ("a,b,y\n1,2,u\n3,,v\n", "line 3, column 'b': the cell is empty"),
    ("a,b,y\n1,2,u\n3,nan,v\n", "line 3, column 'b': nan is not finite"),
    ("a,b,y\n1,2,u\n-inf,4,v\n", "line 3, column 'a': -inf is not finite"),
    ("a,b,y\n1,2,u\n3,4,\n", "line 3, column 'y': the cell is empty"),
    ("a,b,y\n1,2,1\n3,4,nan\n", "line 3, column 'y': nan is not finite"),
    ("a,b,y\n1,2,u\n3,4,NaN\n", "line 3, column 'y': NaN is not finite"),
    ("a,b,y\n1,2,u\n3,4,u\n", "column 'y' has one class only, 'u'"),
    ("a,b,y\n1,2,u\n3,4,u\n5,6,v\n", "column 'y': class 'v' has 1 row, but needs 2"),
    ("a,b,y\n1,2,0.5\n3,4,1.25\n", "column 'y' has numbers such as 0.5, not classes"),
    ("a,a,y\n1,2,u\n3,4,v\n", "line 1: two columns have the name 'a'"),
    ("a,2,y\n1,2,u\n3,4,v\n", "line 1: 'a' is not a number, but '2' is"),
    ("a,b,y\n1,2e308,u\n3,-2e308,v\n", "line 2, column 'b': inf is not finite"),
    ("a,y\n1e308,u\n-1e308,u\n1e308,v\n-1e308,v\n", "numbers too large to standardize"),
]


def assert_refused(run: Run, arguments: list[object], message: str) -> None:
    """Exit code 2, one line on stderr that says so, nothing on stdout, and no file made or changed."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("steepest: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("text", "message"), TABLES)
def test_refused_csv(run: Run, text: str, message: str) -> None:
    write("t.csv", text)
    assert_refused(run, ["train", "t.csv"], message)


MOST = "but must be at most 9223372036854775807"
HUGE = "9" * 5000
WHOLE = ("epochs", "batch-size", "hidden", "threads")
# Numbers beyond what computes, and what messages say of them.
BEYOND: list[tuple[list[object], str]] = [
    *(
        (["train", "t.csv", f"--{name}", 2**63], MOST)
        for name in ("epochs", "batch-size", "hidden", "threads")
    ),
    *((["train", "t.csv", f"--{name}", HUGE], f"argument --{name}: ") for name in WHOLE),
    (["train", "t.csv", "--seed", 2**64], "seed is 18446744073709551616, but must be at most"),
    (["train", "t.csv", "--hidden", 2**62], "layer 0 is Linear(2, 4611686018427387904), whose weight of"),
    (["train", "t.csv", "--hidden", f"3,{2**45}"], "not enough memory"),
    (["train", "t.csv", "--learning-rate", "1e39"], "learning_rate is 1e+39, but must be at most 3.4028234"),
    (["train", "t.csv", "--learning-rate", "1e-46"], "learning_rate is 1e-46, but must be at least 1.17549"),
    (["train", "t.csv", "--penalty", "l2:1e39"], "strength is 1e+39, but must be at most 3.4028234"),
    (
        ["train", "t.csv", "--penalty", "elastic_net:1e300,1e300"],
        "strength * beta is inf, but must",
    ),
    *(
        (["train", "t.csv", f"--{name}={number}"], f"{name.replace('-', ' ')} is {number}, but must be")
        for name in ("learning-rate", "momentum", "test-fraction")
        for number in ("nan", "inf", "-inf")
    ),
    *(
        (["train", "t.csv", "--penalty", f"l1:{number}"], f"strength is {number}")
        for number in ("nan", "inf")
    ),
    *((["train", "t.csv", "--epochs", number], "is not an integer") for number in ("nan", "inf", "1e3")),
]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "none.csv"], "none.csv: no such file"),
        (["train", "folder"], "folder: is a folder"),
        (["train", "t.txt"], "t.txt: the name must end in .csv, .npy or .npz"),
        (["train", "t.csv", "--target", "z"], "no column 'z'; line 1 has 'a', 'b', 'y'"),
        (["train", "t.csv", "--target", "3"], "no column '3'; line 1 has 'a', 'b', 'y'"),
        (["train", "--target", "y"], "--target needs DATA"),
        (["train", "t.csv", "--hidden", "3,x"], "argument --hidden: 'x' is not an integer"),
        (["train", "t.csv", "--hidden", "3,0"], "hidden size is 0, but must be at least 1"),
        (["train", "t.csv", "--penalty", "foo"], "argument --penalty: 'foo' is none of l2:1e-4"),
        (["train", "t.csv", "--penalty", "l2"], "'l2' is none of l2:1e-4"),
        (["train", "t.csv", "--penalty", "elastic_net:1"], "'elastic_net:1' is none of"),
        (["train", "t.csv", "--penalty", "l1:x"], "'x' is not a number"),
        (["train", "t.csv", "--penalty", "l2:-1"], "strength is -1.0, but must be finite and not negative"),
        (["train", "t.csv", "--epochs", "-1"], "epochs is -1, but must be at least 1"),
        (["train", "t.csv", "--epochs", "2.5"], "'2.5' is not an integer"),
        (["train", "t.csv", "--batch-size", "0"], "batch size is 0, but must be at least 1"),
        (["train", "t.csv", "--seed", "-1"], "seed is -1, but must be at least 0"),
        (["train", "t.csv", "--learning-rate", "0"], "learning rate is 0.0, but must be finite and greater"),
        (["train", "t.csv", "--learning-rate", "nan"], "learning rate is nan"),
        (["train", "t.csv", "--momentum", "1"], "momentum is 1.0, but must be in [0, 1)"),
        (["train", "t.csv", "--test-fraction", "1"], "test fraction is 1.0, but must be between 0 and 1"),
        (["train", "t.csv", "--threads", "0"], "threads is 0, but must be at least 1"),
        (["train", "t.csv", "--threads", "99999"], "num_threads is 99999, but must be at most 1024"),
        *BEYOND,
        (["train", "t.csv", "--loss", "foo"], "argument --loss: invalid choice: 'foo'"),
        (["train", "t.csv", "--backend", "foo"], "argument --backend: invalid choice: 'foo'"),
        (["train", "t.csv", "--backend", "reference", "--isa", "avx2"], "has no instruction sets"),
        (["train", "t.csv", "--isa", "foo"], "isa is 'foo'"),
        (["train", "t.csv", "--epoch", "3"], "unrecognized arguments: --epoch 3"),
        (["train", "t.csv", "--output", "none/m.safetensors"], "none does not exist"),
        (["train", "t.csv", "--output", "folder"], "folder: exists and is not a file"),
        (["train", "t.csv", "--output", "t.csv"], "t.csv: is the input too"),
        (["predict", "none.safetensors", "t.csv"], "none.safetensors: no such file"),
        (["predict", "folder", "t.csv"], "folder: is not a file"),
        (["predict", "t.csv", "t.csv"], "t.csv is not a steepest model file"),
        (["predict"], "the following arguments are required: MODEL, FILE"),
        (["fly"], "invalid choice: 'fly'"),
        ([], "the following arguments are required"),
    ],
)
def test_refused_arguments(run: Run, arguments: list[object], message: str) -> None:
    write("t.csv", GOOD)
    write("t.txt", GOOD)
    Path("folder").mkdir()
    assert_refused(run, arguments, message)


def test_refused_files(run: Run) -> None:
    Path("binary.csv").write_bytes(b"\xff\xfe\x00a,b\n1,2\n")
    assert_refused(run, ["train", "binary.csv"], "is not UTF-8 text")
    write("text.npy", GOOD)
    assert_refused(run, ["train", "text.npy"], "text.npy: is not a NumPy file")
    write("text.npz", "")
    assert_refused(run, ["train", "text.npz"], "text.npz: is not a NumPy file")
    np.save("objects.npy", np.array([[1, "x"]], dtype=object), allow_pickle=True)
    assert_refused(run, ["train", "objects.npy"], "Python objects, which are never read")
    np.save("line.npy", np.ones(5))
    assert_refused(run, ["train", "line.npy"], "the array has shape (5,), but must be (rows, columns)")
    np.save("texts.npy", np.array([["a", "b"]]))
    assert_refused(run, ["train", "texts.npy"], "has dtype <U1, but must hold real numbers")
    np.save("hole.npy", np.array([[1.0, 0], [np.nan, 1]]))
    assert_refused(run, ["train", "hole.npy"], "row 1, column 0: nan is not finite")
    np.save("good.npy", np.array([[1.0, 0], [2, 1]]))
    assert_refused(run, ["train", "good.npy", "--target", "y"], "no column 'y': the columns have no names")
    assert_refused(run, ["train", "good.npy", "--target", "2"], "no column 2: there are 2, 0 to 1")
    np.savez("other.npz", data=np.ones((2, 2)), y=[0, 1])
    assert_refused(run, ["train", "other.npz"], "no array 'X' or 'x' for the features; it has 'data', 'y'")
    np.savez("short.npz", X=np.ones((3, 2)), y=[0, 1])
    assert_refused(run, ["train", "short.npz"], "X has 3 rows, but y has 2")
    assert_refused(
        run, ["train", "short.npz", "--target", "t"], "no array 't' for the target; it has 'X', 'y'"
    )
    np.savez("wide.npz", X=np.ones((2, 2)), y=np.eye(2))
    assert_refused(run, ["train", "wide.npz"], "y has shape (2, 2), but must have one value a row")


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
        ("t.npz", archive("X", b"no array"), "no array 'y' for the target; it has 'X'"),
        ("t.npz", archive("y.npy", b"no array"), "no array 'X' or 'x' for the features; it has 'y'"),
        ("t.npz", archive("y.npy", saved(np.eye(3))).replace(b"\x14\0", b"\x7f\0"), "is not a NumPy file"),
        ("t.csv", b'a,b\n1,"2\n', "t.csv, line 2: unexpected end of data"),
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
    assert_refused(run, ["train", "t.npy"], "row 0, column 2: nan is not finite")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_refused_at_once(run: Run) -> None:
    write("t.csv", GOOD)
    for name in ("p.csv", "p.npy", "p.npz", "p.safetensors"):
        os.mkfifo(name)
    for name in ("p.csv", "p.npy", "p.npz"):
        assert_refused(run, ["train", name, "--output", "m"], f"{name}: is a pipe or a device, not a file")
    assert_refused(run, ["predict", "p.safetensors", "t.csv"], "p.safetensors: is a pipe or a device")
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
    message = "column 'y' is 3 in every row: there is nothing to learn"
    assert_refused(run, ["train", "t.csv", "--loss", "squared_error"], message)


def test_divergence_leaves_no_file(run: Run) -> None:
    write("houses.csv", house_prices())
    command = ["train", "houses.csv", "--loss", "squared_error", "--learning-rate", "1e6", "--quiet"]
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
            "no column 'constant', which the model takes; it has 'length', 'mass'",
        ),
        ("1,2\n", "has 2 columns, but the model takes 3 features"),
        ("1,2,3,4\n", "has 4 columns, but the model takes 3 features (leave the target's column out)"),
        ("1,2,3\n4,x,6\n", "line 2, column 1: 'x' is not a number"),
        ("mass,constant,length\n4,x,6\n", "line 2, column 'constant': 'x' is not a number"),
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
    assert_refused(run, command, "needs a network trained with the softmax loss, not with the hinge loss")


@pytest.mark.parametrize(
    "change", [{"labels": ["u"]}, {"features": {}}, {"loss": 3}, {"target": None, "labels": None}]
)
def test_predict_refuses_a_damaged_description(run: Run, change: dict[str, object]) -> None:
    write("flowers.csv", flowers())
    run("train", "flowers.csv", "--quiet")
    model, metadata = load_with_metadata("flowers.safetensors")
    damaged = json.dumps(json.loads(metadata["table"]) | change)
    model.save("damaged.safetensors", metadata={"table": damaged})
    command: list[object] = ["predict", "damaged.safetensors", "flowers.csv"]
    assert_refused(run, command, "its description of the table is damaged")


# Processes.


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    with process("train", "none.csv", folder=tmp_path) as child:
        out, err = child.communicate()
    assert (child.returncode, out, err) == (2, "", "steepest: error: none.csv: no such file\n")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for a child alone")
def test_interrupt(tmp_path: Path) -> None:
    with process("train", "--epochs", "1000000", folder=tmp_path) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=20)
    assert (child.returncode, err) == (130, "steepest: interrupted\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently")
def test_a_reader_that_stops_early(tmp_path: Path) -> None:
    steepest.Sequential(steepest.Linear(2, 3)).save(tmp_path / "m.safetensors")
    np.save(tmp_path / "rows.npy", np.ones((200_000, 2)))
    with process("predict", "m.safetensors", "rows.npy", folder=tmp_path) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        err = child.stderr.read()
    assert (child.returncode, err) == (141, "")
