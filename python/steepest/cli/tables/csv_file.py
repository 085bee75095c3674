"""CSV: each row goes to packed doubles, so that a large file takes little more memory than its numbers."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Callable, Iterator
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np

from .table import (
    Floats,
    Table,
    UserError,
    cell_error,
    check_width,
    column_index,
    first_nonfinite,
    is_integer,
    is_number,
    listed,
    make_target,
)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not blank, with the number of their last line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline()
            file.seek(0)
            delimiter = next((mark for mark in ",;\t" if mark in first), ",")
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            for row in reader:
                if row:
                    yield reader.line_num, row
        except UnicodeDecodeError:
            raise UserError(f"{path}: is not UTF-8 text") from None
        except csv.Error as error:
            raise UserError(f"{path}, line {reader.line_num}: {error}") from None


def read_table(path: Path, target: str | None) -> Table:
    """Features and target; the first row may be a header."""
    rows = _rows(path)
    line, cells = _first_row(path, rows)
    column, header = _target_column(path, line, cells, target)
    columns = [i for i in range(len(cells)) if i != column]
    if header:
        _check_unique(path, line, cells)
    else:
        rows = chain([(line, cells)], rows)
    named = _named(cells, header)
    features, labels, lines = _parse(path, rows, columns, column, named, line)
    names = tuple(cells[i] for i in columns) if header else None
    return Table(features, names, make_target(path, named[column], labels, lambda row: f"line {lines[row]}"))


def read_features(path: Path, names: tuple[str, ...] | None, width: int) -> Floats:
    """Features, matched by the names if the model and the file have them."""
    rows = _rows(path)
    line, cells = _first_row(path, rows)
    header = (names is not None and set(names) <= set(cells)) or _is_header(path, line, cells)
    if header and names is not None:
        _check_unique(path, line, cells)
        if missing := [name for name in names if name not in cells]:
            raise UserError(
                f"{path}: no column {missing[0]!r}, which the model takes; it has {listed(cells)}"
            )
        columns = [cells.index(name) for name in names]
    else:
        check_width(path, len(cells), width)
        columns = list(range(width))
    if not header:
        rows = chain([(line, cells)], rows)
    return _parse(path, rows, columns, None, _named(cells, header), line)[0]


def _first_row(path: Path, rows: Iterator[tuple[int, list[str]]]) -> tuple[int, list[str]]:
    for line, cells in rows:
        return line, [cell.strip() for cell in cells]
    raise UserError(f"{path}: is empty")


def _target_column(path: Path, line: int, cells: list[str], target: str | None) -> tuple[int, bool]:
    """The target's column, and whether the first row is a header."""
    width = len(cells)
    if target is not None and not (is_integer(target) and -width <= int(target) < width):
        if target not in cells:
            raise UserError(f"{path}: no column {target!r}; line {line} has {listed(cells)}")
        return cells.index(target), True
    index = column_index(path, target, width)
    # A target may be text in every row, so that only the other cells tell.
    header = _is_header(
        path, line, cells[:index] + cells[index + 1 :], "; if it is a header, name the --target"
    )
    return (cells.index(target) if header and target in cells else index), header


def _is_header(path: Path, line: int, cells: list[str], hint: str = "") -> bool:
    """Whether the first row holds names, that is, no numbers. One of both kinds would be lost, or learned."""
    texts = [cell for cell in cells if not is_number(cell)]
    if texts and len(texts) < len(cells):
        number = next(filter(is_number, cells))
        raise UserError(f"{path}, line {line}: {texts[0]!r:.80} is not a number, but {number!r} is{hint}")
    return bool(texts)


def _check_unique(path: Path, line: int, names: list[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for i, name in enumerate(names) if name in names[:i])
        raise UserError(f"{path}, line {line}: two columns have the name {twice!r}")


def _named(cells: list[str], header: bool) -> list[str]:
    """What messages call the columns."""
    return [f"column {cell!r}" if header else f"column {i}" for i, cell in enumerate(cells)]


def _parse(
    path: Path,
    rows: Iterator[tuple[int, list[str]]],
    columns: list[int],
    target: int | None,
    named: list[str],
    first_line: int,
) -> tuple[Floats, list[str], array[int]]:
    """Features (rows, columns), the target's texts, and the line of each row."""
    if not columns:
        raise UserError(f"{path}: has one column only, the target, and no features")
    pick: Callable[[list[str]], Any] = (
        itemgetter(*columns) if len(columns) > 1 else lambda row: [row[columns[0]]]
    )
    values, lines, labels = array("d"), array("q"), list[str]()
    for line, row in rows:
        if len(row) != len(named):
            raise UserError(
                f"{path}, line {line}: {len(row)} columns, but line {first_line} has {len(named)}"
            )
        try:
            values.extend(map(float, pick(row)))
        except ValueError:
            bad = next(i for i in columns if not is_number(row[i]))
            raise cell_error(path, f"line {line}", named[bad], row[bad]) from None
        if target is not None:
            labels.append(row[target].strip())
        lines.append(line)
    if not lines:
        raise UserError(f"{path}: has a header, but no rows")
    features = np.frombuffer(values).reshape(len(lines), len(columns))
    if (bad_cell := first_nonfinite(features)) is not None:
        row_index, column = bad_cell
        text = str(features[bad_cell])
        raise cell_error(path, f"line {lines[row_index]}", named[columns[column]], text)
    return features, labels, lines
