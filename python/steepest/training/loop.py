"""The fit loop: calls of the backend, and what happens between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import _checks
from .._checks import Array
from ..backends import active
from ..backends.data import Batch, EpochResults, FitRequest
from ..backends.reference.formulas import batch_size, write
from ..metrics import Metric
from . import divergence
from .callbacks import BatchCallback, BatchState, Callback, EpochCallback, EpochState
from .history import History
from .progress import ProgressBar
from .rates import AHEAD, Rates

if TYPE_CHECKING:
    from ..losses import Loss
    from ..model import Sequential
    from .trainer import Trainer

_EVALUATED_AT_ONCE = 8192  # samples of the validation data


@dataclass(frozen=True)
class Plan:
    """What a fit was asked for, checked."""

    epochs: int
    batch_size: int  # at most the number of samples
    shuffle: bool
    seed: int
    metrics: Mapping[str, Metric]
    callbacks: Sequence[Callback]
    batch_callbacks: Sequence[BatchCallback]
    batch_group: int
    progress: bool


class Fit:
    """One fit: how far it has come, and how it goes on."""

    def __init__(self, trainer: Trainer, batch: Batch, validation: Batch | None, plan: Plan) -> None:
        self._trainer = trainer
        self._batch = batch
        self._validation = validation
        self._plan = plan
        self._history = History(metrics={name: [] for name in plan.metrics})
        self._batches = -(-len(batch.x) // plan.batch_size)  # of an epoch
        self._rates = self._rates_of(plan.epochs * self._batches)
        self._steps = 0

    def run(self) -> History:
        """All epochs, or as many as nothing ends."""
        plan, history = self._plan, self._history
        observers = [callback for callback in plan.callbacks if isinstance(callback, EpochCallback)]
        for observer in observers:
            observer.begin(self._trainer, self._monitored())
        # One call of the backend for all epochs, unless something must happen between them.
        together = 1 if plan.callbacks or self._validation else plan.epochs
        with ProgressBar(plan.epochs, self._batches, plan.progress) as bar:
            while history.epochs < plan.epochs and history.status == "finished":
                before = history.epochs
                at_once = min(together, self._rates.epochs_at_once(self._batches))
                if plan.batch_callbacks or not at_once:
                    self._epoch_in_groups(plan.batch_group if plan.batch_callbacks else AHEAD, bar)
                else:
                    self._whole_epochs(at_once, bar)
                if history.epochs > before:
                    self._end_of_epoch(bar)
        for observer in observers:
            observer.end(self._trainer, history)
        return history

    def _monitored(self) -> dict[str, Metric | None]:
        """What is computed for each epoch, and the functions of the metrics."""
        losses = ("loss", "validation_loss") if self._validation else ("loss",)
        return {**dict.fromkeys(losses), **self._plan.metrics}

    def _whole_epochs(self, number: int, bar: ProgressBar) -> None:
        """Let the backend run some epochs, and record them."""
        number = min(number, self._plan.epochs - self._history.epochs)
        request = self._request(number)
        results = self._call(request, bar)
        self._record(results.losses, results.seconds)
        self._conclude(results, request, bar)

    def _epoch_in_groups(self, group: int, bar: ProgressBar) -> None:
        """Let the backend run one epoch in groups of batches, with calls back between them."""
        epoch = self._history.epochs
        before, seconds, sums = self._trainer._copies(), 0.0, (0.0, 0.0)
        for first in range(0, self._batches, group):
            number = min(group, self._batches - first)
            request = self._request(1, first, number, sums)
            results = self._call(request, bar)
            if results.status in ("diverged", "overflowed", "invalid_label"):
                write(before)  # the backend went back to the beginning of the group
            self._conclude(results, request, bar, (first + number) / self._batches)
            if not results.losses:
                return  # cancelled
            sums, seconds = results.sums, seconds + results.seconds[0]
            self._steps += number
            if first + number == self._batches:
                self._record([sums[0] / sums[1]], [seconds])
            self._call_back_batch(epoch, results.losses[0])
            if self._history.status != "finished":
                return

    def _request(
        self,
        epochs: int,
        first_batch: int = 0,
        batches: int | None = None,
        sums: tuple[float, float] = (0.0, 0.0),
    ) -> FitRequest:
        plan, trainer = self._plan, self._trainer
        rule, done = trainer.optimizer.learning_rate, trainer.steps_done
        if self._rates.rule is not rule:  # a callback's doing
            left = (plan.epochs - self._history.epochs) * self._batches - first_batch
            self._rates = self._rates_of(left)
        rates = self._rates.of(done, epochs * (self._batches if batches is None else batches))
        return FitRequest(
            epochs=epochs,
            batch_size=plan.batch_size,
            shuffle=plan.shuffle,
            seed=plan.seed,
            rates=rates,
            first_epoch=trainer.epochs_done,
            first_batch=first_batch,
            batches=batches,
            sums=sums,
        )

    def _rates_of(self, steps: int) -> Rates:
        """Those of the steps to come."""
        trainer = self._trainer
        return Rates(trainer.optimizer.learning_rate, trainer.steps_done, steps, trainer.model.dtype)

    def _call(self, request: FitRequest, bar: ProgressBar) -> EpochResults:
        """One call of the backend, which moves the bar and ends when the trainer is cancelled."""
        before, steps = self._history.epochs, self._trainer.steps_done

        def watch(done: float) -> bool:
            bar.move(before + done)
            return self._trainer._cancelled.is_set()

        try:
            return self._trainer._run(self._batch, request, watch)
        except BaseException:  # Ctrl-C, or a loss that failed, after some epochs
            self._trainer.epochs_done += (self._trainer.steps_done - steps) // self._batches
            raise

    def _record(self, losses: Sequence[float], seconds: Sequence[float]) -> None:
        """Some finished epochs."""
        self._trainer.epochs_done += len(losses)
        history, samples = self._history, len(self._batch.x)
        history.loss += losses
        history.seconds += seconds
        history.samples_per_second += [samples / max(duration, 1e-9) for duration in seconds]

    def _conclude(
        self, results: EpochResults, request: FitRequest, bar: ProgressBar, more: float = 0.0
    ) -> None:
        """What the status of a call means for the fit, which has come `more` epochs than recorded."""
        trainer, history = self._trainer, self._history
        bar.move(history.epochs + more)
        if results.status == "invalid_label":
            classes = trainer.model.out_features
            raise ValueError(
                f"the label of sample {results.step} was changed during the fit, and is not one of the "
                f"{classes} classes 0..{classes - 1}; the parameters of the last finished epoch were restored"
            )
        if results.status in ("diverged", "overflowed"):
            step = len(results.losses) * self._batches + max(results.step - request.first_batch, 0)
            rate = float(request.rates[step % len(request.rates)])
            if results.status == "overflowed":
                raise divergence.of_epoch(history.epochs, rate)
            raise divergence.of_fit(history.epochs, results.step, rate)
        if results.status == "cancelled" or trainer._cancelled.is_set():
            history.status = "cancelled"

    def _end_of_epoch(self, bar: ProgressBar) -> None:
        """What happens between two epochs."""
        if self._validation:
            self._validate(self._validation)
        bar.show(self._history)
        if self._plan.callbacks:
            self._call_back()

    def _call_back(self) -> None:
        trainer, history = self._trainer, self._history
        validation_loss = history.validation_loss[-1] if history.validation_loss else None
        epoch = history.epochs - 1
        state = EpochState(epoch, history.loss[-1], validation_loss, trainer.model, trainer, history)
        self._heed([callback(state) for callback in self._plan.callbacks])

    def _call_back_batch(self, epoch: int, loss: float) -> None:
        trainer = self._trainer
        state = BatchState(epoch, self._steps, loss, trainer.model, trainer, self._history)
        self._heed([callback(state) for callback in self._plan.batch_callbacks])

    def _heed(self, answers: Sequence[object]) -> None:
        """What callbacks, each of which was called whatever the others want, answered."""
        if any(answers):
            self._history.status = "stopped"
        if self._trainer._cancelled.is_set():
            self._history.status = "cancelled"

    def _validate(self, batch: Batch) -> None:
        """Data loss and metrics; scores are kept only where metrics need them."""
        model, metrics = self._trainer.model, self._plan.metrics
        kept = np.empty((len(batch.x) if metrics else 0, model.out_features), model.dtype)
        self._history.validation_loss.append(data_loss(model, self._trainer.loss, batch, kept))
        for name, metric in metrics.items():
            result = metric(_read_only(batch.targets), _read_only(kept))
            self._history.metrics[name].append(_checks.real_number(result, f"metric {name!r}"))


def data_loss(model: Sequential, loss: Loss, batch: Batch, kept: Array | None = None) -> float:
    """The loss of samples, some at a time: there may be more than memory has room for scores.

    Those are written to `kept`, unless that has no rows.
    """
    samples, network, backend, total = len(batch.x), model._network(), active(), 0.0
    for start in range(0, samples, _EVALUATED_AT_ONCE):
        part = slice(start, start + _EVALUATED_AT_ONCE)
        scores = network.forward(batch.x[part])
        weight = None if batch.weight is None else batch.weight[part]
        value = backend.loss(loss, scores, batch.targets[part], weight)[0]
        total += value * batch_size(loss, len(scores), weight)
        if kept is not None and len(kept):
            kept[part] = scores
    return total / batch_size(loss, samples, batch.weight)


def _read_only(array: Array) -> Array:
    """A view that functions of the user's cannot write to."""
    view = array.view()
    view.flags.writeable = False
    return view
