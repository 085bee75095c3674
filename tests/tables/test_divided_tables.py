"""Tables of several processes: what is found out and decided is that of the whole, whoever has which rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.ranks.threads import on_threads

from steepest.tables import (
    Elsewhere,
    Peers,
    Plan,
    ReadOptions,
    Table,
    TableError,
    choose,
    read,
    read_own,
    rebalanced,
)
from steepest.tables import rows_of_text as lines
from steepest.tables.sniff import Format
from steepest.training.ranks import ranks as ranks_module

Write = Callable[[str | bytes], Path]
ROWS = 64


@pytest.fixture(autouse=True)
def _no_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "_end_all_on_errors", lambda: None)


@pytest.fixture(params=[7, 2**22], ids=["tiny blocks", "blocks"])
def write(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file, which is looked at in blocks of so many bytes."""
    monkeypatch.setattr(lines, "_BLOCK", request.param)
    monkeypatch.setattr(lines, "_STRIDE", 3 if request.param < 99 else 1024)

    def call(content: str | bytes) -> Path:
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return call


def column(*parts: object) -> list[str]:
    """Cells of which each part of the rows has one of these."""
    return [str(parts[i * len(parts) // ROWS]) for i in range(ROWS)]


QUOTED = [f'"x{i % 3}\n, ""y"" "' for i in range(ROWS)]
COLUMNS = {
    "whole numbers and others": column(1, 2, 3, "4.5"),
    "a gap in one part": column(1, 2, 3, ""),
    "gaps at first": column("", "", 2, 3),
    "codes at last": column("01", "02", "1.50", "x1"),
    "signs for no value": column(1, 2, 3, "?"),
    "dashes for no value": [*column(1, 2, 3, 5)[:-1], "-"],
    "truth": column("True", "False", "True", "False"),
    "truth with gaps": column("True", "False", "", "True"),
    "truth and texts": column("True", "False", "maybe", "True"),
    "truth and numbers": column("True", "False", "1", "0"),
    "large numbers": column(1, 2, 2**63 + 1, 3),
    "large numbers and negative ones": column(1, -2, 2**63 + 1, 3),
    "large numbers and fractions": column(1, "0.5", 2**63 + 1, 3),
    "huge numbers": column(1, 2, 3, 10**30),
    "quoted newlines": QUOTED,
    "quotes within": column('5" disk', "a", 'b"', "c"),
    "dates": [f"2020-01-{i % 28 + 1:02}" for i in range(ROWS)],
    "id": [str(1000 - i) for i in range(ROWS)],
    "in order": [str(i) for i in range(ROWS)],
    "different texts": [f"t{i}" for i in range(ROWS)],
    "nothing": column(""),
    "": column(""),
}
BEYOND = {"integers beyond all floats": column(1, 2, 10**30, 10**320)}  # read as texts, where pandas does not
TARGETS = {
    "texts": [("red\nish", "green", "b,lue")[i * i % 3] for i in range(ROWS)],
    "whole numbers": [str(i * i % 3) for i in range(ROWS)],
    "numbers": [f"{i * 0.37 % 1:.3f}" for i in range(ROWS)],
    "gaps": column("u", "", "", "v"),
}


def text(columns: dict[str, list[str]], target: list[str], separator: str = ",", end: str = "\n") -> str:
    cells = [*columns.values(), [f'"{cell}"' for cell in target]]
    rows = [separator.join(row) for row in zip(*cells, strict=True)]
    header = separator.join(f'"{name}"' if name else "" for name in [*columns, "y"])
    return end.join([header, "", *rows[:9], "  ", *rows[9:]]) + end


def divided(path: Path, ranks: int, shards: int | None = None, **options: Any) -> list[Table]:
    found = on_threads(ranks, shards, lambda peers: read_own(path, ReadOptions(**options), peers))
    assert all(isinstance(one, Table) for one in found), found
    return found  # type: ignore[return-value]


def assert_whole(parts: list[Table], whole: Table) -> None:
    sizes = [len(rows) for rows in np.array_split(range(len(whole)), len(parts))]
    for part, size in zip(parts, sizes, strict=True):
        assert len(part) == size
        assert (part.named, part.repeated, part.notes) == (whole.named, whole.repeated, whole.notes)
    for name, values in whole.columns.items():
        assert {part.columns[name].dtype for part in parts} == {values.dtype}, name
        joined = np.concatenate([part.columns[name] for part in parts])
        assert list(map(repr, joined.tolist())) == list(map(repr, values.tolist())), name
    assert all(list(part.columns) == list(whole.columns) for part in parts)
    np.testing.assert_array_equal(np.concatenate([part.places for part in parts]), np.arange(len(whole)))


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", ";"])
def test_columns_of_parts_are_those_of_the_whole(write: Write, separator: str, end: str, ranks: int) -> None:
    path = write(text(COLUMNS, TARGETS["texts"], separator, end))
    assert_whole(divided(path, ranks), read(path))


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbf"a",b\n' + b"1,2\n" * 8,
        "1.234,5;2\n" * 8,
        "  1   2.5\n  3   4.5\n" * 4,
        "sep=|\na|b\n" + "1|x\n" * 8,
        "a,b,\n" + "1,2,\n" * 8,
        "1,2,\n" * 8,
        "a,b\n" + "1,2\n" * 7 + "3,4",
        "a,b\r" + "1,2\r" * 8,
        "a, b\n" + '1, "x, y"\n' * 8,
        "größe,b\n".encode("cp1252") + "1,ä\n".encode("cp1252") * 8,
    ],
)
def test_files_as_they_are_written(write: Write, content: str | bytes) -> None:
    path = write(content)
    options = {"encoding": "cp1252"} if isinstance(content, bytes) and content[0] == ord("g") else {}
    assert_whole(divided(path, 2, **options), read(path, ReadOptions(**options)))


def test_rows_begin_where_pandas_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random, path = np.random.default_rng(0), tmp_path / "t.csv"
    cells = ["1", "", 'a"b', ' "q\nr"', '"x""y"z"', '""', '"a\n"', '"\n,"', '" "" \r\n"', "12 "]
    for _ in range(200):
        rows = [f"1,{','.join(random.choice(cells, 2))}" for _ in range(random.integers(1, 12))]
        blank = [random.choice([row, "", " "], p=[0.8, 0.1, 0.1]) for row in rows]
        path.write_bytes(("a,b,c\n" + "\n".join(blank) + random.choice(["", "\n"])).encode())
        monkeypatch.setattr(lines, "_BLOCK", int(random.choice([1, 5, 30, 2**20])))
        monkeypatch.setattr(lines, "_STRIDE", int(random.choice([1, 2, 1024])))
        found = lines.RowsOfText.of(path, "utf-8", Format(",", ".", None, True, 0, 3, ["a", "b", "c"]))
        settings = {"names": range(3), "header": None, "dtype": object, "skipinitialspace": True}
        try:
            whole = pd.read_csv(path, skiprows=1, **settings)
        except pd.errors.EmptyDataError:
            whole = pd.DataFrame(columns=range(3), dtype=object)
        assert found.rows == len(whole)
        for row in range(found.rows):
            first, end = found.begin(path, row), found.begin(path, row + 1)
            (tmp_path / "row.csv").write_bytes(path.read_bytes()[first:end])
            own = pd.read_csv(tmp_path / "row.csv", **settings)
            assert own.equals(whole[row : row + 1].reset_index(drop=True))


def decided(plans: list[Plan]) -> list[object]:
    told = {repr((p.task, p.targets, p.labels, p.kinds, p.notes, p.samples, p.describe())) for p in plans}
    assert len(told) == 1
    return [*told, np.concatenate([plan.groups[plan.rows] for plan in plans]).tolist()]


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.float32, np.float64])
def test_different_values_are_counted_once(dtype: type) -> None:
    """A zero with a sign is one of them."""
    parts = [np.array([0, 1, 5, 2**40], dtype), np.array([0, 2, 5, 2**50], dtype)]
    parts[1][0] *= -1 if dtype in (np.float32, np.float64) else 1
    assert on_threads(2, None, lambda peers: peers.distinct(parts[peers.rank])) == [6, 6]


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("missing", ["impute", "drop"])
@pytest.mark.parametrize("target", TARGETS)
def test_decisions_are_those_of_the_whole(write: Write, target: str, missing: str, ranks: int) -> None:
    """And so is all that is learned from the rows, if whole numbers are added up, and shards are the same."""
    columns = COLUMNS | BEYOND if missing == "impute" else {"a": column(1, "", 3, 4), "t": QUOTED}
    path = write(text(columns, TARGETS[target]))

    def plan(peers: Peers) -> tuple[Plan, Any]:
        chosen = rebalanced(choose(read_own(path, ReadOptions(), peers), missing=missing))
        return chosen, chosen.fit(chosen.rows)

    whole = choose(read(path), missing=missing)
    found = on_threads(ranks, 4, plan)
    assert all(isinstance(one, tuple) for one in found), found
    assert decided([plan for plan, _ in found]) == decided([whole])
    sizes = [len(plan.rows) for plan, _ in found]
    assert max(sizes) - min(sizes) <= 1 if ranks == 4 else max(sizes) - min(sizes) <= 2
    ((_, one),) = on_threads(1, 4, plan)
    assert all(preparation == one for _, preparation in found)
    for ours, theirs in zip(one.columns, whole.fit(whole.rows).columns, strict=True):
        if ours.kind == "category":
            assert ours == theirs
        else:
            np.testing.assert_allclose((ours.mean, ours.scale), (theirs.mean, theirs.scale), rtol=1e-12)
            assert ours.gaps == theirs.gaps


FAULTS = {
    "inf": "row 60, column 'a': inf is infinite",
    "1,2": "line 61 has 4 columns, but line 1 has 3",
    '"1': "does not end: a quote is not closed",
}


@pytest.mark.parametrize("cell", FAULTS)
def test_a_fault_in_the_last_rows_is_told_once_with_its_row(write: Write, cell: str) -> None:
    rows = [f"{i}.5,u,{i % 2}" for i in range(ROWS)]
    rows[59] = f"{cell},u,1"
    path = write("a,b,y\n" + "\n".join(rows))
    *others, last = on_threads(4, None, lambda peers: choose(read_own(path, ReadOptions(), peers)))
    if cell == '"1':  # which the first one finds, who looks for rows
        *others, last = last, *others[1:], others[0]
    assert isinstance(last, TableError) and FAULTS[cell] in str(last)
    assert all(isinstance(other, Elsewhere) for other in others)


def test_a_fault_while_others_exchange_ends_all() -> None:
    def work(peers: Peers) -> object:
        if peers.rank == 1:
            raise ZeroDivisionError
        return peers.swapped([peers.total(1)] * 3)

    assert list(map(type, on_threads(3, None, work))) == [Elsewhere, ZeroDivisionError, Elsewhere]


def test_what_cannot_be_divided_is_refused(write: Write, tmp_path: Path) -> None:
    def refused(path: Any, **options: Any) -> str:
        (found,) = {str(one) for one in on_threads(1, 4, lambda p: read_own(path, ReadOptions(**options), p))}
        return found

    assert "t.csv has 3 rows, but each of 4 shards needs one" in refused(write("a,b\n" + "1,2\n" * 3))
    utf_16 = write(("a,b\n" + "1,2\n" * 9).encode("utf-16"))
    assert "utf-16 cannot be divided by rows: convert it to UTF-8" in refused(utf_16)
    assert "gbk cannot be divided" in refused(write("a,b\n" + "1,2\n" * 9), encoding="gbk")
    for name in ("t.xlsx", "t.csv.gz", "t.npz", "t.parquet"):
        assert f"{name} cannot be divided by rows: .csv, " in refused(tmp_path / name)
    assert refused("-").startswith("standard input cannot be divided by rows")
    assert "no such file" in refused(tmp_path / "absent.csv")


ARRAYS = [np.arange(80.0).reshape(20, 4), np.full((9, 2), "a"), np.eye(8, dtype=bool)]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda array: array.dtype.kind)
def test_arrays_are_divided_too(tmp_path: Path, array: Any) -> None:
    np.save(tmp_path / "a.npy", array)
    assert_whole(divided(tmp_path / "a.npy", 2), read(tmp_path / "a.npy"))
