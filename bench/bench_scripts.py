"""A quick run of each script, as a user calls it: it must finish, and write a file that can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest

FOLDER = Path(__file__).parent


def run(script: str, *arguments: object) -> str:
    command = [sys.executable, FOLDER / script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def quick(path: Path, script: str, *arguments: object) -> Any:
    printed = run(script, "--quick", "--threads", 1, "--json", path, *arguments)
    assert "| steepest" in printed or "| 128 x" in printed
    return json.loads(path.read_text())


def test_table_and_picture(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    steps = quick(path, "table.py", "--only", "x 784-256-10", "--dtype", "both", "--peers", "numpy")["steps"]
    assert [step["dtype"] for step in steps] == ["float32", "float64"] * 2
    if find_spec("matplotlib"):
        pictures = [tmp_path / "one.svg", tmp_path / "other.svg"]
        for picture in pictures:
            run("picture.py", path, picture)
        assert pictures[0].read_bytes() == pictures[1].read_bytes()
        assert "<svg" in pictures[0].read_text()


def test_scaling(tmp_path: Path) -> None:
    (step,) = quick(tmp_path / "scaling.json", "scaling.py", "--only", "x 784-256-10")["steps"]
    assert step["seconds"].keys() == {"1"}


def test_additions(tmp_path: Path) -> None:
    command = [sys.executable, FOLDER / "additions.py", "--quick", "--threads", "1", "--only", "o"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "| dropout" in printed and "| AdamW" not in printed


def test_neighbours(tmp_path: Path) -> None:
    results = quick(tmp_path / "neighbours.json", "neighbours.py")
    assert len(results["turns"]) == 3 and len(results["beside"]) == 4
    for fit in results["fits"].values():
        assert fit["outcomes"]["steepest"] == fit["outcomes"]["steepest, 1 thread"]


def test_accuracy(tmp_path: Path) -> None:
    tasks = quick(tmp_path / "accuracy.json", "accuracy.py", "--only", "digits", "--peers", "reference")[
        "tasks"
    ]
    assert tasks[0]["accuracy"].keys() == {"steepest", "reference"}


@pytest.mark.skipif(not find_spec("sklearn"), reason="estimators.py needs scikit-learn")
def test_estimators(tmp_path: Path) -> None:
    seconds = quick(tmp_path / "estimators.json", "estimators.py", "--only", "digits, default")["seconds"]
    assert seconds["digits, default"].keys() == {"steepest", "scikit-learn"}


@pytest.mark.skipif(not find_spec("sklearn"), reason="same_bits.py needs scikit-learn")
def test_same_bits(tmp_path: Path) -> None:
    command = [sys.executable, FOLDER / "same_bits.py", "--json", tmp_path / "bits.json"]
    subprocess.run(command, capture_output=True, check=True)
    assert json.loads((tmp_path / "bits.json").read_text())["same"]["steepest"]


@pytest.mark.skipif(not list(distributions(name="steepest")), reason="footprint.py needs an installation")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="footprint.py needs Linux")
def test_footprint(tmp_path: Path) -> None:
    packages = quick(tmp_path / "footprint.json", "footprint.py")["packages"]
    assert all(min(figures.values()) > 0 for figures in packages.values())
    assert packages["steepest"]["bytes"] > 1e6  # NumPy at least


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory.py needs Linux")
def test_memory(tmp_path: Path) -> None:
    for fit in quick(tmp_path / "memory.json", "memory.py", "--peers", "sklearn,torch")["fits"].values():
        assert fit["own_before"] <= fit["own_most"] < fit["all_most"]
        assert fit["files_most"] >= 2_000 * 784 * 4  # the data


@pytest.mark.skipif(not (which("chromium") and find_spec("selenium")), reason="frames.py needs Chromium")
def test_playground(tmp_path: Path) -> None:
    path = tmp_path / "frames.json"
    printed = run("playground/frames.py", "--seconds", 1, "--soak", 1, "--json", path)
    assert "| 2-4-2-2, circle |" in printed
    assert all(row["steps"] > 0 < row["drawn"] for row in json.loads(path.read_text())["networks"].values())


@pytest.mark.skipif(not find_spec("sklearn"), reason="text.py needs scikit-learn")
def test_text(tmp_path: Path) -> None:
    scores = quick(tmp_path / "text.json", "text.py")["accuracy"]
    assert scores["steepest"] > 0.4 and scores["LinearSVC"] > 0.4  # of some ten packages


@pytest.mark.skipif(not find_spec("sklearn"), reason="text_lengths.py needs scikit-learn")
def test_text_lengths(tmp_path: Path) -> None:
    scores = quick(tmp_path / "text_lengths.json", "text_lengths.py")["R^2"]
    assert scores["steepest"] > 0.5


@pytest.mark.skipif(not find_spec("sklearn"), reason="text_networks.py needs scikit-learn")
def test_text_networks(tmp_path: Path) -> None:
    hashed, every = quick(tmp_path / "text_networks.json", "text_networks.py")["seconds"].values()
    assert hashed.keys() == every.keys() > {"steepest, sgd", "scikit-learn, adam"}


@pytest.mark.skipif(not find_spec("sklearn"), reason="linear.py needs scikit-learn")
def test_linear(tmp_path: Path) -> None:
    path = tmp_path / "linear.json"
    printed = run("linear.py", "--quick", "--json", path)
    assert "LogisticRegression" in printed
    assert all(gap["steepest"] <= 1e-3 for gap in json.loads(path.read_text())["gaps"].values())
