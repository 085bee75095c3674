"""`Runs`: one network, or two with different losses, that learn, go back and begin anew together."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .run import Run, Snapshot

DEPTH = 200  # as far as one can step back
_CATCHING_UP = 60.0  # seconds that another run has for the same epochs: it costs about as much
_FRAMES = 30  # over which the speed is measured
_PAUSE = 0.5  # seconds without learning


class _Moment(NamedTuple):
    """What all had come to, and whether the settings lead there."""

    snapshots: list[Snapshot]
    exact: bool


class Runs:
    """Networks with the same data, settings and epochs.

    Parameters
    ----------
    runs : sequence of Run

    Attributes
    ----------
    each : tuple of Run
    exact : bool
        Whether the settings, with the number of epochs, lead to the same numbers.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.each = tuple(runs)
        self.exact = True
        self._past: deque[_Moment] = deque(maxlen=DEPTH)
        self._beginning = self._now()
        self._clock: deque[tuple[float, int]] = deque(maxlen=_FRAMES)  # times, and steps done until then

    @property
    def epochs(self) -> int:
        """Epochs done, by all."""
        return self.each[0].epochs

    @property
    def steps(self) -> int:
        """Steps done, all together."""
        return sum(run.trainer.steps_done for run in self.each)

    # ---- learning -----------------------------------------------------------------------------------------

    def learn(self, seconds: float, most: int) -> str | None:
        """So many epochs at most, for about so long, at least one; `back` undoes them.

        If a loss diverges, a sentence, and nothing has been learned.
        """
        before = self._now()
        if (said := self._advanced(before, seconds, most)) is None:
            self._past.append(before)
        self._tick()
        return said

    def replay(self, seconds: float, epochs: int) -> str | None:
        """The same up to that epoch, which `back` does not undo."""
        if self.epochs >= epochs:
            return None
        return self._advanced(self._now(), seconds, epochs - self.epochs)

    def _advanced(self, before: _Moment, seconds: float, most: int) -> str | None:
        for place, run in enumerate(self.each):
            if place == 0:
                rate = run.learn(seconds / len(self.each), most)
            else:
                rate = run.learn(_CATCHING_UP, self.epochs - run.epochs)
            if rate is not None:
                self._restore(before)
                name = f"{type(run.loss).__name__} " if place else ""
                where = f"at the learning rate {rate:.4g} after epoch {self.epochs}"
                return f"{name}diverged {where}: try a smaller one"
        return None

    def change(self, chosen: Mapping[str, Any]) -> None:
        """Go on with other rates, batches or strengths, as `settings.LIVE` has them."""
        for run in self.each:
            run.change(chosen)
        self.exact = self.exact and not self.epochs
        for place, moment in enumerate(self._past):  # to which the settings led before, but not these
            begun = moment.snapshots[0].epochs > 0
            self._past[place] = moment._replace(exact=moment.exact and not begun)

    def edit(self, run: int, layer: int, row: int, column: int, value: float) -> None:
        """Set a weight of one of them; `back` undoes it."""
        before = self._now()
        self.each[run].edit(layer, row, column, value)
        self._past.append(before)
        self.exact = False

    # ---- going back ---------------------------------------------------------------------------------------

    def back(self) -> bool:
        """To what was before the last `learn` or `edit`; False if that is too long ago."""
        if not self._past:
            return False
        self._restore(self._past.pop())
        return True

    def begin(self) -> None:
        """To the initial weights."""
        self._restore(self._beginning)
        self._past.clear()

    def _now(self) -> _Moment:
        return _Moment([run.snapshot() for run in self.each], self.exact)

    def _restore(self, moment: _Moment) -> None:
        for run, snapshot in zip(self.each, moment.snapshots, strict=True):
            run.restore(snapshot)
        self.exact = moment.exact

    # ---- how fast -----------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Keep the time of so many steps; from the last pause, or way back, on."""
        now = time.perf_counter()
        if self._clock and (now - self._clock[-1][0] > _PAUSE or self.steps < self._clock[-1][1]):
            self._clock.clear()
        self._clock.append((now, self.steps))

    def speed(self) -> float:
        """Steps a second, drawing included; 0 where there is nothing to tell."""
        if len(self._clock) < 2:
            return 0.0
        (first, before), (last, after) = self._clock[0], self._clock[-1]
        return (after - before) / (last - first)
