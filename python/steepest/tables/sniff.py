"""How a text file is written: its encoding, separator and header, from its first lines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .table import TableError, is_number

_SEPARATORS = ",;\t|"
SPACES = r"\s+"  # as pandas takes it
_SEP_LINE = re.compile(r"sep=(.)\s*", re.IGNORECASE)  # Excel's first line
_COMMA_NUMBER = re.compile(r"[+-]?\d+(,\d+)+(\.\d+)?", re.ASCII)
_GERMAN = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+", re.ASCII)
_POINT_NUMBER = re.compile(r"[+-]?[\d,]*\.\d+", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
_GAPS = ("", "NA", "nan", "NaN", "null", "NULL", "N/A", "?")


@dataclass(frozen=True)
class ReadOptions:
    """How text files are read; what is None is found out from the first lines.

    Attributes
    ----------
    separator, decimal, thousands : str, optional
        Single characters: between columns, before fractions, within large numbers.
    encoding : str, optional
        By default UTF-8, or UTF-16 with its mark.
    header : bool, optional
        Whether the first line holds names.
    missing_values : tuple of str
        Texts that stand for no value, beside the usual ones (NA, NaN, null, ? and others).
    names : tuple of str
        Columns that a header has, if there is one: a first line with one of them is a header.
    """

    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None
    header: bool | None = None
    missing_values: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """How one file is written.

    Attributes
    ----------
    skipped : int
        Lines before the table.
    width : int
        Number of columns.
    names : list of str or None
        Those of the first line, as they stand there; None without a header.
    notes : tuple of str
        What was found out and could be doubted.
    """

    separator: str
    decimal: str
    thousands: str | None
    header: bool
    skipped: int
    width: int
    names: list[str]
    notes: tuple[str, ...] = ()


def sniffed(name: str, head: str, options: ReadOptions, tabs: bool) -> Format:
    """The format of a file that begins with these lines.

    Raises
    ------
    TableError
        If it is empty, or its numbers can be read in two ways.
    """
    lines = [line for line in head.splitlines() if line.strip()]
    skipped, separator = 0, options.separator
    if lines and (match := _SEP_LINE.fullmatch(lines[0])):
        lines, skipped, separator = lines[1:], 1, separator or match[1]
    if not lines:
        raise TableError(f"{name} is empty")
    separator = separator or _separator(lines, tabs)
    rows = _split(lines, separator)
    decimal, thousands, notes = _marks(name, rows, options)
    rows = [[cell.strip() for cell in row] for row in rows]
    first = rows[0]
    same = [i for i, row in enumerate(rows) if i and len(row) == len(first)]
    plain = [[_plain(cell, decimal, thousands) for cell in row] for row in rows]
    header = options.header
    if header is None:
        header = not set(first).isdisjoint(options.names) or None
    if header is None:
        header = _is_header(first, plain[0], [plain[i] for i in same], {*_GAPS, *options.missing_values})
    return Format(separator, decimal, thousands, header, skipped, len(first), first, notes)


def _split(lines: Sequence[str], separator: str) -> list[list[str]]:
    if separator == SPACES:
        return [line.split() for line in lines]
    try:
        return list(csv.reader(io.StringIO("\n".join(lines)), delimiter=separator, skipinitialspace=True))
    except (csv.Error, TypeError) as error:
        raise TableError(f"the separator {separator!r} cannot be used: {error}") from None


def _separator(lines: Sequence[str], tabs: bool) -> str:
    """The one that divides the first lines into equally many columns, more than one; the most of these."""
    order = "\t,;|" if tabs else _SEPARATORS
    found: list[tuple[int, int, str]] = []
    for mark in order:
        try:
            widths = [len(row) for row in _split(lines[:50], mark)]
        except TableError:  # a line of thousands of columns is too long for one cell: it is another one
            continue
        if widths and max(widths) > 1:
            same = widths.count(widths[0])
            found.append((same * (widths[0] > 1), widths[0], mark))
    if not found:
        words = {len(line.split()) for line in lines[:50]}
        return SPACES if len(words) == 1 and words != {1} else order[0]
    best = max(same for same, _, _ in found)
    return max((each for each in found if each[0] == best), key=lambda each: each[1])[2]


def _marks(
    name: str, rows: Sequence[Sequence[str]], options: ReadOptions
) -> tuple[str, str | None, tuple[str, ...]]:
    """The marks before fractions and within large numbers, which the cells of the first rows tell apart."""
    decimal, thousands = options.decimal or ".", options.thousands
    if options.decimal is not None or thousands is not None:
        return decimal, thousands, ()
    cells = [cell.strip() for row in rows[1:] for cell in row]
    if german := next(filter(_GERMAN.fullmatch, cells), None):
        note = f"numbers such as {german!r} are read with points between thousands and a decimal comma"
        return ",", ".", (note,)
    commas = list(filter(_COMMA_NUMBER.fullmatch, cells))
    if not commas:
        return ".", None, ()
    points = any(_POINT_NUMBER.fullmatch(cell) for cell in cells)
    if not all(map(_THOUSANDS.fullmatch, commas)):
        if points:
            return ".", None, ()
        return ",", None, (f"numbers such as {commas[0]!r} are read with a decimal comma",)
    if points:
        return ".", ",", (f"numbers such as {commas[0]!r} are read with commas between thousands",)
    raise TableError(f"{name}: {commas[0]!r} can be read in two ways: give --decimal , or --thousands ,")


def _plain(cell: str, decimal: str, thousands: str | None) -> str:
    """A cell as `is_number` reads it."""
    cell = cell.replace(thousands, "") if thousands else cell
    return cell if decimal == "." else cell.replace(decimal, ".")


def _is_header(
    first: Sequence[str], plain: Sequence[str], rest: Sequence[Sequence[str]], gaps: set[str]
) -> bool:
    """Whether the first line holds names rather than values."""
    if not rest:
        return not any(map(is_number, plain))
    width = range(len(first))
    columns = [{row[i] for row in rest} - gaps for i in width]
    numeric = [bool(cells) and all(map(is_number, cells)) for cells in columns]
    names = [not is_number(cell) for cell in plain]
    if any(numeric[i] and names[i] and first[i] not in gaps for i in width):
        return True
    numbers = [str(i) for i in width]
    if len(first) > 1 and list(first) in (numbers, ["", *numbers[:-1]]):
        return True  # as pandas numbers columns
    if first[0] == "" and numeric[0] and len(first) > 1 and all(first[1:]) and all(names):
        return True  # an index that pandas wrote, before texts
    if any(numeric) or not all(names):
        return False
    # Texts alone: names stand in no row below.
    return len(set(first)) == len(first) and not any(first[i] in columns[i] for i in width)
