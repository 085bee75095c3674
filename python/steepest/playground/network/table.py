"""A table of the user's as samples in the plane: two columns of numbers, and what is to be predicted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ... import tables
from ..._checks import Array
from ...tables.plan import Plan, choose
from ...tables.sniff import ReadOptions, sniffed
from ...tables.table import UNKNOWN, Table, TableError, column_of, number, numbers
from .plane import MOST_CLASSES, MOST_SAMPLES, SIDE, Samples

_HEAD = 2**16  # characters from which the format is found out, up to the end of a line
_INNER = 5.0  # of the plane's half side of 6: the samples reach so far


class Own:
    """A table of the user's.

    Attributes
    ----------
    table : Table
    code : str
        Python that reads it again.
    planned : callable
        `plan` for a target, made once for each of the last two.
    """

    def __init__(self, table: Table, code: str) -> None:
        self.table, self.code = table, code
        self.planned = lru_cache(maxsize=2)(partial(plan, table))


def opened(source: Path | Literal["-"], **options: Any) -> Own:
    """A table from a file or from standard input, as the command line reads it with these `ReadOptions`.

    Raises
    ------
    TableError, OSError, ImportError
        As `steepest.tables.read`.
    """
    how = ReadOptions(**options)
    shown = [repr(source) if source == "-" else f"Path({str(source)!r})"]
    shown += [f"{f.name}={value!r}" for f in fields(how) if (value := getattr(how, f.name)) != f.default]
    return Own(tables.read(source, how), f"table.opened({', '.join(shown)})")


def read(name: str, text: str) -> Own:
    """A table from the text of a file with commas, semicolons or tabs.

    Raises
    ------
    TableError
        If it is none; the message says why.
    """
    if "\0" in text:
        raise TableError(f"{name}: is not text; save it as .csv")
    text = io.StringIO(text.lstrip("\r\n"), newline=None).read()  # lines end with a line feed alone
    end = text.find("\n", _HEAD)
    found = sniffed(name, text if end < 0 else text[:end], ReadOptions(), False)
    separator = found.separator if len(found.separator) == 1 else " "
    try:
        reader = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
        lines = [row for row in reader]  # noqa: C416 - unlike `list`, can be broken off
    except csv.Error as error:
        raise TableError(f"{name}: cannot be read: {error}") from None
    rows = [row for row in lines[found.skipped + found.header :] if any(row)]
    if not rows:
        raise TableError(f"{name} has no rows")
    for place, row in enumerate(rows, start=1):
        if len(row) < found.width:
            raise TableError(f"{name}: row {place} has {len(row)} columns, but {found.width} are needed")
    labels = found.names if found.header else [f"column {i}" for i in range(found.width)]
    columns: dict[str, Array] = {}
    for i, label in enumerate(labels):
        if label not in columns:
            columns[label] = _column([row[i] for row in rows], found)
    repeated = frozenset(label for label in columns if labels.count(label) > 1)
    return Own(
        Table(name, columns, found.header, repeated),
        f"table.read({name!r}, Path({name!r}).read_text('utf-8-sig'))",
    )


def _column(cells: Sequence[str], found: Any) -> Array:
    if found.thousands:
        cells = [cell.replace(found.thousands, "") for cell in cells]
    if found.decimal != ".":
        cells = [cell.replace(found.decimal, ".") for cell in cells]
    present = {cell: None if cell.strip() in UNKNOWN else cell for cell in set(cells)}
    try:
        values = {cell: number(known) for cell, known in present.items()}
    except ValueError:
        return column_of([present[cell] for cell in cells])
    return np.array([values[cell] for cell in cells])


def plan(table: Table, target: str | None) -> tuple[Plan, list[str]]:
    """What is predicted, and the columns of numbers that can be the axes.

    Raises
    ------
    TableError
        If there are fewer than two such columns, or more classes than colors.
    """
    chosen = choose(table, target=None if target is None else [target])
    if chosen.task not in ("classification", "regression") or len(chosen.targets) != 1:
        raise TableError(f"{table.name}: one column of classes or numbers is to be predicted")
    axes = [name for name, kind in chosen.kinds.items() if kind == "number"]
    if len(axes) < 2:
        raise TableError(
            f"{table.name}: two columns of numbers are needed, but it has {len(axes)}{_reasons(chosen)}"
        )
    if chosen.labels is not None and len(chosen.labels) > MOST_CLASSES:
        raise TableError(
            f"{table.name}: {chosen.targets[0]!r} has {len(chosen.labels)} classes, "
            f"but at most {MOST_CLASSES} can be shown"
        )
    return chosen, axes


def _reasons(plan: Plan) -> str:
    """Why columns were left out, for messages."""
    return f" ({'; '.join(plan.notes)})" if plan.notes else ""


def samples(own: Own, target: str | None, axes: Sequence[str] | None, seed: int) -> Samples:
    """Its rows in the plane, each axis from its least to its greatest number; gaps are left out.

    Raises
    ------
    TableError
        If a column does not exist or cannot be used.
    """
    plan, possible = own.planned(target)
    table = own.table
    chosen = list(axes or possible[:2])
    for name in chosen:
        if name not in possible:
            raise TableError(f"{table.name}: {name!r} is no column of numbers that can be an axis")
    table = plan.table.rows(plan.rows)
    columns = np.column_stack([numbers(table, name) for name in chosen])
    kept = np.flatnonzero(np.isfinite(columns).all(axis=1))
    notes = [note.partition("; --")[0] for note in plan.notes]  # options of the command line
    if len(kept) < len(columns):
        notes.append(f"{len(columns) - len(kept)} rows without a number in {chosen} are left out")
    if len(kept) > MOST_SAMPLES:
        notes.append(f"{MOST_SAMPLES} of {len(kept)} rows are shown, drawn at random")
        kept = np.sort(np.random.default_rng(seed).permutation(kept)[:MOST_SAMPLES])
    if len(kept) < 2:
        raise TableError(f"{table.name}: {len(kept)} rows have numbers in {chosen}, but 2 are needed")
    low, high = columns[kept].min(axis=0), columns[kept].max(axis=0)
    half = np.where(high > low, (high - low) / 2, 1.0)
    X = _INNER * (columns[kept] - (low + high) / 2) / half
    edge = half * SIDE / _INNER
    ends = zip((low + high) / 2 - edge, (low + high) / 2 + edge, strict=True)
    named = tuple((name, float(a), float(b)) for name, (a, b) in zip(chosen, ends, strict=True))
    y, classes = _targets(table, plan)
    if not classes:
        notes.append(f"{plan.targets[0]!r} is scaled to -1 to 1, and the losses are in these units")
    return Samples(X, y[kept], classes, named, tuple(notes))


def _targets(table: Table, plan: Plan) -> tuple[Array, tuple[str, ...]]:
    """Of the plan's rows: labels from 0, or numbers scaled to -1 to 1."""
    if plan.labels is not None:
        return plan.groups[plan.rows], tuple(map(str, plan.labels))
    values = numbers(table, plan.targets[0])
    low, high = values.min(), values.max()
    return (2 * values - low - high) / ((high - low) or 1.0), ()
