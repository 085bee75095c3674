"""What is predicted: the task, the rows that have a target, and the classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .table import (
    Array,
    Table,
    TableError,
    gaps_in,
    is_number,
    listed,
    number,
    numbers,
    refuse_rounded,
    text_of,
)

_MOST_CLASSES = 20  # different integers that are taken for classes


def targets_of(table: Table, target: Sequence[str] | None) -> tuple[str, ...]:
    """Names of the columns to predict, which may be given by their places."""
    names = list(table.columns)
    if target is None:
        return table.targets or (names[-1],)
    found = []
    for name in [target] if isinstance(target, str) else target:
        if name not in names and re.fullmatch(r"-?\d{1,9}", name) and -len(names) <= int(name) < len(names):
            name = names[int(name)]
        table.column(name)
        found.append(name)
    if len(set(found)) < len(found):
        raise TableError(f"the targets {listed(found)} name a column twice")
    return tuple(found)


def rows_with(table: Table, targets: tuple[str, ...], notes: list[str]) -> NDArray[np.int64]:
    """The rows that have all targets."""
    absent = np.zeros(len(table), dtype=bool)
    for name in targets:
        absent |= gaps_in(table.column(name))
    count, rows = table.peers.total(int(absent.sum())), table.peers.total(len(table))
    if count:
        notes.append(
            f"{count} of {rows} rows have no {listed(targets)} (an empty cell, or a word such as NA or None) "
            "and are left out"
        )
    if count > rows - 2:
        raise TableError(f"{table.name}: {rows - count} rows have a target, but at least 2 are needed")
    return np.flatnonzero(~absent)


def task_of(table: Table, targets: tuple[str, ...], rows: NDArray[np.int64], notes: list[str]) -> str:
    """The task that the values of the targets suggest."""
    if len(targets) > 1:
        columns = [numbers(table, name)[rows] for name in targets]
        labels = table.peers.all(all(np.isin(values, (0, 1)).all() for values in columns))
        return "multilabel" if labels else "regression"
    name, values = targets[0], table.column(targets[0])[rows]
    if values.dtype.kind == "b":
        return "classification"
    if values.dtype.kind == "M":
        raise TableError(f"{table.name}: the target {name!r} holds dates; give --target another column")
    if values.dtype.kind == "O":
        return _task_of_texts(table, name, values)
    if table.peers.any((values != np.rint(values)).any()):
        return "regression"
    kinds = table.peers.distinct(np.unique(values))
    if kinds <= _MOST_CLASSES:
        different = {value for own in table.peers.every(np.unique(values).tolist()) for value in own}
        if kinds > 2 and different not in ({*range(kinds)}, {*range(1, kinds + 1)}):  # as labels are numbered
            notes.append(
                f"the target {name!r} has {kinds} different integers and is taken for classes: "
                "classification; --task regression takes them for numbers"
            )
        return "classification"
    notes.append(
        f"the target {name!r} has {kinds} different integers and is taken for a number: regression; "
        "--task classification takes them for classes"
    )
    return "regression"


def _task_of_texts(table: Table, name: str, values: Array) -> str:
    peers, cells = table.peers, table.columns[name].tolist()
    places = [place for place, value in enumerate(cells) if value is not None and not is_number(value)]
    first = peers.first([(table.cell(name, place), cells[place]) for place in places[:1]])
    count, others = peers.total(len(values)), peers.total(len(places))
    different = peers.distinct(list({cells[place] for place in places}))
    if first is not None and others < count // 2 and different < count - others:
        raise TableError(
            f"{first[0]} is not a number, but {count - others} other targets are: "
            f"give --missing-values {first[1]!r} to leave such rows out, or --task classification"
        )
    return "classification"


def check_numbers(table: Table, targets: tuple[str, ...], task: str, rows: NDArray[np.int64]) -> None:
    """Refuse targets that are no numbers, all equal, or not 0 and 1 where they must be."""
    for name in targets:
        values = numbers(table, name)[rows]
        if task == "multilabel" and not np.isin(values, (0, 1)).all():
            row = int(rows[np.flatnonzero(~np.isin(values, (0, 1)))[0]])
            raise TableError(
                f"{table.cell(name, row)} is neither 0 nor 1, as targets of a multilabel task are"
            )
        first = table.peers.first(values[:1].tolist())
        if len(targets) == 1 and table.peers.all((values == first).all()):
            raise TableError(f"{name!r} is {first:g} in every row: there is nothing to learn")


def classes_of(table: Table, name: str, rows: NDArray[np.int64]) -> tuple[tuple[Any, ...], NDArray[np.int64]]:
    """The labels in order, and each row's index among them."""
    values = table.column(name)[rows].tolist()
    refuse_rounded(values, f"{table.name}: {name!r}")
    cells = [text_of(value) for value in values]
    label_of = {cell: _label(value) for cell, value in zip(cells, values, strict=True)}
    count, different = table.peers.total(len(cells)), table.peers.distinct(list(label_of))
    if different == 1:
        rest = table.peers.total(len(table)) - count
        others = f"; {rest} rows have none: an empty cell, or a word such as NA or None" if rest else ""
        raise TableError(
            f"{table.name}: {name!r} has one class only, {table.peers.first(cells)!r}: there is nothing to "
            f"learn{others}"
        )
    if different > max(_MOST_CLASSES, count // 2):
        raise TableError(
            f"{name!r} has {different} different values in {count} rows, too many for classes: give "
            "--target another column"
        )
    label_of = {cell: label for own in table.peers.every(label_of) for cell, label in own.items()}
    kinds = {type(label) for label in label_of.values()}
    if len(kinds) > 1:  # as texts then
        label_of = {cell: cell for cell in label_of}
    ordered = sorted(label_of, key=lambda cell: (_place(cell), str(cell)))
    index = {cell: i for i, cell in enumerate(ordered)}
    groups = np.zeros(len(table), dtype=np.int64)
    groups[rows] = [index[cell] for cell in cells]
    return tuple(label_of[cell] for cell in ordered), groups


def _label(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _place(cell: str | None) -> float:
    return number(cell) if is_number(cell) else float("inf")
