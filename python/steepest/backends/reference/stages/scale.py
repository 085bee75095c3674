"""y = x * weight, feature by feature."""

from __future__ import annotations

from typing import ClassVar

from ...._checks import Array
from ...data import Parameters
from ...protocol import Backend
from .base import NOTHING, Rows, StageType, View


class Scale(StageType):
    """A number for each column."""

    kind: ClassVar[str] = "scale"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The scaled rows."""
        return view.x * view.parameters.weight[0], NOTHING

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """The scaled gradient."""
        return self.tangent(view, grad)

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """Sums over the samples."""
        return Parameters((grad * view.x).sum(axis=0)[None, :], None)

    def tangent(self, view: View, dx: Array) -> Array:
        """The scaled change."""
        scaled: Array = dx * view.parameters.weight[0]
        return scaled

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """Change of the weight, and of x."""
        y, _ = self.forward(view)
        changed = view.x * change.weight[0]
        return Rows(y, changed if dx is None else changed + self.tangent(view, dx))
