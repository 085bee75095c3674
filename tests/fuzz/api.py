"""Fuzz of the public API: thousands of drawn calls in a child process, which must survive all of them.

    cd tests
    python -m fuzz.api --calls 100000 --seed 7     # what it finds is printed, one of each kind
    python -m fuzz.api --seed 7 --call 1234        # one call alone, with its arguments

A finding is a call that ends otherwise than `verdict` allows, a warning, a call that takes too long, and the
end of the process. A call is a function of the seed and its number alone.
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import re
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from .verdict import SECONDS, Finding, finding

MEMORY = 4 << 30  # of addresses that the child may use


def only_documented_warnings() -> None:
    """Make errors of all others."""
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "The loss (rose|is)", RuntimeWarning)
    warnings.filterwarnings("ignore", "column .* values, such as .*, are in fewer than", UserWarning)


def child(seed: int, first: int, calls: int, report: int) -> None:
    """Make the calls; write before each its number, and after it what was wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    only_documented_warnings()
    with os.fdopen(report, "w", buffering=1) as out:
        for number in range(first, calls):
            out.write(f"{number}\n")
            if found := finding(seed, number):
                out.write(json.dumps(found) + "\n")


def findings(seed: int, calls: int) -> Iterator[Finding]:
    """All of a run; where a call ends the child, another child goes on behind it."""
    first = 0
    while first < calls:
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            process, report = _started(seed, first, calls, errors.fileno())
            number, late = first - 1, False
            for line in _lines(report):
                if line is None:
                    late = True
                    process.kill()
                elif line.startswith(b"["):
                    yield Finding(*json.loads(line))
                else:
                    number = int(line)
            process.wait()
            errors.seek(0)
            text = errors.read(5000)
        if number < first:
            raise RuntimeError(f"the child did not begin: {text}")
        if late:
            yield Finding(number, f"hang of call {number}", f"did not end within {2 * SECONDS} s")
        elif process.returncode:
            yield _death(number, process.returncode, text)
        first = number + 1


def _started(seed: int, first: int, calls: int, errors: int) -> tuple[subprocess.Popen[bytes], int]:
    """A child, and the end of the pipe that it reports to."""
    reading, writing = os.pipe()
    numbers = {"seed": seed, "first": first, "calls": calls, "report": writing}
    command = [sys.executable, "-m", "fuzz.api", *(f"--{name}={value}" for name, value in numbers.items())]
    folder = Path(__file__).parents[1]
    process = subprocess.Popen(command, pass_fds=[writing], stderr=errors, cwd=folder)
    os.close(writing)
    return process, reading


def _lines(report: int) -> Iterator[bytes | None]:
    """Lines as they come, None if there is none in time, until the child closes its end."""
    rest = b""
    while True:
        if not select.select([report], [], [], 2 * SECONDS)[0]:
            yield None
        data = os.read(report, 1 << 16)
        if not data:
            os.close(report)
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from lines


def _death(number: int, code: int, text: str) -> Finding:
    """Of the process, known by the innermost lines of the package."""
    how = signal.Signals(-code).name if code < 0 else f"exit {code}"
    where = re.findall(r"/steepest/(.*), line (\d+)", text.partition("Current thread")[2] or text)
    return Finding(number, f"death by {how} {where[:2]}", f"ended the process: {how}\n{text[:3000]}")


def kinds(seed: int, calls: int) -> Iterator[Finding]:
    """The findings of a run, one of each kind."""
    seen: set[str] = set()
    for found in findings(seed, calls):
        if found.kind not in seen:
            seen.add(found.kind)
            yield found


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--call", type=int, help="make this one call here, and show its arguments")
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--report", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.report is not None:
        child(options.seed, options.first, options.calls, options.report)
        return 0
    if options.call is not None:
        only_documented_warnings()
        return finding(options.seed, options.call, show=True) is not None
    began, number = time.monotonic(), 0
    for found in kinds(options.seed, options.calls):
        number += 1
        print(f"--seed {options.seed} --call {found.call}: {found.kind}: {found.text}\n", flush=True)
    print(f"{options.calls} calls in {time.monotonic() - began:.0f} s: {number} kinds of findings")
    return number > 0


if __name__ == "__main__":
    sys.exit(main())
