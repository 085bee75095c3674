"""What scores of networks on encoded columns mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._checks import Array
from ..ensemble import mean_answer
from ..functional import softmax
from ..model import Sequential
from .encoding import Encoding, inputs_of


@dataclass(frozen=True)
class Classes:
    """Scores as probabilities of labels: softmax(scores / temperature)."""

    labels: tuple[Any, ...]
    temperature: float

    def __call__(self, scores: Array) -> Array:
        """(rows, classes), in float64."""
        return np.asarray(softmax(scores.astype(np.float64) / self.temperature))

    def mended(self, mean: Array) -> Array:
        """A mean of answers, which are probabilities still."""
        return mean

    def shown(self, mean: Array) -> Array:
        """The most probable label of each row."""
        several = len({*map(type, self.labels)}) > 1  # NumPy would make texts of numbers beside texts
        labels = np.array(self.labels, dtype=object if several else None)
        return np.asarray(labels[mean.argmax(axis=1)])


@dataclass(frozen=True)
class Numbers:
    """Scores as numbers: scale * score + mean, between the lowest and the highest.

    `one` : whether they are shown as (rows,).
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    one: bool

    def __call__(self, scores: Array) -> Array:
        """(rows, targets), in float64."""
        return self.mended(scores.astype(np.float64) * np.array(self.scale) + np.array(self.mean))

    def mended(self, mean: Array) -> Array:
        """A mean of answers, which by rounding may have left their range."""
        return np.asarray(np.clip(mean, self.lowest, self.highest))

    def shown(self, mean: Array) -> Array:
        """(rows,) of one target."""
        return mean[:, 0] if self.one else mean


def mean_of(members: Sequence[Sequential], inputs: Array, meaning: Classes | Numbers) -> Array:
    """The mean answer of members, (rows, classes) or (rows, targets)."""
    return meaning.mended(mean_answer(members, inputs, meaning))


def some_inputs(encodings: Sequence[Encoding], columns: Sequence[Any]) -> NDArray[np.float32]:
    """Inputs of columns; one of zeros if no column has any."""
    inputs = inputs_of(encodings, columns)
    return inputs if inputs.shape[1] else np.zeros((len(inputs), 1), dtype=np.float32)
