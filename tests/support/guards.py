"""Arrays with a guard zone around them, which nothing may read or write."""

from __future__ import annotations

import numpy as np

from .strategies import Array

# NaN shows what is read from a guard zone; a number shows what is written there, where NaN would stay NaN.
FILLS = [np.nan, 12345.0]


class Guarded:
    """A copy of an array inside a larger one, whose other elements must stay what they are."""

    def __init__(self, values: Array, fill: float) -> None:
        margins = [(3, 5)] * values.ndim
        self.whole = np.pad(values, margins, constant_values=fill)
        self.view = self.whole[tuple(slice(3, -5) for _ in margins)]
        self._before = self.whole.copy()

    def check(self) -> None:
        self._before[tuple(slice(3, -5) for _ in self.view.shape)] = self.view
        # Byte by byte: a NaN that was written over another counts.
        assert self.whole.tobytes() == self._before.tobytes(), "the guard zone was written to"
