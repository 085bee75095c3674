"""The backend that runs without a compiler, and that the native one is tested against: NumPy throughout.

The formulas are in `formulas.py`; here is the order in which a step and a fit apply them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np

from ..losses import Loss
from ..penalties import Penalty
from . import formulas, stage_formulas
from ._random import shuffle_order
from .protocol import (
    NO_DRAWS,
    Array,
    Backend,
    Batch,
    Draws,
    EpochResults,
    Network,
    Parameters,
    Recipe,
    Schedule,
    Stage,
    Watch,
    reads_input,
)

_WATCH_SECONDS = 0.02
_ROWS_AT_ONCE = 4096  # of X, which may be larger than memory


@dataclass
class _Pass:
    """A batch on its way: the input and the output of each stage; by stage, statistics and what was kept."""

    outputs: list[Array]
    statistics: dict[int, Array]
    kept: dict[int, Array]
    draws: Draws | None


class ReferenceNetwork:
    """A compiled model in plain NumPy; see `protocol.Network` for the contract of each method."""

    def __init__(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> None:
        self._stages = tuple(stages)
        self._parameters = tuple(parameters)
        self._running = tuple(running)

    def try_forward(self, x: object) -> Array | None:
        """None: all is checked before it comes here."""

    def try_step(
        self,
        x: object,
        targets: object,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        draws: Draws,
    ) -> float | None:
        """None: all is checked before it comes here."""

    def forward(self, x: Array) -> Array:
        """Scores (samples, outputs) of rows (samples, features)."""
        return self._pass(x, None).outputs[-1]

    def loss_and_gradients(
        self, batch: Batch, loss: Loss, penalty: Penalty | None, draws: Draws = NO_DRAWS
    ) -> tuple[float, list[Parameters]]:
        """The objective (data loss + penalty) as in training, and its gradient for each stage that learns."""
        passed = self._pass(batch.x, draws)
        objective, gradients = self._objective(passed, batch, loss, penalty)
        if penalty is not None:
            for stage, p, gradient in zip(self._learners, self._parameters, gradients, strict=True):
                if stage.dense:
                    gradient.weight = gradient.weight + formulas.penalty_gradient(penalty, p.weight)
        return objective, gradients

    def step(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        draws: Draws = NO_DRAWS,
    ) -> float:
        """One update on the whole batch; where the objective is not finite, nothing is changed."""
        passed = self._pass(batch.x, draws)
        objective, gradients = self._objective(passed, batch, recipe.loss, recipe.penalty)
        if math.isfinite(objective):
            self._update(gradients, passed.statistics, recipe, velocities)
        return objective

    def fit(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        schedule: Schedule,
        watch: Watch | None,
    ) -> EpochResults:
        """Epochs of shuffled mini-batches; the last batch of an epoch may be smaller."""
        samples = len(batch.x)
        starts = range(0, samples, schedule.batch_size)
        stop = _throttled(watch)
        losses: list[float] = []
        seconds: list[float] = []
        for epoch in range(schedule.epochs):
            began = perf_counter()
            key = schedule.first_epoch + epoch
            order = shuffle_order(samples, schedule.seed, key) if schedule.shuffle else None
            before = self._copies(velocities) if len(starts) > 1 else []
            total = size = 0.0
            for step, start in enumerate(starts):
                part = _take(batch, slice(start, start + schedule.batch_size), order)
                if recipe.loss.takes_labels:  # they may have changed since they were checked
                    bad = BACKEND.first_bad_label(part.targets, self._stages[-1].outputs)
                    if bad >= 0:
                        formulas.write(before)
                        sample = start + bad if order is None else int(order[start + bad])
                        return EpochResults(losses, seconds, "mislabelled", sample)
                number = schedule.first_step + epoch * len(starts) + step
                objective = self.step(part, recipe, velocities, Draws(schedule.seed, number))
                if not math.isfinite(objective):
                    formulas.write(before)
                    return EpochResults(losses, seconds, "diverged", step)
                weight = formulas.batch_size(recipe.loss, len(part.x), part.weight)
                total, size = total + weight * objective, size + weight
                last = step + 1 == len(starts)
                if not last and stop(epoch + (step + 1) / len(starts)):
                    return EpochResults(losses, seconds, "cancelled")
            losses.append(total / size)
            seconds.append(perf_counter() - began)
            if stop(epoch + 1.0) and epoch + 1 < schedule.epochs:
                return EpochResults(losses, seconds, "cancelled")
        return EpochResults(losses, seconds, "finished")

    @property
    def _learners(self) -> list[Stage]:
        return [stage for stage in self._stages if stage.learns]

    @formulas.quiet
    def _pass(self, x: Array, draws: Draws | None) -> _Pass:
        """All stages, as in training with some draws, as in inference without."""
        passed = _Pass([x], {}, {}, draws)
        parameters, running = iter(self._parameters), iter(self._running)
        for s, stage in enumerate(self._stages):
            x = passed.outputs[-1]
            if stage.dense:
                p = next(parameters)
                y = formulas.linear(x, p.weight, p.bias)
            elif stage.kind == "batch_norm":
                inference = next(running)
                statistics = inference if draws is None else stage_formulas.moments(x)
                passed.statistics[s] = statistics
                y = stage_formulas.batch_norm(stage, x, statistics, next(parameters))
            else:
                y = self._pass_rows(s, stage, x, passed)
            passed.outputs.append(formulas.activation(stage.activation, y, stage.slope))
        return passed

    def _pass_rows(self, s: int, stage: Stage, x: Array, passed: _Pass) -> Array:
        """A stage without parameters."""
        draws = passed.draws
        if stage.kind == "dropout" and draws is not None:
            passed.kept[s] = stage_formulas.dropout_factors(stage, len(x), x.dtype, draws)
            return x * passed.kept[s]
        if stage.kind == "max_pieces":
            return stage_formulas.max_pieces(stage, x)
        if stage.kind == "pool":
            y, passed.kept[s] = stage_formulas.pool(stage, x, draws)
            return y
        if stage.kind == "join":
            fork = passed.outputs[stage.partner + 1]
            if draws is None:
                return stage_formulas.join(fork, x, 1 - stage.rate)
            return stage_formulas.join(fork, x, 1) if stage_formulas.joined(stage, draws) else fork
        return x

    @formulas.quiet
    def _objective(
        self, passed: _Pass, batch: Batch, loss: Loss, penalty: Penalty | None
    ) -> tuple[float, list[Parameters]]:
        """The objective, and the gradient of the data loss alone for each stage that learns."""
        scores = passed.outputs[-1]
        objective, grad = formulas.loss_and_gradient(loss, scores, batch.targets, batch.weight)
        if penalty is not None:
            for stage, p in zip(self._learners, self._parameters, strict=True):
                objective += formulas.penalty_value(penalty, p.weight) if stage.dense else 0.0
        gradients: list[Parameters] = []
        remaining = list(self._parameters)
        shortcuts: dict[int, Array] = {}
        for s, stage in reversed(list(enumerate(self._stages))):
            x, y = passed.outputs[s : s + 2]
            seen = x if reads_input(stage.activation) else y
            grad = formulas.activation_backward(stage.activation, seen, grad, stage.slope)
            if stage.dense:
                p = remaining.pop()
                gradients.append(Parameters(x.T @ grad, None if p.bias is None else grad.sum(axis=0)))
                grad = grad @ p.weight.T if remaining else grad
            elif stage.kind == "batch_norm":
                p = remaining.pop()
                grad, own = stage_formulas.batch_norm_backward(stage, x, passed.statistics[s], p, grad)
                gradients.append(own)
            else:
                grad = self._pass_back(s, stage, grad, passed, shortcuts)
            if not remaining:
                break  # nothing below the first stage that learns does
        return objective, gradients[::-1]

    def _pass_back(
        self, s: int, stage: Stage, grad: Array, passed: _Pass, shortcuts: dict[int, Array]
    ) -> Array:
        """The gradient of what went into a stage without parameters."""
        x, y = passed.outputs[s : s + 2]
        if stage.kind == "dropout":
            return grad * passed.kept[s]
        if stage.kind == "max_pieces":
            return stage_formulas.max_pieces_backward(stage, x, y, grad)
        if stage.kind == "pool":
            return stage_formulas.pool_backward(stage, passed.kept[s], grad)
        if stage.kind == "fork":
            return grad + shortcuts[s]
        if stage.kind == "join":
            shortcuts[stage.partner] = grad
            assert passed.draws is not None
            return grad if stage_formulas.joined(stage, passed.draws) else np.zeros_like(grad)
        return grad

    def _update(
        self,
        gradients: Sequence[Parameters],
        statistics: dict[int, Array],
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
    ) -> None:
        """Compute every new value first, and only then write, so that no error leaves layers out of step."""
        values = _arrays(self._parameters)
        speeds = _arrays(velocities) if velocities is not None else [None] * len(values)
        penalised = [
            stage.dense and array is p.weight  # never biases
            for stage, p in zip(self._learners, self._parameters, strict=True)
            for array in _arrays([p])
        ]
        changes: list[tuple[Array, Array]] = []
        for value, grad, velocity, has in zip(values, _arrays(gradients), speeds, penalised, strict=True):
            penalty = recipe.penalty if has else None
            new, new_velocity = formulas.updated(value, grad, velocity, recipe.optimizer, penalty)
            changes.append((value, new))
            if velocity is not None and new_velocity is not None:
                changes.append((velocity, new_velocity))
        for before, (s, batch) in zip(self._running, sorted(statistics.items()), strict=True):
            changes.append((before, stage_formulas.running(self._stages[s], before, batch)))
        formulas.write(changes)

    def _copies(self, velocities: Sequence[Parameters] | None) -> list[tuple[Array, Array]]:
        """Every array that learning changes, with a copy of what it holds now."""
        learned = _arrays(self._parameters) + _arrays(velocities or ()) + list(self._running)
        return [(array, array.copy()) for array in learned]


def _arrays(parameters: Sequence[Parameters]) -> list[Array]:
    return [array for p in parameters for array in (p.weight, p.bias) if array is not None]


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

    def network(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> Network:
        """Bind a compiled model to this backend."""
        return ReferenceNetwork(stages, parameters, running)

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
