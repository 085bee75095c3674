"""Fuzz of the public API: thousands of drawn calls in a child process, which must survive all of them.

    python tests/fuzz_api.py --calls 100000 --seed 7     # findings are printed, one of each kind
    python tests/fuzz_api.py --seed 7 --call 1234        # one call alone, with its arguments

A call may return, or refuse what it was given with one of `ALLOWED`; one whose arguments are ordinary must
return, and finite numbers. Findings are: another exception, a warning, a changed argument, a call that takes
longer than `SECONDS`, and the end of the process.
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
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from numpy.exceptions import AxisError

SECONDS = 20  # that a call may take on a busy machine; most take less than 0.01
MEMORY = 4 << 30  # of addresses that the child may use
DIVERGED = "Solver produced non-finite parameter weights"  # an estimator's way to say so
# Messages of other libraries, which say nothing to a user of this one.
FOREIGN = re.compile(
    r"incompatible (function|constructor) arguments|ufunc|unsupported operand|object has no attribute"
    r"|too large to convert|did not contain a loop|not supported between|object of type"
)


@dataclass(frozen=True)
class Finding:
    """What was wrong with a call; of findings of one kind only the first is shown."""

    call: int
    kind: str
    text: str


def calls_by_weight() -> tuple[list[Any], list[int]]:
    import fuzz_calls

    table = fuzz_calls.CALLS
    try:
        import fuzz_estimators

        table = table | fuzz_estimators.CALLS
    except ImportError:  # without scikit-learn
        pass
    return [call for _, call in table.values()], list(accumulate(weight for weight, _ in table.values()))


def finding(seed: int, number: int, show: bool = False) -> Finding | None:
    """What is wrong with one call, alone of its seed and number."""
    import fuzz_values
    import numpy as np

    import steepest as st

    d = fuzz_values.Draw(seed, number)
    d.oddity = d.choice([0.0, 0.02, 0.1])
    calls, weights = calls_by_weight()
    call = d.random.choices(calls, cum_weights=weights)[0]
    backend = d.choice(["native", "native", "reference"] if st.backends.native else ["reference"])
    isa = d.choice(st.backends.native.available_isas()) if backend == "native" else None
    d.log += [call.__name__, f"{backend} {isa}"]
    allowed = TypeError, ValueError, MemoryError, st.DivergenceError
    if call.__name__ == "fitted":
        allowed = *allowed[:3], np.exceptions.AxisError if hasattr(np, "exceptions") else AxisError
    if call.__name__ == "states":
        allowed = *allowed, OSError
    wrong = None
    began = time.monotonic()
    try:
        with st.config(backend, d.choice([1, 2, 3, 7]), isa):
            result = call(d)
        if d.ordinary and not finite(result):
            wrong = "result", f"not finite: {result!r:.300}"
    except Exception as error:
        if (
            d.ordinary
            and not isinstance(error, MemoryError | st.DivergenceError)
            and DIVERGED not in str(error)
        ):
            wrong = place(error), f"refused though ordinary: {text_of(error)}"
        elif not isinstance(error, allowed) or FOREIGN.search(str(error)):
            wrong = place(error), text_of(error)
    if changed := d.changed():
        wrong = "changed", f"changed its arguments {changed}"
    if time.monotonic() - began > SECONDS:
        wrong = "slow", f"took {time.monotonic() - began:.1f} s"
    if show:
        print(*d.log, "ordinary" if d.ordinary else "odd", wrong, sep="\n")
    return wrong and Finding(number, f"{wrong[0]}", f"{wrong[1]}\n  {'; '.join(d.log)}")


def text_of(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]} ({place(error)})"


def place(error: Exception) -> str:
    """The innermost line of the package that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if "/steepest/" in frame.filename] or frames
    return f"{type(error).__name__} {Path(frames[-1].filename).name}:{frames[-1].lineno}"


def finite(result: Any) -> bool:
    """Whether all numbers in arrays, lists and dicts are."""
    import numpy as np

    if isinstance(result, dict):
        return finite(list(result.values()))
    if isinstance(result, list | tuple):
        return all(map(finite, result))
    return (
        result is None
        or getattr(result, "dtype", np.dtype(float)).kind not in "fc"
        or np.isfinite(result).all()
    )


def child(seed: int, first: int, calls: int, report: int) -> None:
    """Make the calls, and write before each its number, and after it what was wrong."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    faulthandler.enable()
    calls_by_weight()  # imports; a warning of another library's is none of ours
    warnings.simplefilter("error")
    with os.fdopen(report, "w", buffering=1) as out:
        for number in range(first, calls):
            out.write(f"{number}\n")
            if found := finding(seed, number):
                out.write(json.dumps([found.call, found.kind, found.text]) + "\n")


def findings(seed: int, calls: int) -> Iterator[Finding]:
    """All of a run; after a call that ends the child, another child goes on behind it."""
    first = 0
    while first < calls:
        reading, writing = os.pipe()
        command = [sys.executable, __file__, "--child", f"--report={writing}", f"--first={first}"]
        process = subprocess.Popen(
            [*command, f"--calls={calls}", f"--seed={seed}"],
            pass_fds=[writing],
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(writing)
        number = first - 1
        with os.fdopen(reading, buffering=1) as lines:
            while (line := _line(lines)) is not None and line:
                if line[0] == "[":
                    yield Finding(*json.loads(line))
                else:
                    number = int(line)
        if line is None:
            process.kill()
        errors = process.communicate()[1]
        if number < first and line == "":
            raise RuntimeError(f"the child did not begin: {errors}")
        if line is None:
            yield Finding(number, f"hang {number}", f"call {number} did not end within {2 * SECONDS} s")
        elif process.returncode:
            how = signal.Signals(-process.returncode).name if process.returncode < 0 else process.returncode
            text = f"ended the process: {how}\n{errors[:3000]}"
            yield Finding(number, f"death {how} {_last_lines(errors)}", text)
        first = calls if line == "" and not process.returncode else number + 1


def _last_lines(errors: str) -> list[str]:
    """Of the package, in the traceback of a process that died."""
    current = errors.partition("Current thread")[2]
    return re.findall(r"/steepest/(.*), line (\d+)", current)[:2]


def _line(lines: Any) -> str | None:
    """The next line, "" at the end, or None if there is none in time."""
    ready, _, _ = select.select([lines], [], [], 2 * SECONDS)
    return lines.readline() if ready else None


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
    for hidden in ("--report", "--first"):
        parser.add_argument(hidden, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.seed, options.first, options.calls, options.report)
        return 0
    if options.call is not None:
        warnings.simplefilter("error")
        return finding(options.seed, options.call, show=True) is not None
    began, number = time.monotonic(), 0
    for found in kinds(options.seed, options.calls):
        number += 1
        print(f"--seed {options.seed} --call {found.call}: {found.kind}: {found.text}\n", flush=True)
    print(f"{options.calls} calls in {time.monotonic() - began:.0f} s: {number} kinds of findings")
    return number > 0


if __name__ == "__main__":
    sys.exit(main())
