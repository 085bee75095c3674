"""The compiled backend: hands arrays to the extension, and keeps what it made of descriptions."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np

from .. import _core
from .._config import current
from ..losses import (
    AbsoluteError,
    BinaryCrossEntropy,
    CustomLoss,
    Huber,
    Loss,
    MulticlassHinge,
    SoftmaxCrossEntropy,
    SquaredError,
)
from ..optimizers import SGD
from ..penalties import Penalty
from ._custom import evaluate
from .protocol import (
    NO_DRAWS,
    ActivationName,
    Array,
    Batch,
    Draws,
    EpochResults,
    Parameters,
    Recipe,
    Schedule,
    Stage,
    Status,
    Watch,
)


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
    kinds = _core.LossKind
    if isinstance(loss, CustomLoss):
        return _core.Loss(kinds.custom)
    if isinstance(loss, SoftmaxCrossEntropy):
        weighted = loss.class_weight is not None
        return _core.Loss(kinds.softmax, parameter=loss.label_smoothing, weighted=weighted)
    if isinstance(loss, MulticlassHinge):
        return _core.Loss(kinds.squared_hinge if loss.squared else kinds.hinge, parameter=loss.margin)
    parameter = loss.delta if isinstance(loss, Huber) else 0.0
    return _core.Loss(_TARGET_KINDS[type(loss)], parameter=parameter, sum=loss.reduction == "sum")


_TARGET_KINDS = {
    SquaredError: _core.LossKind.squared_error,
    AbsoluteError: _core.LossKind.absolute_error,
    Huber: _core.LossKind.huber,
    BinaryCrossEntropy: _core.LossKind.binary_cross_entropy,
}


def _function(loss: Loss) -> Callable[[Array, Array], tuple[float, Array]] | None:
    """What the extension calls for a loss of the caller's own."""
    return partial(evaluate, loss) if isinstance(loss, CustomLoss) else None


def _core_recipe(loss: Loss, penalty: Penalty | None, optimizer: SGD | None) -> _core.Recipe:
    return _core.Recipe(
        _core_loss(loss),
        penalty.l2 if penalty else 0.0,
        penalty.l1 if penalty else 0.0,
        optimizer.learning_rate if optimizer else 0.0,
        optimizer.momentum if optimizer else 0.0,
        optimizer.nesterov if optimizer else False,
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


def _pairs(parameters: Sequence[Parameters]) -> list[tuple[Array, Array | None]]:
    return [(p.weight, p.bias) for p in parameters]


class _Network:
    """One compiled model. Descriptions are translated once and kept while the same object comes again."""

    def __init__(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> None:
        self._stages = [_core_stage(stage) for stage in stages]
        single = parameters[0].weight.dtype == np.float32
        self._parameter_set = _core.ParametersFloat32 if single else _core.ParametersFloat64
        make = _core.NetworkFloat32 if single else _core.NetworkFloat64
        self._network = make(self._stages, _pairs(parameters), list(running))
        self._known: tuple[Recipe | None, Sequence[Parameters] | None, Any, Any] = (None, None, None, None)

    def _translated(self, recipe: Recipe, velocities: Sequence[Parameters] | None) -> tuple[Any, Any]:
        """The extension's recipe and velocities."""
        known = self._known  # read once: another thread may replace it
        if known[0] is recipe and known[1] is velocities:
            return known[2], known[3]
        views = None if velocities is None else self._parameter_set(self._stages, _pairs(velocities))
        core_recipe = _core_recipe(recipe.loss, recipe.penalty, recipe.optimizer)
        self._known = recipe, velocities, core_recipe, views
        return core_recipe, views

    def try_forward(self, x: object) -> Array | None:
        settings = current()
        return self._network.try_forward(x, settings.isa, settings.num_threads)

    def try_step(
        self,
        x: object,
        targets: object,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        draws: Draws,
    ) -> float | None:
        settings = current()
        return self._network.try_step(
            x, targets, *self._translated(recipe, velocities), *draws, settings.isa, settings.num_threads
        )

    def forward(self, x: Array) -> Array:
        return self._network.forward(x, *_choice())

    def loss_and_gradients(
        self, batch: Batch, loss: Loss, penalty: Penalty | None, draws: Draws = NO_DRAWS
    ) -> tuple[float, list[Parameters]]:
        value, arrays = self._network.loss_and_gradients(
            batch.x,
            batch.targets,
            batch.weight,
            _core_recipe(loss, penalty, None),
            *draws,
            *_choice(),
            custom=_function(loss),
        )
        return value, [Parameters(weight, bias) for weight, bias in arrays]

    def step(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        draws: Draws = NO_DRAWS,
    ) -> float:
        return self._network.step(
            batch.x,
            batch.targets,
            batch.weight,
            *self._translated(recipe, velocities),
            *draws,
            *_choice(),
            custom=_function(recipe.loss),
        )

    def fit(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        schedule: Schedule,
        watch: Watch | None,
    ) -> EpochResults:
        result = self._network.fit(
            batch.x,
            batch.targets,
            batch.weight,
            *self._translated(recipe, velocities),
            _core.Schedule(
                schedule.epochs,
                schedule.first_epoch,
                schedule.batch_size,
                schedule.shuffle,
                schedule.seed,
                schedule.first_step,
            ),
            watch,
            *_choice(),
            custom=_function(recipe.loss),
        )
        return EpochResults(result.losses, result.seconds, _STATUS[result.status], result.step)


_STATUS: dict[_core.Status, Status] = {
    _core.Status.finished: "finished",
    _core.Status.cancelled: "cancelled",
    _core.Status.diverged: "diverged",
    _core.Status.mislabelled: "mislabelled",
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

    def sgd_step(
        self, weight: Array, grad: Array, velocity: Array | None, optimizer: SGD, penalty: Penalty | None
    ) -> None:
        # The loss is not looked at; a recipe carries the penalty and the optimizer.
        _core.sgd_step(weight, grad, velocity, _core_recipe(SquaredError(), penalty, optimizer), _choice()[0])


BACKEND = _Native()
