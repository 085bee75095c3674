"""The counting of instructions, as far as it needs no valgrind; `bench/instructions.py` does the rest."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "instructions.py"


@pytest.fixture(scope="module")
def instructions():
    spec = importlib.util.spec_from_file_location("instructions", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_totals_are_read(instructions):
    dump = "# callgrind format\npart: 2\nevents: Ir\nsummary: 123456\n\nfn=(1) f\n3 7\n\ntotals: 123456\n"
    assert instructions.total(dump) == 123456
    with pytest.raises(ValueError, match="not output of callgrind"):
        instructions.total("nothing")


def test_growth_beyond_the_tolerance_fails(instructions):
    recorded = {"a": 1000, "b": 1000, "c": 1000, "gone": 1}
    lines, good = instructions.compare(recorded, {"a": 1009, "b": 900, "c": 1000, "new": 5})
    assert good and len(lines) == 5
    assert lines[1].split() == ["a", "1000", "1009", "+0.90%"]
    assert lines[2].endswith("-10.00%  fell: --update") and lines[4].endswith("new")
    lines, good = instructions.compare(recorded, {"a": 1011, "b": 1000})
    assert not good and lines[1].endswith("+1.10%  GREW")


def test_every_case_runs_and_is_recorded(instructions):
    for run, n in instructions.cases().values():
        run(n)
    record = json.loads(SCRIPT.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["counts"].keys() == instructions.cases().keys()
    assert record["build"].keys() == instructions.build().keys()


def test_without_valgrind_it_says_so(instructions, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT)])
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="valgrind is not here"):
        instructions.main()
