"""The compiled backend: hands arrays to the extension, and keeps what it made of descriptions."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from .. import _core
from .._checks import Array
from .._config import current
from ..compile.stage import Stage
from ..losses import CustomLoss, Loss
from ..optimizers import Optimizer
from ..penalties import Penalty
from .custom import evaluate
from .data import (
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
from .dual import DualPoint, DualRows
from .online import OnlinePoint, OnlineRows
from .sparse import SparseRows

# Held with the lock of a generator of NumPy's, which is often that of the whole process: a fork waits for it,
# or the child would wait for ever for a thread that it does not have.
_drawing = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_drawing.acquire, after_in_parent=_drawing.release, after_in_child=_drawing.release
    )


def available_isas() -> tuple[str, ...]:
    """Instruction sets that this machine can run, the best first."""
    return _core.available_isas()


def _choice() -> tuple[str, int]:
    settings = current()
    return settings.isa, settings.num_threads


def _function(loss: Loss) -> Callable[[Array, Array], tuple[float, Array]] | None:
    """What the extension calls for a loss of the caller's own."""
    return partial(evaluate, loss) if isinstance(loss, CustomLoss) else None


def _rows(x: Array | SparseRows) -> Any:
    return (x.indptr, x.indices, x.data) if isinstance(x, SparseRows) else x


class _Network:
    """One compiled model. A state is read once, and what was read kept while the same object comes again."""

    def __init__(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> None:
        single = parameters[0].weight.dtype == np.float32
        make: Any = _core.NetworkFloat32 if single else _core.NetworkFloat64
        self._network: _core.NetworkFloat64 = make(stages, parameters, running)  # or 32, typed alike
        self._known: tuple[TrainState, _core.StateFloat64] | None = None

    def _bound(self, state: TrainState) -> _core.StateFloat64:
        """The state as the extension has it."""
        known = self._known  # read once: another thread may replace it
        if known is None or known[0] is not state:
            known = self._known = state, self._network.bind(state, _function(state.config.loss))
        return known[1]

    def try_forward(self, x: object) -> Array | None:
        settings = current()
        return self._network.try_forward(x, settings.isa, settings.num_threads)

    def try_step(
        self, x: object, targets: object, state: TrainState, rate: float, seed: int = 0
    ) -> float | None:
        settings, bound = current(), self._bound(state)
        try:
            return self._network.try_step(x, targets, bound, rate, settings.isa, settings.num_threads, seed)
        except _core.Overflowed as error:
            raise Overflowed(error) from None

    def forward(self, x: Array | SparseRows) -> Array:
        return self._network.forward(_rows(x), *_choice())

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
        given = _rows(batch.x), batch.targets, batch.weight, config
        scale, custom = 0.0 if sample_scale is None else sample_scale, _function(config.loss)
        value, arrays = self._network.loss_and_gradients(*given, *_choice(), custom, *key, scale, into, whole)
        return value, [Parameters(weight, bias) for weight, bias in arrays] if into is None else [*into]

    def update(
        self,
        gradients: Sequence[Parameters],
        state: TrainState,
        rate: float,
        statistics: Sequence[Array] = (),
    ) -> None:
        bound = self._bound(state)
        try:
            self._network.update(gradients, bound, rate, *_choice(), statistics)
        except _core.Overflowed as error:
            raise Overflowed(error) from None

    def step(self, batch: Batch, state: TrainState, rate: float, seed: int = 0) -> float:
        x, bound = _rows(batch.x), self._bound(state)
        try:
            return self._network.step(x, batch.targets, batch.weight, bound, rate, *_choice(), seed)
        except _core.Overflowed as error:
            raise Overflowed(error) from None

    def fit(
        self, batch: Batch, state: TrainState, request: FitRequest, should_stop: ShouldStop | None
    ) -> EpochResults:
        x, bound = _rows(batch.x), self._bound(state)
        r = self._network.fit(x, batch.targets, batch.weight, bound, request, should_stop, *_choice())
        return EpochResults(r.losses, r.seconds, r.status, r.step, r.sums)


class _DualAscent:
    """Implements `dual.DualAscent`."""

    def __init__(self, rows: DualRows) -> None:
        single = rows.x.data.dtype == np.float32
        make: Any = _core.DualAscentFloat32 if single else _core.DualAscentFloat64
        x, (_, features) = _rows(rows.x), rows.x.shape
        args = x, rows.targets, rows.shares, rows.squares, rows.loss, features, rows.outputs
        self._rows: _core.DualAscentFloat64 = make(*args)  # or 32, typed alike

    def ascend(self, point: DualPoint, order: Array) -> float:
        p = point
        moved = p.weight, p.bias, p.bias_square, p.gradients, p.losses, p.gaps
        return self._rows.ascend(*moved, order, _choice()[0])

    def measure(self, point: DualPoint) -> None:
        p = point
        self._rows.measure(p.weight, p.bias, p.gradients, p.losses, p.gaps, *_choice())


class _Online:
    """Implements `online.Online`."""

    def __init__(self, rows: OnlineRows) -> None:
        make: Any = _core.OnlineFloat32 if rows.x.data.dtype == np.float32 else _core.OnlineFloat64
        x, (_, features) = _rows(rows.x), rows.x.shape
        self._rows: _core.OnlineFloat64 = make(x, rows.labels, rows.weight, rows.loss, features, rows.classes)

    def learn(self, point: OnlinePoint, order: Array) -> float:
        p = point
        return self._rows.learn(p.weight, p.bias, p.sums, p.rate, p.floor, p.unit, order, _choice()[0])


class _Native:
    """Implements `protocol.Backend`."""

    name: Literal["native"] = "native"

    def network(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> _Network:
        return _Network(stages, parameters, running)

    def dual_ascent(self, rows: DualRows) -> _DualAscent:
        return _DualAscent(rows)

    def online(self, rows: OnlineRows) -> _Online:
        return _Online(rows)

    def coordinate_descent(
        self, products: Array, slope: Array, l1: Array, point: Array, sweeps: int, tol: float
    ) -> float:
        return _core.coordinate_descent(products, slope, l1, point, sweeps, tol, _choice()[0])

    def first_nonfinite_row(self, x: Array) -> int:
        return _core.first_nonfinite_row(x, _choice()[0])

    def first_bad_label(self, labels: Array, classes: int) -> int:
        return _core.first_bad_label(labels, classes)

    def shuffled_orders(self, rng: np.random.RandomState, order: Array, epochs: int) -> Array:
        orders = np.empty((epochs, len(order)), np.int64)
        generator = rng._bit_generator
        with _drawing, generator.lock:
            _core.shuffled_orders(generator.capsule, order, orders)
        return orders

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        return _core.linear(x, weight, bias, *_choice())

    def sparse_linear(self, x: SparseRows, weight: Array, bias: Array | None) -> Array:
        return _core.sparse_linear(_rows(x), weight, bias, *_choice())

    def linear_backward(self, x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
        return _core.linear_backward(x, weight, grad, *_choice())

    def activation(self, name: str, x: Array, slope: float = 0.0) -> Array:
        return _core.activation(name, slope, x, _choice()[0])

    def activation_backward(self, name: str, y: Array, grad: Array, slope: float = 0.0) -> Array:
        return _core.activation_backward(name, slope, y, grad, _choice()[0])

    def exp(self, x: Array) -> Array:
        return _core.function("exp", x, _choice()[0])

    def log(self, x: Array) -> Array:
        return _core.function("log", x, _choice()[0])

    def softmax(self, scores: Array) -> Array:
        return _core.softmax(scores, *_choice())

    def loss(self, loss: Loss, scores: Array, targets: Array, weight: Array | None) -> tuple[float, Array]:
        if isinstance(loss, CustomLoss):
            return evaluate(loss, scores, targets)
        return _core.loss(loss, scores, targets, weight, *_choice())

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
        _core.update(weight, grad, slots, optimizer, penalty, rate, age, _choice()[0])


BACKEND = _Native()
