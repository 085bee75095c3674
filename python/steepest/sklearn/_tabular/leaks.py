"""Columns that alone predict the target, and so most likely hold it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..._checks import Array
from ...tables.encoding import Encoding
from .folds import Fold
from .scores import r2

_FEWEST = 100  # rows held out: of fewer, all may be right by chance
_FEWEST_OTHERS = 10  # of them, of other classes than the most frequent one: else a constant may be right
_ALL_BUT_ROUNDING = 1 - 1e-4  # between rows, targets are interpolated


def leaks(encodings: Sequence[Encoding], X: NDArray[np.float32], targets: Array, fold: Fold) -> Iterator[str]:
    """Names of the columns by which alone the rows held out are all predicted.

    targets : classes (rows,) of integers, or numbers (rows, outputs). A class is predicted by the row with
        the nearest number or the same kind, numbers by linear interpolation.
    """
    learned, held = fold
    if len(held) < _FEWEST or (targets == targets[0]).all():
        return
    if targets.ndim == 1 and len(held) - np.bincount(targets[held]).max() < _FEWEST_OTHERS:
        return
    start = 0
    for encoding in encodings:
        width = len(encoding.counts)
        columns = X[:, start : start + width].astype(np.float64)
        start += width
        if not width:
            continue
        # One number that tells the kinds, or is the number.
        key = columns[:, 0] if encoding.counts[0] else columns @ np.arange(1.0, width + 1)
        order = learned[np.argsort(key[learned], kind="stable")]
        if targets.ndim == 1:
            good = bool((targets[_nearest(key[order], key[held], order)] == targets[held]).all())
        else:
            within = held[(key[held] >= key[order[0]]) & (key[held] <= key[order[-1]])]
            answers = _between(key[order], targets[order], key[within])
            good = len(within) > 1 and r2(targets[within], answers, None) > _ALL_BUT_ROUNDING
        if good:
            yield encoding.name


def _nearest(known: Array, asked: Array, rows: Array) -> Array:
    """Rows with the nearest of known numbers, which are in order."""
    above = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    below = np.maximum(above - 1, 0)
    return rows[np.where(asked - known[below] < known[above] - asked, below, above)]


def _between(known: Array, values: Array, asked: Array) -> Array:
    """Linear interpolation of the means of values of equal numbers."""
    different, place, counts = np.unique(known, return_inverse=True, return_counts=True)
    found = []
    for column in values.T:
        means = np.bincount(place, weights=column) / counts
        found.append(np.interp(asked, different, means))
    return np.column_stack(found)
