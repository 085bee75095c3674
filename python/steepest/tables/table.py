"""`Table`: named columns of one length, whatever they were read from or given as."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .peers import ALONE, Peers

Array = NDArray[Any]

# What counts as a number in a text: unlike for `float`, no underscores and only ASCII digits.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LARGEST_EXACT = 2**53  # of integers below it float64 holds all digits
# Usual signs for no value in columns of numbers.
UNKNOWN = {"-", "--", ".", "?", "NA", "N/A", "na", "n/a", "null", "NULL", "None", "nan", "NaN", ""}
_BOOLEANS = {"true": 1.0, "false": 0.0, "True": 1.0, "False": 0.0, "TRUE": 1.0, "FALSE": 0.0}


class TableError(ValueError):
    """A table that cannot be used; the message says where, why, and what to do.

    Examples
    --------
    >>> import steepest as st
    >>> issubclass(st.TableError, ValueError)
    True
    """


@dataclass(frozen=True)
class Table:
    """Columns by name.

    Attributes
    ----------
    name : str
        What messages call it, such as a file's name.
    columns : mapping of str to ndarray, (rows,)
        Of kind f, i, u, b, M, or object: texts and other values, None where there is none.
    named : bool
        Whether the names come with the table; otherwise they are numbers from 0.
    repeated : frozenset of str
        Names that stand above more than one column, of which only the first is kept.
    notes : tuple of str
        What the reader of the table should know.
    targets : tuple of str
        The columns to predict by default.
    arrays : bool
        Whether it comes from arrays, whose columns are all meant.
    peers : Peers
        Who has its other rows.
    places : (rows,) int64, optional
        Where its rows stand in a table that is divided, from 0.
    """

    name: str
    columns: Mapping[str, Array]
    named: bool = True
    repeated: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    arrays: bool = False
    peers: Peers = ALONE
    places: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return len(self), len(self.columns)

    def rows(self, index: NDArray[np.int64]) -> Table:
        """Some of the rows."""
        columns = {name: values[index] for name, values in self.columns.items()}
        return replace(self, columns=columns, places=None if self.places is None else self.places[index])

    def row(self, index: int) -> str:
        """A row, for messages, which count from 1."""
        place = index if self.places is None else int(self.places[index])
        return f"{self.name}, row {place + 1}"

    def only(self, names: Iterable[str]) -> Table:
        """Some of the columns."""
        return replace(self, columns={name: self.column(name) for name in names})

    def column(self, name: str) -> Array:
        """The values of one column.

        Raises
        ------
        TableError
            If there is no such column, or more than one.
        """
        if name not in self.columns:
            close = get_close_matches(name, self.columns, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; it has {listed(self.columns)}"
            raise TableError(f"{self.name}: no column {name!r}{hint}")
        if name in self.repeated:
            raise TableError(f"{self.name}: two columns have the name {name!r}: rename or drop one")
        return self.columns[name]

    def with_columns(self, names: Sequence[str], targets: Sequence[str], named: bool) -> Table:
        """The same, if it has a model's columns; without names, its columns with those of the model.

        They are the model's in their order then, or these and its targets. `named` : whether the model's
        columns had names.

        Raises
        ------
        TableError
            If one is missing.
        """
        absent = [name for name in names if name not in self.columns]
        if not absent:
            return self
        if named and self.named:
            by_letters = {name.casefold().strip(): name for name in self.columns}
            close = by_letters.get(absent[0].casefold()) or next(
                iter(get_close_matches(absent[0], [name for name in self.columns if name not in names], 1)),
                None,
            )
            hint = f"; did you mean {close!r}?" if close else ""
            raise TableError(
                f"{self.name}: no column {absent[0]!r}; the model takes {listed(names)}, the table has "
                f"{listed(self.columns)}{hint}"
            )
        own = list(self.columns)
        if len(own) == len(names) + len(targets) and set(targets) < set(own):
            own = [name for name in own if name not in targets]
        if len(own) != len(names):
            raise TableError(
                f"{self.name} has {len(own)} columns, but the model takes {len(names)}: {listed(names)}"
            )
        columns = {name: self.columns[one] for name, one in zip(names, own, strict=True)}
        return replace(self, columns=columns, repeated=frozenset())

    def cell(self, name: str, row: int) -> str:
        """Where a cell stands, and what it holds, for messages; rows are counted from 1."""
        (value,) = self.columns[name][row : row + 1].tolist()
        return f"{self.row(row)}, column {name!r}: {value!r:.80}"


def listed(names: Iterable[str], most: int = 12) -> str:
    """Some names, for messages."""
    names = list(names)
    return ", ".join(map(repr, names[:most])) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )


def gaps_in(values: Array) -> NDArray[np.bool_]:
    """Which values are none."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    if values.dtype.kind == "M":
        return np.isnat(values)
    if values.dtype.kind == "O":
        return np.array([value is None for value in values.tolist()], dtype=bool)
    return np.zeros(len(values), dtype=bool)


def number(value: object) -> float:
    """A cell as a number: NaN for no value; a ValueError for what is none."""
    if value is None:
        return math.nan
    if isinstance(value, str):
        text = value.strip()
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if not _NUMBER.fullmatch(text):
            raise ValueError(value)
        return float(text)
    if isinstance(value, Real | Decimal | np.bool_):
        return float(value)
    raise ValueError(value)


def is_number(value: object) -> bool:
    """Whether a cell holds a number."""
    try:
        number(value)
    except (ValueError, OverflowError):
        return False
    return True


def numbers(table: Table, name: str) -> NDArray[np.float64]:
    """A column as numbers, NaN where there is no value.

    Raises
    ------
    TableError
        If a cell is not a number, or is infinite; it is named.
    """
    values = table.column(name)
    if values.dtype.kind == "O":
        found = np.empty(len(values))
        for row, value in enumerate(values.tolist()):
            try:
                absent = isinstance(value, str) and value.strip() in UNKNOWN
                found[row] = math.nan if absent else number(value)
            except (ValueError, OverflowError):
                raise TableError(f"{table.cell(name, row)} is not a number") from None
    elif values.dtype.kind == "M":
        raise TableError(f"{table.name}: column {name!r} holds dates, but numbers are needed")
    else:
        found = values.astype(np.float64)
    if (infinite := np.isinf(found)).any():
        raise TableError(f"{table.cell(name, int(infinite.argmax()))} is infinite")
    return found


def texts(values: Array) -> list[str | None]:
    """Cells as texts; 1, 1.0 and True of a column of numbers are one text each, without a fraction of 0."""
    return [None if value is None else text_of(value) for value in shortest(values).tolist()]


def shortest(values: Any) -> Any:
    """Numbers of float32 as those of float64 that are written alike: 0.1, not 0.10000000149011612."""
    short = values.dtype.kind == "f" and values.dtype.itemsize < 8
    return np.asarray(values).astype(str).astype(np.float64) if short else values


def refuse_rounded(values: Iterable[object], what: str) -> None:
    """Refuse numbers that are told apart, if they were rounded before."""
    if any(isinstance(value, float) and abs(value) >= LARGEST_EXACT for value in values):
        raise TableError(
            f"{what} has integers beyond 2**53, which are rounded where a column has gaps: fill these, or "
            "write the numbers as texts"
        )


def text_of(value: object) -> str | None:
    """A cell as a text: whole numbers without a fraction; None for NaN."""
    if isinstance(value, np.floating):
        value = float(str(value))  # the digits of a float32
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


def table_of_dicts(data: Any) -> Table | None:
    """A dict of columns, or dicts of which each is a row, as a `Table`; None for anything else.

    Raises
    ------
    TableError
        If the columns have different lengths.
    """
    if isinstance(data, Mapping):
        columns = {str(key): _cells(values) for key, values in data.items()}
        if len({len(values) for values in columns.values()}) > 1:
            lengths = {key: len(values) for key, values in columns.items()}
            raise TableError(f"the columns have different lengths: {lengths!s:.200}")
    elif (
        isinstance(data, list | tuple | np.ndarray)
        and len(data)
        and all(isinstance(row, Mapping) for row in data)
    ):
        names = {str(key): None for row in data for key in row}
        columns = {name: [row.get(name) for row in data] for name in names}
    else:
        return None
    return Table("the table", {key: column_of(values) for key, values in columns.items()})


def _cells(values: Any) -> Any:
    """A column; of one value, a column of one row."""
    return [values] if isinstance(values, str) or not hasattr(values, "__len__") else values


def column_of(values: Sequence[Any] | Array) -> Array:
    """Values of any kind as a column of a `Table`."""
    array = np.asarray(values)
    if array.ndim != 1:
        array = np.empty(len(values), dtype=object)
        array[:] = list(values)
    if array.dtype.kind in "fiubM":
        return array
    if array.dtype.kind == "S":
        array = values = np.char.decode(array, "utf-8")
    cells = np.asarray(values, dtype=object) if array.dtype.kind != "O" else array
    cells = np.array([None if _is_nothing(value) else value for value in cells.tolist()] + [None], object)[
        :-1
    ]
    present = [value for value in cells.tolist() if value is not None]
    if present and all(isinstance(value, int | float) and not isinstance(value, bool) for value in present):
        with contextlib.suppress(OverflowError):  # of integers beyond all floats
            return np.array(
                [math.nan if value is None else value for value in cells.tolist()], dtype=np.float64
            )
    return cells


def _is_nothing(value: object) -> bool:
    """None, NaN, NaT and pandas' NA, none of which equals itself."""
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return type(value).__name__ in ("NAType", "NaTType")
