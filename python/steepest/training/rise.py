"""When an objective has risen for good, or steps have ruined it, and the way back to its best epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .._checks import Array
from ..backends.data import NO_PLATEAU, FitRequest
from ..backends.memory import write

_CLEARLY = 0.1  # of the first loss
_FEW = 3  # epochs: one alone may be above the first by the noise of batches and dropout
_MANY = 10  # epochs: noise goes up three times as far as down in them in less than one fit of a thousand
_SUSPECT = 1.5  # times the loss of a few rows before the first step
_RUINED = 2.0  # times that of many
_FEW_ROWS = 32
_MANY_ROWS = 2**13
TOLERANCE = 1e-4  # the estimators' `tol`: of a network that knows its samples by heart, it is noise

Copies = list[tuple[Array, Array]]


def _are(live: Sequence[Array], pairs: Copies) -> bool:
    """Whether copies are those of these arrays, of which some are views that are made anew each time."""
    return [array.ctypes.data for array in live] == [array.ctypes.data for array, _ in pairs]


def rose(losses: Sequence[float], tolerance: float = TOLERANCE) -> bool:
    """Whether the loss of the last epoch is above the best one for good, not by the noise of batches.

    It is if that is more than a tenth of the first loss and than `tolerance`, and one of these is so: the
    loss has doubled since the first epoch; each of the last three is as much above the first; it had more
    than halved, and half of that is lost again; in ten epochs or more since the best, it went up more than
    three times as far as down.
    """
    if len(losses) < 2:
        return False
    first, last, best = losses[0], losses[-1], min(losses)
    clear = _CLEARLY * abs(first) + tolerance
    if not last > best + clear:
        return False
    since = losses[losses.index(best) + 1 :]
    changes = [later - sooner for sooner, later in pairwise(since)]
    up, down = sum(c for c in changes if c > 0), -sum(c for c in changes if c < 0)
    return (
        last > first + abs(first) + tolerance
        or min(losses[-_FEW:]) > first + clear
        or (0 <= best < first / 2 and last > (first + best) / 2)
        or (len(since) >= _MANY and up > 3 * down)
    )


def ruined(loss: float, began: float, tolerance: float = TOLERANCE, times: float = _RUINED) -> bool:
    """Whether a loss is clearly above the one before the first step."""
    return loss > began + (times - 1) * abs(began) + tolerance


class Rise(NamedTuple):
    """What a fit has gone back from.

    losses: of all epochs. best: the epoch that it is in now. began, ended, now: the objective before the
    first step, after the last one, and where it is now. ruined: whether that is clearly worse. done: how many
    epochs are done now.
    """

    losses: Sequence[float]
    best: int
    began: float
    ended: float
    now: float
    ruined: bool
    done: int

    def warning(self, advice: str) -> str:
        """What the fit says."""
        epoch, losses = f"{self.best} (counted from 0)", self.losses
        last = max(losses[-1], self.ended)
        told = f"The loss rose from {losses[self.best]:.6g} in epoch {epoch} to {last:.6g} in the last"
        if self.ruined:
            told = f"The loss is {self.now:.6g} after the best epoch, {epoch}, but was "
            told += f"{self.began:.6g} before the first step"
        return f"{told}: the steps are too long. {advice} The parameters are those of that epoch."


@dataclass
class _Call:
    """Epochs that the backend ran in one call.

    before: what steps change, as it was then. request: by which they can be run again; None where they need
    not. done: epochs before. best: which of them was the best. after: as `before`, if nothing is left to run.
    """

    before: Copies
    request: FitRequest | None
    done: int
    best: int = 0
    after: Copies | None = None


class WayBack:
    """To the best epoch of a fit, at the cost of one copy for each call of the backend.

    A call is about a thousand updates of a network, up to 64 epochs of an estimator, or one epoch where
    something happens between epochs. Within a call, the same epochs are run once more, which gives the same
    bits.

    Parameters
    ----------
    run : callable
        Runs what a request asks for.
    data_loss : callable
        The loss of all samples with the present parameters, without penalties.
    objective : callable
        The mean objective of so many rows with the present parameters, as steps see it.
    copies : callable
        What a step changes, with copies.
    batches : int
        Of an epoch.
    """

    def __init__(
        self,
        run: Callable[[FitRequest], object],
        data_loss: Callable[[], float],
        objective: Callable[[int], float],
        copies: Callable[[], Copies],
        batches: int,
    ) -> None:
        self.losses: list[float] = []
        self._run, self._data_loss, self._copies, self._batches = run, data_loss, copies, batches
        self._objective = objective
        self._start: Copies = []
        self._now = self._best = _Call([], None, 0)

    def begin(self, before: Copies, request: FitRequest | None) -> None:
        """A call, with copies of what it finds."""
        if (
            self._best is self._now
            and self.losses
            and self._best.done + self._best.best + 1 == len(self.losses)
        ):
            self._best.after = before
        self._now = _Call(before, request, len(self.losses))
        self._start = self._start or before

    def end(self, losses: Sequence[float]) -> None:
        """The call has finished some epochs."""
        if losses and min(losses) < min(self.losses, default=float("inf")):
            self._best = self._now
            self._best.best = losses.index(min(losses))
        self.losses += losses

    @property
    def before(self) -> Copies:
        """What the last call found."""
        return self._now.before

    def as_it_is(self) -> WayBack:
        """What `kept` gives now, for later, when this one has changed."""
        other = copy(self)
        other.losses, other._now = self.losses.copy(), replace(self._now)
        other._best = other._now if self._best is self._now else replace(self._best)
        del other._run, other._data_loss, other._objective, other._copies  # or the fit would keep itself
        return other

    def kept(self, live: Sequence[Array]) -> dict[str, Any] | None:
        """What a checkpoint keeps of it, for `restore`: each copy once.

        None if it has copies of others than these arrays: an optimizer was replaced by one of another kind.
        """
        copies = {
            id(own): own for call in (self._now, self._best) for own in (call.before, call.after) if own
        }
        copies |= {id(self._start): self._start} if self._start else {}
        if not all(_are(live, pairs) for pairs in copies.values()):
            return None
        places = {identity: place for place, identity in enumerate(copies)}

        def told(call: _Call) -> dict[str, Any]:
            request = None
            if call.request is not None:
                left_out = ("orders", "plateau")
                request = {f.name: getattr(call.request, f.name) for f in fields(FitRequest)}
                request = {name: value for name, value in request.items() if name not in left_out}
            before, after = places.get(id(call.before)), places.get(id(call.after))
            return {
                "before": before,
                "request": request,
                "done": call.done,
                "best": call.best,
                "after": after,
            }

        return {
            "losses": np.array(self.losses),
            "copies": [[copy for _, copy in own] for own in copies.values()],
            "start": places.get(id(self._start)),
            "now": told(self._now),
            "best": None if self._best is self._now else told(self._best),
        }

    def restore(self, kept: Mapping[str, Any], live: Sequence[Array]) -> None:
        """Be as it was when `kept` was made of it; `live` are the arrays that it goes back with."""
        copies = [list(zip(live, own, strict=True)) for own in kept["copies"]]

        def at(place: int | None) -> Copies:
            return [] if place is None else copies[place]

        def call(told: Mapping[str, Any]) -> _Call:
            request = told["request"]
            if request is not None:
                request = FitRequest(**{**request, "sums": tuple(request["sums"])})
            after = None if told["after"] is None else at(told["after"])
            return _Call(at(told["before"]), request, told["done"], told["best"], after)

        self.losses, self._start = kept["losses"].tolist(), at(kept["start"])
        self._now = call(kept["now"])
        self._best = self._now if kept["best"] is None else call(kept["best"])

    def reorder(self, orders: Iterable[Array]) -> None:
        """Give what may be run again the orders of its samples, of which all epochs' come in turn."""
        calls = [self._now] if self._best is self._now else [self._now, self._best]
        kept: list[list[Array]] = [[] for _ in calls]
        for epoch, order in enumerate(orders):
            for call, own in zip(calls, kept, strict=True):
                if call.request is not None and 0 <= epoch - call.done < call.request.epochs:
                    own.append(order)
        for call, own in zip(calls, kept, strict=True):
            if call.request is not None:
                call.request = replace(call.request, orders=np.array(own))

    def rise(self, tolerance: float) -> Rise | None:
        """Go back if the loss rose for good, or is clearly above the one before the first step.

        The losses of epochs, whose parameters change on the way, only make suspect: what is compared is
        measured on the same rows, with the same draws. An untrained model is gone back to only where epochs
        are one batch: the loss of the first one is its loss.
        """
        losses = self.losses
        risen = rose(losses, tolerance)
        if len(losses) < 2 or not (risen or self._suspect(tolerance)):
            return None
        began, ended = self._at_start(_MANY_ROWS), self._measured(_MANY_ROWS)
        risen = risen and rose([*losses[:-1], ended], tolerance)
        worse = ruined(ended, began, tolerance)
        if not (risen or worse):
            return None
        end, best = self._copies(), losses.index(min(losses))
        done, now = self.go(untrained=self._batches == 1), self._measured(_MANY_ROWS)
        if not worse and not ended > now + _CLEARLY * abs(losses[0]) + tolerance:
            write(end)
            return None
        if ended < now:
            write(end)
            best, done, now = len(losses) - 1, len(losses), ended
        return Rise(losses, best, began, ended, now, ruined(now, began, tolerance), done)

    def _suspect(self, tolerance: float) -> bool:
        """Whether the last loss is above that of a few rows before the first step."""
        losses = self.losses
        last = max(losses[-1], self._measured(_FEW_ROWS))
        began = losses[0] if self._batches == 1 else self._at_start(_FEW_ROWS)
        return ruined(last, began, tolerance, _SUSPECT)

    def _measured(self, rows: int) -> float:
        loss = self._objective(rows)
        return math.inf if math.isnan(loss) else loss

    def _at_start(self, rows: int) -> float:
        now = self._copies()
        try:
            write(self._start)
            return self._measured(rows)
        finally:
            write(now)

    def go(self, untrained: bool) -> int:
        """Go back to where the best epoch began, or to its end if that is better; how many are done then.

        untrained: whether that may be where the fit began.

        The loss of an epoch is the mean before its updates: with all samples in one batch, it is that of
        its beginning. Its end is better where most is learned within an epoch.
        """
        call = self._best
        write(call.before)
        self._repeat(0, call.best)
        began, loss = self._copies(), self._data_loss()
        if call.after is None:
            self._repeat(call.best, 1)
        else:
            write(call.after)
        if self._data_loss() < loss or not (untrained or call.done + call.best):
            return call.done + call.best + 1
        write(began)
        return call.done + call.best

    def _repeat(self, first: int, epochs: int) -> None:
        request = self._best.request
        if request is None or not epochs:
            return
        rates, orders = request.rates, request.orders
        self._run(
            replace(
                request,
                epochs=epochs,
                first_epoch=request.first_epoch + first,
                rates=rates if len(rates) == 1 else rates[first * self._batches :],
                orders=None if orders is None else orders[first : first + epochs],
                plateau=NO_PLATEAU,
            )
        )
