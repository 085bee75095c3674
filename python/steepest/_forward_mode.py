"""Compute: the objective and how fast it changes along a direction of the parameters, in one pass.

Each kind of stage has one function here, which takes the rows and their tangents to the next rows and
tangents. They are written over the functions of the active `Backend`, so that one text serves both backends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .backends import active, formulas
from .backends.protocol import Array, Backend, Batch, Parameters, Stage
from .losses import Loss
from .penalties import Penalty


class _Rows(NamedTuple):
    """(samples, features), and how fast they change: None where nothing below changes them."""

    value: Array
    tangent: Array | None


@formulas.quiet
def directional_derivative(
    stages: Sequence[Stage],
    parameters: Sequence[Parameters],
    direction: Sequence[Parameters],
    batch: Batch,
    loss: Loss,
    penalty: Penalty | None,
) -> tuple[float, float]:
    """The objective and its derivative along `direction`, which is shaped like `parameters`."""
    backend = active()
    rows = _Rows(batch.x, None)
    own = iter(zip(parameters, direction, strict=True))
    for stage in stages:
        if stage.dense:
            rows = _linear(backend, rows, *next(own))
        rows = _activation(backend, stage, rows)
    objective, slopes = backend.loss(loss, rows.value, batch.targets, batch.weight)
    derivative = 0.0 if rows.tangent is None else _inner(slopes, rows.tangent)
    if penalty is not None:
        for p, change in zip(parameters, direction, strict=True):
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
    y = backend.activation(stage.activation, rows.value)
    if rows.tangent is None:
        return _Rows(y, None)
    return _Rows(y, backend.activation_backward(stage.activation, y, rows.tangent))


def _inner(a: Array, b: Array) -> float:
    """Sum of products, in float64 and in one order."""
    return float((a.astype(np.float64) * b).sum())
