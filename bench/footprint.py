"""Print what it takes to have steepest, scikit-learn or PyTorch: disk, time to import, memory once imported.

    python bench/footprint.py [--rounds 7] [--quick] [--json FILE]

The size is that of every file of a package and of all that it requires, NumPy among them, as installed in
this environment. Imports take turns, each in a new process; times are medians over the rounds. Memory is what
the process allocated itself (RssAnon), without pages of files. Needs Linux.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import median

from harness import options, parsed, report, take_turns
from memory import MEGABYTE, STATUS
from packaging.requirements import Requirement

# By the name of the package: what a program imports of it to train a network.
IMPORTS = {
    "steepest": "import steepest",
    "scikit-learn": "from sklearn.neural_network import MLPClassifier",
    "torch": "import torch",
}
CHILD = """
import time
start, busy = time.perf_counter(), time.process_time()
{statement}
seconds, busy = time.perf_counter() - start, time.process_time() - busy
kilobytes = open("{status}").read().split("RssAnon:")[1].split()[0]
print([seconds, busy, 1024 * int(kilobytes)])
"""


def main() -> None:
    """Measure, print, and write the file."""
    given = parsed(options("Disk, import time and memory, steepest against others.", rounds=7))
    if not STATUS.exists():
        raise SystemExit(f"there is no {STATUS} here to read: the script needs Linux")
    names = [name for name in IMPORTS if installed(name)]
    times = take_turns({name: lambda name=name: imported(IMPORTS[name]) for name in names}, given.rounds)
    lines = [["package", "installed MB", "of it NumPy", "import s", "its CPU s", "memory MB"]]
    results = {}
    for name in names:
        files = sum(map(size, closure(name)))
        wall, busy, memory = (median(column) for column in zip(*times[name], strict=True))
        results[name] = {"bytes": files, "seconds": wall, "cpu_seconds": busy, "memory": memory}
        sizes = f"{files / MEGABYTE:.0f}", f"{sum(map(size, closure('numpy'))) / MEGABYTE:.0f}"
        lines.append([name, *sizes, f"{wall:.2f}", f"{busy:.2f}", f"{memory / MEGABYTE:.0f}"])
    absent = [name for name in IMPORTS if name not in names]
    report(given, lines, {"packages": results}, absent=absent or "nothing")


def installed(name: str) -> bool:
    """Whether this environment has the package, installed by pip."""
    try:
        return bool(distribution(name).files)
    except PackageNotFoundError:
        return False


def closure(name: str, seen: frozenset[str] = frozenset()) -> frozenset[str]:
    """The names of a package and of all that it requires here, without extras."""
    seen |= {name.lower()}
    for requirement in map(Requirement, distribution(name).requires or ()):
        applies = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if applies and requirement.name.lower() not in seen:
            seen = closure(requirement.name, seen)
    return seen


def size(name: str) -> int:
    """The bytes of a package's installed files."""
    paths = (Path(str(file.locate())) for file in distribution(name).files or ())
    return sum(path.stat().st_size for path in paths if path.exists())


def imported(statement: str) -> list[float]:
    """Seconds, seconds of processor time, and bytes of memory of an import in a new process."""
    code = CHILD.format(statement=statement, status=STATUS)
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return list(json.loads(child.stdout))


if __name__ == "__main__":
    main()
