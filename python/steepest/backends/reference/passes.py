"""A batch through all stages and back, in NumPy: the order in which the formulas are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..._checks import Array
from ...compile.stage import Stage
from ...layers import ACTIVATIONS
from ..data import Parameters, StepKey, Whole
from .activations import activation, activation_backward
from .quiet import quiet
from .stages import STAGES
from .stages.base import NO_PARAMETERS, NOTHING, View


@dataclass
class Pass:
    """A batch on its way: what each stage saw, and the rows that came out of it."""

    views: list[View]
    outputs: list[Array]


@quiet
def forward(
    stages: Sequence[Stage],
    parameters: Sequence[Parameters],
    running: Sequence[Array],
    x: Array,
    key: StepKey | None,
    whole: Whole | None = None,
) -> Pass:
    """All stages, as in training with the draws of a key, as in inference without."""
    passed = Pass([], [])
    own, usual = iter(parameters), iter(running)
    for s, stage in enumerate(stages):
        view = View(
            stage,
            x,
            next(own) if stage.has_parameters else NO_PARAMETERS,
            key,
            next(usual) if stage.running_rows else NOTHING,
            passed.outputs[stage.partner] if stage.partner < s else NOTHING,
            whole=whole,
        )
        y, saved = STAGES[stage.kind].forward(view)
        x = activation(stage.activation, y, stage.slope)
        passed.views.append(view._replace(saved=saved))
        passed.outputs.append(x)
    return passed


@quiet
def backward(passed: Pass, grad: Array) -> list[Parameters]:
    """From the gradient of the scores that of each stage with parameters."""
    gradients: list[Parameters] = []
    remaining = sum(view.stage.has_parameters for view in passed.views)
    incoming: dict[int, Array] = {}
    for s, (view, y) in reversed(list(enumerate(zip(passed.views, passed.outputs, strict=True)))):
        stage, kind = view.stage, STAGES[view.stage.kind]
        seen = view.x if ACTIVATIONS[stage.activation].reads_input else y
        incoming[s] = grad = activation_backward(stage.activation, seen, grad, stage.slope)
        if stage.has_parameters:
            gradients.append(kind.parameter_gradients(view, grad))
            remaining -= 1
        if not remaining:
            break  # nothing below the first stage with parameters has any
        grad = kind.backward(view._replace(partner=incoming.get(stage.partner, NOTHING)), y, grad)
    return gradients[::-1]


@quiet
def running_changes(passed: Pass) -> list[tuple[Array, Array]]:
    """The running statistics of all stages, and what they are after the batch."""
    normal = [view for view in passed.views if view.stage.running_rows]
    return moved(
        [view.stage for view in normal], [view.running for view in normal], [view.saved for view in normal]
    )


def moved(
    stages: Sequence[Stage], running: Sequence[Array], statistics: Sequence[Array]
) -> list[tuple[Array, Array]]:
    """The running statistics of stages that have some, and what they are after a batch with `statistics`."""
    return [
        (before, STAGES[stage.kind].statistics(stage, own, before))
        for stage, before, own in zip(stages, running, statistics, strict=True)
    ]
