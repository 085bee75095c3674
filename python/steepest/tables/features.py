"""Which columns of a table are features, and of which kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .columns import as_date
from .peers import Peers
from .table import Array, Table, TableError, gaps_in, is_number, listed, refuse_rounded, texts

_FEW_TEXTS = 20  # different texts are a category in any table
_COMMAS = re.compile(r"[+-]?[\d.]+,\d+", re.ASCII)
_DATES = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}([ T].*)?", re.ASCII)
_UNITS = re.compile(r"[+-]?[^\w\s]?[\d.,]+( [a-zA-Z]{1,3}|[^\w\s])?", re.ASCII)  # 5%, $5, 5 kg, but not 1st
_ID = re.compile(r"(?i:(^|[_ .])(id|index|idx|rownames|key)$)|[a-z](Id|ID)$|^(Unnamed: \d+)?$")


class Features:
    """Which columns are features, and of which kind."""

    def __init__(
        self,
        table: Table,
        targets: tuple[str, ...],
        features: Sequence[str] | None,
        drop: Sequence[str],
        categorical: Sequence[str],
        notes: list[str],
    ) -> None:
        self.table, self.notes, self.categorical = table, notes, frozenset(categorical)
        self.peers = table.peers
        self.chosen = frozenset(features or ()) | self.categorical
        for name in [*(features or ()), *drop, *categorical]:
            if name not in table.columns:
                table.column(name)
            if name in targets and name not in drop:
                raise TableError(f"{name!r} is the target, and cannot be a feature")
        names = list(table.columns) if features is None else [*dict.fromkeys([*features, *categorical])]
        self.names = [name for name in names if name not in targets and name not in drop]

    def kinds(self) -> dict[str, str]:
        """The kind of each feature.

        Raises
        ------
        TableError
            If none is left.
        """
        found: dict[str, str] = {}
        ids = []
        for name in self.names:
            values = self.table.column(name)
            if name not in self.chosen and self.peers.all(gaps_in(values).all()):
                self.notes.append(f"column {name!r} has no values and is left out")
            elif name not in self.chosen and self._is_id(name, values):
                ids.append(name)
            elif kind := self._kind(name, values):
                found[name] = kind
        if not found and any(ids):
            self.notes.append(
                f"there is nothing to learn from but {listed(filter(None, ids))}, in order of the rows"
            )
            return dict.fromkeys(filter(None, ids), "number")
        for name in ids:
            self.notes.append(
                f"column {name or '(without a name)'!r} numbers the rows and is left out; --features takes it"
            )
        if not found:
            raise TableError(f"{self.table.name}: there is no column to learn from beside the target")
        return found

    def _is_id(self, name: str, values: Array) -> bool:
        """Whether a column of a file or frame numbers its rows, or names them by different integers."""
        peers, rows = self.peers, self.peers.total(len(values))
        if self.table.arrays or values.dtype.kind not in "iuf" or rows < 3:
            return False
        if peers.any(not np.isfinite(values).all() or (values != np.rint(values)).any()):
            return False
        places = np.arange(len(values)) if self.table.places is None else self.table.places
        first: Any = peers.first(values[:1].tolist())
        if first in (0, 1) and peers.all((values == first + places).all()):
            return True
        named = self.table.named and _ID.search(name)
        return bool(named and peers.distinct(np.unique(values)) == rows)

    def _kind(self, name: str, values: Array) -> str | None:
        """Its kind, or None for texts that are left out."""
        if name in self.categorical:
            refuse_rounded(values.tolist(), f"{self.table.name}: {name!r}")
            return "category"
        if values.dtype.kind == "M":
            return "date"
        if values.dtype.kind != "O":
            return "number"
        cells = [value for value in values.tolist() if value is not None]
        if self.peers.all(all(map(is_number, cells))):
            return "number"
        if self.peers.all(all(map(_is_date, cells))):
            return "date"
        different = self.peers.distinct(list(set(texts(np.array(cells, dtype=object)))))
        hint, rows = _hint(cells, self.peers), self.peers.total(len(cells))
        if name in self.chosen or different <= _FEW_TEXTS or different <= rows // 10:
            if hint and name not in self.chosen:
                self.notes.append(f"column {name!r} is taken as a category{hint}")
            return "category"
        first = self.peers.first(cells)
        self.notes.append(
            f"column {name!r} has {different} different texts in {rows} rows, such as "
            f"{first!r:.40}, and is left out; --categorical takes it as it is{hint}"
        )
        return None


def _hint(cells: list[Any], peers: Peers) -> str:
    """What to do about texts most of which are numbers, written in another way or with others among them."""
    others = [str(cell).strip() for cell in cells if not is_number(cell)]
    like = [sum(map(bool, map(form.fullmatch, others))) for form in (_COMMAS, _DATES, _UNITS)]
    rows, unlike, commas, dates, units = peers.total(np.array([len(cells), len(others), *like])).tolist()
    half, first = rows / 2, peers.first(others)
    if unlike < half:
        return f"; for numbers without {first!r:.40}, give --missing-values {first!r:.40}"
    if commas > half:
        return "; if these are numbers, give --decimal , or --thousands ,"
    if dates > half:
        return f"; write dates such as {first!r:.40} as 2020-12-31"
    if units > half:
        return f"; for numbers, write cells such as {first!r:.40} without the sign or unit"
    return ""


def _is_date(value: object) -> bool:
    try:
        as_date(value)
    except ValueError:
        return False
    return True
