"""Plan: how many kinds of a category have an input of their own."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np

from ... import _checks
from ..._checks import Array
from ...tables.columns import FEW_KINDS, SEVERAL, most_kinds
from ...tables.frames import Coded

_TOLD = 0.005  # of the squared errors, at least: less is not worth the inputs


def most_of(values: Coded, targets: Array, fewest: int) -> int:
    """As many as `most_kinds` says if those after the first 50 tell of the targets, or 50.

    They do if a row's target is nearer to the mean of the other rows of its kind, with one row of the mean of
    all among them, than where all those kinds are one. So countries have inputs (R2 0.99 instead of 0.90 on
    the table gapminder); aircraft, which tell nothing of delays, have none (0.87 instead of 0.85 on flights).

    targets : classes (rows,) of integers, or numbers (rows, outputs).
    fewest : rows of a kind that has an input.
    """
    counts = values.counts
    often = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts >= fewest)]
    limit = most_kinds(len(values.codes))
    if len(often) <= FEW_KINDS:
        return FEW_KINDS
    few, all_ = (_errors(_groups(values, often[:most]), targets) for most in (FEW_KINDS, limit))
    return limit if all_ < (1 - _TOLD) * few else FEW_KINDS


def warn_of_rare(name: str, values: Coded, fewest: int) -> None:
    """Warn the caller of `fit`, which calls this, of a column most of whose kinds are in too few rows."""
    counts = values.counts
    rare = np.flatnonzero((counts > 0) & (counts < fewest))
    if len(rare) >= SEVERAL and 2 * counts[rare].sum() > counts.sum():
        warnings.warn(
            f"column {name!r}: {counts[rare].sum()} of {counts.sum()} values, such as "
            f"{values.kinds[rare[0]]!r:.40}, are in fewer than {fewest} rows each, and are taken as missing: "
            "if they are numbers or dates, convert them, or leave the column out",
            stacklevel=_checks.caller_level(),
        )


def _groups(values: Coded, kinds: Array) -> Array:
    """A number for each row: one for each of these kinds, and one for all others and for none."""
    numbers = np.full(len(values.kinds) + 1, len(kinds))
    numbers[kinds] = np.arange(len(kinds))
    return numbers[values.codes]


def _errors(groups: Array, targets: Array) -> float:
    """The sum of squares of what is left of targets, in units of their deviation, by the rows beside each."""
    sizes, total = np.bincount(groups), 0.0
    with np.errstate(all="ignore"):  # numbers too large are refused later
        for target in _columns(targets):
            deviation = target - target.mean()
            deviation /= deviation.std() or 1.0
            others = np.bincount(groups, weights=deviation)[groups] - deviation
            total += float(((deviation - others / sizes[groups]) ** 2).sum())
    return total


def _columns(targets: Array) -> Iterator[Array]:
    if targets.ndim == 2:
        yield from targets.T.astype(np.float64)
    else:
        yield from ((targets == code).astype(np.float64) for code in np.unique(targets))
