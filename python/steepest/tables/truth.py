"""The columns that a model predicts, in a table that has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .table import Array, Table, TableError, gaps_in, listed, numbers, text_of


def known_rows(table: Table, targets: Sequence[str]) -> NDArray[np.int64]:
    """The rows that have all targets."""
    absent = np.zeros(len(table), dtype=bool)
    for name in targets:
        absent |= gaps_in(table.column(name))
    return np.flatnonzero(~absent)


def classes_in(table: Table, name: str, labels: Sequence[Any]) -> NDArray[np.int64]:
    """The place of each row's label among the classes.

    Raises
    ------
    TableError
        If a label is none of them.
    """
    index = {text_of(label): i for i, label in enumerate(labels)}
    found = np.empty(len(table), dtype=np.int64)
    for row, value in enumerate(table.column(name).tolist()):
        text = None if value is None else text_of(value)
        if text not in index:
            known = listed(map(str, labels))
            raise TableError(f"{table.cell(name, row)} is not one of the classes {known}")
        found[row] = index[text]
    return found


def numbers_in(table: Table, targets: Sequence[str]) -> Array:
    """The targets as numbers, (rows, targets).

    Raises
    ------
    TableError
        If one is missing, or not a number.
    """
    values = np.column_stack([numbers(table, name) for name in targets])
    if (gaps := np.isnan(values)).any():
        row, which = np.argwhere(gaps)[0]
        raise TableError(f"{table.row(row)}: there is no {targets[which]!r}")
    return values
