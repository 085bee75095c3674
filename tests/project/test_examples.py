"""Every example: the numbers it prints, its picture, and that docs/lecture.md shows what it prints."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.implementations import needs_native

pytest.importorskip("matplotlib", reason="the examples draw with matplotlib")
pytestmark = needs_native  # in NumPy they take minutes

ROOT = Path(__file__).parents[2]
LECTURE = (ROOT / "docs" / "lecture.md").read_text(encoding="utf-8")
PUBLISHED = {
    vector["name"]: np.ravel(vector["expected"]).tolist()
    for vector in json.loads((Path(__file__).parents[1] / "support/published.json").read_text())["vectors"]
    if isinstance(vector["expected"], list)
}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")
DIGIT = 1 / 450  # of the digits for test in templates.py; there are more in all others but the noisy 400


def trajectory(name: str, words: str, every: int, tolerance: float) -> list[tuple[str, list[float], float]]:
    losses = enumerate(PUBLISHED[name])
    return [(f"{words} iteration {i * every:4d} loss", [loss], tolerance) for i, loss in losses]


# Of each script: lines, given by how they begin, the numbers that follow, and how far off those may be. Half
# a unit of the last digit printed belongs to every tolerance; all else is arithmetic in float64, where the
# instruction sets differ by far less, or a count of samples right, of which some may lie on the edge.
EXPECTED = {
    "optimization_ladder": [
        ("random search", [2.2018], 6e-5),
        ("random search        2.2018", [19.2, 1000], 0.3),  # per cent of 359 digits
        ("local search", [0.3453], 6e-5),
        ("local search         0.3453", [79.7, 1001], 0.3),
        ("numerical gradient", [1.6646], 6e-5),
        ("numerical gradient   1.6646", [77.2, 4 + 3 * 2 * 650], 0.3),
        ("analytic gradient", [0.1342], 6e-5),
        ("analytic gradient    0.1342", [87.5, 101], 0.3),
        ("after three steps the two descents are", [0.0], 1e-6),
    ],
    "check_gradients": [
        ("gradients are right to 1e-06:", [240, 0], 0),
        ("gradients are WRONG to 1e-06:", [240, 0], 0),
        # Forward differences gain a digit a digit of h, central ones two, until rounding takes one for one.
        ("forward ", [1.3, 2.3, 3.3, 4.3, 5.3, 6.3], 0.11),
        ("central ", [3.0, 5.0, 7.0], 0.11),
    ],
    "softmax_vs_svm": [
        ("cat ", [3.2, 5.1, -1.7, 2.9, 2.0404], 6e-5),  # published: 2.9 and 2.04
        ("car ", [1.3, 4.9, 2.0, 0.0, 0.0791], 6e-5),  # 0
        ("frog ", [2.2, 2.5, -3.1, 12.9, 6.1565], 6e-5),  # 12.9
        ("mean", [5.2667, 2.7587], 6e-5),  # 5.27
        ("probabilities of the cat's image", [0.13, 0.87, 0.00], 5.1e-3),  # 0.13, 0.87, 0
        (" -1.0 SVM", [0.0], 0),  # SVM does not care, softmax always does
        (" -1.0 SVM  0.0000 softmax", [0.2020], 6e-5),
    ],
    "templates": [
        ("softmax  objective", [0.3538], 1e-4),
        ("softmax  objective 0.3538 train", [0.977], 0.005),
        ("hinge    objective", [0.1752], 1e-4),
    ],
    "polynomial_regression": [
        ("     0.0      1", [3.9583, 8.0549], 6e-5),
        ("     0.0      3", [0.0794, 0.3572], 6e-5),
        ("     0.0      7", [0.0, 6793], 1),
        ("     0.1      1", [3.9595, 7.7354], 6e-5),
        ("     0.1      7", [0.2723, 7.3155], 6e-5),
    ],
    "activations": [
        ("Sigmoid   f ", [0.1192, 0.3775, 0.5, 0.6225, 0.8808], 6e-5),
        ("Tanh      f ", [-0.9640, -0.4621, 0.0, 0.4621, 0.9640], 6e-5),
        ("ReLU      f ", [0, 0, 0, 0.5, 2], 0),
    ],
    "spiral_case_study": [
        *trajectory("case_study_softmax_losses", "linear", 10, 1.1e-6),
        *trajectory("case_study_net_losses", "net", 1000, 6.5e-6),
        ("linear training accuracy", PUBLISHED["case_study_softmax_acc"], 0.005),
        ("net training accuracy", PUBLISHED["case_study_net_acc"], 0.005),
    ],
    "error_decomposition": [
        ("  remaining", [0.037, 0.0026], 2 * DIGIT),
        ("  approximation", [0.3548, 0.0122], 2 * DIGIT),
        ("  total", [0.6630, 0.0219], 2 * DIGIT),
    ],
    "regularization": [
        ("nothing", [200, 0.9925, 0.8304, 0], 2 / 400),
        ("L2", [200, 0.8325, 0.9316, 0], 2 / 400),
        ("L1", [200, 0.8600, 0.8706, 0], 2 / 400),
        ("elastic net", [200, 0.8400, 0.9189, 0], 2 / 400),
        ("proximal L1", [200, 0.9875, 0.8396], 2 / 400),
        ("dropout", [200, 0.9375, 0.8933, 0], 3 / 400),
        ("max-norm", [200, 0.8400, 0.9289, 0], 2 / 400),
        ("batch norm", [200, 1.0, 0.8113, 0], 2 / 400),
        ("stochastic depth", [200, 0.9975, 0.8131, 0], 3 / 400),
        ("early stopping", [49, 0.8575, 0.8988, 0], 2 / 400),
    ],
    "two_layer_network": [
        ("step    0  loss", [24635.893499], 1e-6),
        ("step  100  loss", [2383.155575], 1e-6),
        ("step 1999  loss", [4.348503], 1e-6),
    ],
}


@functools.cache
def printed(script: str, folder: Path) -> str:
    """What it prints, run once, in a folder of its own, without a screen and with one thread."""
    environment = {**os.environ, "MPLBACKEND": "agg", "STEEPEST_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    environment.pop("DISPLAY", None)
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{script}.py")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


def test_every_example_is_in_the_table() -> None:
    """But that of Optuna, which draws its trials as its version has it."""
    scripts = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert scripts == EXPECTED.keys() | {"optuna_pruning"}


def test_optuna_prunes_trials_and_finds_a_good_one(folder: Path) -> None:
    pytest.importorskip("optuna")
    lines = printed("optuna_pruning", folder).splitlines()
    trials, epochs, best, alone = ([float(n) for n in NUMBER.findall(line)] for line in lines)
    assert trials[0] == 30 and 5 <= trials[1] < 25
    assert 100 < epochs[0] < 400 and epochs[1] == 450
    assert 0.05 < best[0] < 0.2 and alone == best[:1]
    assert (folder / "optuna_pruning.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize("script", EXPECTED)
def test_example(script: str, folder: Path) -> None:
    lines = printed(script, folder).splitlines()
    for start, numbers, tolerance in EXPECTED[script]:
        line = next((line for line in lines if line.startswith(start)), None)
        assert line is not None, f"no line begins with {start!r}"
        found = [float(number) for number in NUMBER.findall(line[len(start) :])][: len(numbers)]
        assert found == pytest.approx(numbers, rel=0, abs=tolerance), line
    picture = folder / f"{script}.png"
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and picture.stat().st_size > 5000


def test_the_picture_goes_where_it_is_told(tmp_path: Path) -> None:
    script, picture = ROOT / "examples" / "activations.py", tmp_path / "elsewhere.svg"
    subprocess.run(
        [sys.executable, script, picture], cwd=tmp_path, check=True, capture_output=True, timeout=60
    )
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.svg"]
    assert "<svg" in picture.read_text(encoding="utf-8")


BLOCKS = re.findall(r"```text\n\$ python examples/(\w+)\.py\n(.*?)```", LECTURE, re.DOTALL)


def test_the_lecture_shows_every_example_and_its_picture() -> None:
    shown = [script for script, _ in BLOCKS]
    assert sorted(shown) == sorted(EXPECTED)
    pictures = re.findall(r"!\[[^]]+\]\((\S+)\)", LECTURE)
    assert [f"lecture/{script}.png" for script in shown] == pictures
    sizes = [(ROOT / "docs" / picture).stat().st_size for picture in pictures]
    assert min(sizes) > 5000 and sum(sizes) < 600_000


@pytest.mark.parametrize(("script", "block"), BLOCKS, ids=[script for script, _ in BLOCKS])
def test_the_lecture_shows_what_is_printed(script: str, block: str, folder: Path) -> None:
    """All of it but the times, and lines left out where `...` stands."""
    actual = [line for line in printed(script, folder).splitlines() if "microseconds" not in line]
    shown = [line for line in block.splitlines() if line != "..."]
    assert len(shown) == len(actual) or "\n...\n" in block
    rest = iter(actual)
    for line in shown:
        assert any(same(line, other) for other in rest), f"{line!r} is shown, but not printed there"


def same(shown: str, actual: str) -> bool:
    """Equal words, and numbers to 1e-5 with six decimals, to 0.005 with fewer, counts to 1 %.

    1e-5 is what the rounding of an instruction set grows to in the 10,000 steps of the case study's network.
    """
    if NUMBER.sub("#", shown).split() != NUMBER.sub("#", actual).split():
        return False
    for a, b in zip(NUMBER.findall(shown), NUMBER.findall(actual), strict=True):
        decimals = len(a.partition(".")[2])
        allowed = 0.01 * abs(float(a)) if decimals == 0 else 5e-3 if decimals < 6 else 1e-5
        if abs(float(a) - float(b)) > allowed:
            return False
    return True
