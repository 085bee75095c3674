"""A batch through all stages and back, in NumPy: the order in which the formulas are applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..._checks import Array
from ..data import Parameters, StepKey
from ..protocol import Stage, reads_input
from . import formulas
from . import stages as stage_formulas


@dataclass
class Pass:
    """A batch on its way: the input and the output of each stage; by stage, statistics and what was kept."""

    outputs: list[Array]
    statistics: dict[int, Array]
    kept: dict[int, Array]
    draws: StepKey | None


@formulas.quiet
def forward(
    stages: Sequence[Stage],
    parameters: Sequence[Parameters],
    running: Sequence[Array],
    x: Array,
    draws: StepKey | None,
) -> Pass:
    """All stages, as in training with some draws, as in inference without."""
    passed = Pass([x], {}, {}, draws)
    own, inference = iter(parameters), iter(running)
    for s, stage in enumerate(stages):
        x = passed.outputs[-1]
        if stage.dense:
            p = next(own)
            y = formulas.linear(x, p.weight, p.bias)
        elif stage.kind == "batch_norm":
            usual = next(inference)
            passed.statistics[s] = usual if draws is None else stage_formulas.moments(x)
            y = stage_formulas.batch_norm(stage, x, passed.statistics[s], next(own))
        else:
            y = _forward_rows(s, stage, x, passed)
        passed.outputs.append(formulas.activation(stage.activation, y, stage.slope))
    return passed


def _forward_rows(s: int, stage: Stage, x: Array, passed: Pass) -> Array:
    """A stage without parameters."""
    draws = passed.draws
    if stage.kind == "dropout" and draws is not None:
        passed.kept[s] = stage_formulas.dropout_factors(stage, len(x), x.dtype, draws)
        return x * passed.kept[s]
    if stage.kind == "maxout":
        return stage_formulas.max_pieces(stage, x)
    if stage.kind == "pool":
        y, passed.kept[s] = stage_formulas.pool(stage, x, draws)
        return y
    if stage.kind == "residual_add":
        fork = passed.outputs[stage.partner + 1]
        if draws is None:
            return stage_formulas.join(fork, x, 1 - stage.rate)
        return stage_formulas.join(fork, x, 1) if stage_formulas.joined(stage, draws) else fork
    return x


@formulas.quiet
def backward(
    stages: Sequence[Stage], parameters: Sequence[Parameters], passed: Pass, grad: Array
) -> list[Parameters]:
    """From the gradient of the scores that of each stage that learns."""
    gradients: list[Parameters] = []
    remaining = list(parameters)
    shortcuts: dict[int, Array] = {}
    for s, stage in reversed(list(enumerate(stages))):
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
            grad = _backward_rows(s, stage, grad, passed, shortcuts)
        if not remaining:
            break  # nothing below the first stage that learns does
    return gradients[::-1]


def _backward_rows(s: int, stage: Stage, grad: Array, passed: Pass, shortcuts: dict[int, Array]) -> Array:
    """The gradient of what went into a stage without parameters."""
    x, y = passed.outputs[s : s + 2]
    if stage.kind == "dropout":
        return grad * passed.kept[s]
    if stage.kind == "maxout":
        return stage_formulas.max_pieces_backward(stage, x, y, grad)
    if stage.kind == "pool":
        return stage_formulas.pool_backward(stage, passed.kept[s], grad)
    if stage.kind == "residual_split":
        return grad + shortcuts[s]
    if stage.kind == "residual_add":
        shortcuts[stage.partner] = grad
        assert passed.draws is not None
        return grad if stage_formulas.joined(stage, passed.draws) else np.zeros_like(grad)
    return grad
