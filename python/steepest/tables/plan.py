"""`choose`: decides once, on the whole table, what is predicted from which columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .columns import KINDS, Column
from .features import Features
from .preparation import TASKS, Preparation, target_scales
from .table import (
    UNKNOWN,
    Table,
    TableError,
    gaps_in,
    is_number,
    listed,
    number,
)
from .target import check_numbers, classes_of, rows_with, targets_of, task_of


@dataclass(frozen=True)
class Plan:
    """What is learned from which columns.

    Attributes
    ----------
    table : Table
        Cells that stand for no value are none.
    task, targets, labels
        As of `Preparation`.
    kinds : dict of str to str
        The kind of each feature: number, category or date.
    rows : (n,) int64
        The rows that can be used, in ascending order.
    groups : (table's rows,) int64
        The class of each row, 0 for a regression and for rows that cannot be used.
    notes : tuple of str
        What was decided that the user should know.
    samples : int
        How many rows can be used, of a divided table of all of its parts.
    """

    table: Table
    task: str
    targets: tuple[str, ...]
    labels: tuple[Any, ...] | None
    kinds: dict[str, str]
    rows: NDArray[np.int64]
    groups: NDArray[np.int64]
    notes: tuple[str, ...]
    samples: int

    @property
    def outputs(self) -> int:
        """Number of outputs of a network for it."""
        return len(self.targets if self.labels is None else self.labels)

    def fit(self, rows: NDArray[np.int64], loss: str | None = None) -> Preparation:
        """Fit the columns to training rows."""
        train = self.table.rows(rows)
        columns: tuple[Column, ...] = tuple(KINDS[kind].of(train, name) for name, kind in self.kinds.items())
        mean, scale = target_scales(train, self.targets) if self.task == "regression" else ((), ())
        return Preparation(self.task, columns, self.targets, self.labels, mean, scale, self.table.named, loss)

    def describe(self) -> str:
        """The task in a line."""
        count = {kind: list(self.kinds.values()).count(kind) for kind in ("number", "category", "date")}
        words = {"number": "numbers", "category": "categories", "date": "dates"}
        parts = [f"{n} {kind if n == 1 else words[kind]}" for kind, n in count.items() if n]
        features = f"{len(self.kinds)} feature{'s'[: len(self.kinds) != 1]} ({', '.join(parts)})"
        what = (
            " and ".join(map(repr, self.targets)) if len(self.targets) < 4 else f"{len(self.targets)} targets"
        )
        if self.labels is not None:
            kind = f"classification of {what}, {len(self.labels)} classes"
        else:
            kind = f"{self.task} of {what}"
        return f"{self.samples:,} rows, {features}; {kind}"


def choose(
    table: Table,
    target: Sequence[str] | None = None,
    task: str | None = None,
    features: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    missing: str = "impute",
) -> Plan:
    """Decide what is predicted, from which columns, and which rows can be used.

    Parameters
    ----------
    table : Table
    target : sequence of str, optional
        Columns to predict, by name or by index (from 0, or negative from the end); by default the last one.
    task : {"classification", "regression", "multilabel"}, optional
        By default by the values of the target.
    features, drop, categorical : sequences of str
        Columns to learn from (by default all others), to leave out, and to take as categories.
    missing : {"impute", "drop", "error"}
        What to do about features without a value.

    Raises
    ------
    TableError
        If the table cannot be learned; the message says why.
    """
    if (count := table.peers.total(len(table))) < 2:
        raise TableError(f"{table.name} has {count} row{'s'[: count != 1]}, but at least 2 are needed")
    if task is not None and task not in TASKS:
        raise TableError(f"the task is {task!r}, but must be one of {listed(TASKS)}")
    targets = targets_of(table, target)
    notes: list[str] = []
    table = _without_unknown(table, notes)
    rows = rows_with(table, targets, notes)
    task = task or task_of(table, targets, rows, notes)
    if task == "classification" and len(targets) > 1:
        raise TableError(f"a classification has one target, but there are {len(targets)}: {listed(targets)}")
    labels, groups = classes_of(table, targets[0], rows) if task == "classification" else (None, None)
    if labels is not None and groups is not None:
        counts = table.peers.total(np.bincount(groups[rows], minlength=len(labels)))
        if lonely := [str(label) for label, count in zip(labels, counts, strict=True) if count == 1]:
            notes.append(f"of {listed(lonely)} there is one row each, which is trained on but not tested")
    if labels is None:
        check_numbers(table, targets, task, rows)
    kinds = Features(table, targets, features, drop, categorical, notes).kinds()
    rows = _complete(table, rows, kinds, missing, notes)
    groups = np.zeros(len(table), dtype=np.int64) if groups is None else groups
    samples = table.peers.total(len(rows))
    plan = Plan(table, task, targets, labels, kinds, rows, groups, tuple(notes), samples)
    plan.fit(rows)  # what cannot be used is found before anything is trained
    return plan


def _without_unknown(table: Table, notes: list[str]) -> Table:
    """Columns of numbers in which some cells hold a usual sign for no value."""
    columns = dict(table.columns)
    for name, values in columns.items():
        if values.dtype.kind != "O":
            continue
        cells, peers = values.tolist(), table.peers
        others = [v for v in cells if isinstance(v, str) and not is_number(v)]
        own = {v for v in others if v.strip() in UNKNOWN}
        if peers.any(len(own) < len(set(others))):
            continue
        signs, count = set().union(*peers.every(own)), peers.total(len(others))
        if not count or count > peers.total(len(cells)) // 2:
            continue
        columns[name] = np.array([number(None if v in own else v) for v in cells], dtype=np.float64)
        notes.append(f"column {name!r}: {listed(sorted(signs))} in {count} rows is taken for no value")
    return replace(table, columns=columns)


def _complete(
    table: Table, rows: NDArray[np.int64], kinds: dict[str, str], rule: str, notes: list[str]
) -> NDArray[np.int64]:
    if rule not in ("impute", "drop", "error"):
        raise TableError(f"missing is {rule!r}, but must be impute, drop or error")
    if rule == "impute":
        return rows
    absent = np.zeros(len(table), dtype=bool)
    for name in kinds:
        gaps = gaps_in(table.column(name))
        if rule == "error" and gaps[rows].any():
            raise TableError(f"{table.row(int(rows[gaps[rows].argmax()]))}: there is no {name!r}")
        absent |= gaps
    complete = rows[~absent[rows]]
    count, left = table.peers.total(len(rows)), table.peers.total(len(complete))
    if left < count:
        notes.append(f"{count - left} of {count} rows have gaps and are left out")
    if left < 2:
        raise TableError(f"{table.name}: {left} rows have no gaps, but at least 2 are needed")
    return complete
