"""Count the instructions of small steps and calls with valgrind: a speed test that noise does not affect.

    python bench/instructions.py            # compares with instructions.json; exit code 1 if one grew by 1 %
    python bench/instructions.py --update   # writes instructions.json

Needs valgrind and the installed package, on x86-64 with AVX2, the best that valgrind emulates. One thread.
Counts differ between compilers, and those of calls between versions of Python and NumPy.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import steepest as st

RECORD = Path(__file__).with_suffix(".json")
TOLERANCE = 0.01  # counts repeat to 1e-4; this leaves room for another alignment of an array
Run = Callable[[int], object]


def trainer(*sizes: int, activation: Any, bias: bool = True, **config: Any) -> st.Trainer:
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [st.Linear(fan_in, fan_out, bias=bias), activation]
    return st.Trainer(st.Sequential(*layers[:-1]), **config)


def batch(samples: int, features: int, classes: int) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    X = random.standard_normal((samples, features), np.float32)
    return X, random.integers(classes, size=samples)


def steps(trainer: st.Trainer, X: Any, y: Any) -> Run:
    """Steps within one call of `fit`."""
    return lambda n: trainer.fit(X, y, epochs=n, batch_size=None, shuffle=False, progress=False)


def calls(call: Callable[..., object], *arguments: Any) -> Run:
    def run(n: int) -> None:
        for _ in range(n):
            call(*arguments)

    return run


def cases() -> dict[str, tuple[Run, int]]:
    """What is counted, and how often it is done."""
    lecture = trainer(
        *(1000, 100, 10),
        activation=st.Sigmoid(),
        bias=False,
        loss=st.SquaredError("sum"),
        optimizer=st.SGD(1e-4),
    )
    momentum = trainer(784, 64, 10, activation=st.ReLU(), optimizer=st.SGD(0.01, 0.9))
    adam = trainer(784, 64, 10, activation=st.ReLU(), optimizer=st.Adam())
    tiny = trainer(2, 8, 8, 2, activation=st.Tanh(), optimizer=st.SGD(0.01))
    X, y = batch(64, 1000, 10)
    row = batch(1, 784, 10)[0]
    return {
        "step 64 x 1000-100-10 sigmoid squared_error": (
            steps(lecture, X, np.eye(10, dtype=np.float32)[y]),
            2,
        ),
        "step 128 x 784-64-10 relu softmax momentum": (steps(momentum, *batch(128, 784, 10)), 2),
        "step 10 x 2-8-8-2 tanh softmax": (steps(tiny, *batch(10, 2, 2)), 100),
        "Trainer.step(X, y), 10 x 2-8-8-2": (calls(tiny.step, *batch(10, 2, 2)), 100),
        "model(x), 1 x 784-256-10": (calls(trainer(784, 256, 10, activation=st.ReLU()).model, row), 20),
        "model(x), 1 x 4-3": (calls(trainer(4, 3, activation=st.ReLU()).model, row[:, :4].copy()), 100),
        "step 128 x 784-64-10 relu softmax adam": (steps(adam, *batch(128, 784, 10)), 2),
    }


def mark() -> None:
    """Make valgrind write what it counted since the last mark: it is told to before each getppid()."""
    os.getppid()


def measured() -> None:
    """What runs under valgrind: each case n times and 2n times, so that what does not repeat drops out."""
    gc.disable()
    for run, n in cases().values():
        run(n)  # allocates, and caches
        for times in (n, 2 * n):
            mark()
            run(times)
        mark()


def total(dump: str) -> int:
    """Instructions that a file of callgrind's counts."""
    found = re.search(r"^(?:summary|totals): (\d+)", dump, re.MULTILINE)
    if not found:
        raise ValueError("this is not output of callgrind")
    return int(found[1])


def counted() -> dict[str, float]:
    """Instructions of each case, for one step or call."""
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not here")
    environment = os.environ | {"STEEPEST_ISA": "avx2", "STEEPEST_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    environment |= {"STEEPEST_BACKEND": "native", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        callgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--dump-before=getppid"]
        done = subprocess.run(
            [*callgrind, sys.executable, __file__, "--measured"],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            sys.exit(done.stderr[-2000:])
        counts = {}
        for number, (name, (_, n)) in enumerate(cases().items()):
            once, twice = (total(Path(f"{out}.{3 * number + i}").read_text()) for i in (2, 3))
            counts[name] = round((twice - once) / n)
    return counts


def build() -> dict[str, str]:
    """What counts depend on, besides the sources."""
    compiler = str(st.build_info()["compiler"])
    return {"compiler": compiler, "python": platform.python_version(), "numpy": np.__version__}


def compare(expected: Mapping[str, float], found: Mapping[str, float]) -> tuple[list[str], bool]:
    """A table, and whether none of the counts grew beyond the tolerance."""
    width, good = max(map(len, found)), True
    lines = [f"{'instructions':{width}}  {'recorded':>10}  {'now':>10}   change"]
    for name, count in found.items():
        before = expected.get(name)
        if before is None:
            lines.append(f"{name:{width}}  {'':10}  {count:10}   new")
            continue
        change = count / before - 1
        verdict = "  GREW" if change > TOLERANCE else "  fell: --update" if change < -TOLERANCE else ""
        good = good and change <= TOLERANCE
        lines.append(f"{name:{width}}  {before:10}  {count:10}  {change:+7.2%}{verdict}")
    return lines, good


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="write the counts to instructions.json")
    parser.add_argument("--measured", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measured:
        measured()
        return 0
    record = (
        json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {"build": {}, "counts": {}}
    )
    counts = counted()
    lines, good = compare(record["counts"], counts)
    print(*lines, sep="\n")
    for what, value in build().items():
        if (recorded := record["build"].get(what, value)) != value:
            print(f"recorded with {what} {recorded}, counted with {value}: differences may be theirs")
    if options.update:
        text = json.dumps({"build": build(), "counts": counts}, indent=2)
        RECORD.write_text(text + "\n", encoding="utf-8")
        return 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
