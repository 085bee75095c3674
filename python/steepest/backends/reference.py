"""The backend that runs without a compiler, and that the native one is tested against: NumPy throughout.

The formulas are in `formulas.py`; here is the order in which a step and a fit apply them.
"""

from __future__ import annotations

import itertools
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
    Backend,
    Batch,
    EpochResults,
    Network,
    Parameters,
    Recipe,
    Schedule,
    Stage,
    State,
    Watch,
)

_WATCH_SECONDS = 0.02
_ROWS_AT_ONCE = 4096  # of X, which may be larger than memory


class ReferenceNetwork:
    """A compiled model in plain NumPy; see `protocol.Network` for the contract of each method."""

    def __init__(self, stages: Sequence[Stage], parameters: Sequence[Parameters]) -> None:
        self._stages = tuple(stages)
        self._parameters = tuple(parameters)

    def try_forward(self, x: object) -> Array | None:
        """None: all is checked before it comes here."""

    def try_step(self, x: object, targets: object, recipe: Recipe, state: State, rate: float) -> float | None:
        """None: all is checked before it comes here."""

    def forward(self, x: Array) -> Array:
        """Scores (samples, outputs) of rows (samples, features)."""
        return self._outputs(x)[-1]

    def loss_and_gradients(
        self, batch: Batch, loss: Loss, penalties: Sequence[Penalty | None]
    ) -> tuple[float, list[Parameters]]:
        """The objective (data loss + penalties) and its gradient for each dense stage."""
        objective, gradients = self._objective(batch, loss, penalties)
        for p, gradient, penalty in zip(self._parameters, gradients, penalties, strict=True):
            gradient.weight = formulas.limited(gradient.weight, p.weight, penalty, None)
        return objective, gradients

    def step(self, batch: Batch, recipe: Recipe, state: State, rate: float) -> float:
        """One update on the whole batch; where the objective is not finite, nothing is changed."""
        objective, gradients = self._objective(batch, recipe.loss, recipe.penalties)
        if math.isfinite(objective):
            self._update(gradients, recipe, state, rate)
        return objective

    def fit(
        self, batch: Batch, recipe: Recipe, state: State, schedule: Schedule, watch: Watch | None
    ) -> EpochResults:
        """Epochs of shuffled mini-batches; the last batch of an epoch may be smaller."""
        samples = len(batch.x)
        starts = range(0, samples, schedule.batch_size)
        stop = _throttled(watch)
        losses: list[float] = []
        seconds: list[float] = []
        for epoch in range(schedule.epochs):
            began = perf_counter()
            number = schedule.first_epoch + epoch
            order = shuffle_order(samples, schedule.seed, number) if schedule.shuffle else None
            before = self._copies(state) if len(starts) > 1 else []
            total = size = 0.0
            for step, start in enumerate(starts):
                part = _take(batch, slice(start, start + schedule.batch_size), order)
                if recipe.loss.takes_labels:  # they may have changed since they were checked
                    bad = BACKEND.first_bad_label(part.targets, self._stages[-1].outputs)
                    if bad >= 0:
                        formulas.write(before)
                        sample = start + bad if order is None else int(order[start + bad])
                        return EpochResults(losses, seconds, "mislabelled", sample)
                rate = schedule.rates[(epoch * len(starts) + step) % len(schedule.rates)]
                objective = self.step(part, recipe, state, float(rate))
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
    def _objective(
        self, batch: Batch, loss: Loss, penalties: Sequence[Penalty | None]
    ) -> tuple[float, list[Parameters]]:
        """The objective, and the gradient of the data loss alone for each dense stage."""
        outputs = self._outputs(batch.x)
        objective, grad = formulas.loss_and_gradient(loss, outputs[-1], batch.targets, batch.weight)
        for p, penalty in zip(self._parameters, penalties, strict=True):
            objective += formulas.penalty_value(penalty, p.weight) if penalty is not None else 0.0
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

    def _update(self, gradients: Sequence[Parameters], recipe: Recipe, state: State, rate: float) -> None:
        """Compute every new value first, and only then write, so that no error leaves layers out of step."""
        values = _arrays(self._parameters)
        of_weights = iter(recipe.penalties)  # never of biases
        penalties = [next(of_weights) if value.ndim == 2 else None for value in values]
        grads = [
            formulas.limited(grad, value, penalty, recipe.clip_value)
            for grad, value, penalty in zip(_arrays(gradients), values, penalties, strict=True)
        ]
        scale = formulas.norm_scale(grads, recipe.clip_norm)
        firsts, seconds = (_slot(slot, len(values)) for slot in (state.first, state.second))
        age = int(state.steps[0]) - state.zero_step
        changes = [(state.steps, state.steps + 1)]
        for value, grad, penalty, *slots in zip(values, grads, penalties, firsts, seconds, strict=True):
            kept, scaled = (slots[0], slots[1]), grad * grad.dtype.type(scale)
            new, new_kept = formulas.updated(value, scaled, kept, recipe.optimizer, rate, age)
            new = formulas.shrunk(new, penalty, rate)
            new = formulas.constrained(new, recipe.constraint) if value.ndim == 2 else new
            changes += [(value, new), *formulas.changes(kept, new_kept)]
        formulas.write(changes)

    def _copies(self, state: State) -> list[tuple[Array, Array]]:
        """Every array that learning changes, with a copy of what it holds now."""
        kept = (_arrays(slot or ()) for slot in (state.first, state.second))
        arrays = [state.steps, *_arrays(self._parameters), *itertools.chain(*kept)]
        return [(array, array.copy()) for array in arrays]


def _arrays(parameters: Sequence[Parameters]) -> list[Array]:
    return [array for p in parameters for array in (p.weight, p.bias) if array is not None]


def _slot(kept: Sequence[Parameters] | None, size: int) -> Sequence[Array | None]:
    """What an optimizer keeps of each array, None where that is nothing."""
    return [None] * size if kept is None else _arrays(kept)


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
    update = staticmethod(formulas.update)


BACKEND: Backend = ReferenceBackend()
