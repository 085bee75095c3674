"""Columns of frames and arrays as numbers, dates or kinds, at the speed of arrays."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .columns import as_date
from .table import (
    LARGEST_EXACT,
    UNKNOWN,
    Array,
    Table,
    TableError,
    is_number,
    listed,
    number,
    shortest,
    text_of,
)

Kind: TypeAlias = Literal["number", "date", "category"]

_MOMENT = re.compile(r"\d{4}([-/])\d\d\1\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?)?", re.ASCII)
_EPOCH = np.datetime64("2000-01-01", "s")
_DAY = 86_400.0
_NESTED = ("List(", "Array(", "Struct(", "list<", "large_list<", "fixed_size_list<", "struct<", "map<")


@dataclass(frozen=True)
class Coded:
    """A column of kinds.

    Attributes
    ----------
    codes : ndarray of int64, (rows,)
        The place of each cell's kind in `kinds`, -1 where there is none.
    kinds : tuple of str
        Different texts.
    """

    codes: NDArray[np.int64]
    kinds: tuple[str, ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many rows each kind has, (kinds,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.kinds))


Values: TypeAlias = "NDArray[np.float64] | Coded"


@dataclass(frozen=True)
class Cells:
    """The different cells of a column, and which of them stands in each row; -1 for none."""

    codes: NDArray[np.int64]
    different: list[Any]

    def coded(self) -> Coded:
        """Their texts; 1 and 1.0 and "1" are one, and so are a date and its text."""
        texts = [_kind(cell) for cell in self.different]
        places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
        return Coded(np.array([*map(places.__getitem__, texts), -1])[self.codes], tuple(places))


Found: TypeAlias = "NDArray[Any] | Cells | Coded"


def is_frame(X: Any) -> bool:
    """Whether it is a DataFrame of pandas or polars, or a `Table`; a TypeError for a LazyFrame."""
    if type(X).__name__ == "LazyFrame":
        raise TypeError("X is a LazyFrame, but a DataFrame is needed: call .collect()")
    foreign = hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "get_columns"))
    return foreign or isinstance(X, Table)


def columns_in(X: Any) -> list[Any]:
    """The columns of a frame of pandas or polars, of a `Table`, or of an array (rows, columns)."""
    if isinstance(X, Table):
        return [X.column(name) for name in X.columns]
    if hasattr(X, "get_columns"):
        return list(X.get_columns())
    return [X.iloc[:, i] for i in range(X.shape[1])] if hasattr(X, "iloc") else list(X.T)


def some_cells(column: Any, kept: NDArray[np.bool_]) -> Any:
    """Those of some rows."""
    return column.filter(kept) if hasattr(column, "drop_nulls") else column[kept]


def columns_named(X: Any, names: Sequence[str], who: str) -> list[Any]:
    """Those columns of a frame, which may have more, in another order.

    Raises
    ------
    TableError
        If one is missing, which `who` was fitted to.
    """
    own = list(X.columns)
    if twice := [name for name in names if own.count(name) > 1]:
        raise TableError(
            f"X has {own.count(twice[0])} columns {twice[0]!r}, but each must have a name of its own"
        )
    places = {name: place for place, name in enumerate(own)}
    absent = [name for name in names if name not in places]
    if absent:
        close = get_close_matches(absent[0], [str(name) for name in own if name not in names], 1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        more = f", and {len(absent) - 1} more," if len(absent) > 1 else ""
        raise TableError(
            f"X has no column {absent[0]!r}{more} of the {len(names)} columns that {who} was fitted to; it "
            f"has {listed(own)}{hint}"
        )
    columns = columns_in(X)
    return [columns[places[name]] for name in names]


def kind_of(found: Found) -> Kind:
    """What a column holds: by its dtype, or where that is of objects or texts by its cells.

    Texts all of which are numbers are numbers, and those all of which are dates such as 2020-12-31 dates.
    """
    if isinstance(found, Coded):
        return "category"
    if not isinstance(found, Cells):
        return "date" if found.dtype.kind == "M" else "number"
    if all(map(_numeric, found.different)):
        return "number"
    return "date" if all(map(_is_date, found.different)) else "category"


def values_of(found: Found, kind: Kind, name: str) -> Values:
    """A column as what it was found to be: numbers and days since 2000, NaN for none, or kinds.

    Raises
    ------
    TableError
        If a cell is not of that kind; the column and the cell are named.
    """
    if kind == "category":
        return _category(found)
    if kind == "date":
        return _dates(found, name)
    if isinstance(found, Coded):
        found = Cells(found.codes, list(found.kinds))
    if isinstance(found, Cells):
        return _each(found, _number, name, "a number")
    if found.dtype.kind == "M":
        raise TableError(f"column {name!r} holds dates, but held numbers where it was fitted")
    return found.astype(np.float64, copy=False)


def read(column: Any, name: str) -> Found:
    """A column as numbers or datetime64[s]; kinds; or cells of any kind, which are to be judged.

    Numbers keep their type, and so the digits that they would have as kinds.

    Raises
    ------
    TableError
        If its cells are lists or structures, or complex numbers; it is named.
    """
    dtype = column.dtype
    if str(dtype).startswith(_NESTED):
        raise _nested(name, str(dtype))
    if str(dtype).startswith("Sparse"):
        return read(column.sparse.to_dense(), name)
    if hasattr(column, "cat") and str(dtype).startswith("category"):  # pandas
        kinds = shortest(column.cat.categories).tolist()
        return Cells(column.cat.codes.to_numpy().astype(np.int64), kinds).coded()
    if str(dtype).startswith(("Categorical", "Enum")):  # polars
        return _ranked(column.cast(str)).coded()
    if str(dtype) == "String":
        return _ranked(column)
    if str(dtype).startswith("Datetime(") and "time_zone='" in str(dtype):  # as the clock on the wall
        return _array(column.dt.replace_time_zone(None).to_numpy(), name)
    gaps = hasattr(column, "null_count") and column.null_count() > 0  # polars
    if str(dtype).startswith(("Decimal", "Int128", "UInt128")) or (gaps and dtype.is_integer()):
        return _exact(column.cast(float).to_numpy(), lambda: _ranked(column))  # NumPy has no such type
    if not isinstance(dtype, np.dtype) and hasattr(column, "factorize"):  # pandas' own types
        return _extension(column, name)
    if str(dtype) == "object" and hasattr(column, "factorize"):
        return _different(column, name)
    return _array(column.to_numpy() if hasattr(column, "to_numpy") else column, name)


def _nested(name: str, what: str) -> TableError:
    return TableError(
        f"column {name!r} holds {what:.80}, but must hold numbers, texts, categories, booleans, dates or "
        "durations: make columns of its parts"
    )


def _exact(values: Array, cells: Callable[[], Cells]) -> Found:
    """Numbers or, where float64 would not hold all their digits, cells."""
    return cells() if (np.abs(values) >= LARGEST_EXACT).any() else values


def _extension(column: Any, name: str) -> Found:
    kind = getattr(column.dtype, "kind", "O")
    if str(column.dtype).startswith("period["):  # the beginning of each
        return _array(column.dt.to_timestamp().to_numpy(), name)
    if kind == "M" and str(column.dtype).startswith(("date32", "date64")):  # Arrow's days, without a clock
        return _array(column.astype("datetime64[s]").to_numpy(), name)
    if kind == "M":  # as the clock on the wall
        return _array(column.dt.tz_localize(None).to_numpy(), name)
    if kind in "iuf" and (kind == "f" or not column.isna().any()):
        return np.asarray(column.to_numpy(dtype=column.dtype.numpy_dtype, na_value=np.nan))
    if kind in "iu":
        floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return _exact(floats, lambda: _different(column, name))
    cells = _different(column, name)
    return cells.coded() if kind == "b" else cells


def _array(values: Array, name: str) -> Found:
    if values.dtype.kind in "iuf":
        return values if values.dtype.itemsize <= 8 else values.astype(np.float64)
    if values.dtype.kind == "b":
        return Coded(values.astype(np.int64), ("False", "True"))
    if values.dtype.kind == "M":
        return values.astype("datetime64[s]")
    if values.dtype.kind == "m":
        return np.where(np.isnat(values), np.nan, values / np.timedelta64(1, "s"))
    if values.dtype.kind == "c":
        raise TableError(f"column {name!r} holds complex numbers, of which there is no order")
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    cells = _different(values, name)
    booleans = bool(cells.different) and all(isinstance(cell, bool | np.bool_) for cell in cells.different)
    return cells.coded() if booleans else cells


def _different(column: Any, name: str) -> Cells:
    """By pandas' hash table where it is pandas' column."""
    if hasattr(column, "factorize"):
        try:
            codes, different = column.factorize()
            return Cells(codes.astype(np.int64), list(different))
        except TypeError:  # lists, dicts
            column = column.to_numpy()
    places: dict[Any, int] = {}
    codes = np.empty(len(column), dtype=np.int64)
    for row, cell in enumerate(column.tolist()):
        if is_nothing(cell):
            codes[row] = -1
            continue
        try:
            codes[row] = places.setdefault(cell, len(places))
        except TypeError:
            raise _nested(name, f"{type(cell).__name__}s") from None
    return Cells(codes, list(places))


def _ranked(column: Any) -> Cells:
    """Texts of polars, by its own sorting."""
    codes = column.rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1
    return Cells(codes, column.drop_nulls().unique().sort().to_list())


def _kind(cell: Any) -> str:
    """A cell's text; of a moment one for all ways to write it, without a time at midnight."""
    if (
        hasattr(cell, "isoformat")
        or hasattr(cell, "to_timestamp")
        or (isinstance(cell, str) and _MOMENT.fullmatch(cell))
    ):
        with suppress(ValueError):  # a time of the day, the 31st of June
            return str(as_date(cell)).replace("T", " ").removesuffix(" 00:00:00")
    return text_of(cell) or ""


def is_nothing(cell: Any) -> bool:
    """None, and what does not equal itself: NaN, NaT; of pandas' NA nothing can be said."""
    if cell is None or type(cell).__name__ == "NAType":
        return True
    try:
        return bool(cell != cell)
    except (TypeError, ValueError):
        return False


def _numeric(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell.strip() in UNKNOWN or is_number(cell)
    return hasattr(cell, "total_seconds") or (not isinstance(cell, bool | np.bool_) and is_number(cell))


def _number(cell: Any) -> float:
    if hasattr(cell, "total_seconds"):  # a duration
        return float(cell.total_seconds())
    return np.nan if isinstance(cell, str) and cell.strip() in UNKNOWN else number(cell)


def _is_date(cell: Any) -> bool:
    if isinstance(cell, str) and not cell.strip():
        return True  # a gap
    try:
        as_date(cell)
    except ValueError:
        return False
    return True


def _category(found: Found) -> Coded:
    if isinstance(found, Coded):
        return found
    if isinstance(found, Cells):
        return found.coded()
    different, codes = np.unique(found, return_inverse=True)
    absent = np.isnat(different) if found.dtype.kind == "M" else np.isnan(different)
    codes = np.where(absent[codes], -1, codes)
    return Cells(codes, shortest(different).tolist()).coded()


def _dates(found: Found, name: str) -> NDArray[np.float64]:
    if isinstance(found, Coded):
        found = Cells(found.codes, list(found.kinds))
    if isinstance(found, Cells):
        return _each(found, _day, name, "a date such as 2020-12-31")
    if found.dtype.kind != "M":
        if np.isnan(found).all():
            return found.astype(np.float64)
        raise TableError(f"column {name!r} holds numbers, but held dates where it was fitted")
    return _days(found)


def _days(moments: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Since 2000."""
    seconds = (moments.astype("datetime64[s]") - _EPOCH).astype(np.float64)
    return np.where(np.isnat(moments), np.nan, seconds / _DAY)


def _day(cell: Any) -> float:
    if isinstance(cell, str) and not cell.strip():
        return np.nan
    return float(_days(np.array([as_date(cell)]))[0])


def _each(cells: Cells, function: Callable[[Any], float], name: str, what: str) -> NDArray[np.float64]:
    found = np.full(len(cells.different) + 1, np.nan)
    for place, cell in enumerate(cells.different):
        try:
            found[place] = function(cell)
        except (ValueError, OverflowError):
            rows = np.flatnonzero(cells.codes == place)
            if not len(rows):  # a category of pandas that no row has
                continue
            raise TableError(
                f"column {name!r} holds {cell!r:.80} in row {rows[0] + 1} of {len(cells.codes)}, which is "
                f"not {what}, as all were where it was fitted: if it is a category, name it in "
                "categorical_features of the fit, or --categorical"
            ) from None
    return found[cells.codes]
