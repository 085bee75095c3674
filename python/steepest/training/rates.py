"""Plan: the learning rates of the steps to come, asked for and checked before they are needed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..schedules import Rate, rate_of, unit_of

AHEAD = 2**10  # steps: a function may be slow, and the first step waits for it


class Place(NamedTuple):
    """Where training is: the next step and its epoch, and which batch it is of how many in each epoch."""

    step: int
    epoch: int
    batch: int
    batches: int

    def at(self, step: int) -> Place:
        """That of another step."""
        epochs, batch = divmod(self.batch + step - self.step, self.batches)
        return Place(step, self.epoch + epochs, batch, self.batches)


class Rates:
    """The learning rates of a fit, each asked for once: `AHEAD` of them at a time, the first of them now.

    Parameters
    ----------
    rule : float or function of the step or the epoch
    place : Place
        Of the first step.
    steps : int
        How many follow at most.
    dtype : dtype
        Of the model, which must be able to hold them.
    """

    def __init__(self, rule: Rate, place: Place, steps: int, dtype: np.dtype[Any]) -> None:
        self.rule = rule
        self._dtype = dtype
        self._place = place
        self._step = place.step
        self._rates = self._ask(place.step, min(AHEAD, steps))

    def of(self, step: int, steps: int) -> NDArray[np.float64]:
        """The rates of some steps, which follow those given before; of a number, one for all of them."""
        if not callable(self.rule):
            return self._rates
        known = self._step + len(self._rates)
        if step + steps > known:
            more = self._ask(known, step + steps - known)
            self._rates = np.concatenate([self._rates[step - self._step :], more])
            self._step = step
        return self._rates[step - self._step :][:steps]

    def epochs_at_once(self, steps: int) -> int:
        """How many epochs of `steps` steps one call may run; 0 if one epoch is too long for a call.

        Of a number too, they are not many more steps than `AHEAD`, which may have to be done again: see
        `WayBack`.
        """
        return AHEAD // steps if callable(self.rule) else max(1, AHEAD // steps)

    def _ask(self, step: int, steps: int) -> NDArray[np.float64]:
        if not callable(self.rule):
            return np.array([self.rule], np.float64)
        return rates_of(self.rule, self._place.at(step), steps, self._dtype)


def rates_of(rule: Rate, place: Place, steps: int, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """The rate of each of some steps, which `dtype` can hold; by epochs, of all steps of the last one too."""
    if unit_of(rule) == "epoch":
        epochs = -(-(place.batch + steps) // place.batches)
        rates = [rate_of(rule, place.epoch + i, dtype, "epoch") for i in range(epochs)]
        return np.repeat(np.array(rates, np.float64), place.batches)[place.batch :]
    each = (rate_of(rule, i, dtype) for i in range(place.step, place.step + steps))
    return np.fromiter(each, np.float64, steps)
