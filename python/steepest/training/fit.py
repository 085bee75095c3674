"""One fit of a `Trainer`: what it was asked for, and what happens between its epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .._checks import Array
from ..backends.data import Batch, EpochResults, FitRequest, ShouldStop
from ..metrics import Metric
from .callbacks import BatchCallback, BatchState, Callback, EpochCallback, EpochState, RunningTrainer
from .history import History
from .loop import Call, EpochLoop, Fitting, Part
from .rates import AHEAD, Rates
from .validation import validate


@dataclass(frozen=True)
class Plan:
    """What a fit was asked for, checked."""

    batch: Batch
    validation: Batch | None
    epochs: int
    batch_size: int  # at most the number of samples
    shuffle: bool
    seed: int
    metrics: Mapping[str, Metric]
    callbacks: Sequence[Callback]
    batch_callbacks: Sequence[BatchCallback]
    batch_group: int
    progress: bool


class Fit(Fitting):
    """How far it has come, and how it goes on; `cancelled` tells whether it is to end."""

    def __init__(self, trainer: RunningTrainer, plan: Plan, cancelled: Callable[[], bool]) -> None:
        self._trainer = trainer
        self._learning = trainer.learning
        self._plan = plan
        self._cancelled = cancelled
        self._history = History(metrics={name: [] for name in plan.metrics})
        self._loop = EpochLoop(
            self,
            len(plan.batch.x),
            plan.batch_size,
            plan.epochs,
            trainer.model.out_features,
            plan.progress,
            plan.batch_group if plan.batch_callbacks else AHEAD,
        )
        self._rates = self._rates_of(plan.epochs * self._loop.batches)
        self._steps = 0

    def run(self) -> History:
        """All epochs, or as many as nothing ends."""
        plan, history = self._plan, self._history
        observers = [callback for callback in plan.callbacks if isinstance(callback, EpochCallback)]
        for observer in observers:
            observer.begin(self._trainer, self._monitored())
        with self._loop:
            for call in self._loop:
                self._after(call)
                if history.status != "finished":
                    break
        for observer in observers:
            observer.end(self._trainer, history)
        return history

    # ---- what the loop asks -------------------------------------------------------------------------------

    def epochs_at_once(self) -> int:
        """All of them, unless something must happen between: that is, but for many learning rates."""
        plan, most = self._plan, self._rates.epochs_at_once(self._loop.batches)
        if plan.batch_callbacks:
            return 0
        return min(most, 1) if plan.callbacks or plan.validation else most

    def request(self, epochs: int, part: Part) -> FitRequest:
        """The next epochs, with learning rates of the trainer's optimizer, which a callback may replace."""
        plan, done = self._plan, self._learning.steps_done
        if self._rates.rule is not self._learning.optimizer.learning_rate:
            left = (plan.epochs - self._history.epochs) * self._loop.batches - part.first_batch
            self._rates = self._rates_of(left)
        steps = epochs * (self._loop.batches if part.batches is None else part.batches)
        return FitRequest(
            epochs=epochs,
            batch_size=plan.batch_size,
            shuffle=plan.shuffle,
            seed=plan.seed,
            rates=self._rates.of(done, steps),
            first_epoch=self._trainer.epochs_done,
            first_batch=part.first_batch,
            batches=part.batches,
            sums=part.sums,
        )

    def fit(self, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """The call of the backend; one that fails has finished epochs too."""
        learning, steps = self._learning, self._learning.steps_done
        try:
            return learning.compiled.network().fit(self._plan.batch, learning.state, request, should_stop)
        except BaseException:  # Ctrl-C, or a loss that failed, after some epochs
            self._trainer.epochs_done += (learning.steps_done - steps) // self._loop.batches
            raise

    def stopped(self) -> bool:
        """Whether the trainer was cancelled."""
        return self._cancelled()

    def copies(self) -> list[tuple[Array, Array]]:
        """All that learning changes."""
        return self._learning.copies()

    # ---- between its calls --------------------------------------------------------------------------------

    def _after(self, call: Call) -> None:
        self._record(call.losses, call.seconds)
        if call.failure is not None:
            raise call.failure
        if call.cancelled:
            self._history.status = "cancelled"
        if call.part is not None:
            self._call_back_batch(call.epoch, *call.part)
        if call.losses:
            self._end_of_epoch()

    def _record(self, losses: Sequence[float], seconds: Sequence[float]) -> None:
        """Some finished epochs."""
        self._trainer.epochs_done += len(losses)
        history, samples = self._history, len(self._plan.batch.x)
        history.loss += losses
        history.seconds += seconds
        history.samples_per_second += [samples / max(duration, 1e-9) for duration in seconds]

    def _end_of_epoch(self) -> None:
        plan, history, trainer = self._plan, self._history, self._trainer
        if plan.validation:
            learning = self._learning
            validate(learning.compiled, learning.loss, plan.validation, plan.metrics, history)
        self._loop.show(history)
        if plan.callbacks:
            validation_loss = history.validation_loss[-1] if history.validation_loss else None
            epoch = history.epochs - 1
            state = EpochState(epoch, history.loss[-1], validation_loss, trainer.model, trainer, history)
            self._heed([callback(state) for callback in plan.callbacks])

    def _call_back_batch(self, epoch: int, steps: int, loss: float) -> None:
        self._steps += steps
        trainer = self._trainer
        state = BatchState(epoch, self._steps, loss, trainer.model, trainer, self._history)
        self._heed([callback(state) for callback in self._plan.batch_callbacks])

    def _heed(self, answers: Sequence[object]) -> None:
        """What callbacks, each of which was called whatever the others want, answered."""
        if any(answers):
            self._history.status = "stopped"
        if self._cancelled():
            self._history.status = "cancelled"

    def _monitored(self) -> dict[str, Metric | None]:
        """What is computed for each epoch, and the functions of the metrics."""
        losses = ("loss", "validation_loss") if self._plan.validation else ("loss",)
        return {**dict.fromkeys(losses), **self._plan.metrics}

    def _rates_of(self, steps: int) -> Rates:
        """Those of the steps to come."""
        learning = self._learning
        rule = learning.optimizer.learning_rate
        return Rates(rule, learning.steps_done, steps, learning.compiled.dtype)
