"""`TerminateOnTime`: ends a fit after so many seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import ClassVar

from ... import _checks
from ..._description import Description, Rule
from ...metrics import Metric
from ..history import History
from .states import BatchState, EpochCallback, EpochState, RunningTrainer

__all__ = ["TerminateOnTime"]


@dataclass
class TerminateOnTime(Description, EpochCallback):
    """End a fit after a number of seconds, in the middle of an epoch if need be.

    It ends after the batch during which the time is over, and the model keeps what it has learned by then.
    `History.status` is then "timed_out", and the history has the epochs that were finished. A fit with
    `checkpoint` writes one then; another fit that goes on from it has all of its own time again.

    Parameters
    ----------
    seconds : float
        Wall-clock time from the beginning of the fit; finite and greater than 0. It includes validation,
        metrics and callbacks, which are not interrupted.

    Raises
    ------
    ValueError, TypeError
        If `seconds` is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 2))
    >>> history = model.fit(X, y, epochs=10**9, callbacks=[st.TerminateOnTime(0.1)], progress=False)
    >>> history.status
    'timed_out'
    """

    seconds: float
    _end: float = field(default=math.inf, init=False, repr=False, compare=False)
    _over: bool = field(default=False, init=False, repr=False, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {"seconds": _checks.positive}

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Start the clock."""
        self._end, self._over = perf_counter() + self.seconds, False

    def interrupts(self) -> bool:
        """Whether the time is over."""
        self._over = self._over or perf_counter() >= self._end
        return self._over

    def __call__(self, state: EpochState | BatchState) -> bool:
        """The same."""
        return self.interrupts()

    def end(self, trainer: RunningTrainer, history: History) -> None:
        """Say why the fit has ended."""
        if self._over and history.status != "finished":
            history.status = "timed_out"
