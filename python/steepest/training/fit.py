"""One fit of a `Trainer`: what it was asked for, and what happens between its epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .._checks import Array
from ..backends.data import EpochResults, FitRequest, ShouldStop
from ..metrics import Metric
from . import divergence, scales
from .callbacks import BatchCallback, BatchState, Callback, EpochCallback, EpochState, RunningTrainer
from .callbacks.states import interrupts
from .checkpoints import Begin, FitMoment
from .given import Given
from .history import History
from .loop import Call, EpochLoop, Fitting, Part, Result
from .objective import objective_before_steps
from .progress import Wanted
from .rates import AHEAD, Place, Rates
from .rise import Rise
from .validation import data_loss, measure


@dataclass
class Fit(Fitting):
    """The checked arguments of a fit, its progress, and how it continues."""

    trainer: RunningTrainer
    cancelled: Callable[[], bool]
    samples: Given
    epochs: int
    batch_size: int  # at most the number of samples
    shuffle: bool
    seed: int
    metrics: Mapping[str, Metric]
    callbacks: Sequence[Callback]
    batch_callbacks: Sequence[BatchCallback]
    batch_group: int
    progress: Wanted
    begin: Begin  # what it goes on from, and what it writes

    def __post_init__(self) -> None:
        self.batch, self._checkpointing = self.samples.batch, self.begin.checkpointing
        samples, classes = self._count(), self.trainer.model.out_features
        every = None if self._checkpointing is None else self._checkpointing.every
        group = self.batch_group if self.batch_callbacks else AHEAD if every is None else every.group
        self._learning = self.trainer.learning
        given: list[object] = [*self.callbacks, *self.batch_callbacks]
        self._observers = list({id(c): c for c in given if isinstance(c, EpochCallback)}.values())
        self._history, done = History(metrics={name: [] for name in self.metrics}), 0
        self._first_step, self._stopped = self._learning.steps_done, False
        before = self.begin.before
        if before is not None:
            self._history, self._first_step, self._stopped = before.history, before.first_step, before.stopped
            done = self._history.epochs
        self._loop = EpochLoop(self, samples, self.batch_size, self.epochs, classes, self.progress, group)
        self._loop.done, first = done, 0
        writes = self._checkpointing
        self._loop.kept, self._loop.remembers = writes is not None, writes is not None and writes.sink is None
        self._cut = False  # whether it ended within a call of the backend
        with self._or_undone():
            if before is not None:
                self._loop.begun = begun = before.begun_in(self._loop, self._learning.changed_arrays())
                first = 0 if begun is None else begun.batches
            self._rates = self._rates_of(max(0, self.epochs - done) * self._loop.batches - first, first)

    def run(self) -> History:
        """All epochs, or as many as nothing ends."""
        history = self._history
        with self._or_undone():
            self._begin()
        with self._loop:
            with self.begin.interruptible():
                self._run_epochs()
            self._go_back()
        self._finish()
        return history

    # ---- what the loop asks -------------------------------------------------------------------------------

    def epochs_at_once(self) -> int:
        """The number of epochs to run in one call: many, unless something must happen in between."""
        most = self._rates.epochs_at_once(self._loop.batches)
        if self.batch_callbacks:
            return 0
        if self._checkpointing is not None:
            pace = self._history.seconds[-1] if self._history.seconds else None
            clock = self._checkpointing.clock
            most = min(most, clock.epochs_at_once(*self._place(), self._loop.batches, pace))
        between = self.callbacks or self.samples.validated or self.metrics or self.progress == "lines"
        return min(most, 1) if between else most

    def request(self, epochs: int, part: Part) -> FitRequest:
        """The next epochs, with learning rates of the trainer's optimizer, which a callback may replace."""
        if self._rates.rule is not self._learning.optimizer.learning_rate:
            left = (self.epochs - self._history.epochs) * self._loop.batches - part.first_batch
            self._rates = self._rates_of(left, part.first_batch)
        self._learning.check_lazy(self.batch.x)  # by what a callback may have set
        steps = epochs * (self._loop.batches if part.batches is None else part.batches)
        return FitRequest(
            epochs=epochs,
            batch_size=self.batch_size,
            shuffle=self.shuffle,
            seed=self.seed,
            rates=self._rates.of(self._learning.steps_done, steps),
            first_epoch=self.trainer.epochs_done,
            first_batch=part.first_batch,
            batches=part.batches,
            sums=part.sums,
        )

    def fit(self, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """The call of the backend; one that fails has finished epochs too."""
        learning, steps = self._learning, self._learning.steps_done
        network = learning.compiled.network()
        learning.compiled.turns.give_way()
        try:
            return self.locked(lambda: network.fit(self.batch, learning.state, request, should_stop))
        except BaseException:  # Ctrl-C, or a loss that failed, after some epochs
            self.trainer.epochs_done += (learning.steps_done - steps) // self._loop.batches
            raise

    def locked(self, work: Callable[[], Result]) -> Result:
        """What changes the model; threads that ask it meanwhile wait."""
        return self._learning.compiled.turns.compute(work)

    def stopped(self) -> bool:
        """Whether the trainer was cancelled, or a callback interrupts."""
        return self.cancelled() or self._interrupted()

    def copies(self) -> list[tuple[Array, Array]]:
        """All that learning changes."""
        return self._learning.copies()

    def remember(self, copies: list[tuple[Array, Array]]) -> None:
        """What the last checkpoint holds if something ends the fit now."""
        if self._checkpointing is not None and self._learning.steps_done > self._first_step:
            self._checkpointing.moment = self._now(copies)

    def data_loss(self) -> float:
        """The loss of the samples."""
        return data_loss(self._learning.compiled, self._learning.loss, self.batch)

    def objective(self, rows: int) -> float:
        """That of some of the samples, as steps see it."""
        compiled, config = self._learning.compiled, self._learning.state.config
        return objective_before_steps(compiled, config, self.batch, self.batch_size, self.seed, rows)

    # ---- between its calls --------------------------------------------------------------------------------

    @contextmanager
    def _or_undone(self) -> Iterator[None]:
        """A fit that cannot go on leaves the trainer as it was."""
        try:
            yield
        except BaseException:
            self.begin.undo()
            raise

    def _begin(self) -> None:
        """Tell those that want to know, and what they were told before."""
        if self.begin.before is None:
            for observer in self._observers:
                observer.begin(self.trainer, self._monitored())
        else:
            for observer, state in zip(self._observers, self.begin.before.callbacks, strict=True):
                observer.resume(self.trainer, self._monitored(), state)
        if self._checkpointing is not None:
            self._checkpointing.clock.begin(*self._place())

    def _run_epochs(self) -> None:
        """With checkpoints, of which the last one is written here unless an error ends them."""
        if self._stopped:  # the fit that this one goes on from
            self._history.status = "stopped"
        for call in () if self._stopped else self._loop:
            self._after(call)
            if self._history.status != "finished":
                break
            self._write(due=True)
        if not self._cut:
            self._write(due=False)
        else:
            self._write_last()

    def _place(self) -> tuple[int, int]:
        """Finished epochs, and steps."""
        return self._history.epochs, self._learning.steps_done

    def _interrupted(self) -> bool:
        return any(observer.interrupts() for observer in self._observers)

    def _write(self, *, due: bool) -> None:
        """A checkpoint, or only one that is due."""
        to = self._checkpointing
        if to is None or (due and not to.clock.due(*self._place())):
            return
        if not due and to.clock.stands(*self._place()) and not self._stopped:
            return
        to.write(self._now(self._learning.copies()))

    def _write_last(self) -> None:
        """The one of a fit that was cut."""
        if self._checkpointing is not None:
            self._checkpointing.write_last()

    def _now(self, copies: list[tuple[Array, Array]]) -> FitMoment:
        own = self._history, self._first_step, self._loop, self._observers
        return FitMoment.of(self.trainer, copies, *own, stopped=self._stopped)

    def _after(self, call: Call) -> None:
        epoch = self._history.epochs
        self._record(call.losses, call.seconds)
        if call.failure is not None:
            if self._checkpointing is not None:
                self._checkpointing.moment = None  # from which it would fail again
            self.trainer.epochs_done -= self._loop.undone
            raise divergence.advised(call.failure, scales.advice(self.batch.x))
        self._cut = call.cut
        if call.cancelled:
            self._history.status = "cancelled" if self._was_cancelled() else "stopped"
        if call.part is not None:
            self._call_back_batch(epoch, call.part[1])
        if call.losses:
            self._end_of_epoch()

    def _go_back(self) -> None:
        """From a loss that rose for good to its best epoch, as if the fit had ended there."""
        if self._history.best_epoch is not None:
            return  # of `EarlyStopping`, which has a way back of its own
        if rise := self._gone_back():
            self._history.best_epoch = rise.best
        self._warn(rise)

    def _warn(self, rise: Rise | None) -> None:
        if rise is not None:
            return scales.warn_of_rise(rise, self.batch.x)
        loss = self._learning.loss
        return scales.warn_of_constant(self.batch, loss, self._history.loss, self._loop.batches)

    def _gone_back(self) -> Rise | None:
        """With its count of epochs."""

        def go_back() -> Rise | None:
            rise = self._loop.go_back()
            if rise is not None:
                self.trainer.epochs_done -= self._loop.undone
            return rise

        return self.locked(go_back)

    def _record(self, losses: Sequence[float], seconds: Sequence[float]) -> None:
        """Some finished epochs."""
        self.trainer.epochs_done += len(losses)
        history, samples = self._history, self._count()
        history.loss += losses
        history.seconds += seconds
        history.samples_per_second += [samples / max(duration, 1e-9) for duration in seconds]

    def _end_of_epoch(self) -> None:
        history, trainer = self._history, self.trainer
        if self.samples.validated or self.metrics:
            loss, values = self._measure()
            history.validation_loss += [loss] * self.samples.validated
            for name, value in values.items():
                history.metrics[name].append(value)
        self._loop.show(history)
        if self.callbacks:
            validation_loss = history.validation_loss[-1] if history.validation_loss else None
            epoch = history.epochs - 1
            state = EpochState(epoch, history.loss[-1], validation_loss, trainer.model, trainer, history)
            self._heed(*self._ask(self.callbacks, state))

    def _call_back_batch(self, epoch: int, loss: float) -> None:
        trainer, step = self.trainer, self._learning.steps_done - self._first_step
        state = BatchState(epoch, step, loss, trainer.model, trainer, self._history)
        self._heed(*self._ask(self.batch_callbacks, state))

    def _ask(
        self, callbacks: Sequence[Callable[[Any], object]], state: EpochState | BatchState
    ) -> tuple[bool, bool]:
        """Whether callbacks, each of which is called whatever the others want, end the fit, and for good."""
        answers = [callback(state) for callback in callbacks]
        wanting = [one for one, answer in zip(callbacks, answers, strict=True) if answer]
        return bool(wanting), not all(interrupts(one) for one in wanting)

    def _heed(self, ends: bool, for_good: bool) -> None:
        if ends:
            self._history.status = "stopped"
        self._stopped = self._stopped or for_good
        if self._was_cancelled():
            self._history.status = "cancelled"

    def _was_cancelled(self) -> bool:
        return self.cancelled()

    def _count(self) -> int:
        """How many samples an epoch has."""
        return len(self.batch.x)

    def _measure(self) -> tuple[float, dict[str, float]]:
        """Loss and metrics after an epoch."""
        learning = self._learning
        return measure(learning.compiled, learning.loss, self.samples.measured, self.metrics)

    def _finish(self) -> None:
        """Tell those that want to know."""
        for observer in self._observers:
            observer.end(self.trainer, self._history)

    def _monitored(self) -> dict[str, Metric | None]:
        """What is computed for each epoch, and the functions of the metrics."""
        losses = ("loss", "validation_loss") if self.samples.validated else ("loss",)
        return {**dict.fromkeys(losses), **self.metrics}

    def _rates_of(self, steps: int, batch: int = 0) -> Rates:
        """Those of the steps to come, from that batch of the epoch on."""
        learning = self._learning
        place = Place(learning.steps_done, self.trainer.epochs_done, batch, self._loop.batches)
        return Rates(learning.optimizer.learning_rate, place, steps, learning.compiled.dtype)
