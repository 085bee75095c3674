"""Print how much memory a fit takes in addition to its data, in steepest and in other libraries.

    python bench/memory.py [--threads 2] [--samples 60000] [--peers A,B] [--quick] [--json FILE]

The data, 60,000 x 784 numbers in float32, stay in a .npy file that is mapped into memory. Each fit, one epoch
of 784-256-10, runs in a new process. Linux distinguishes what a process allocated itself (RssAnon) from its
pages of files (RssFile): the data, which the system can take back at any time, and the code of libraries.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from fits import FITS, INSTALLED, TASKS, clouds
from harness import options, parsed, report

STATUS = Path("/proc/self/status")
SAMPLE_SECONDS = 0.001
TASK = replace(TASKS["clouds 784-256-10"], epochs=1)
MEGABYTE = 1e6


def main() -> None:
    """Measure, print, and write the file."""
    parser = options("Memory of a fit, steepest against others.")
    parser.add_argument("--peers", default="reference,sklearn,torch", help=f"of {', '.join(FITS)}")
    parser.add_argument("--samples", type=int, default=60_000, help="rows of data (default 60000)")
    given = parsed(parser)
    names = list(dict.fromkeys(["steepest", *filter(None, given.peers.split(","))]))
    if unknown := [name for name in names if name not in FITS]:
        parser.error(f"no peer is called {', '.join(unknown)}; there are {', '.join(FITS)}")
    if not STATUS.exists():
        raise SystemExit(f"there is no {STATUS} here to read: the script needs Linux")
    samples = 2_000 if given.quick else given.samples
    absent = [name for name in names if name not in INSTALLED]
    results = measure([name for name in names if name not in absent], samples)
    head = ["MB", "private before", "private peak", "allocated by the fit", "files peak", "total peak"]
    lines = [head, *(row(name, result) for name, result in results.items())]
    size = f"{samples} x 784 float32, {samples * 784 * 4 / 1e6:.1f} MB"
    report(given, lines, {"fits": results}, data=size, absent=absent or "nothing")


def measure(names: Sequence[str], samples: int) -> dict[str, dict[str, int]]:
    """What `watch` saw in a process of each fit's own."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        x, y = clouds(samples, 0)[0]
        np.save(Path(folder, "x.npy"), x)
        np.save(Path(folder, "y.npy"), y)
        for name in names:
            print(f"measuring {name}", file=sys.stderr)
            child = subprocess.run(
                [sys.executable, __file__, "--child", name, folder],
                capture_output=True,
                text=True,
                check=True,
            )
            results[name] = json.loads(child.stdout)
    return results


def watch(name: str, folder: str) -> dict[str, int]:
    """The bytes of memory of this process before the fit, and at most during it."""
    fit = FITS[name][1]
    fit(np.eye(2, 784, dtype=np.float32), np.arange(2), replace(TASK, hidden=2, batch=2))  # for its imports
    # Mapped so that it could be written to, for this process alone: PyTorch warns of what it can only read.
    x, y = (np.load(Path(folder, part), mmap_mode="c") for part in ("x.npy", "y.npy"))
    before = memory()
    most, done = dict(before), threading.Event()

    def sample() -> None:
        while not done.wait(SAMPLE_SECONDS):
            for kind, size in memory().items():
                most[kind] = max(most[kind], size)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        fit(x, y, TASK)
    finally:
        done.set()
        sampler.join()
    return {
        "own_before": before["RssAnon"],
        "own_most": most["RssAnon"],
        "files_before": before["RssFile"],
        "files_most": most["RssFile"],
        "all_most": memory()["VmHWM"],
    }


def memory() -> dict[str, int]:
    """This process's memory by kind, in bytes."""
    fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return {kind: 1024 * int(fields[kind].split()[0]) for kind in ("RssAnon", "RssFile", "VmHWM")}


def row(name: str, seen: Mapping[str, int]) -> list[str]:
    """A fit's line of the table."""
    own = (seen["own_before"], seen["own_most"], seen["own_most"] - seen["own_before"])
    return [name, *(f"{size / MEGABYTE:.1f}" for size in (*own, seen["files_most"], seen["all_most"]))]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(watch(*sys.argv[2:])))
    else:
        main()
