"""Every snippet of the README is run: Python as it stands, `steepest` commands here, the rest by CI.

So is the Python of docs/lecture.md and docs/sklearn.md.
"""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest

import steepest as st
from steepest.cli import parser as cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LECTURE, SKLEARN = (
    (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("lecture.md", "sklearn.md")
)


def snippets(language: str, document: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", document, re.DOTALL)


def run(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What it prints, run in that folder."""
    monkeypatch.chdir(folder)
    Path("snippet.py").write_text(source, encoding="utf-8")
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
    if accuracy := re.search(r"test accuracy (\S+)", output):
        assert float(accuracy[1]) > 0.95


@pytest.mark.parametrize("source", [*snippets("python", LECTURE), *snippets("python", SKLEARN)])
def test_documents_print_what_stands_beside(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, needed in (("sklearn", "sklearn.base"), ("Display", "matplotlib")):
        if name in source:
            pytest.importorskip(needed)
    promised = re.findall(r"^print\(.*\)  # (.*)$", source, re.MULTILINE)
    assert promised
    assert run(source, tmp_path, monkeypatch).splitlines() == promised


def test_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
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
    assert [command.split()[1] for command in commands] == ["train", "predict", "info"]
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
        "pip install '.[bench]'        # PyTorch, JAX, Optax, scikit-learn, matplotlib: any may be missing",
        *(line for line in lines if line.startswith("python bench/")),  # see bench/bench_scripts.py
        *(line for line in lines if "bash .ci/sanitize" in line),
        "cmake -B build/core -DSTEEPEST_PYTHON=OFF -DSTEEPEST_TESTS=ON -DSTEEPEST_SANITIZE=address,undefined",
        "cmake --build build/core -j2 && ctest --test-dir build/core",
    ]
    passes = (ROOT / "bench" / "bench_scripts.py").read_text(encoding="utf-8")
    scripts = re.findall(r"^python bench/(\w+\.py)", README, re.MULTILINE)
    assert scripts and all(f'"{script}"' in passes for script in scripts)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for step in (
        *("python3 -m venv", "pip install --quiet .\n", "steepest train", "'.[test]'", "pytest -q -m ''\n"),
        "bash .ci/sanitize\n",
    ):
        assert step in ci
