"""Kinds of columns: how each becomes numbers, fitted to the training rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .table import Array, Table, TableError, gaps_in, listed, numbers, texts

Floats = NDArray[np.float64]

FEW_KINDS = 50  # of a category, that have an input of their own in any table
SEVERAL = 10  # values, before something is said of them
_FEWEST_ROWS = 3  # of one of those
_ROWS_OF_MANY = 5  # of a kind on average, where more than 50 have an input: countries, but not names
_EPOCH = np.datetime64("2000-01-01", "s")
_OFFSET = re.compile(r"(?<=\d)\s*(Z|[+-]\d\d:?\d\d)$")  # behind a time: 2020-12-31T12:00+01:00
_DAY, _YEAR = 86_400.0, 365.2425


def most_kinds(rows: int) -> int:
    """How many kinds of a category may have an input of their own: 1,000, or less in more than 67,000 rows.

    The inputs of a column are at most 2**26 numbers, or 50 a row. Kinds without one cost what they tell: of
    100 kinds, 50 with an input, R2 was 0.65 instead of 0.97.
    """
    return min(1000, max(FEW_KINDS, 2**26 // max(rows, 1)))


def standard(table: Table, name: str, values: Floats) -> tuple[float, float]:
    """Mean and standard deviation of a column's finite numbers, without NaN; 1 for a deviation of 0.

    Raises
    ------
    TableError
        If float64 cannot hold their squares.
    """
    peers, parts = table.peers, [part[~np.isnan(part)] for part in table.peers.parts(values)]
    count = peers.total(sum(map(len, parts)))
    if not count:
        return 0.0, 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        mean = peers.added([float(part.sum()) for part in parts]) / count
        scale = math.sqrt(peers.added([float(((part - mean) ** 2).sum()) for part in parts]) / count)
    if not (math.isfinite(mean) and math.isfinite(scale)):
        raise TableError(f"{table.name}: column {name!r} holds numbers too large to standardize")
    first = peers.first([float(part[0]) for part in parts if len(part)])
    equal = peers.all(all((part == first).all() for part in parts))
    return mean, scale if scale > 0 and not equal else 1.0


@dataclass(frozen=True)
class Number:
    """z = (x - mean) / scale, 0 where there is no value; `gaps` adds an input that says so."""

    kind: ClassVar[str] = "number"
    name: str
    mean: float
    scale: float
    gaps: bool

    @classmethod
    def of(cls, table: Table, name: str) -> Number:
        """Mean and standard deviation of the values that are there."""
        values = numbers(table, name)
        return cls(name, *standard(table, name, values), table.peers.any(np.isnan(values).any()))

    @property
    def width(self) -> int:
        """Number of inputs."""
        return 1 + self.gaps

    def encode(self, table: Table) -> Floats:
        """Standardized values, and where there are none."""
        values = numbers(table, self.name)
        absent = np.isnan(values)
        with np.errstate(over="ignore"):
            values = np.where(absent, 0.0, (values - self.mean) / self.scale)
        return _with_gaps(values[:, np.newaxis], absent, self.gaps)


@dataclass(frozen=True)
class Category:
    """One input for each of the most frequent kinds, and one for all others, also those never seen.

    A gap counts as the most frequent kind, which is the first; `gaps` adds an input that says so.
    """

    kind: ClassVar[str] = "category"
    name: str
    kinds: tuple[str, ...]
    gaps: bool

    @classmethod
    def of(cls, table: Table, name: str) -> Category:
        """The kinds with enough rows, by their numbers."""
        cells, peers = texts(table.column(name)), table.peers
        counts = peers.counted(Counter(cell for cell in cells if cell is not None))
        rows = peers.total(len(cells))
        limit = most_kinds(rows) if rows >= _ROWS_OF_MANY * peers.total(len(counts)) else FEW_KINDS

        def ranked(counts: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
            return sorted(counts, key=lambda pair: (-pair[1], pair[0]))[:limit]

        own = ranked(counts.items())
        most = ranked(pair for pairs in peers.every(own) for pair in pairs)
        kinds = [kind for kind, rows in most if rows >= _FEWEST_ROWS] or [kind for kind, _ in most[:1]]
        return cls(name, tuple(kinds), peers.any(None in cells))

    @property
    def width(self) -> int:
        """Number of inputs."""
        return len(self.kinds) + 1 + self.gaps

    def unknown(self, table: Table) -> str:
        """What to say of a table most of whose values are none of the kinds; empty if it is not so."""
        cells = [cell for cell in texts(table.column(self.name)) if cell is not None]
        return unknown_kinds(self.name, self.kinds, cells)

    def encode(self, table: Table) -> Floats:
        """A 1 for the kind of each row, 0 for the others."""
        cells = texts(table.column(self.name))
        index = {kind: i for i, kind in enumerate(self.kinds)}
        places = [0 if cell is None else index.get(cell, len(self.kinds)) for cell in cells]
        one_hot = np.zeros((len(cells), len(self.kinds) + 1))
        one_hot[np.arange(len(cells)), places] = 1.0
        return _with_gaps(one_hot, np.array([cell is None for cell in cells], dtype=bool), self.gaps)


@dataclass(frozen=True)
class Date:
    """Standardized days since 2000, and the time of the year and the day of the week as sine and cosine."""

    kind: ClassVar[str] = "date"
    name: str
    mean: float
    scale: float
    gaps: bool

    @classmethod
    def of(cls, table: Table, name: str) -> Date:
        """Mean and standard deviation of the dates that are there."""
        days = dates(table, name)
        return cls(name, *standard(table, name, days), table.peers.any(np.isnan(days).any()))

    @property
    def width(self) -> int:
        """Number of inputs."""
        return 5 + self.gaps

    def encode(self, table: Table) -> Floats:
        """The five numbers, 0 where there is no date."""
        days = dates(table, self.name)
        absent = np.isnan(days)
        days = np.where(absent, self.mean, days)
        year, week = 2 * np.pi * days / _YEAR, 2 * np.pi * np.floor(days) / 7
        parts = [(days - self.mean) / self.scale, np.sin(year), np.cos(year), np.sin(week), np.cos(week)]
        encoded = np.column_stack(parts)
        encoded[absent] = 0.0
        return _with_gaps(encoded, absent, self.gaps)


Column: TypeAlias = Number | Category | Date
KINDS: dict[str, type[Column]] = {kind.kind: kind for kind in (Number, Category, Date)}


def dates(table: Table, name: str) -> Floats:
    """A column of dates, written as 2020-12-31 with or without a time, as days since 2000; NaN for gaps.

    Raises
    ------
    TableError
        If a cell is not such a date; it is named.
    """
    values = table.column(name)
    if values.dtype.kind != "M":
        found = np.empty(len(values), dtype="datetime64[s]")
        for row, value in enumerate(values.tolist()):
            try:
                found[row] = as_date(value)
            except ValueError:
                raise TableError(f"{table.cell(name, row)} is not a date such as 2020-12-31") from None
        values = found
    absent = gaps_in(values)
    seconds = (values.astype("datetime64[s]") - _EPOCH).astype(np.float64)
    return np.where(absent, np.nan, seconds / _DAY)


def unknown_kinds(name: str, kinds: Sequence[str], cells: Sequence[str]) -> str:
    """What to say of cells most of which are none of the kinds; empty if it is not so."""
    known = set(kinds)
    others = [cell for cell in cells if cell not in known]
    if not kinds or len(cells) < SEVERAL or len(others) <= len(cells) / 2:
        return ""
    return (
        f"column {name!r}: {len(others)} of {len(cells)} values, such as {others[0]!r:.40}, are "
        f"none of those that the model knows: {listed(kinds, 5)}"
    )


def as_date(value: Any) -> np.datetime64:
    """A cell as a date: ISO 8601 to the second, with - or /; a ValueError for anything else.

    It is that of the clock on the wall, whatever its offset from UTC.
    """
    if value is None:
        return np.datetime64("NaT", "s")
    if hasattr(value, "to_timestamp"):  # a period of pandas, which is its beginning
        value = value.to_timestamp()
    if hasattr(value, "isoformat"):
        value = value.isoformat()
    text = _OFFSET.sub("", str(value).strip().replace("/", "-"), count=1).split(".")[0]
    if len(text) < 10 or text[4] != "-" or text[7] != "-" or not text[:4].isdigit():
        raise ValueError(value)
    return np.datetime64(text, "s")


def _with_gaps(encoded: Floats, absent: Array, gaps: bool) -> Floats:
    return np.column_stack([encoded, absent.astype(np.float64)]) if gaps else encoded
