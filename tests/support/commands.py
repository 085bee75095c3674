"""Runs the command line, here and in processes of their own, and writes files for it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

Run = Callable[..., tuple[int, str, str]]


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


GOOD = "a,b,y\n1,2,u\n3,4,v\n5,6,u\n7,8,v\n"


def assert_refused(run: Run, arguments: list[object], message: str) -> None:
    """Exit code 2, one line on stderr that says so, nothing on stdout, and no file made or changed."""
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("steepest: error: ")
    assert err.count("\n") == 1
    assert message in err
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before
