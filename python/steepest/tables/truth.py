"""The columns that a model predicts, in a table or beside it, and how near its answers are to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import metrics
from .table import Array, Table, TableError, column_of, gaps_in, listed, numbers, text_of

_OF_CLASSES = ("accuracy", "balanced_accuracy", "f1")
_OF_NUMBERS = ("r2", "mean_absolute_error", "root_mean_squared_error")


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


def columns_given(y: ArrayLike, rows: int, targets: Sequence[str]) -> dict[str, Array]:
    """Answers that are given beside a table, as columns of it.

    Raises
    ------
    TableError
        If they are of other rows, or of another number of columns.
    """
    given = np.atleast_1d(np.asarray(y))
    columns = [given] if given.ndim == 1 else list(given.T)
    if len(columns) != len(targets) or len(columns[0]) != rows:
        raise TableError(
            f"y has shape {given.shape}, but the table has {rows} rows, and the model predicts "
            f"{len(targets)} columns"
        )
    return dict(zip(targets, map(column_of, columns), strict=True))


def measured(task: str, truth: Array, answers: Array) -> dict[str, float]:
    """How good scores of classes, or numbers of the shape of the truth, are."""
    names = _OF_CLASSES if task == "classification" else _OF_NUMBERS
    return {name: getattr(metrics, name)(truth, answers) for name in names}
