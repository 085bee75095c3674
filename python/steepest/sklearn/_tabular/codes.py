"""Plan: which numbers are codes, as of persons or routes, and so have an input for each value."""

from __future__ import annotations

import numpy as np

from ..._checks import Array
from ...tables.columns import most_kinds
from ...tables.encoding import Floats, Scaled, as_codes
from .recipe import BINS

_TOLD = 0.1  # of the squared errors that ramps leave, at least: less is not worth the inputs (ames, hotel)
_TOLD_EACH = 2  # and by each code so many rows' part of them: fewer are noise (120 in 772 rows on concrete)
_MOST_CLASSES, _MOST_ROWS = 32, 50_000  # that are looked at


class Left:
    """What is left of the targets by the columns that have been looked at.

    A number is a code if, of what ramps of it leave, a row's part is nearer to the mean of the other rows of
    the same value than to 0, and than to that of the values before and after, which are near for a curve.
    So the id of a person is one (accuracy .75 instead of .71 on the table VerbAgg), and a distance where it
    stands for a route (R2 .75 instead of .52 on airfare). Of columns that tell the same, it is the first one.

    targets : classes (rows,) of integers, or numbers (rows, outputs).
    fewest : rows of a value that has an input.
    """

    def __init__(self, targets: Array, fewest: int) -> None:
        self._step, self._fewest, self._rows = -(-len(targets) // _MOST_ROWS) or 1, fewest, len(targets)
        some = targets[:: self._step]
        if some.ndim == 1:
            often = np.argsort(-np.bincount(some), kind="stable")[:_MOST_CLASSES]
            some = some[:, np.newaxis] == often
        with np.errstate(all="ignore"):  # numbers too large are refused later
            left = some.astype(np.float64)
            left -= left.mean(axis=0)
            left /= np.abs(left).max(axis=0)
            self._left = np.nan_to_num(left / left.std(axis=0), posinf=0.0, neginf=0.0)

    def codes_in(self, column: Scaled, values: Floats) -> tuple[float, ...]:
        """The values that have an input, in order; none of a number that is no code."""
        rounded = as_codes(values)
        different, counts = np.unique(rounded[np.isfinite(rounded)], return_counts=True)
        often = np.flatnonzero(counts >= self._fewest)
        if column.distinct <= BINS or not len(often):
            return ()
        ranked = often[np.argsort(-counts[often], kind="stable")][: most_kinds(self._rows)]
        codes = different[np.sort(ranked)]
        return tuple(codes.tolist()) if self._told_by(codes, column, values[:: self._step]) else ()

    def _told_by(self, codes: Array, column: Scaled, values: Floats) -> bool:
        """Whether they tell of what is left, which is less then."""
        ramps = _ramps(column.scaled(values))
        left = self._left - ramps @ np.linalg.lstsq(ramps, self._left, rcond=None)[0]
        rounded = as_codes(values)
        place = np.minimum(np.searchsorted(codes, rounded), len(codes) - 1)
        known = np.flatnonzero(codes[place] == rounded)
        own, beside = _means(place[known], left[known], len(codes))
        before = float((left**2).sum())
        smooth = before + float(((left[known] - beside) ** 2 - left[known] ** 2).sum())
        left[known] -= own
        least = max(_TOLD, _TOLD_EACH * len(codes) / self._rows)
        told = float((left**2).sum()) < (1 - least) * min(before, smooth)
        if told:
            self._left = left
        return told


def _ramps(scaled: Floats) -> Floats:
    """Those between the quantiles of a column, and 1."""
    knots = np.unique(np.quantile(scaled, np.linspace(0, 1, BINS + 1)))
    ramps = np.clip((scaled[:, np.newaxis] - knots[:-1]) / np.diff(knots), 0, 1)
    return np.column_stack([np.ones(len(scaled)), ramps])


def _means(groups: Array, left: Floats, count: int) -> tuple[Floats, Floats]:
    """For each row the means of other rows of its group, and of the groups beside that, each with one 0."""
    sizes = np.bincount(groups, minlength=count)[:, np.newaxis]
    sums = np.column_stack([np.bincount(groups, weights=each, minlength=count) for each in left.T])
    around = [np.pad(each, ((1, 1), (0, 0))) for each in (sums, sizes)]
    total, rows = (each[:-2] + each[2:] for each in around)
    return (sums[groups] - left) / sizes[groups], (total / (rows + 1))[groups]
