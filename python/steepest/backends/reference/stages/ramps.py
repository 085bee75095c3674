"""y = r @ weight + bias of piecewise linear encodings."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ...._checks import Array
from ....compile.stage import Stage
from ...data import Parameters
from ...protocol import Backend
from .base import Rows, View
from .dense import Dense


class Ramps(Dense):
    """A product of shares with values at knots: there, a ramp is 1 if it lies below, else -1."""

    kind: ClassVar[str] = "ramps"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The product with the values."""
        return super().forward(view._replace(parameters=_values(view.stage, view.parameters)))

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """From those of the values."""
        made = super().parameter_gradients(view, grad)
        return Parameters(_signs(view.stage, made.weight.dtype).T @ made.weight, made.bias)

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """As of a product, of values and the change of values."""
        view = view._replace(parameters=_values(view.stage, view.parameters))
        return super().directional(backend, view, _values(view.stage, change), dx, partner)


def _signs(stage: Stage, dtype: np.dtype[Any]) -> Array:
    """(values, weight rows): 1 and -1 of each column's ramps at its knots, and 1 of other rows."""
    plain = stage.inputs - sum(stage.ramps)
    signs = np.zeros((stage.inputs + len(stage.ramps), stage.inputs), dtype)
    signs[:plain, :plain] = np.eye(plain)
    row = plain
    for column, ramps in enumerate(stage.ramps):
        knot, ramp = np.indices((ramps + 1, ramps))
        signs[row + column : row + column + ramps + 1, row : row + ramps] = np.where(ramp < knot, 1, -1)
        row += ramps
    return signs


def _values(stage: Stage, parameters: Parameters) -> Parameters:
    return Parameters(_signs(stage, parameters.weight.dtype) @ parameters.weight, parameters.bias)
