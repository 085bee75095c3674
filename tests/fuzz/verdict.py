"""One call of the public API, and what is wrong with how it ended.

A call may return, or refuse what it was given with a TypeError or ValueError in this package's words; one
whose arguments are ordinary must return, and finite numbers.
"""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import steepest as st

from .calls import CALLS
from .draw import Draw

SECONDS = 20  # of its threads, that a call may take; most take less than 0.01
DIVERGED = "Solver produced non-finite parameter weights"  # an estimator's way to say so
# Messages of other libraries, which say nothing to a user of this one.
FOREIGN = re.compile(
    r"incompatible (function|constructor) arguments|ufunc|unsupported operand|object has no attribute"
    r"|too large to convert|did not contain a loop|not supported between|object of type|scalar arrays"
)
ISAS = st.backends.native.available_isas() if st.backends.native else ()
FUNCTIONS = [call for _, call in CALLS.values()]
WEIGHTS = list(accumulate(weight for weight, _ in CALLS.values()))


class Finding(NamedTuple):
    """What was wrong with a call; of findings of one kind only the first is shown."""

    call: int
    kind: str
    text: str


@dataclass
class Attempt:
    """One call, what it returned or raised, and how long it took."""

    call: str
    draw: Draw
    result: Any = None
    error: Exception | None = None
    seconds: float = 0.0

    @classmethod
    def made(cls, seed: int, number: int, reference: bool) -> Attempt:
        """The call of that number, by the reference or by what it draws."""
        d = Draw(seed, number)
        d.oddity = d.choice([0.0, 0.02, 0.1])
        call = d.random.choices(FUNCTIONS, cum_weights=WEIGHTS)[0]
        threads, isa = d.choice([1, 2, 3, 7]), d.choice([*ISAS, None])
        how = ("reference", None, None) if reference or isa is None else ("native", threads, isa)
        d.log += [call.__name__, str(how)]
        attempt, began = cls(call.__name__, d), time.process_time()
        try:
            with st.config(*how):
                attempt.result = call(d)
        except Exception as error:
            attempt.error = error
        attempt.seconds = time.process_time() - began
        return attempt

    @property
    def outcome(self) -> str:
        return type(self.error).__name__

    @property
    def depends(self) -> bool:
        """Whether the end depends on roundings or on the memory that is left."""
        return isinstance(self.error, st.DivergenceError | MemoryError) or DIVERGED in str(self.error)

    def wrong(self) -> tuple[str, str] | None:
        """The kind and the text of what is wrong with it."""
        error, ordinary = self.error, self.draw.ordinary
        if changed := self.draw.changed():
            return "changed", f"changed its arguments {changed}"
        if self.seconds > SECONDS:
            return "slow", f"took {self.seconds:.1f} s"
        if error is None:
            return (
                ("result", f"not finite: {self.result!r:.300}")
                if ordinary and not finite(self.result)
                else None
            )
        if self.depends:
            return None
        allowed = TypeError, ValueError, *((OSError,) if self.call == "states" else ())
        if ordinary or not isinstance(error, allowed) or FOREIGN.search(str(error)):
            text = f"{self.outcome}: {str(error)[:300]} ({place(error)})"
            return f"{self.outcome} {place(error)}", "refused though ordinary: " * ordinary + text
        return None


def finding(seed: int, number: int, show: bool = False) -> Finding | None:
    """What is wrong with one call, alone of its seed and number; also if the reference ends it otherwise."""
    attempt, reference = (Attempt.made(seed, number, only) for only in (False, True))
    wrong = attempt.wrong() or reference.wrong()
    sure = not (attempt.depends or reference.depends)
    if wrong is None and sure and attempt.outcome != reference.outcome:
        kind = f"{attempt.call}: {attempt.outcome}, but {reference.outcome} of the reference"
        wrong = kind, f"{attempt.error!r:.300}, but {reference.error!r:.300}"
    if show:
        print(*attempt.draw.log, "ordinary" if attempt.draw.ordinary else "odd", attempt, reference, sep="\n")
    return Finding(number, wrong[0], f"{wrong[1]}\n  {'; '.join(attempt.draw.log)}") if wrong else None


def place(error: Exception) -> str:
    """The innermost line of the package that an exception went through."""
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if "/steepest/" in frame.filename] or frames
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


def finite(result: Any) -> bool:
    """Whether all numbers in arrays, lists and dicts are."""
    if isinstance(result, dict):
        return finite(list(result.values()))
    if isinstance(result, list | tuple):
        return all(map(finite, result))
    dtype = getattr(result, "dtype", np.dtype(type(result) if isinstance(result, float) else object))
    return dtype.kind not in "fc" or bool(np.isfinite(result).all())
