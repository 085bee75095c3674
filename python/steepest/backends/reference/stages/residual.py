"""A shortcut: the rows that a residual_split passes on, the residual_add that is its partner adds to x."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...._checks import Array
from ....compile.stage import Stage
from ...data import Parameters, StepKey
from ...protocol import Backend
from .base import NOTHING, UNIT, Rows, StageType, View, first_word
from .elementwise import Elementwise

_STREAM = 0x6A000000  # what the draws are for is a part of the counter, with the layer's number added


class ResidualSplit(Elementwise):
    """y = x, which goes two ways."""

    kind: ClassVar[str] = "residual_split"

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """That of both ways."""
        dx: Array = grad + view.partner
        return dx


class ResidualAdd(StageType):
    """The shortcut + x; without x with the probability `rate`, and with (1 - rate) * x in inference."""

    kind: ClassVar[str] = "residual_add"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The sum, or the shortcut alone."""
        if view.key is not None and not _joined(view.stage, view.key):
            return view.partner, NOTHING
        scale = 1 if view.key is not None else 1 - view.stage.rate
        y: Array = view.partner + view.partner.dtype.type(scale) * view.x
        return y, NOTHING

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """The same for both ways, or nothing for x."""
        assert view.key is not None
        return grad if _joined(view.stage, view.key) else np.zeros_like(grad)

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """A sum, or the shortcut alone."""
        assert view.key is not None
        y, _ = self.forward(view)
        ways = [partner, dx] if _joined(view.stage, view.key) else [partner]
        tangents = [tangent for tangent in ways if tangent is not None]
        return Rows(y, sum(tangents[1:], tangents[0]) if tangents else None)


def _joined(stage: Stage, key: StepKey) -> bool:
    """Whether the layers beside the shortcut take part in a step."""
    return first_word(_STREAM, stage, key) >= int(stage.rate * UNIT)
