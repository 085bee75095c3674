"""How often a fit writes a checkpoint."""

from __future__ import annotations

import re
from time import perf_counter
from typing import NamedTuple

from ... import _checks
from ..rates import AHEAD

USUAL = "60 seconds"  # of all who are not told
_TEXT = re.compile(r"(\d{1,12}(?:\.\d{1,12})?) *(epoch|step|second|minute|hour)s?")
_FEW = 64  # batches: at a second each, the clock is looked at each minute
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


class Every(NamedTuple):
    """So many epochs, steps or seconds."""

    number: float
    unit: str

    @property
    def group(self) -> int:
        """Batches of each part of an epoch that is run in parts."""
        return {"epochs": AHEAD, "steps": min(AHEAD, int(self.number)), "seconds": _FEW}[self.unit]


def checked_every(value: object) -> Every:
    """`value` of a fit's checkpoint_every.

    Raises
    ------
    ValueError, TypeError
        If it is neither a number of epochs nor a text such as "500 steps" that says more than 0.
    """
    if isinstance(value, str):
        found = _TEXT.fullmatch(value.strip())
        number = float(found[1]) if found else 0.0
        whole = number == int(number) or (found is not None and found[2] in _SECONDS)
        if found is None or not number or not whole:
            raise ValueError(
                f"checkpoint_every is {value!r:.80}, but must be a text such as '60 seconds', '500 steps' or "
                "'2 epochs'"
            )
        if found[2] in _SECONDS:
            return Every(number * _SECONDS[found[2]], "seconds")
        return Every(int(number), f"{found[2]}s")
    return Every(_checks.integer(value, "checkpoint_every", minimum=1), "epochs")


class Clock:
    """What was done since the last checkpoint, and whether the next one is due."""

    def __init__(self, every: Every) -> None:
        self._every = every
        self._place, self._time, self._any = (0, 0), 0.0, False

    def begin(self, epochs: int, steps: int) -> None:
        """The fit begins, or goes on, where so many are done."""
        self._place, self._time = (epochs, steps), perf_counter()

    def written(self, epochs: int, steps: int) -> None:
        """One was written."""
        self.begin(epochs, steps)
        self._any = True

    def stands(self, epochs: int, steps: int) -> bool:
        """Whether nothing was done since one was written."""
        return self._any and self._place == (epochs, steps)

    def due(self, epochs: int, steps: int) -> bool:
        """Whether so many epochs and steps of the fit are enough."""
        number, unit = self._every
        if unit == "epochs":
            return epochs > self._place[0] and epochs % int(number) == 0
        if unit == "steps":
            return steps - self._place[1] >= number
        return perf_counter() - self._time >= number

    def epochs_at_once(self, epochs: int, steps: int, batches: int, pace: float | None) -> int:
        """How many epochs may be run until the next one is due; 0 for one epoch in parts.

        batches, pace: of an epoch, and its seconds, if they are known.
        """
        number, unit = self._every
        if unit == "epochs":
            return int(number) - epochs % int(number)
        if unit == "steps":
            return max(0, int(number) - (steps - self._place[1])) // batches
        if pace is None:
            return int(batches <= _FEW)
        left = max(number - (perf_counter() - self._time), pace if pace < number else 0)
        return min(AHEAD, int(left / max(pace, 1e-9)))
