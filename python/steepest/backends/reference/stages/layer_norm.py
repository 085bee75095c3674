"""y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with mean and variance of each sample."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...._checks import Array
from ...data import Parameters
from ...protocol import Backend
from .base import Rows, StageType, View


class LayerNorm(StageType):
    """Normalization of each row; it saves 1 / deviation of each, and the normalized rows beside it."""

    kind: ClassVar[str] = "layer_norm"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The rows, and 1 / deviation beside the normalized ones."""
        wide = view.x.astype(np.float64)
        # Of larger numbers the squares would be infinite; what is made of them does not depend on the scale.
        scale = np.where(np.abs(wide).max(axis=1, keepdims=True) > 1e150, 2.0**-560, 1.0)
        wide *= scale
        centered = wide - wide.mean(axis=1, keepdims=True)
        centered -= centered.mean(axis=1, keepdims=True)  # an ulp of a large mean is a large deviation
        variance = np.square(centered).mean(axis=1, keepdims=True)
        epsilon = np.maximum(view.stage.epsilon * scale * scale, np.finfo(np.float64).smallest_normal)
        inverse = 1 / np.sqrt(variance + epsilon)
        saved = np.hstack([inverse * scale, centered * inverse]).astype(view.x.dtype)
        return saved[:, 1:] * view.parameters.weight[0] + view.parameters.bias, saved

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """Through mean and variance too."""
        return self.tangent(view, grad * view.parameters.weight[0])

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """Sums over the samples."""
        return Parameters((grad * view.saved[:, 1:]).sum(axis=0)[None, :], grad.sum(axis=0))

    def tangent(self, view: View, dx: Array) -> Array:
        """Change of the normalized rows, which is a symmetric map of that of x."""
        inverse, rows = view.saved[:, :1], view.saved[:, 1:]
        pull = dx.mean(axis=1, keepdims=True) + rows * (dx * rows).mean(axis=1, keepdims=True)
        changed: Array = inverse * (dx - pull)
        return changed

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """Change of weight and bias, and of the normalized rows."""
        y, saved = self.forward(view)
        changed = saved[:, 1:] * change.weight[0] + change.bias
        if dx is not None:
            changed = changed + self.tangent(view._replace(saved=saved), dx) * view.parameters.weight[0]
        return Rows(y, changed)
