"""y = x @ weight + bias."""

from __future__ import annotations

from typing import ClassVar

from ...._checks import Array
from ...data import Parameters
from ...protocol import Backend
from ..products import linear
from .base import NOTHING, Rows, StageType, View


class Dense(StageType):
    """A product with a matrix."""

    kind: ClassVar[str] = "dense"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The product."""
        return linear(view.x, view.parameters.weight, view.parameters.bias), NOTHING

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """The product with the transposed weight."""
        dx: Array = grad @ view.parameters.weight.T
        return dx

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """Sums over the samples."""
        return Parameters(view.x.T @ grad, None if view.parameters.bias is None else grad.sum(axis=0))

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """Change of x @ W + b: x @ dW + db, and dx @ W where x changes too."""
        p = view.parameters
        tangent = backend.linear(view.x, change.weight, change.bias)
        if dx is not None:
            tangent = tangent + backend.linear(dx, p.weight, None)
        return Rows(backend.linear(view.x, p.weight, p.bias), tangent)
