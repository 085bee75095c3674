"""Compute: the objective and how fast it changes along a direction of the parameters, in one pass.

Each kind of stage takes the rows and their tangents to the next rows and tangents. Products and activations
are functions of a `Backend`, so that one text serves both.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..._checks import Array
from ...compile.stage import Stage
from ...layers import ACTIVATIONS
from ...losses import Loss
from ...penalties import Penalty
from ..data import Batch, Parameters, StepKey
from ..protocol import Backend
from .penalties import penalty_gradient, penalty_value
from .quiet import quiet
from .stages import STAGES
from .stages.base import NO_PARAMETERS, NOTHING, Rows, View


@quiet
def directional_derivative(
    backend: Backend,
    stages: Sequence[Stage],
    parameters: Sequence[Parameters],
    direction: Sequence[Parameters],
    batch: Batch,
    loss: Loss,
    penalties: Sequence[Penalty | None],
    key: StepKey,
) -> tuple[float, float]:
    """The objective as in training, and its derivative along `direction`, which is like `parameters`."""
    scores = _pass(backend, stages, parameters, direction, batch.dense, key)
    objective, slopes = backend.loss(loss, scores.value, batch.targets, batch.weight)
    derivative = 0.0 if scores.tangent is None else _inner(slopes, scores.tangent)
    for p, change, penalty in zip(parameters, direction, penalties, strict=True):
        if penalty is not None:
            objective += penalty_value(penalty, p.weight)
            derivative += _inner(penalty_gradient(penalty, p.weight), change.weight)
    return objective, derivative


def _pass(
    backend: Backend,
    stages: Sequence[Stage],
    parameters: Sequence[Parameters],
    direction: Sequence[Parameters],
    x: Array,
    key: StepKey,
) -> Rows:
    """The scores of the rows, and how fast they change."""
    rows, passed = Rows(x, None), list[Rows]()
    own = iter(zip(parameters, direction, strict=True))
    for s, stage in enumerate(stages):
        p, change = next(own) if stage.has_parameters else (NO_PARAMETERS, NO_PARAMETERS)
        partner = passed[stage.partner] if stage.partner < s else Rows(NOTHING, None)
        view = View(stage, rows.value, p, key, partner=partner.value)
        rows = STAGES[stage.kind].directional(backend, view, change, rows.tangent, partner.tangent)
        rows = _activation(backend, stage, rows)
        passed.append(rows)
    return rows


def _activation(backend: Backend, stage: Stage, rows: Rows) -> Rows:
    """Element by element, the map of tangents is its own transpose: the one that gradients take back."""
    if stage.activation == "identity":
        return rows
    y = backend.activation(stage.activation, rows.value, stage.slope)
    if rows.tangent is None:
        return Rows(y, None)
    seen = rows.value if ACTIVATIONS[stage.activation].reads_input else y
    return Rows(y, backend.activation_backward(stage.activation, seen, rows.tangent, stage.slope))


def _inner(a: Array, b: Array) -> float:
    """Sum of products, in float64 and in one order."""
    return float((a.astype(np.float64) * b).sum())
