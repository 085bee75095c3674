"""The loop over epochs under `Trainer` and the estimators: calls of the backend, and what ended them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from .._checks import Array
from ..backends.data import EpochResults, FitRequest, ShouldStop
from ..backends.memory import write
from . import divergence
from .history import History
from .progress import Wanted, progress_of
from .rise import TOLERANCE, Rise, WayBack, rose

Result = TypeVar("Result")
_OFTEN = 64  # batches: copies of all that learning changes cost a fraction of as many steps


class Part(NamedTuple):
    """Which batches of an epoch a call runs, and the sums of those before; by default all of them."""

    first_batch: int = 0
    batches: int | None = None
    sums: tuple[float, float] = (0.0, 0.0)


WHOLE = Part()


@dataclass(frozen=True)
class Begun:
    """An epoch that is run in parts: how many batches are done, their sums and time, and what it found."""

    batches: int
    sums: tuple[float, float]
    seconds: float
    before: list[tuple[Array, Array]]


@dataclass(frozen=True)
class Call:
    """What one call of the backend came to.

    losses, seconds: of the epochs that it finished, an epoch in parts with its last one. part: updates and
    objective of a part of an epoch. cut: whether it ended before the last batch that it was to run.
    cancelled: whether it was told to stop. failure: what a fit raises then.
    """

    losses: list[float]
    seconds: list[float]
    part: tuple[int, float] | None
    cut: bool
    cancelled: bool
    failure: Exception | None


class Fitting(ABC):
    """One fit, as `EpochLoop` asks it: what to run, on what, and whether to go on."""

    @abstractmethod
    def epochs_at_once(self) -> int:
        """How many epochs the next call may run; 0 for one epoch in parts."""

    @abstractmethod
    def request(self, epochs: int, part: Part) -> FitRequest:
        """The next epochs, or the next part of one."""

    @abstractmethod
    def fit(self, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """The call of the backend."""

    def locked(self, work: Callable[[], Result]) -> Result:
        """Call what changes the model, for other threads in one step."""
        return work()

    @abstractmethod
    def stopped(self) -> bool:
        """Whether somebody else wants it to end; asked about every 20 ms, too."""

    def ended(self) -> bool:
        """The same, asked after each call."""
        return self.stopped()

    @abstractmethod
    def copies(self) -> list[tuple[Array, Array]]:
        """Every array that a step changes, with a copy of what it holds now, to go back to."""

    def remember(self, copies: list[tuple[Array, Array]]) -> None:  # noqa: B027
        """A call begins, with these copies; by default nothing happens."""

    @abstractmethod
    def data_loss(self) -> float:
        """The loss of all samples with the present parameters, without penalties."""

    @abstractmethod
    def objective(self, rows: int) -> float:
        """That of about so many rows with the present parameters, as steps see it."""


@dataclass
class EpochLoop:
    """Runs epochs, as many as one call of the backend may, and yields what each call came to.

    Whoever iterates records, validates, calls back, and breaks off what is to end; in a ``with`` block, which
    has the progress bar. After a failure, and by `go_back`, a fit whose loss rose is in its best epoch again.

    samples, batch_size: of an epoch. epochs: how many at most. classes: outputs of the model. progress: what
    is shown of it. group: batches of each part where an epoch is run in parts. watched: whether a
    loss that rises, or is worse than before the first step, is gone back from. tolerance: by how much it may.
    done: epochs that were run before. begun: an epoch that is run in parts, between two of them. kept:
    whether another fit may go on from it, with more epochs. remembers: whether `Fitting.remember` is told
    of each call before it begins, or of one in so many batches.
    """

    fitting: Fitting
    samples: int
    batch_size: int
    epochs: int
    classes: int
    progress: Wanted
    group: int = 1
    watched: bool = True
    tolerance: float = TOLERANCE
    done: int = 0
    begun: Begun | None = None
    kept: bool = False
    remembers: bool = False

    def __post_init__(self) -> None:
        self.batches = -(-self.samples // self.batch_size)  # of an epoch
        self.undone = 0  # epochs that were gone back from
        self._watches = self.watched and self.epochs > 1  # one epoch by itself does not rise
        fitting = self.fitting
        self.way_back = WayBack(
            lambda request: fitting.fit(request, lambda done: False),
            fitting.data_loss,
            fitting.objective,
            fitting.copies,
            self.batches,
        )

    def __enter__(self) -> EpochLoop:
        self._bar = progress_of(self.progress, self.epochs, self.batches)
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()
        # Or they would keep each other, and a model's buffers, until Python finds circles.
        del self.fitting, self.way_back

    def __iter__(self) -> Iterator[Call]:
        while self.done < self.epochs:
            if self.begun is None and (at_once := self.fitting.epochs_at_once()):
                yield self._whole_epochs(min(at_once, self.epochs - self.done))
            else:
                yield from self._epoch_in_parts()

    def go_back(self) -> Rise | None:
        """Go back to the best epoch if the loss rose for good, or is above the one before the first step."""
        rise = self.way_back.rise(self.tolerance) if self._watches else None
        if rise is not None:
            self.undone = len(rise.losses) - rise.done
        return rise

    def kept_way_back(self) -> WayBack | None:
        """The way back as it is now; None if it was lost before, or is not needed."""
        whole = self.kept and len(self.way_back.losses) == self.done
        return self.way_back.as_it_is() if whole else None

    def restore(self, way_back: Mapping[str, Any] | None, live: Sequence[Array]) -> None:
        """Go on with the way back of another loop, or without one."""
        self._watches = self._watches and way_back is not None
        if way_back is not None:
            self.way_back.restore(way_back, live)

    def show(self, history: History) -> None:
        """Show how many epochs are done, and the last losses and metrics."""
        self._bar.move(self.done)
        self._bar.show(history, self.done)

    def _whole_epochs(self, number: int) -> Call:
        before = self.fitting.copies() if self._watches or self.kept or self.remembers else []
        if self.remembers:
            self.fitting.remember(before)
        request = self.fitting.request(number, WHOLE)
        if self._watches or self.kept:
            self.way_back.begin(before, request)
        results = self._results(request, self.done)
        self.done += len(results.losses)
        self.way_back.end(results.losses)
        cut = results.status == "cancelled" and len(results.losses) < number
        return Call(results.losses, results.seconds, None, cut, *self._end(request, results))

    def _epoch_in_parts(self) -> Iterator[Call]:
        again = 0  # the batch before which the next moment is remembered
        if self.begun is None:
            before, again = self.fitting.copies(), _OFTEN
            if self.remembers:
                self.fitting.remember(before)
            self.begun = Begun(0, (0.0, 0.0), 0.0, before)
            self.way_back.begin(before, None)
        begun = self.begun
        for first in range(begun.batches, self.batches, self.group):
            if self.remembers and first >= again:
                again = first + _OFTEN
                self.fitting.remember(self.fitting.copies())
            number = min(self.group, self.batches - first)
            request = self.fitting.request(1, Part(first, number, begun.sums))
            results = self._results(request, self.done + first / self.batches)
            if results.status in ("diverged", "overflowed", "invalid_label"):
                # The backend went back to the beginning of the part.
                self.fitting.locked(partial(write, begun.before))
            losses, part = [], None
            if results.losses:
                part, sums = (number, results.losses[0]), results.sums
                begun = Begun(first + number, sums, begun.seconds + results.seconds[0], begun.before)
                mean = sums[0] / sums[1] if sums[1] else 0.0  # weights may be changed meanwhile
                losses = [mean] if begun.batches == self.batches else []
            self.begun = None if losses else begun
            self.done += len(losses)
            self.way_back.end(losses)
            cut = results.status == "cancelled" and part is None
            yield Call(losses, [begun.seconds] * len(losses), part, cut, *self._end(request, results))

    def _results(self, request: FitRequest, done: float) -> EpochResults:
        """One call of the backend, which moves the bar from what is done and asks whether to end."""
        epochs = self.done

        def should_stop(more: float) -> bool:
            self._bar.move(epochs + more)
            return self.fitting.stopped()

        self._bar.move(done)
        return self.fitting.fit(request, should_stop)

    def _end(self, request: FitRequest, results: EpochResults) -> tuple[bool, Exception | None]:
        """Whether a call was cancelled, and why it failed."""
        if results.status == "invalid_label":
            return False, divergence.of_label(results.step, self.classes)
        if results.status not in ("diverged", "overflowed"):
            return results.status == "cancelled" or self.fitting.ended(), None
        step = len(results.losses) * self.batches + max(results.step - request.first_batch, 0)
        rate = float(request.rates[step % len(request.rates)])
        restored, losses = "last finished", self.way_back.losses
        if self._watches and rose(losses, self.tolerance):
            done = self.fitting.locked(lambda: self.way_back.go(untrained=True))
            restored, self.undone = "best", len(losses) - done
        if results.status == "overflowed":
            return False, divergence.of_epoch(self.done, rate, restored)
        return False, divergence.of_fit(self.done, results.step, rate, restored)
