"""Columns that alone predict the target, and so most likely hold it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ... import _checks
from ..._checks import Array
from ...tables.encoding import Encoding
from ...tables.table import listed
from .folds import Fold, Rows
from .scores import r2

_FEWEST = 100  # rows held out: of fewer, all may be right by chance
_FEWEST_OTHERS = 10  # of them, of other classes than the most frequent one: else a constant may be right
_ALL_BUT_ROUNDING = 1 - 1e-4  # between rows, targets are interpolated
_MOST_LEARNED, _MOST_HELD = 8000, 2000  # rows that a column is tried on, before it is on all


def warn_of_leaks(encodings: Sequence[Encoding], X: NDArray[np.float32], targets: Array, fold: Fold) -> None:
    """Warn the caller of `fit`, which calls this, of such columns."""
    if found := list(leaks(encodings, X, targets, fold)):
        warnings.warn(
            f"the target can be predicted without an error from {listed(found)} alone: leave it out, if "
            "it is not known where predictions are needed",
            stacklevel=_checks.caller_level(),
        )


def leaks(encodings: Sequence[Encoding], X: NDArray[np.float32], targets: Array, fold: Fold) -> Iterator[str]:
    """Names of the columns by which alone the rows held out are all predicted.

    targets : classes (rows,) of integers, or numbers (rows, outputs). A class is predicted by the row with
        the nearest number or the same kind, numbers by linear interpolation.
    """
    held = fold.held_out
    if len(held) < _FEWEST or (targets == targets[0]).all():
        return
    if targets.ndim == 1 and len(held) - np.bincount(targets[held]).max() < _FEWEST_OTHERS:
        return
    some = Fold(_some(fold.learned, targets, _MOST_LEARNED), _some(held, targets, _MOST_HELD))
    start = 0
    for encoding in encodings:
        width = len(encoding.counts)
        columns = X[:, start : start + width]
        start += width
        if width and all(_predicted(encoding, columns, targets, rows) for rows in (some, fold)):
            yield encoding.name


def _some(rows: Rows, targets: Array, most: int) -> Rows:
    """Of many rows at most so many, half of which are of other classes than the most frequent one."""
    if len(rows) <= most:
        return rows
    parts = [rows]
    if targets.ndim == 1:
        usual = targets[rows] == np.bincount(targets[rows]).argmax()
        parts = [rows[usual], rows[~usual]]
    return np.concatenate([part[:: -(-len(part) * len(parts) // most) or 1] for part in parts])


def _predicted(encoding: Encoding, columns: NDArray[np.float32], targets: Array, fold: Fold) -> bool:
    """Whether a column's inputs predict the rows held out."""
    known, asked = (_key(encoding, columns[rows].astype(np.float64)) for rows in fold)
    places = np.argsort(known, kind="stable")
    known, rows, held = known[places], fold.learned[places], fold.held_out
    if targets.ndim == 1:
        return bool((targets[_nearest(known, asked, rows)] == targets[held]).all())
    within = (asked >= known[0]) & (asked <= known[-1])
    answers = _between(known, targets[rows], asked[within])
    return len(answers) > 1 and r2(targets[held[within]], answers, None) > _ALL_BUT_ROUNDING


def _key(encoding: Encoding, inputs: Array) -> Array:
    """One number that tells the kinds, or is the number."""
    return inputs[:, 0] if encoding.counts[0] else inputs @ np.arange(1.0, inputs.shape[1] + 1)


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
