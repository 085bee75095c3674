"""How often a fit writes a checkpoint."""

from __future__ import annotations

import re
from time import perf_counter
from typing import NamedTuple

from ... import _checks
from ..rates import AHEAD

_TEXT = re.compile(r"(\d+(?:\.\d+)?) *(epoch|step|second|minute|hour)s?")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


class Every(NamedTuple):
    """So many epochs, steps or seconds."""

    number: float
    unit: str

    @property
    def group(self) -> int:
        """Batches of each part of an epoch that is run in parts."""
        return min(AHEAD, int(self.number)) if self.unit == "steps" else AHEAD

    def epochs_at_once(self, done: int, batches: int) -> int:
        """How many epochs may be run until the next checkpoint; 0 for one epoch in parts."""
        if self.unit == "epochs":
            return int(self.number) - done % int(self.number)
        if self.unit == "steps":
            return int(self.number) // batches
        return 0 if batches > AHEAD else AHEAD


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
    """Whether a checkpoint is due, by what was done since the last one."""

    def __init__(self, every: Every) -> None:
        self._every = every
        self._steps, self._epochs, self._time = 0, 0, 0.0

    def written(self, epochs: int, steps: int) -> None:
        """Now, or the fit begins."""
        self._steps, self._epochs, self._time = steps, epochs, perf_counter()

    def due(self, epochs: int, steps: int) -> bool:
        """Whether so many epochs and steps of the fit are enough since then."""
        number, unit = self._every
        if unit == "epochs":
            return epochs > self._epochs and epochs % int(number) == 0
        if unit == "steps":
            return steps - self._steps >= number
        return perf_counter() - self._time >= number
