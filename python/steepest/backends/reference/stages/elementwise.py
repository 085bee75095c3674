"""y = x: a stage that is nothing but its activation."""

from __future__ import annotations

from typing import ClassVar

from ...._checks import Array
from .base import NOTHING, StageType, View


class Elementwise(StageType):
    """An activation that could not be fused with the stage before."""

    kind: ClassVar[str] = "elementwise"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The rows themselves."""
        return view.x, NOTHING

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """The gradient itself."""
        return grad
