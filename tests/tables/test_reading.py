"""Text files as programs and people write them: separators, marks, headers, encodings, widths."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from steepest.tables import ReadOptions, Table, TableError, read

Read = Callable[..., Table]


@pytest.fixture
def reading(tmp_path: Path) -> Read:
    """Write a file and read it."""

    def call(content: str | bytes, name: str = "t.csv", **options: object) -> Table:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read(path, ReadOptions(**options))  # type: ignore[arg-type]

    return call


def rows(*cells: str, number: int = 12, separator: str = ",") -> str:
    """Lines whose cells may count: {i}."""
    return "".join(separator.join(cells).replace("{i}", str(i)) + "\n" for i in range(number))


def test_a_comma_inside_a_quoted_header_of_a_semicolon_file(reading: Read) -> None:
    table = reading('"length, mm";mass\n' + rows("{i}", "2.5", separator=";"))
    assert list(table.columns) == ["length, mm", "mass"]
    assert table.columns["mass"].tolist() == [2.5] * 12


def test_a_tab_file_with_commas_in_it(reading: Read) -> None:
    table = reading("length, mm\tkind\n" + rows("{i}", "red, dark", separator="\t"), "t.tsv")
    assert list(table.columns) == ["length, mm", "kind"]
    assert set(table.columns["kind"]) == {"red, dark"}


def test_underscores_are_not_digits(reading: Read) -> None:
    assert reading("code,y\n" + rows("3_14", "1")).columns["code"].tolist() == ["3_14"] * 12
    table = reading("2020_01,2020_02\n" + rows("{i}", "0.5"))
    assert table.named and list(table.columns) == ["2020_01", "2020_02"]


def test_digits_of_other_scripts_are_texts(reading: Read) -> None:
    assert reading("a,b\n" + rows("\uff12", "{i}")).columns["a"].dtype == object


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_what_pandas_writes_without_names(reading: Read, index: bool, separator: str) -> None:
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((20, 11)))
    table = reading(frame.to_csv(index=index, sep=separator))
    assert table.named and len(table) == 20
    assert list(table.columns) == [*([""] if index else []), *map(str, range(11))]
    np.testing.assert_array_equal(table.columns["10"], frame[10])


@pytest.mark.parametrize("columns", [["color", "y"], ["y"], ["color", "kind", "y"]])
def test_an_index_before_texts_has_a_header(reading: Read, columns: list[str]) -> None:
    frame = pd.DataFrame({name: [f"{name}{i % 2}" for i in range(20)] for name in columns})
    table = reading(frame.to_csv())
    assert table.named and list(table.columns) == ["", *columns] and len(table) == 20


def test_headers_that_are_found_out(reading: Read) -> None:
    assert reading("a,b\n" + rows("{i}", "x")).named
    assert not reading(rows("{i}", "x")).named
    assert not reading("1,2,3\n4,5,6\n").named
    assert reading("id,2019,2020\n" + rows("{i}", "1", "2")).named
    assert not reading("p,x\n" + rows("p", "y") + rows("e", "x")).named  # no names: they stand in rows too
    assert reading("kind,cap\n" + rows("p", "y") + rows("e", "x")).named
    years = "2019,2020\n" + rows("{i}", "1")
    assert not reading(years).named
    assert reading(years, names=("2020",)).named and reading(years, header=True).named
    assert len(reading("a,b\n" + rows("{i}", "1"), header=False)) == 13


def test_decimal_commas(reading: Read) -> None:
    table = reading("a;b\n" + rows("1,5", "{i}", separator=";"))
    assert table.columns["a"].tolist() == [1.5] * 12
    assert "decimal comma" in table.notes[0]
    assert reading("a;b\n" + rows("1,234", "2", separator=";"), decimal=",").columns["a"][0] == 1.234
    assert reading("a,b\n" + rows('"1,234"', "2"), thousands=",").columns["a"][0] == 1234
    assert reading("a,b\n" + rows('"1,234"', "2.5")).columns["a"][0] == 1234  # with a decimal point beside
    with pytest.raises(
        TableError, match="'1,234' can be read in two ways: give --decimal , or --thousands ,"
    ):
        reading("a;b\n" + rows("1,234", "2", separator=";"))


def test_points_between_thousands(reading: Read) -> None:
    table = reading("a;b\n" + rows("1.234,56", "7", separator=";") + "234,5;8\n")
    assert table.columns["a"].tolist() == [1234.56] * 12 + [234.5]
    assert "points between thousands" in table.notes[0]


@pytest.mark.parametrize("columns", [9_000, 20_000])  # first lines of 130 and 300 kB
def test_lines_may_be_long(reading: Read, columns: int) -> None:
    names = [f"ENSG{i:011d}" for i in range(columns)]
    rows = [",".join(f"{(i * k) % 97}.5" for i in range(columns)) for k in range(3)]
    table = reading("\n".join([",".join(names), *rows]))
    assert list(table.columns) == names and len(table) == 3
    assert table.column(names[-1])[2] == (columns - 1) * 2 % 97 + 0.5


def test_spreadsheets(reading: Read) -> None:
    table = reading("sep=;\r\na;b;\r\n" + rows("{i}", "x", "", separator=";"))
    assert list(table.columns) == ["a", "b"] and len(table) == 12
    assert list(reading("\ufeffa,b\n" + rows("{i}", "x")).columns) == ["a", "b"]
    table = reading(("a\tb\n" + rows("{i}", "\u00e9", separator="\t")).encode("utf-16"), "t.txt")
    assert set(table.columns["b"]) == {"\u00e9"}
    assert list(reading("1,2,\n3,4,\n").columns) == ["0", "1"]


def test_encodings(reading: Read) -> None:
    text = ("a,b\n" + rows("{i}", "\u00e9")).encode("cp1252")
    with pytest.raises(TableError, match="is not UTF-8 text: give --encoding, such as cp1252"):
        reading(text)
    assert set(reading(text, encoding="cp1252").columns["b"]) == {"\u00e9"}
    with pytest.raises(TableError, match="the encoding 'nope' is unknown"):
        reading(text, encoding="nope")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("a,b\n", "has a header, but no rows"),
        ("a,b,c\n1,2,3\n4,5\n6,7,8\n", "line 3 has 2 columns, but line 1 has 3"),
        ("a,b,c\n1,2,3\n4,5,6,7\n", "line 3 has 4 columns, but line 1 has 3"),
        ("a,b\n1,\0\n", "is not text"),
    ],
)
def test_refused_texts(reading: Read, text: str, message: str) -> None:
    with pytest.raises(TableError, match=message):
        reading(text)


def test_missing_values_and_separators_that_are_given(reading: Read) -> None:
    table = reading("a,b\n1,x\n-,y\n?,z\n", missing_values=("-",))
    np.testing.assert_array_equal(table.columns["a"], [1, np.nan, np.nan])
    assert list(reading("a|b\n1|2\n", separator="|").columns) == ["a", "b"]
    assert list(reading("a b c\n1 2 3\n4 5 6\n", "t.txt").columns) == ["a", "b", "c"]


def test_compressed_columnar_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "d": pd.date_range("2020", periods=3)})
    text = frame.to_csv(index=False).encode()
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text))
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_excel(tmp_path / "t.xlsx", index=False)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    for source in (tmp_path / "t.csv.gz", tmp_path / "t.parquet", tmp_path / "t.xlsx", "-"):
        table = read(source)  # type: ignore[arg-type]
        assert list(table.columns) == ["a", "b", "d"]
        assert table.columns["a"].tolist() == [1, 2, 3]
        assert table.columns["b"].tolist() == ["x", None, "z"]
    for name, content in (("t.csv.gz", b"no"), ("t.parquet", b"no"), ("t.xlsx", b"no")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TableError, match=name):
            read(tmp_path / name)


def test_the_first_of_several_sheets(tmp_path: Path) -> None:
    with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
        for name in ("one", "two"):
            pd.DataFrame({"a": [1, 2], "b": [name, name]}).to_excel(book, sheet_name=name, index=False)
    table = read(tmp_path / "t.xlsx")
    assert set(table.columns["b"]) == {"one"} and "'one' of 'one', 'two'" in table.notes[0]


def test_numpy_files(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "t.npz", X=np.eye(3), y=np.array(["\u00e9", "b", "b"]).astype("U").astype(object) == "b"
    )
    assert read(tmp_path / "t.npz").columns["y"].tolist() == [False, True, True]
    labels = np.array(["\u00e9".encode(), b"b", b"b"])
    np.savez(tmp_path / "t.npz", X=np.eye(3), y=labels)
    table = read(tmp_path / "t.npz")
    assert table.columns["y"].tolist() == ["\u00e9", "b", "b"] and table.targets == ("y",)
    np.savez(tmp_path / "t.npz", X=np.eye(3), y=np.array([b"\xff", b"b", b"b"]))
    with pytest.raises(TableError, match="y holds bytes that are not UTF-8"):
        read(tmp_path / "t.npz")


def test_without_pandas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ImportError, match=r"pip install 'steepest\[tables\]'"):
        read(tmp_path / "t.csv")
    np.save(tmp_path / "t.npy", np.eye(3))
    assert len(read(tmp_path / "t.npy")) == 3


def test_files_that_are_none(tmp_path: Path) -> None:
    for name, message in (("none.csv", "no such file"), (".", "is a folder")):
        with pytest.raises(TableError, match=message):
            read(tmp_path / name)
    (tmp_path / "t.doc").write_text("a")
    with pytest.raises(TableError, match=r"must end in \.csv"):
        read(tmp_path / "t.doc")
