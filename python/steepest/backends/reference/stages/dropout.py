"""y = x * factor, which is 0 with the probability `rate` and else 1 / (1 - rate); x in inference."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...._checks import Array
from ....compile.stage import Stage
from ...data import StepKey
from ..random import key_of, philox
from .base import NOTHING, UNIT, StageType, View

_STREAM = 0x64000000  # what the draws are for is a part of the counter, with the layer's number added


class Dropout(StageType):
    """Elements set to 0 at random, or as a mask says."""

    kind: ClassVar[str] = "dropout"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The rows, and the factors."""
        if view.key is None:
            return view.x, NOTHING
        factors = _factors(view.stage, len(view.x), view.x.dtype, view.key)
        return view.x * factors, factors

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """By the same factors."""
        dx: Array = grad * view.saved
        return dx

    def tangent(self, view: View, dx: Array) -> Array:
        """By the same factors."""
        dy: Array = dx * view.saved
        return dy


def _factors(stage: Stage, samples: int, dtype: np.dtype, key: StepKey) -> Array:
    """The factor of each element of a batch.

    Column 64 q + 16 w + l takes word w of counter (16 q + l, row, step, stream): dropped below rate * 2**32.
    """
    scale = dtype.type(1 / (1 - stage.rate))
    if stage.mask is not None:
        kept = stage.mask[: samples if len(stage.mask) > 1 else 1]
        return np.broadcast_to(np.where(kept, scale, dtype.type(0)), (samples, stage.outputs))
    blocks = -(-stage.outputs // 64)
    rows, counters = np.arange(samples)[:, None], np.arange(16 * blocks)[None, :]
    step = key.step & 0xFFFFFFFF
    words = np.stack(
        philox((counters, rows, step, _STREAM + stage.number), key_of(key.seed))
    )  # 4, samples, 16 * blocks
    columns = words.reshape(4, samples, blocks, 16).transpose(1, 2, 0, 3).reshape(samples, -1)
    kept = columns[:, : stage.outputs] >= int(stage.rate * UNIT)
    factors: Array = np.where(kept, scale, dtype.type(0))
    return factors
