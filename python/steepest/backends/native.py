"""The compiled backend: hands arrays to the extension, and keeps what it made of descriptions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from .. import _core
from .._checks import Array
from .._config import current
from ..losses import CustomLoss, Loss
from ..optimizers import SGD, AdaGrad, Optimizer, RMSProp
from ..penalties import Penalty
from .custom import evaluate
from .data import (
    NO_KEY,
    Average,
    Batch,
    EpochResults,
    FitRequest,
    Overflowed,
    Parameters,
    ShouldStop,
    Status,
    StepKey,
    TrainConfig,
    TrainState,
)
from .protocol import ActivationName, Stage
from .sparse import SparseRows


def available_isas() -> tuple[str, ...]:
    """Instruction sets that this machine can run, the best first."""
    return _core.available_isas()


def _choice() -> tuple[str, int]:
    settings = current()
    return settings.isa, settings.num_threads


def _core_loss(loss: Loss) -> _core.Loss:
    number = getattr(loss, loss.number) if loss.number else 0.0
    return _core.Loss(getattr(_core.LossKind, loss.kernel), number, loss.sums, loss.weighted)


def _function(loss: Loss) -> Callable[[Array, Array], tuple[float, Array]] | None:
    """What the extension calls for a loss of the caller's own."""
    return partial(evaluate, loss) if isinstance(loss, CustomLoss) else None


def _core_penalty(penalty: Penalty | None) -> _core.Penalty:
    if penalty is None:
        return _core.Penalty(0.0, 0.0, False)
    return _core.Penalty(penalty.l2, penalty.l1, penalty.proximal)


def _core_penalties(penalties: Sequence[Penalty | None]) -> list[_core.Penalty]:
    return [_core_penalty(penalty) for penalty in penalties] if any(penalties) else []


def _core_optimizer(optimizer: Optimizer) -> _core.Optimizer:
    rule, o = _core.Rule, optimizer
    if isinstance(o, SGD):
        return _core.Optimizer(rule.sgd, o.momentum, o.nesterov, 0.0, 0.0, 0.0, 0.0)
    if isinstance(o, AdaGrad):
        return _core.Optimizer(rule.rmsprop, 0.0, False, 1.0, 1.0, o.epsilon, 0.0)
    if isinstance(o, RMSProp):
        return _core.Optimizer(rule.rmsprop, 0.0, False, o.decay, 1 - o.decay, o.epsilon, 0.0)
    decays = o.beta_1, False, o.beta_2, 1 - o.beta_2
    return _core.Optimizer(rule.adam, *decays, o.epsilon, o.weight_decay, o.epsilon_hat)


def _two(slots: Mapping[str, Any]) -> tuple[Any, Any]:
    """The two that the extension knows."""
    return slots.get("velocity", slots.get("mean")), slots.get("squares", slots.get("mean_square"))


def _core_config(config: TrainConfig) -> _core.TrainConfig:
    return _core.TrainConfig(
        _core_loss(config.loss),
        _core_penalties(config.penalties),
        _core_optimizer(config.optimizer),
        math.inf if config.clip_value is None else config.clip_value,
        math.inf if config.clip_norm is None else config.clip_norm,
        math.inf if config.constraint is None else config.constraint.limit,
        config.penalty_by_batch,
        config.report_scale,
        config.mean_by_count,
    )


def _core_stage(s: Stage) -> _core.Stage:
    return _core.Stage(
        s.kind,
        s.inputs,
        s.outputs,
        s.activation,
        s.slope,
        s.number,
        s.rate,
        s.momentum,
        s.epsilon,
        s.partner,
        s.image,
        s.mask,
    )


def _core_request(request: FitRequest) -> _core.FitRequest:
    return _core.FitRequest(
        request.epochs,
        request.first_epoch,
        request.batch_size,
        request.shuffle,
        request.seed,
        request.first_batch,
        request.batches,
        request.sums,
        plateau=request.plateau,
    )


def _rows(x: Array | SparseRows) -> Any:
    return (x.indptr, x.indices, x.data) if isinstance(x, SparseRows) else x


def _pairs(parameters: Sequence[Parameters]) -> list[tuple[Array, Array | None]]:
    return [(p.weight, p.bias) for p in parameters]


_DENSE_ELEMENTS = 1 << 20  # of the rows that are made dense at a time, to predict from


class _Network:
    """One compiled model. Descriptions are translated once and kept while the same object comes again."""

    def __init__(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> None:
        self._stages = [_core_stage(stage) for stage in stages]
        single = parameters[0].weight.dtype == np.float32
        self._learning = _core.LearningFloat32 if single else _core.LearningFloat64
        self._average_set = _core.AverageFloat32 if single else _core.AverageFloat64
        make = _core.NetworkFloat32 if single else _core.NetworkFloat64
        self._network = make(self._stages, _pairs(parameters), list(running))
        self._known: tuple[TrainState | None, Any, Any] = None, None, None

    def _translated(self, state: TrainState) -> tuple[Any, Any]:
        """How to learn, and the average, as the extension has them."""
        known = self._known  # read once: another thread may replace it
        if known[0] is state:
            return known[1], known[2]
        own, average = state.optimizer, state.average
        first, second = _two({name: _pairs(slot) for name, slot in own.slots.items()})
        how = self._learning(
            self._stages, _core_config(state.config), first, second, own.steps, own.state_start
        )
        mean = None if average is None else self._core_average(average)
        self._known = state, how, mean
        return how, mean

    def _core_average(self, average: Average) -> Any:
        rule, values = average.averaging, _pairs(average.values)
        return self._average_set(self._stages, values, average.updates, rule.start, rule.uniform, rule.decay)

    def try_forward(self, x: object) -> Array | None:
        settings = current()
        return self._network.try_forward(x, settings.isa, settings.num_threads)

    def try_step(
        self,
        x: object,
        targets: object,
        state: TrainState,
        rate: float,
        seed: int = 0,
    ) -> float | None:
        settings, (how, mean) = current(), self._translated(state)
        isa, threads = settings.isa, settings.num_threads
        try:
            return self._network.try_step(x, targets, how, rate, isa, threads, mean, seed)
        except _core.Overflowed as error:
            raise Overflowed(error) from None

    def forward(self, x: Array | SparseRows) -> Array:
        if not isinstance(x, SparseRows):
            return self._network.forward(x, *_choice())
        rows = max(1, _DENSE_ELEMENTS // x.shape[1])
        parts = [self.forward(x[i : i + rows]) for i in range(0, len(x), rows)]
        return np.concatenate(parts) if parts else self.forward(x[:])

    def loss_and_gradients(
        self, batch: Batch, config: TrainConfig, key: StepKey = NO_KEY
    ) -> tuple[float, list[Parameters]]:
        value, arrays = self._network.loss_and_gradients(
            _rows(batch.x),
            batch.targets,
            batch.weight,
            _core_config(config),
            *_choice(),
            _function(config.loss),
            *key,
        )
        return value, [Parameters(weight, bias) for weight, bias in arrays]

    def step(
        self,
        batch: Batch,
        state: TrainState,
        rate: float,
        seed: int = 0,
    ) -> float:
        how, mean = self._translated(state)
        try:
            return self._network.step(
                *(_rows(batch.x), batch.targets, batch.weight, how, rate),
                *_choice(),
                custom=_function(state.config.loss),
                average=mean,
                seed=seed,
            )
        except _core.Overflowed as error:
            raise Overflowed(error) from None

    def fit(
        self,
        batch: Batch,
        state: TrainState,
        request: FitRequest,
        should_stop: ShouldStop | None,
    ) -> EpochResults:
        how, mean = self._translated(state)
        result = self._network.fit(
            _rows(batch.x),
            batch.targets,
            batch.weight,
            how,
            _core_request(request),
            request.rates,
            should_stop,
            *_choice(),
            custom=_function(state.config.loss),
            average=mean,
            orders=request.orders,
        )
        status = _STATUS[result.status]
        return EpochResults(result.losses, result.seconds, status, result.step, result.sums)


_STATUS: dict[_core.Status, Status] = {
    _core.Status.finished: "finished",
    _core.Status.cancelled: "cancelled",
    _core.Status.diverged: "diverged",
    _core.Status.overflowed: "overflowed",
    _core.Status.invalid_label: "invalid_label",
}


class _Native:
    """Implements `protocol.Backend`."""

    name: Literal["native"] = "native"

    def network(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> _Network:
        return _Network(stages, parameters, running)

    def first_nonfinite_row(self, x: Array) -> int:
        return _core.first_nonfinite_row(x, _choice()[0])

    def first_bad_label(self, labels: Array, classes: int) -> int:
        return _core.first_bad_label(labels, classes)

    def shuffled_orders(self, rng: np.random.RandomState, order: Array, epochs: int) -> Array:
        orders = np.empty((epochs, len(order)), np.int64)
        generator = rng._bit_generator
        with generator.lock:
            _core.shuffled_orders(generator.capsule, order, orders)
        return orders

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        return _core.linear(x, weight, bias, *_choice())

    def linear_backward(self, x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
        return _core.linear_backward(x, weight, grad, *_choice())

    def activation(self, name: ActivationName, x: Array, slope: float = 0.0) -> Array:
        return _core.activation(name, slope, x, _choice()[0])

    def activation_backward(self, name: ActivationName, y: Array, grad: Array, slope: float = 0.0) -> Array:
        return _core.activation_backward(name, slope, y, grad, _choice()[0])

    def exp(self, x: Array) -> Array:
        return _core.function(_core.Function.exp, x, _choice()[0])

    def log(self, x: Array) -> Array:
        return _core.function(_core.Function.log, x, _choice()[0])

    def softmax(self, scores: Array) -> Array:
        return _core.softmax(scores, *_choice())

    def loss(self, loss: Loss, scores: Array, targets: Array, weight: Array | None) -> tuple[float, Array]:
        if isinstance(loss, CustomLoss):
            return evaluate(loss, scores, targets)
        return _core.loss(_core_loss(loss), scores, targets, weight, *_choice())

    def update(
        self,
        weight: Array,
        grad: Array,
        slots: Mapping[str, Array],
        optimizer: Optimizer,
        penalty: Penalty | None,
        rate: float,
        age: int,
    ) -> None:
        how = _core_optimizer(optimizer), _core_penalty(penalty)
        _core.update(weight, grad, *_two(slots), *how, rate, age, _choice()[0])


BACKEND = _Native()
