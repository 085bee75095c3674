"""The table and the picture of the benchmarks, from made-up times; `pytest bench` runs what they measure."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("steepest._core")  # which measures the machine

STEP = {"name": "8 x 4-4 softmax float32", "dtype": "float32", "flops": 100, "bytes": 5000, "limit": "peak"}
RECORD = {
    "machine": "a processor",
    "steepest": {"isa_active": "avx2"},
    "threads": 2,
    "rounds": 3,
    "peak_gflops": {"float32": 0.001},
    "bandwidth_gbytes": 0.1,
    "steps": [
        STEP | {"seconds": {"steepest": [2e-4, 1e-4, 3e-4], "numpy": [3e-4] * 3}, "failed": {"jax": "why"}},
        STEP | {"limit": "bandwidth", "seconds": {"steepest": [1e-3], "numpy": [5e-4]}, "failed": {}},
        STEP | {"limit": "", "seconds": {"steepest": [2.34e-6]}, "failed": {}},
    ],
}


@pytest.fixture(autouse=True)
def folder(monkeypatch):
    """Its scripts import each other by name."""
    names = {path.stem for path in (Path(__file__).parents[2] / "bench").glob("*.py")}
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "bench")
    yield
    for name in names & sys.modules.keys():
        del sys.modules[name]


def test_table():
    from harness import markdown
    from table import lines

    printed = markdown(lines(RECORD["steps"], ["steepest", "numpy", "jax"], RECORD)).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in printed]
    assert cells[0] == ["microseconds", "steepest (best)", "numpy", "jax", "best peer", "share of limit"]
    assert cells[2][1:3] == ["200 (best 100)", "300 (1.5x)"]
    assert cells[2][3:] == ["failed", "numpy 1.50x", "50% of peak"]
    assert cells[3][1:3] == ["1000 (best 1000)", "500 (0.5x)"]
    assert cells[3][4:] == ["numpy 0.50x", "5% of bandwidth"]
    assert cells[4][1:] == ["2.3 (best 2.3)", "", cells[4][3], "", ""]


def test_cases_in_one_dtype_or_both():
    from table import cases

    for dtype in ("float32", "float64"):
        assert {case.dtype for case in cases(dtype)} == {dtype}
    both = cases("both")
    assert len(both) == len(set(both)) == 2 * len(cases("float32"))


def test_a_failure_is_reported_but_a_wrong_answer_is_not_forgiven():
    from rounds import _started

    def start(error):
        raise error

    runs, failed = _started({"a": lambda: len, "b": lambda: start(RuntimeError("why\nwhere"))})
    assert list(runs) == ["a"] and failed == {"b": "RuntimeError: why"}
    with pytest.raises(AssertionError, match="off"):
        _started({"b": lambda: start(AssertionError("off"))})


def test_the_picture_is_the_same_each_time(tmp_path):
    pytest.importorskip("matplotlib")
    from picture import draw, save

    for name in ("a.svg", "b.svg"):
        save(draw(RECORD), tmp_path / name)
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "b.svg").read_bytes() and b"<dc:date>" not in first
