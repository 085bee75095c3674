"""The largest of each region of an image."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...._checks import Array
from .base import StageType, View, first_word

_STREAM = 0x70000000  # what the draws are for is a part of the counter, with the layer's number added


class Pool(StageType):
    """Fractional max-pooling, which saves the place of each largest element in its row."""

    kind: ClassVar[str] = "pool"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The largest of each region, and its place in the row; of equals the first, of NaNs too."""
        height, width, channels, rows, columns = view.stage.image
        word = 0x80008000 if view.key is None else first_word(_STREAM, view.stage, view.key)
        down, right = cuts(height, rows, word >> 16), cuts(width, columns, word & 0xFFFF)
        x = view.x
        images = x.reshape(len(x), height, width, channels)
        places = np.arange(x.shape[1]).reshape(height, width, channels)
        best = np.empty((len(x), rows, columns, channels), dtype=np.intp)
        for i in range(rows):
            for j in range(columns):
                window = np.s_[down[i] : down[i + 1], right[j] : right[j + 1]]
                inside = images[(slice(None), *window)].reshape(len(x), -1, channels)
                chosen = inside.argmax(axis=1)  # NaN counts as the largest
                best[:, i, j] = np.take_along_axis(
                    places[window].reshape(1, -1, channels), chosen[:, None, :], axis=1
                )[:, 0]
        where = best.reshape(len(x), -1)
        return np.take_along_axis(x, where, axis=1), where

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """To the places of the largest."""
        dx = np.zeros((len(grad), view.stage.inputs), grad.dtype)
        np.put_along_axis(dx, view.saved, grad, axis=1)
        return dx

    def tangent(self, view: View, dx: Array) -> Array:
        """Those of the same places."""
        return np.take_along_axis(dx, view.saved, axis=1)


def cuts(n: int, parts: int, offset: int) -> list[int]:
    """Where n pixels are cut into regions: ceil(a (i + u)) - ceil(a u), a = n / parts, u = offset / 2**16."""
    rounded = [-(-n * ((i << 16) + offset) // (parts << 16)) for i in range(parts + 1)]
    return [cut - rounded[0] for cut in rounded]
