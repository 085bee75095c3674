"""Tables that several processes hold together: each reads rows of its own, and no one holds all."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..training.ranks.ranks import bounds_of
from . import numpy_file
from .peers import Peers
from .plan import Plan
from .reading import TEXT, check_is_file, parsed, table_of_text, text_format
from .rows_of_text import RowsOfText
from .sniff import ReadOptions
from .table import Table, TableError


def read_own(source: Path | Literal["-"], options: ReadOptions, peers: Peers) -> Table:
    """Read the rows of this process, of a table that is divided into shards of neighboring rows.

    Names, types of columns and all else that is found out of a file are those of the whole table.

    Parameters
    ----------
    source : Path or "-"
        A text file, or an .npy file.
    options : ReadOptions
    peers : Peers

    Raises
    ------
    TableError
        If the file is not a table, is of a kind that cannot be divided, or has fewer rows than shards.
    OSError
        If it cannot be read.
    ImportError
        If pandas is not installed.
    """
    path = Path(source)
    kind = path.suffix.lower()
    if source == "-" or kind not in (*TEXT, ".npy"):
        what = "standard input" if source == "-" else str(path)
        raise TableError(f"{what} cannot be divided by rows: {', '.join(TEXT)} and .npy files can")
    check_is_file(path)
    return _text(path, kind, options, peers) if kind in TEXT else _array(path, peers)


def own_rows(table: Table, peers: Peers) -> Table:
    """The rows of this process, of a table that each process has."""
    own = _own(table.name, len(table), peers)
    return replace(table.rows(own), peers=peers, places=own)


def rebalanced(plan: Plan) -> Plan:
    """The same of the rows that can be used alone, divided anew into shards of equal sizes."""
    table = plan.table.only([*plan.kinds, *plan.targets])
    if len(plan.rows) < len(table):
        table = table.rows(plan.rows)
    table, groups = _rebalanced(table, plan.groups[plan.rows])
    return replace(plan, table=table, rows=np.arange(len(table)), groups=groups)


def known_rebalanced(table: Table, rows: NDArray[np.int64]) -> Table:
    """Some rows of each process, divided anew."""
    return _rebalanced(table.rows(rows), rows)[0]


def _own(name: str, rows: int, peers: Peers) -> NDArray[np.int64]:
    if rows < peers.shards:
        raise TableError(f"{name} has {rows} rows, but each of {peers.shards} shards needs one")
    bounds = bounds_of(rows, peers.shards)
    return np.arange(bounds[peers.own.start], bounds[peers.own.stop])


def _array(path: Path, peers: Peers) -> Table:
    array = numpy_file.mapped(path)
    _require_same(array.shape, f"{path}: the shape", peers)
    own = _own(str(path), len(array), peers) if array.ndim == 2 and array.size else np.arange(0)
    table = numpy_file.table_of_array(path, np.array(array[own[0] : own[-1] + 1]) if len(own) else array)
    return replace(table, peers=peers, places=own)


def _text(path: Path, kind: str, options: ReadOptions, peers: Peers) -> Table:
    """Rank 0 finds out how the file is written and where rows begin."""
    encoding, found, rows = "", None, None
    if peers.leads:
        with path.open("rb") as file:
            encoding, found = text_format(str(path), file, kind, options)
        rows = RowsOfText.of(path, encoding, found)
        if not rows.rows:
            raise TableError(f"{path} has a header, but no rows")
    encoding, found, rows = peers.same((encoding, found, rows))
    assert found is not None and rows is not None
    _require_same(path.stat().st_size, f"{path}: the size in bytes", peers)
    own = _own(str(path), rows.rows, peers)
    first = rows.begin(path, int(own[0]))
    end = rows.begin(path, int(own[-1]) + 1)

    def read(dtypes: Mapping[int, Any] | None = None) -> Any:
        line = partial(rows.line, path, first)
        with _Section(path, first, end) as part:
            return parsed(str(path), part, encoding, found, options, line=line, dtypes=dtypes)

    frame = read()
    if len(frame) != len(own):
        raise TableError(
            f"{path}: of rows {own[0] + 1} to {own[-1] + 1}, {len(frame)} can be read: it cannot be divided "
            "by rows, since its quotes are not closed, or not in the usual way"
        )
    _unify(frame, read, peers)
    return replace(table_of_text(str(path), frame, found, peers), places=own)


class _Section(io.BufferedIOBase):
    """Some bytes of a file as a file."""

    def __init__(self, path: Path, first: int, end: int) -> None:
        self._file, self._first, self._end = path.open("rb"), first, end
        self._file.seek(first)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            place += self.tell()
        elif whence == io.SEEK_END:
            place += self._end - self._first
        return self._file.seek(self._first + place) - self._first

    def tell(self) -> int:
        return self._file.tell() - self._first

    def read(self, size: int | None = -1) -> bytes:
        left = self._end - self._file.tell()
        return self._file.read(left if size is None or size < 0 else min(size, left))

    read1 = read

    def close(self) -> None:
        self._file.close()
        super().close()


def _unify(frame: Any, read: Any, peers: Peers) -> None:
    """Give columns the types that they would have if one process read all rows."""
    own = [_type(series) for _, series in frame.items()]
    wanted = [_common(types) for types in zip(*peers.every(own), strict=True)]
    again: dict[int, Any] = {}
    for place, (have, want) in enumerate(zip(own, wanted, strict=True)):
        if want == "booleans or none":
            frame[place] = frame[place].astype(object)
        elif want == "long integers":  # which a column of a table has as floats
            frame[place] = frame[place].astype(np.float64)
        elif want is not None and want != have:
            again[place] = object if want == "texts" else want
    if again:
        other = read(again)
        for place in again:
            frame[place] = other[place]


def _type(series: Any) -> str:
    """What pandas took a column for."""
    if series.isna().all():
        return "nothing"
    kind = series.to_numpy().dtype.kind
    if kind == "i":
        return "int64" if series.min() < 0 else "uint63"
    if kind in "uf":
        return "uint64" if kind == "u" else "float64"
    if kind == "b":
        return "bool"
    first = series[series.first_valid_index()]
    if isinstance(first, bool | np.bool_):
        return "booleans or none"
    if isinstance(first, str):
        return "texts"
    try:
        series.astype(np.float64)
    except OverflowError:  # integers beyond all floats
        return "texts"
    return "long integers"


def _common(types: tuple[str, ...]) -> str | None:
    """What pandas would take all of it for; None where it is that in each part."""
    found = set(types)
    some = found - {"nothing"}
    if len(found) == 1 or found <= {"int64", "uint63"}:
        return None
    if some <= {"int64", "uint63", "float64"} or "float64" in some <= {
        "int64",
        "uint63",
        "uint64",
        "float64",
    }:
        return "float64"
    if "long integers" in some <= {"int64", "uint63", "uint64", "float64", "long integers"}:
        return "long integers"
    if found <= {"uint63", "uint64"}:
        return "uint64"
    return "booleans or none" if some <= {"bool", "booleans or none"} else "texts"


def _rebalanced(table: Table, groups: NDArray[np.int64]) -> tuple[Table, NDArray[np.int64]]:
    """Rows, and a number for each, divided anew into shards of equal sizes, in the same order."""
    peers, counts = table.peers, table.peers.every(len(table))
    rows, each = sum(counts), peers.shards // len(counts)
    if rows < peers.shards:
        raise TableError(f"{table.name} has {rows} rows to use, but each of {peers.shards} shards needs one")
    own = peers.rank
    cuts = np.array(bounds_of(rows, peers.shards)[::each]) - sum(counts[:own])
    cuts = np.clip(cuts, 0, len(table))
    if peers.all(cuts[own] == 0 and cuts[own + 1] == len(table)):
        return table, groups

    def part(first: int, end: int) -> tuple[Mapping[str, Any], Any, Any]:
        rows = np.arange(first, end)
        some = table.rows(rows)
        return some.columns, some.places, groups[rows]

    sent: list[Any] = [part(*ends) for ends in pairwise(cuts)]
    kept, sent[own] = sent[own], None
    got = peers.swapped(sent)
    got[own] = kept
    columns = {name: np.concatenate([one[0][name] for one in got]) for name in table.columns}
    places, groups = (np.concatenate([one[place] for one in got]) for place in (1, 2))
    return replace(table, columns=columns, places=places), groups


def _require_same(value: object, what: str, peers: Peers) -> None:
    if odd := peers.odd(value):
        first, rank, other = odd
        raise TableError(f"{what} is {first} for rank 0, but {other} for rank {rank}")
