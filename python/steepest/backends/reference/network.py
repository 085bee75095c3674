"""Compute: a compiled model in NumPy, the order in which a step and a fit apply the formulas."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from time import perf_counter

import numpy as np

from ..._checks import Array
from ...compile.stage import Stage
from ...penalties import Penalty
from ..data import (
    NO_KEY,
    Batch,
    EpochResults,
    FitRequest,
    Overflowed,
    Parameters,
    ShouldStop,
    StepKey,
    TrainConfig,
    TrainState,
    Whole,
)
from ..memory import write
from ..sparse import SparseRows
from ..throttling import throttled
from . import optimizers
from .averaging import average_changes
from .batches import config_for, taken, touched_rows
from .losses import batch_size, loss_and_gradient
from .passes import Pass, backward, forward, moved, running_changes
from .penalties import constrained, limited, norm_scale, penalty_value, shrunk
from .quiet import quiet
from .random import shuffle_order
from .search import first_bad_label


class ReferenceNetwork:
    """A compiled model in plain NumPy; see `protocol.Network` for the contract of each method."""

    def __init__(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> None:
        self._stages = tuple(stages)
        self._parameters = tuple(parameters)
        self._running = tuple(running)
        self._order: tuple[object, Array] = None, np.empty(0)  # the last one, and its key

    def try_forward(self, x: object) -> Array | None:
        """None: all is checked before it comes here."""

    def try_step(
        self,
        x: object,
        targets: object,
        state: TrainState,
        rate: float,
        seed: int = 0,
    ) -> float | None:
        """None: all is checked before it comes here."""

    def forward(self, x: Array | SparseRows) -> Array:
        """Scores (samples, outputs) of rows (samples, features)."""
        return self._pass(x, None).outputs[-1]

    def loss_and_gradients(
        self,
        batch: Batch,
        config: TrainConfig,
        key: StepKey = NO_KEY,
        *,
        sample_scale: float | None = None,
        into: Sequence[Parameters] | None = None,
        whole: Whole | None = None,
    ) -> tuple[float, list[Parameters]]:
        """The objective (data loss + penalties) as in training, and its gradients, stage by stage."""
        passed = self._pass(batch.x, key, whole)
        config = config_for(config, batch)
        objective, gradients = self._objective(passed, batch, config, sample_scale)
        for p, gradient, penalty in zip(self._parameters, gradients, self._penalties(config), strict=True):
            gradient.weight = limited(gradient.weight, p.weight, penalty, None)
        for to, gradient in zip(into or (), gradients, strict=into is not None):
            to.weight[...] = gradient.weight
            if to.bias is not None:
                to.bias[...] = gradient.bias
        if whole is not None and whole.on_gradient is not None:
            for place in reversed(range(len(gradients))):
                whole.on_gradient(place)
        return objective, gradients if into is None else [*into]

    def update(
        self,
        gradients: Sequence[Parameters],
        state: TrainState,
        rate: float,
        statistics: Sequence[Array] = (),
    ) -> None:
        """The update of a step, from gradients of the objective; running statistics move if some are given.

        Raises
        ------
        Overflowed
            If the new parameters are not finite.
        """
        stages = [stage for stage in self._stages if stage.running_rows]
        changes = moved(stages, self._running, statistics) if statistics else []
        self._update(gradients, changes, state.config, state, rate, regularized=True)
        self._require_finite(state)

    def step(
        self,
        batch: Batch,
        state: TrainState,
        rate: float,
        seed: int = 0,
    ) -> float:
        """One update on the whole batch; where the objective is not finite, nothing is changed.

        Raises
        ------
        Overflowed
            If the new parameters are not finite.
        """
        passed = self._pass(batch.x, StepKey(seed, int(state.optimizer.steps[0])))
        config = config_for(state.config, batch)
        objective, gradients = self._objective(passed, batch, config)
        if math.isfinite(objective):
            changes = running_changes(passed)
            self._update(gradients, changes, config, state, rate, touched=touched_rows(batch, config))
            self._require_finite(state)
        return objective

    def fit(
        self,
        batch: Batch,
        state: TrainState,
        request: FitRequest,
        should_stop: ShouldStop | None,
    ) -> EpochResults:
        """Epochs of shuffled mini-batches; the last batch of an epoch may be smaller."""
        config, samples, size = state.config, len(batch.x), request.batch_size
        batches = -(-samples // size)
        steps = range(batches)[request.first_batch :][: request.batches]
        sums = request.sums
        stop, plateau = throttled(should_stop), request.plateau
        losses: list[float] = []
        seconds: list[float] = []
        rates = itertools.cycle(request.rates.tolist())
        for epoch in range(request.epochs):
            began = perf_counter()
            number = request.first_epoch + epoch
            order = self._shuffled(samples, request.seed, number) if request.shuffle else None
            order = order if request.orders is None else request.orders[epoch]
            before = self._copies(state)
            own, sums = (0.0, 0.0), request.sums
            for step in steps:
                start = step * size
                part = taken(batch, slice(start, start + size), order)
                if config.loss.takes_labels:  # they may have changed since they were checked
                    bad = first_bad_label(part.targets, self._stages[-1].outputs)
                    if bad >= 0:
                        write(before)
                        sample = start + bad if order is None else int(order[start + bad])
                        return EpochResults(losses, seconds, "invalid_label", sample)
                try:
                    objective = self.step(part, state, next(rates), request.seed)
                except Overflowed:
                    write(before)
                    return EpochResults(losses, seconds, "overflowed", step)
                if not math.isfinite(objective):
                    write(before)
                    return EpochResults(losses, seconds, "diverged", step)
                counted = None if config.mean_by_count else part.weight
                weight = batch_size(config.loss, len(part.x), counted)
                own = own[0] + weight * objective, own[1] + weight
                sums = sums[0] + weight * objective, sums[1] + weight
                if step != steps[-1] and stop(epoch + (step + 1) / batches):
                    return EpochResults(losses, seconds, "cancelled", sums=sums)
            losses.append(own[0] / own[1] if own[1] else 0.0)
            seconds.append(perf_counter() - began)
            plateau = plateau.after(losses[-1])
            if plateau.reached:
                break
            if stop(epoch + steps.stop / batches) and epoch + 1 < request.epochs:
                return EpochResults(losses, seconds, "cancelled", sums=sums)
        return EpochResults(losses, seconds, "finished", sums=sums)

    def _shuffled(self, samples: int, seed: int, epoch: int) -> Array:
        """The order of an epoch, which is kept: it may be run in many parts."""
        key = samples, seed, epoch
        last = self._order  # read once: another thread may replace it
        if last[0] != key:
            last = self._order = key, shuffle_order(samples, seed, epoch)
        return last[1]

    @property
    def _parametric(self) -> list[Stage]:
        return [stage for stage in self._stages if stage.has_parameters]

    def _pass(self, x: Array | SparseRows, draws: StepKey | None, whole: Whole | None = None) -> Pass:
        dense = x.dense() if isinstance(x, SparseRows) else x
        return forward(self._stages, self._parameters, self._running, dense, draws, whole)

    @quiet
    def _objective(
        self, passed: Pass, batch: Batch, config: TrainConfig, sample_scale: float | None = None
    ) -> tuple[float, list[Parameters]]:
        """The objective, and the gradient of the data loss alone for each stage with parameters."""
        scores = passed.outputs[-1]
        objective, grad = loss_and_gradient(config.loss, scores, batch.targets, batch.weight, sample_scale)
        objective *= config.report_scale
        for p, penalty in zip(self._parameters, self._penalties(config), strict=True):
            objective += penalty_value(penalty, p.weight) if penalty is not None else 0.0
        return objective, backward(passed, grad)

    def _update(
        self,
        gradients: Sequence[Parameters],
        statistics: Sequence[tuple[Array, Array]],
        config: TrainConfig,
        state: TrainState,
        rate: float,
        *,
        regularized: bool = False,
        touched: Array | None = None,
    ) -> None:
        """Compute every new value first, and only then write, so that no error leaves layers out of step.

        statistics: what is written beside them. regularized: whether the gradients have their penalties.
        touched: the rows of the first weight that are updated, where not all are.
        """
        values = self._arrays(self._parameters)
        dense = zip(self._parametric, self._penalties(config), strict=True)
        of_weights = iter([penalty for stage, penalty in dense if stage.has_matrix])
        penalties = [next(of_weights) if value.ndim == 2 else None for value in values]  # never of biases
        grads = [
            limited(grad, value, None if regularized else penalty, config.clip_value)
            for grad, value, penalty in zip(self._arrays(gradients), values, penalties, strict=True)
        ]
        factors = self._rate_factors(config)
        scale = norm_scale([g for g, factor in zip(grads, factors, strict=True) if factor], config.clip_norm)
        own, names = state.optimizer, config.optimizer.slots
        kept = {name: self._arrays(own.slots[name]) for name in names}
        age = int(own.steps[0]) - own.state_start
        changes, results = [(own.steps, own.steps + 1)], []
        for i, (value, grad, penalty) in enumerate(zip(values, grads, penalties, strict=True)):
            if not factors[i]:
                results.append(value)
                continue
            slots, scaled = {name: kept[name][i] for name in names}, grad * grad.dtype.type(scale)
            new, new_slots = optimizers.updated(
                value, scaled, slots, config.optimizer, rate * factors[i], age
            )
            new = shrunk(new, penalty, rate * factors[i])
            if i == 0 and touched is not None:
                new = np.where(touched, new, value)
                new_slots = {name: np.where(touched, new_slots[name], slots[name]) for name in names}
            new = constrained(new, config.constraint) if value.ndim == 2 else new
            results.append(new)
            changes += [(value, new), *optimizers.changes(slots, new_slots)]
        changes += statistics
        if state.average is not None:
            changes += average_changes(state.average, self._arrays(state.average.values), results)
        write(changes)

    def _penalties(self, config: TrainConfig) -> list[Penalty | None]:
        """That of each stage with parameters: there is none of the scales of a normalization."""
        own = zip(self._parametric, config.penalties, strict=True)
        return [penalty if stage.has_matrix else None for stage, penalty in own]

    def _rate_factors(self, config: TrainConfig) -> list[float]:
        """That of each array with a gradient."""
        factors = config.rate_factors or (1.0,) * len(self._parameters)
        own = zip(self._parameters, factors, strict=True)
        return [factor for p, factor in own for _ in range(1 + (p.bias is not None))]

    def _learned(self, state: TrainState) -> list[Array]:
        """All numbers that learning changes."""
        arrays = [*self._arrays(self._parameters), *self._running]
        for slot in state.optimizer.slots.values():
            arrays += self._arrays(slot)
        if state.average is not None:
            arrays += self._arrays(state.average.values)
        return arrays

    def _require_finite(self, state: TrainState) -> None:
        if not all(np.isfinite(array).all() for array in self._learned(state)):
            raise Overflowed("the update made parameters that are not finite")

    def _copies(self, state: TrainState) -> list[tuple[Array, Array]]:
        """Every array that learning changes, with a copy of what it holds now."""
        counts = [state.optimizer.steps]
        if state.average is not None:
            counts.append(state.average.updates)
        return [(array, array.copy()) for array in (*counts, *self._learned(state))]

    def _arrays(self, parameters: Sequence[Parameters]) -> list[Array]:
        """Each array, matrices alone with two axes: other weights of one row have one axis, of more three."""
        arrays = []
        for stage, p in zip(self._parametric, parameters, strict=False):
            arrays.append(p.weight if stage.has_matrix else p.weight[None] if stage.rows else p.weight[0])
            if p.bias is not None:
                arrays.append(p.bias)
        return arrays
