"""Every example that draws: the numbers it prints, and its picture."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib", reason="the examples draw with matplotlib")

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")

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
}


@pytest.mark.parametrize("script", EXPECTED)
def test_example(script: str, tmp_path: Path) -> None:
    """Run in a folder of its own, without a screen and with one thread."""
    environment = {**os.environ, "MPLBACKEND": "agg", "STEEPEST_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    environment.pop("DISPLAY", None)
    run = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{script}.py")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    for start, numbers, tolerance in EXPECTED[script]:
        line = next((line for line in lines if line.startswith(start)), None)
        assert line is not None, f"no line begins with {start!r}"
        found = [float(number) for number in NUMBER.findall(line[len(start) :])][: len(numbers)]
        assert found == pytest.approx(numbers, rel=0, abs=tolerance), line
    assert (tmp_path / f"{script}.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_picture_goes_where_it_is_told(tmp_path: Path) -> None:
    script, picture = ROOT / "examples" / "check_gradients.py", tmp_path / "elsewhere.svg"
    subprocess.run(
        [sys.executable, script, picture], cwd=tmp_path, check=True, capture_output=True, timeout=300
    )
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere.svg"]
    assert "<svg" in picture.read_text(encoding="utf-8")
