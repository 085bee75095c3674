"""Every snippet of the README is run: Python as it stands, `steepest` commands here, the rest by CI.

So is the Python of the documents. The figures of the README's first screen are those of
bench/first_screen.json, of the README's tables of speed and of docs/sklearn.md.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE

import numpy as np
import pytest

import steepest as st
from steepest.cli import parser as cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LECTURE, SKLEARN, LINEAR, COMING, DISTRIBUTED, CONTRIBUTING = (
    (ROOT / "docs" / name).read_text(encoding="utf-8")
    for name in (
        "lecture.md",
        "sklearn.md",
        "linear.md",
        "coming_from.md",
        "distributed.md",
        "CONTRIBUTING.md",
    )
)


def snippets(language: str, document: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


def run(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What it prints, run in that folder."""
    monkeypatch.chdir(folder)
    Path("snippet.py").write_text(source, encoding="utf-8")
    if "__main__" in source:  # which its processes import
        return subprocess.run([sys.executable, "snippet.py"], check=True, stdout=PIPE, text=True).stdout
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            runpy.run_path("snippet.py")
    finally:
        st.set_num_threads(None)
    return output.getvalue()


@pytest.mark.parametrize("source", snippets("python"))
def test_python(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "sklearn" in source:
        pytest.importorskip("sklearn.base")
    output = run(source, tmp_path, monkeypatch)
    assert output
    if promised := re.findall(r"^print\(.*\)  # (.*)$", source, re.MULTILINE):
        assert output.splitlines() == promised
    if accuracy := re.search(r"test accuracy (\S+)", output):
        assert float(accuracy[1]) > 0.95


@pytest.mark.parametrize(
    "source",
    [text for page in (LECTURE, SKLEARN, LINEAR, COMING, DISTRIBUTED) for text in snippets("python", page)],
)
def test_documents_print_what_stands_beside(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"sklearn": "sklearn.base", "Display": "matplotlib", "torch": "torch", "import ray": "ray"}
    for name, needed in (needs | {"distributed": "distributed", "dask_ml": "dask_ml"}).items():
        if name in source:
            pytest.importorskip(needed)
    promised = re.findall(r"^ *print\(.*\)  # (.*)$", source, re.MULTILINE)
    assert promised
    assert run(source, tmp_path, monkeypatch).splitlines() == promised


def test_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn.base")  # for the last command
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, 80)
    rows = [
        f"{length:.3f},{kind},{'rose' if kind else 'lily'}"
        for length, kind in zip(rng.random(80), kinds, strict=True)
    ]
    Path("flowers.csv").write_text("\n".join(["length,width,kind", *rows]), encoding="utf-8")
    commands = [
        line for block in snippets("sh") for line in block.splitlines() if line.startswith("steepest ")
    ]
    assert [command.split()[1] for command in commands] == ["train", "evaluate", "predict", "info", "train"]
    for command in commands:
        assert cli.main(shlex.split(command)[1:]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "saved flowers.safetensors" in out
    assert st.__version__ in out


def test_installing_and_building_are_what_ci_and_the_build_test_do() -> None:
    lines = [
        line for block in snippets("sh") for line in block.splitlines() if not line.startswith("steepest ")
    ]
    assert lines == [
        "python3 -m venv .venv && . .venv/bin/activate",
        "pip install . && steepest train",
        "pip install '.[test]' && pytest",
        "pip install '.[playground]' && steepest playground",
        "pip install '.[bench]'        # PyTorch, JAX, Optax, scikit-learn, matplotlib: any may be missing",
        *(line for line in lines if line.startswith("python bench/")),  # see bench/bench_scripts.py
    ]
    (core,) = (block for block in snippets("sh", CONTRIBUTING) if "build/core" in block)
    assert core.splitlines() == [
        "cmake -B build/core -DSTEEPEST_PYTHON=OFF -DSTEEPEST_TESTS=ON -DSTEEPEST_SANITIZE=address,undefined",
        "cmake --build build/core -j2 && ctest --test-dir build/core",
    ]
    (sanitize,) = (block for block in snippets("sh", CONTRIBUTING) if "bash .ci/sanitize" in block)
    assert all("bash .ci/sanitize" in line for line in sanitize.splitlines())
    passes = (ROOT / "bench" / "bench_scripts.py").read_text(encoding="utf-8")
    scripts = re.findall(r"^python bench/([\w/]+\.py)", README, re.MULTILINE)
    assert scripts and all(f'"{script}"' in passes for script in scripts)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for step in (
        *(
            "python3 -m venv",
            "pip install --quiet .\n",
            "steepest train",
            "steepest train --model tabular",
            "pytest -q -m '' ",
            "steepest playground",
        ),
        "pip install --quiet 'steepest[playground,test,lint]'",  # of what is installed from the folder
        "bash .ci/sanitize\n",
    ):
        assert step in ci


def cells(start: str, document: str = README) -> list[str]:
    """The cells after the first of the only row of a table that begins so."""
    (row,) = re.findall(rf"^\| {re.escape(start)}.*\|$", document, re.MULTILINE)
    return [cell.strip() for cell in row.strip("|").split("|")][1:]


def test_the_first_table_has_what_was_measured() -> None:
    record = json.loads((ROOT / "bench" / "first_screen.json").read_text(encoding="utf-8"))
    sizes, times = (
        [record["packages"][name][kind] for name in ("steepest", "scikit-learn", "torch")]
        for kind in ("bytes", "seconds")
    )
    first = cells("installed size")
    assert [re.match(r"(\d+) MB", cell)[1] for cell in first] == [f"{size / 1e6:.0f}" for size in sizes]
    for cell, seconds in zip(cells("time to import"), times, strict=True):
        assert float(cell.removesuffix(" s")) == pytest.approx(seconds, abs=0.005)
    memory = [record["fits"][name]["own_most"] for name in ("steepest", "sklearn", "torch")]
    assert cells("memory of the process") == [f"{most / 1e6:.0f} MB" for most in memory]
    assert f"{memory[0] / 1e6:.0f} MB of private memory" in README
    assert cells("the same bits") == ["yes" if same else "no" for same in record["same"].values()]
    for name in ("torch", "scikit-learn"):
        assert record["versions"][name].partition("+")[0] in README


def test_the_first_screen_repeats_the_tables() -> None:
    ours, theirs, torch = cells("20 epochs of a small network")
    assert cells("20 epochs of the bundled digits") == [ours, *(f"{t.split()[0]}x" for t in (theirs, torch))]
    claims = README[: README.index("## Install")].replace("\n", " ")
    digits, images = cells("digits, 1,438 x 64", SKLEARN), cells("5,000 x 784 images", SKLEARN)
    seconds = [float(cell.split()[0]) for cell in digits[:2]]
    assert f"{seconds[0]:.2f} s instead of {seconds[1]:.2f} s" in claims
    assert f"{digits[2].removesuffix('x')} times as fast" in claims
    median, best = re.fullmatch(r"(.*)x, best (.*)x", images[2]).groups()
    assert f"{best} to {median} times as fast" in claims
    peer = re.search(r"([\d.]+)x", cells("256 x 1024-1024-1024-10")[-2])[1]
    assert f"trains {peer} times as fast as in the best of the others" in claims
