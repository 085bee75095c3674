"""The backend that runs without a compiler, and that the native one is tested against: NumPy throughout.

The formulas are in `formulas.py`; here is the order in which a step and a fit apply them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from time import perf_counter
from typing import Literal

import numpy as np

from ..losses import Loss
from ..penalties import Penalty
from . import formulas
from ._random import shuffle_order
from .protocol import (
    Array,
    Average,
    Backend,
    Batch,
    EpochResults,
    Network,
    Parameters,
    Recipe,
    Schedule,
    Stage,
    Watch,
)

_WATCH_SECONDS = 0.02
_ROWS_AT_ONCE = 4096  # of X, which may be larger than memory


class ReferenceNetwork:
    """A compiled model in plain NumPy; see `protocol.Network` for the contract of each method."""

    def __init__(self, stages: Sequence[Stage], parameters: Sequence[Parameters]) -> None:
        self._stages = tuple(stages)
        self._parameters = tuple(parameters)
        self._order: tuple[object, Array] = None, np.empty(0)  # the last one, and its key

    def try_forward(self, x: object) -> Array | None:
        """None: all is checked before it comes here."""

    def try_step(
        self,
        x: object,
        targets: object,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        average: Average | None = None,
    ) -> float | None:
        """None: all is checked before it comes here."""

    def forward(self, x: Array) -> Array:
        """Scores (samples, outputs) of rows (samples, features)."""
        return self._outputs(x)[-1]

    def loss_and_gradients(
        self, batch: Batch, loss: Loss, penalty: Penalty | None
    ) -> tuple[float, list[Parameters]]:
        """The objective (data loss + penalty) and its gradient for each dense stage."""
        objective, gradients = self._objective(batch, loss, penalty)
        if penalty is not None:
            for p, gradient in zip(self._parameters, gradients, strict=True):
                gradient.weight = gradient.weight + formulas.penalty_gradient(penalty, p.weight)
        return objective, gradients

    def step(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        average: Average | None = None,
    ) -> float:
        """One update on the whole batch; where the objective is not finite, nothing is changed."""
        objective, gradients = self._objective(batch, recipe.loss, recipe.penalty)
        if math.isfinite(objective):
            self._update(gradients, recipe, velocities, average)
        return objective

    def fit(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        schedule: Schedule,
        watch: Watch | None,
        average: Average | None = None,
    ) -> EpochResults:
        """Epochs of shuffled mini-batches; the last batch of an epoch may be smaller."""
        samples, size = len(batch.x), schedule.batch_size
        batches = -(-samples // size)
        steps = range(batches)[schedule.first_batch :][: schedule.batches]
        sums = schedule.sums
        stop = _throttled(watch)
        losses: list[float] = []
        seconds: list[float] = []
        for epoch in range(schedule.epochs):
            began = perf_counter()
            number = schedule.first_epoch + epoch
            order = self._shuffled(samples, schedule.seed, number) if schedule.shuffle else None
            before = self._copies(velocities, average) if len(steps) > 1 else []
            own, sums = (0.0, 0.0), schedule.sums
            for step in steps:
                start = step * size
                part = _take(batch, slice(start, start + size), order)
                if recipe.loss.takes_labels:  # they may have changed since they were checked
                    bad = BACKEND.first_bad_label(part.targets, self._stages[-1].outputs)
                    if bad >= 0:
                        formulas.write(before)
                        sample = start + bad if order is None else int(order[start + bad])
                        return EpochResults(losses, seconds, "mislabelled", sample)
                objective = self.step(part, recipe, velocities, average)
                if not math.isfinite(objective):
                    formulas.write(before)
                    return EpochResults(losses, seconds, "diverged", step)
                weight = formulas.batch_size(recipe.loss, len(part.x), part.weight)
                own = own[0] + weight * objective, own[1] + weight
                sums = sums[0] + weight * objective, sums[1] + weight
                if step != steps[-1] and stop(epoch + (step + 1) / batches):
                    return EpochResults(losses, seconds, "cancelled", sums=sums)
            losses.append(own[0] / own[1] if own[1] else 0.0)
            seconds.append(perf_counter() - began)
            if stop(epoch + steps.stop / batches) and epoch + 1 < schedule.epochs:
                return EpochResults(losses, seconds, "cancelled", sums=sums)
        return EpochResults(losses, seconds, "finished", sums=sums)

    def _shuffled(self, samples: int, seed: int, epoch: int) -> Array:
        """The order of an epoch, which is kept: it may be run in many parts."""
        key = samples, seed, epoch
        last = self._order  # read once: another thread may replace it
        if last[0] != key:
            last = self._order = key, shuffle_order(samples, seed, epoch)
        return last[1]

    def _outputs(self, x: Array) -> list[Array]:
        """The input, then the output of each stage."""
        outputs = [x]
        parameters = iter(self._parameters)
        for stage in self._stages:
            y = outputs[-1]
            if stage.dense:
                p = next(parameters)
                y = formulas.linear(y, p.weight, p.bias)
            outputs.append(formulas.activation(stage.activation, y))
        return outputs

    @formulas.quiet
    def _objective(self, batch: Batch, loss: Loss, penalty: Penalty | None) -> tuple[float, list[Parameters]]:
        """The objective, and the gradient of the data loss alone for each dense stage."""
        outputs = self._outputs(batch.x)
        objective, grad = formulas.loss_and_gradient(loss, outputs[-1], batch.targets, batch.weight)
        if penalty is not None:
            objective += sum(formulas.penalty_value(penalty, p.weight) for p in self._parameters)
        gradients: list[Parameters] = []
        remaining = list(self._parameters)
        for stage, x, y in reversed(list(zip(self._stages, outputs[:-1], outputs[1:], strict=True))):
            grad = formulas.activation_backward(stage.activation, y, grad)
            if stage.dense:
                p = remaining.pop()
                gradients.append(Parameters(x.T @ grad, None if p.bias is None else grad.sum(axis=0)))
                if not remaining:
                    break  # nothing below the first dense stage learns
                grad = grad @ p.weight.T
        return objective, gradients[::-1]

    def _update(
        self,
        gradients: Sequence[Parameters],
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        average: Average | None,
    ) -> None:
        """Compute every new value first, and only then write, so that no error leaves layers out of step."""
        values = _arrays(self._parameters)
        speeds = _arrays(velocities) if velocities is not None else [None] * len(values)
        changes: list[tuple[Array, Array]] = []
        results: list[Array] = []
        for value, grad, velocity in zip(values, _arrays(gradients), speeds, strict=True):
            penalty = recipe.penalty if value.ndim == 2 else None  # weights only, never biases
            new, new_velocity = formulas.updated(value, grad, velocity, recipe.optimizer, penalty)
            changes.append((value, new))
            results.append(new)
            if velocity is not None and new_velocity is not None:
                changes.append((velocity, new_velocity))
        if average is not None:
            changes += _average_changes(average, results)
        formulas.write(changes)

    def _copies(
        self, velocities: Sequence[Parameters] | None, average: Average | None
    ) -> list[tuple[Array, Array]]:
        """Every array that learning changes, with a copy of what it holds now."""
        arrays = _arrays(self._parameters) + _arrays(velocities or ())
        if average is not None:
            arrays += [*_arrays(average.values), average.updates]
        return [(array, array.copy()) for array in arrays]


def _arrays(parameters: Sequence[Parameters]) -> list[Array]:
    return [array for p in parameters for array in (p.weight, p.bias) if array is not None]


def _average_changes(average: Average, values: Sequence[Array]) -> list[tuple[Array, Array]]:
    """What the average and its count become after the update that gave these values."""
    changes = [(average.updates, average.updates + 1)]
    share = formulas.average_share(average.averaging, int(average.updates[0]))
    if share > 0:
        means = _arrays(average.values)
        new = [formulas.averaged(mean, value, share) for mean, value in zip(means, values, strict=True)]
        changes += zip(means, new, strict=True)
    return changes


def _take(batch: Batch, part: slice, order: Array | None) -> Batch:
    """The samples at positions `part` of `order`."""
    where = part if order is None else order[part]
    return Batch(batch.x[where], batch.targets[where], None if batch.weight is None else batch.weight[where])


def _throttled(watch: Watch | None) -> Watch:
    """`watch`, called at most every 20 ms."""
    due = perf_counter() + _WATCH_SECONDS

    def stop(done: float) -> bool:
        nonlocal due
        if watch is None or perf_counter() < due:
            return False
        due = perf_counter() + _WATCH_SECONDS
        return watch(done)

    return stop


class ReferenceBackend:
    """The formulas behind the interface that both backends have."""

    name: Literal["native", "reference"] = "reference"

    def network(self, stages: Sequence[Stage], parameters: Sequence[Parameters]) -> Network:
        """Bind a compiled model to this backend."""
        return ReferenceNetwork(stages, parameters)

    def first_nonfinite_row(self, x: Array) -> int:
        """Index of the first row that holds NaN or an infinity, -1 if there is none."""
        for start in range(0, len(x), _ROWS_AT_ONCE):
            bad = ~np.isfinite(x[start : start + _ROWS_AT_ONCE]).all(axis=1)
            if bad.any():
                return start + int(bad.argmax())
        return -1

    def first_bad_label(self, labels: Array, classes: int) -> int:
        """Position of the first label outside 0..classes-1, -1 if there is none."""
        bad = (labels < 0) | (labels >= classes)
        return int(bad.argmax()) if bad.any() else -1

    linear = staticmethod(formulas.linear)
    linear_backward = staticmethod(formulas.linear_backward)
    activation = staticmethod(formulas.activation)
    activation_backward = staticmethod(formulas.activation_backward)
    exp = staticmethod(formulas.exp)
    log = staticmethod(formulas.log)
    softmax = staticmethod(formulas.softmax)
    loss = staticmethod(formulas.loss_and_gradient)
    sgd_step = staticmethod(formulas.sgd_step)


BACKEND: Backend = ReferenceBackend()
