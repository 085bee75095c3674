"""The fit loop: calls of the backend, and what happens between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import divergence
from ._progress import ProgressBar
from .backends import active
from .backends.formulas import batch_size
from .backends.protocol import Batch, EpochResults, Schedule
from .callbacks import Callback, EpochState
from .history import History

if TYPE_CHECKING:
    from .training import Trainer

_EVALUATED_AT_ONCE = 8192  # samples of the validation data


@dataclass(frozen=True)
class Plan:
    """What a fit was asked for, checked."""

    epochs: int
    batch_size: int  # at most the number of samples
    shuffle: bool
    seed: int
    callbacks: Sequence[Callback]
    progress: bool


class Fit:
    """One fit: how far it has come, and how it goes on."""

    def __init__(self, trainer: Trainer, batch: Batch, validation: Batch | None, plan: Plan) -> None:
        self._trainer = trainer
        self._batch = batch
        self._validation = validation
        self._plan = plan
        self._history = History()
        self._batches = -(-len(batch.x) // plan.batch_size)  # of an epoch

    def run(self) -> History:
        """All epochs, or as many as nothing ends."""
        plan, history = self._plan, self._history
        # One call of the backend for all epochs, unless something must happen between them.
        together = 1 if plan.callbacks or self._validation else plan.epochs
        with ProgressBar(plan.epochs, self._batches, plan.progress) as bar:
            while history.epochs < plan.epochs and history.status == "finished":
                before = history.epochs
                self._epochs(together, bar)
                if history.epochs > before:
                    self._end_of_epoch(bar)
        return history

    def _epochs(self, number: int, bar: ProgressBar) -> None:
        """Let the backend run some epochs, and record them."""
        plan, history = self._plan, self._history
        schedule = Schedule(number, plan.batch_size, plan.shuffle, plan.seed, self._trainer.epochs_done)
        results = self._call(schedule, bar)
        self._trainer.epochs_done += len(results.losses)
        history.loss += results.losses
        history.seconds += results.seconds
        history.samples_per_second += [len(self._batch.x) / max(s, 1e-9) for s in results.seconds]
        self._conclude(results, bar)

    def _call(self, schedule: Schedule, bar: ProgressBar) -> EpochResults:
        """One call of the backend, which moves the bar and ends when the trainer is cancelled."""
        before, reached = self._history.epochs, 0.0

        def watch(done: float) -> bool:
            nonlocal reached
            reached = done
            bar.move(before + done)
            return self._trainer._cancelled.is_set()

        try:
            return self._trainer._run(self._batch, schedule, watch)
        except BaseException:  # Ctrl-C: what the last look saw
            self._trainer.epochs_done += int(reached)
            raise

    def _conclude(self, results: EpochResults, bar: ProgressBar) -> None:
        """What the status of a call means for the fit."""
        trainer, history = self._trainer, self._history
        bar.move(history.epochs)
        if results.status == "mislabelled":
            classes = trainer.model.out_features
            raise ValueError(
                f"the label of sample {results.step} was changed during the fit, and is not one of the "
                f"{classes} classes 0..{classes - 1}; the parameters of the last finished epoch were restored"
            )
        if results.status == "diverged":
            raise divergence.of_fit(history.epochs, results.step, trainer.optimizer.learning_rate)
        if results.status == "cancelled" or trainer._cancelled.is_set():
            history.status = "cancelled"

    def _end_of_epoch(self, bar: ProgressBar) -> None:
        if self._validation:
            self._history.validation_loss.append(self._data_loss(self._validation))
        bar.show(self._history)
        if self._plan.callbacks and self._history.status == "finished":
            self._call_back()

    def _call_back(self) -> None:
        trainer, history = self._trainer, self._history
        validation_loss = history.validation_loss[-1] if history.validation_loss else None
        epoch = history.epochs - 1
        state = EpochState(epoch, history.loss[-1], validation_loss, trainer.model, trainer, history)
        answers = [callback(state) for callback in self._plan.callbacks]  # each, whatever the others want
        if any(answers):
            history.status = "stopped"
        if trainer._cancelled.is_set():
            history.status = "cancelled"

    def _data_loss(self, batch: Batch) -> float:
        """Of samples without weights, some at a time: there may be more than memory has room for scores."""
        loss, network, backend = self._trainer.loss, self._trainer.model._network(), active()
        total = 0.0
        for start in range(0, len(batch.x), _EVALUATED_AT_ONCE):
            part = slice(start, start + _EVALUATED_AT_ONCE)
            scores = network.forward(batch.x[part])
            value = backend.loss(loss, scores, batch.targets[part], None)[0]
            total += value * batch_size(loss, len(scores), None)
        return total / batch_size(loss, len(batch.x), None)
