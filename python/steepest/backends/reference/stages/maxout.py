"""The largest of columns j, j + outputs, j + 2 * outputs, ..."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...._checks import Array
from .base import NOTHING, StageType, View


class Maxout(StageType):
    """The choice among the pieces of each output; NaN if one is."""

    kind: ClassVar[str] = "maxout"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The largest."""
        largest: Array = _pieces(view).max(axis=1)
        return largest, NOTHING

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """To the first piece that equals the largest."""
        equal = _pieces(view) == y[:, None, :]
        first = equal & (np.cumsum(equal, axis=1) == 1)
        dx: Array = np.where(first, grad[:, None, :], 0).reshape(view.x.shape).astype(grad.dtype)
        return dx

    def tangent(self, view: View, dx: Array) -> Array:
        """That of the same piece."""
        outputs = view.stage.outputs
        places = _pieces(view).argmax(axis=1) * outputs + np.arange(outputs)
        return np.take_along_axis(dx, places, axis=1)


def _pieces(view: View) -> Array:
    """(samples, pieces, outputs)."""
    return view.x.reshape(len(view.x), -1, view.stage.outputs)
