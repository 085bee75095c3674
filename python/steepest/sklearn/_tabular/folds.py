"""Plan: which rows each member learns from, and which it is judged by."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

_FOLDS = 5


class Fold(NamedTuple):
    """Rows to learn from, and others that are held out; the same ones where there is only one row."""

    learned: Rows
    held_out: Rows


def folds(groups: Rows, members: int, random: np.random.RandomState) -> list[Fold]:
    """A fold for each member: another fifth of the rows; after five, of another shuffle.

    groups : the class of each row. Each fold has a fifth of each class, as far as that can be divided; a
        class with fewer rows than folds is missing in some of them.
    """
    count = min(_FOLDS, len(groups))
    found: list[Fold] = []
    while len(found) < members:
        shuffled = random.permutation(len(groups))
        by_group = shuffled[np.argsort(groups[shuffled], kind="stable")]
        fold = np.empty(len(groups), dtype=np.int64)
        fold[by_group] = np.arange(len(groups)) % count
        for own in range(min(count, members - len(found))):
            held = np.flatnonzero(fold == own)
            found.append(Fold(np.flatnonzero(fold != own) if count > 1 else held, held))
    return found
