"""y = r @ weight + bias of piecewise linear encodings."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import numpy as np

from ...._checks import Array
from ....compile.stage import Stage
from ...data import Parameters
from ...protocol import Backend
from .base import Rows, View
from .dense import Dense


class Ramps(Dense):
    """A product of factors with sums of weight rows: V[k] = W[0] + ... + W[k] of the ramps of each input."""

    kind: ClassVar[str] = "ramps"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The product with the sums."""
        return super().forward(view._replace(parameters=_summed(view.stage, view.parameters)))

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """That of W[k] is the sum of those of V[k] to the last."""
        made = super().parameter_gradients(view, grad)
        for run in _runs(view.stage):
            made.weight[run] = np.cumsum(made.weight[run][::-1], axis=0)[::-1]
        return made

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """As of a product, of sums and the change of sums."""
        view = view._replace(parameters=_summed(view.stage, view.parameters))
        return super().directional(backend, view, _summed(view.stage, change), dx, partner)


def _runs(stage: Stage) -> list[slice]:
    """The weight rows of each input's ramps."""
    ends = np.cumsum((stage.inputs - sum(stage.ramps), *stage.ramps)).tolist()
    return [slice(begin, end) for begin, end in pairwise(ends)]


def _summed(stage: Stage, parameters: Parameters) -> Parameters:
    weight = parameters.weight.copy()
    for run in _runs(stage):
        weight[run] = np.cumsum(weight[run], axis=0)
    return Parameters(weight, parameters.bias)
