"""Compute: the objective and how fast it changes along a direction of the parameters, in one pass.

Each kind of stage has one function here, which takes the rows and their tangents to the next rows and
tangents. Products and activations are functions of a `Backend`, so that one text serves both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..._checks import Array
from ...losses import Loss
from ...penalties import Penalty
from ..data import Batch, Parameters, StepKey
from ..protocol import Backend, Stage, reads_input
from . import formulas
from . import stages as stage_formulas


class _Rows(NamedTuple):
    """(samples, features), and how fast they change: None where nothing below changes them."""

    value: Array
    tangent: Array | None


@formulas.quiet
def directional_derivative(
    backend: Backend,
    stages: Sequence[Stage],
    parameters: Sequence[Parameters],
    direction: Sequence[Parameters],
    batch: Batch,
    loss: Loss,
    penalties: Sequence[Penalty | None],
    draws: StepKey,
) -> tuple[float, float]:
    """The objective as in training, and its derivative along `direction`, which is like `parameters`."""
    passed = [_Rows(batch.dense, None)]
    own = iter(zip(parameters, direction, strict=True))
    for stage in stages:
        rows = passed[-1]
        if stage.dense:
            rows = _linear(backend, rows, *next(own))
        elif stage.kind == "batch_norm":
            rows = _batch_norm(stage, rows, *next(own))
        elif stage.kind == "residual_add":
            rows = _join(stage, passed[stage.partner + 1], rows, draws)
        else:
            rows = _chosen(stage, rows, draws)
        passed.append(_activation(backend, stage, rows))
    scores = passed[-1]
    objective, slopes = backend.loss(loss, scores.value, batch.targets, batch.weight)
    derivative = 0.0 if scores.tangent is None else _inner(slopes, scores.tangent)
    for p, change, penalty in zip(parameters, direction, penalties, strict=True):
        if penalty is not None:
            objective += formulas.penalty_value(penalty, p.weight)
            derivative += _inner(formulas.penalty_gradient(penalty, p.weight), change.weight)
    return objective, derivative


def _linear(backend: Backend, rows: _Rows, p: Parameters, change: Parameters) -> _Rows:
    """Change of x @ W + b: x @ dW + db, and dx @ W where x changes too."""
    x, dx = rows
    tangent = backend.linear(x, change.weight, change.bias)
    if dx is not None:
        tangent = tangent + backend.linear(dx, p.weight, None)
    return _Rows(backend.linear(x, p.weight, p.bias), tangent)


def _activation(backend: Backend, stage: Stage, rows: _Rows) -> _Rows:
    """Element by element, the map of tangents is its own transpose: the one that gradients take back."""
    if stage.activation == "identity":
        return rows
    y = backend.activation(stage.activation, rows.value, stage.slope)
    if rows.tangent is None:
        return _Rows(y, None)
    seen = rows.value if reads_input(stage.activation) else y
    return _Rows(y, backend.activation_backward(stage.activation, seen, rows.tangent, stage.slope))


def _batch_norm(stage: Stage, rows: _Rows, p: Parameters, change: Parameters) -> _Rows:
    """Change of z = (x - mean) r, r = 1 / deviation: c - z * mean(z * c) with c = (dx - mean(dx)) r."""
    x, dx = rows
    statistics = stage_formulas.moments(x)
    inverse = stage_formulas.inverse_deviation(stage, statistics)
    normal = (x - statistics[0]) * inverse
    tangent = normal * change.weight[0] + change.bias
    if dx is not None:
        centered = (dx - dx.mean(axis=0)) * inverse
        tangent = tangent + p.weight[0] * (centered - normal * (normal * centered).mean(axis=0))
    return _Rows(stage_formulas.batch_norm(stage, x, statistics, p), tangent)


def _join(stage: Stage, fork: _Rows, rows: _Rows, draws: StepKey) -> _Rows:
    """A sum, or the shortcut alone."""
    if not stage_formulas.joined(stage, draws):
        return fork
    tangents = [tangent for tangent in (fork.tangent, rows.tangent) if tangent is not None]
    return _Rows(fork.value + rows.value, sum(tangents[1:], tangents[0]) if tangents else None)


def _chosen(stage: Stage, rows: _Rows, draws: StepKey) -> _Rows:
    """Stages that scale or choose elements, and do the same to tangents."""
    x, dx = rows
    if stage.kind == "dropout":
        factors = stage_formulas.dropout_factors(stage, len(x), x.dtype, draws)
        return _Rows(x * factors, None if dx is None else dx * factors)
    if stage.kind == "pool":
        y, places = stage_formulas.pool(stage, x, draws)
        return _Rows(y, None if dx is None else np.take_along_axis(dx, places, axis=1))
    if stage.kind == "maxout":
        largest = x.reshape(len(x), -1, stage.outputs).argmax(axis=1)
        places = largest * stage.outputs + np.arange(stage.outputs)
        tangent = None if dx is None else np.take_along_axis(dx, places, axis=1)
        return _Rows(stage_formulas.max_pieces(stage, x), tangent)
    return rows


def _inner(a: Array, b: Array) -> float:
    """Sum of products, in float64 and in one order."""
    return float((a.astype(np.float64) * b).sum())
