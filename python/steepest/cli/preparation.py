"""What is put around a network for tables: rows to inputs, outputs to answers. Kept in the model's file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tables import Floats, UserError

# Inputs further from the mean than this many standard deviations count as this far: a rare outlier, or
# a pixel that is nearly always 0, would otherwise take the steps that make a training diverge.
_FARTHEST = 5.0


@dataclass(frozen=True)
class Standard:
    """z = (x - mean) / scale, column by column; Python floats, which JSON keeps to the last bit."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    @classmethod
    def of(cls, columns: Floats) -> Standard:
        """Mean and standard deviation of each column; the scale of a constant column is 1."""
        with np.errstate(over="ignore", invalid="ignore"):
            mean, scale = columns.mean(axis=0), columns.std(axis=0)
        if not (np.isfinite(mean).all() and np.isfinite(scale).all()):
            raise UserError("the table holds numbers too large to standardize")
        scale[(columns == columns[0]).all(axis=0) | (scale == 0)] = 1.0
        return cls(tuple(mean.tolist()), tuple(scale.tolist()))

    def apply(self, columns: Floats) -> Floats:
        """Standardized columns."""
        with np.errstate(over="ignore"):
            standard: Floats = (columns - np.array(self.mean)) / np.array(self.scale)
        return standard

    def undo(self, columns: NDArray[Any]) -> Floats:
        """Columns in their own units again."""
        values: Floats = columns * np.array(self.scale) + np.array(self.mean)
        return values


@dataclass(frozen=True)
class Preparation:
    """How a table becomes a network's inputs, and the network's outputs become answers.

    Attributes
    ----------
    names : tuple of str or None
        The features' names, None if the table had none.
    features : Standard
        Of the training rows.
    labels : tuple of str or None
        The classes in the order of the outputs; None for a regression.
    target : Standard or None
        For a regression, of the training rows' target.
    loss : str
        What the network was trained with; only softmax gives probabilities.
    """

    names: tuple[str, ...] | None
    features: Standard
    labels: tuple[str, ...] | None
    target: Standard | None
    loss: str

    def inputs(self, features: Floats) -> NDArray[np.float32]:
        """Rows as the network takes them: standardized, and not too far out."""
        standard = self.features.apply(features)
        return np.clip(standard, -_FARTHEST, _FARTHEST, out=standard).astype(np.float32)

    def answers(self, outputs: NDArray[Any]) -> list[str]:
        """One answer a row: the class, or the number."""
        if self.target is not None:
            return [repr(value) for value in self.target.undo(outputs)[:, 0].tolist()]
        labels = self.labels or ()
        return [labels[index] for index in outputs.argmax(axis=1).tolist()]

    def to_json(self) -> str:
        """As `from_json` reads it."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, inputs: int, outputs: int) -> Preparation:
        """Read `to_json`'s text, which may come from anybody, for a network of these sizes.

        Raises
        ------
        ValueError
            If the text is not a valid preparation, or does not fit the network.
        """
        fields = json.loads(text)
        if not isinstance(fields, dict) or set(fields) != {"names", "features", "labels", "target", "loss"}:
            raise ValueError("the fields are not those of a preparation")
        names, labels = _texts(fields["names"], inputs), _texts(fields["labels"], outputs)
        target = None if fields["target"] is None else _standard(fields["target"], outputs)
        if (labels is None) == (target is None) or not isinstance(fields["loss"], str):
            raise ValueError("there are neither labels nor a target, or both")
        if target is not None and outputs != 1:
            raise ValueError("a regression has one output")
        return cls(names, _standard(fields["features"], inputs), labels, target, fields["loss"])


def _texts(value: object, count: int) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != count or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{count} strings are needed")
    return tuple(value)


def _standard(value: object, count: int) -> Standard:
    if not isinstance(value, dict) or set(value) != {"mean", "scale"}:
        raise ValueError("a mean and a scale are needed")
    standard = Standard(_floats(value["mean"], count), _floats(value["scale"], count))
    if not all(scale > 0 for scale in standard.scale):
        raise ValueError("a scale is not positive")
    return standard


def _floats(value: Sequence[Any], count: int) -> tuple[float, ...]:
    numbers = np.array(value, dtype=np.float64)  # a ValueError or TypeError for anything but numbers
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"{count} finite numbers are needed")
    return tuple(numbers.tolist())
