"""The compiled backend: hands arrays to the extension, and keeps what it made of descriptions."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .. import _core
from .._config import current
from ..averaging import PolyakAverage
from ..losses import Loss, MulticlassHinge, SoftmaxCrossEntropy, SquaredError
from ..optimizers import SGD
from ..penalties import Penalty
from .protocol import (
    ActivationName,
    Array,
    Average,
    Batch,
    EpochResults,
    Parameters,
    Recipe,
    Schedule,
    Status,
    Watch,
)

_Three = tuple[Any, Any, Any]


def available_isas() -> tuple[str, ...]:
    """Instruction sets that this machine can run, the best first."""
    return _core.available_isas()


def default_num_threads() -> int:
    """OpenMP's limit, capped by the processors and the CPU quota of this process."""
    return _core.default_threads()


def build_info() -> dict[str, Any]:
    """How the extension was built, and what of it runs here."""
    return {
        "compiler": _core.compiler,
        "threading": _core.threading,
        "machine": platform.machine(),
        "isa_built": _core.built_isas(),
        "isa_available": _core.available_isas(),
        "isa_active": _choice()[0] or _core.available_isas()[0],
    }


def _choice() -> tuple[str, int]:
    settings = current()
    return settings.isa, settings.num_threads


def _core_loss(loss: Loss) -> _core.Loss:
    if isinstance(loss, SoftmaxCrossEntropy):
        return _core.Loss(_core.LossKind.softmax, 0.0, False)
    if isinstance(loss, MulticlassHinge):
        kind = _core.LossKind.squared_hinge if loss.squared else _core.LossKind.hinge
        return _core.Loss(kind, loss.margin, False)
    return _core.Loss(_core.LossKind.squared_error, 0.0, loss.reduction == "sum")


def _core_recipe(loss: Loss, penalty: Penalty | None, optimizer: SGD | None) -> _core.Recipe:
    return _core.Recipe(
        _core_loss(loss),
        penalty.l2 if penalty else 0.0,
        penalty.l1 if penalty else 0.0,
        optimizer.learning_rate if optimizer else 0.0,
        optimizer.momentum if optimizer else 0.0,
        optimizer.nesterov if optimizer else False,
    )


def _core_schedule(schedule: Schedule) -> _core.Schedule:
    return _core.Schedule(
        schedule.epochs,
        schedule.first_epoch,
        schedule.batch_size,
        schedule.shuffle,
        schedule.seed,
        schedule.first_batch,
        schedule.batches,
        schedule.sums,
    )


def _pairs(parameters: Sequence[Parameters]) -> list[tuple[Array, Array | None]]:
    return [(p.weight, p.bias) for p in parameters]


class _Network:
    """One compiled model. Descriptions are translated once and kept while the same object comes again."""

    def __init__(self, stages: Sequence[Any], parameters: Sequence[Parameters]) -> None:
        self._stages = [(s.inputs, s.outputs, s.activation, s.dense) for s in stages]
        single = parameters[0].weight.dtype == np.float32
        self._parameter_set = _core.ParametersFloat32 if single else _core.ParametersFloat64
        self._average_set = _core.AverageFloat32 if single else _core.AverageFloat64
        make = _core.NetworkFloat32 if single else _core.NetworkFloat64
        self._network = make(self._stages, _pairs(parameters))
        self._known: tuple[_Three, _Three] = (None, None, None), (None, None, None)

    def _translated(
        self, recipe: Recipe, velocities: Sequence[Parameters] | None, average: Average | None
    ) -> tuple[Any, Any, Any]:
        """The extension's recipe, velocities and average."""
        given, known = self._known  # read once: another thread may replace it
        if given[0] is recipe and given[1] is velocities and given[2] is average:
            return known
        views = None if velocities is None else self._parameter_set(self._stages, _pairs(velocities))
        core_recipe = _core_recipe(recipe.loss, recipe.penalty, recipe.optimizer)
        known = core_recipe, views, None if average is None else self._core_average(average)
        self._known = (recipe, velocities, average), known
        return known

    def _core_average(self, average: Average) -> Any:
        rule, values = average.averaging, _pairs(average.values)
        uniform, decay = (True, 0.0) if isinstance(rule, PolyakAverage) else (False, rule.decay)
        return self._average_set(self._stages, values, average.updates, rule.start, uniform, decay)

    def try_forward(self, x: object) -> Array | None:
        settings = current()
        return self._network.try_forward(x, settings.isa, settings.num_threads)

    def try_step(
        self,
        x: object,
        targets: object,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        average: Average | None = None,
    ) -> float | None:
        settings, (how, speeds, mean) = current(), self._translated(recipe, velocities, average)
        return self._network.try_step(x, targets, how, speeds, settings.isa, settings.num_threads, mean)

    def forward(self, x: Array) -> Array:
        return self._network.forward(x, *_choice())

    def loss_and_gradients(
        self, batch: Batch, loss: Loss, penalty: Penalty | None
    ) -> tuple[float, list[Parameters]]:
        value, arrays = self._network.loss_and_gradients(
            batch.x, batch.targets, batch.weight, _core_recipe(loss, penalty, None), *_choice()
        )
        return value, [Parameters(weight, bias) for weight, bias in arrays]

    def step(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        average: Average | None = None,
    ) -> float:
        how, speeds, mean = self._translated(recipe, velocities, average)
        return self._network.step(batch.x, batch.targets, batch.weight, how, speeds, *_choice(), average=mean)

    def fit(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        schedule: Schedule,
        watch: Watch | None,
        average: Average | None = None,
    ) -> EpochResults:
        how, speeds, mean = self._translated(recipe, velocities, average)
        result = self._network.fit(
            batch.x,
            batch.targets,
            batch.weight,
            how,
            speeds,
            _core_schedule(schedule),
            watch,
            *_choice(),
            average=mean,
        )
        status = _STATUS[result.status]
        return EpochResults(result.losses, result.seconds, status, result.step, result.sums)


_STATUS: dict[_core.Status, Status] = {
    _core.Status.finished: "finished",
    _core.Status.cancelled: "cancelled",
    _core.Status.diverged: "diverged",
    _core.Status.mislabelled: "mislabelled",
}


class _Native:
    """Implements `protocol.Backend`."""

    name: Literal["native"] = "native"

    def network(self, stages: Sequence[Any], parameters: Sequence[Parameters]) -> _Network:
        return _Network(stages, parameters)

    def first_nonfinite_row(self, x: Array) -> int:
        return _core.first_nonfinite_row(x, _choice()[0])

    def first_bad_label(self, labels: Array, classes: int) -> int:
        return _core.first_bad_label(labels, classes)

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        return _core.linear(x, weight, bias, *_choice())

    def linear_backward(self, x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
        return _core.linear_backward(x, weight, grad, *_choice())

    def activation(self, name: ActivationName, x: Array) -> Array:
        return _core.activation(name, x, _choice()[0])

    def activation_backward(self, name: ActivationName, y: Array, grad: Array) -> Array:
        return _core.activation_backward(name, y, grad, _choice()[0])

    def exp(self, x: Array) -> Array:
        return _core.function(_core.Function.exp, x, _choice()[0])

    def log(self, x: Array) -> Array:
        return _core.function(_core.Function.log, x, _choice()[0])

    def softmax(self, scores: Array) -> Array:
        return _core.softmax(scores, *_choice())

    def loss(self, loss: Loss, scores: Array, targets: Array, weight: Array | None) -> tuple[float, Array]:
        return _core.loss(_core_loss(loss), scores, targets, weight, *_choice())

    def sgd_step(
        self, weight: Array, grad: Array, velocity: Array | None, optimizer: SGD, penalty: Penalty | None
    ) -> None:
        # The loss is not looked at; a recipe carries the penalty and the optimizer.
        _core.sgd_step(weight, grad, velocity, _core_recipe(SquaredError(), penalty, optimizer), _choice()[0])


BACKEND = _Native()
