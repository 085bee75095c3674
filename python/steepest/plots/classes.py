"""Class labels of any kind, as indices."""

from __future__ import annotations

import numpy as np

from .._checks import Array


def one_dimensional(labels: object, name: str) -> Array:
    """As an array of shape (samples,)."""
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}, but must have one label per sample")
    return array


def index_in(classes: Array, labels: Array, name: str) -> Array:
    """Where in `classes` each label stands; a ValueError that names the first one that does not."""
    index = {value: i for i, value in enumerate(classes.tolist())}
    values, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    unknown = [place for place, value in zip(first, values.tolist(), strict=True) if value not in index]
    if unknown:
        bad, shown = min(unknown), ", ".join(map(repr, classes.tolist()))
        raise ValueError(
            f"{labels[bad]!s} of sample {bad} in {name} is not one of the {len(classes)} classes {shown:.80}"
        )
    return np.array([index[value] for value in values.tolist()], np.int64)[inverse]
