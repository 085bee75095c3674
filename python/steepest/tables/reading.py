"""`read`: a file or standard input as a `Table`; pandas reads, this says how."""

from __future__ import annotations

import csv
import gzip
import io
import re
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from ..datasets import load_digits
from . import numpy_file
from .peers import ALONE, Peers
from .sniff import Format, ReadOptions, sniffed
from .table import Array, Table, TableError, column_of, listed

_HEAD = 2**18  # bytes from which the format is found out,
_LINES, _LONGEST_HEAD = 10, 2**26  # or more, for so many lines: those of genes are a megabyte long
_EXCEL = (".xlsx", ".xls", ".xlsm", ".ods")
TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat", ".data")


def read(source: Path | Literal["-"], options: ReadOptions | None = None) -> Table:
    """Read a table.

    Parameters
    ----------
    source : Path or "-"
        A text file (.csv, .tsv, .txt, also .gz), .parquet, Excel, .npy or .npz; "-" is text from standard
        input.
    options : ReadOptions, optional

    Raises
    ------
    TableError
        If the file is not a table.
    OSError
        If it cannot be read.
    ImportError
        If pandas, or what it needs for this kind of file, is not installed.
    """
    options = options or ReadOptions()
    if source == "-" and sys.stdin is None:
        raise TableError("standard input is closed")
    if source == "-":
        return _text("standard input", io.BytesIO(sys.stdin.buffer.read()), "", options)
    path = Path(source)
    check_is_file(path)
    kinds = [suffix.lower() for suffix in path.suffixes]
    kind = kinds[-1] if kinds else ""
    if kind in (".npy", ".npz"):
        return numpy_file.read(path)
    if kind == ".parquet":
        return table_of_frame(_frame(path, "read_parquet"), str(path))
    if kind in _EXCEL:
        return _excel(path, options)
    inner = kinds[-2] if kind == ".gz" and len(kinds) > 1 else kind
    if inner not in TEXT and kind != ".gz":
        raise TableError(f"{path}: the name must end in .csv, .tsv, .txt, .gz, .parquet, .xlsx, .npy or .npz")
    with _opened(path, kind) as file:
        try:
            return _text(str(path), file, inner, options)
        except (gzip.BadGzipFile, EOFError) as error:
            raise TableError(f"{path}: is damaged: {error}") from None


def check_is_file(path: Path) -> None:
    """Refuse what is no file: reading a pipe would wait for ever."""
    if not path.exists():
        raise TableError(f"{path}: no such file")
    if path.is_dir():
        raise TableError(f"{path}: is a folder")
    if not path.is_file():
        raise TableError(f"{path}: is a pipe or a device, not a file")


def _opened(path: Path, kind: str) -> Any:
    return gzip.open(path) if kind == ".gz" else path.open("rb")


def digits() -> Table:
    """The handwritten digits that come with the package."""
    X, y = load_digits()
    columns: dict[str, Array] = {f"pixel {i}": X[:, i] for i in range(X.shape[1])}
    return Table("digits", {**columns, "digit": y}, arrays=True)


def table_of_frame(frame: Any, name: str = "the table") -> Table:
    """A DataFrame of pandas or polars."""
    if hasattr(frame, "get_columns"):  # polars
        columns = {series.name: column_of(series.to_numpy()) for series in frame.get_columns()}
        return Table(name, columns)
    names = ["" if label == f"Unnamed: {i}" else str(label) for i, label in enumerate(frame.columns)]
    if not names:
        raise TableError(f"{name}: there is no column")
    columns, repeated = _by_name([(label, frame.iloc[:, i]) for i, label in enumerate(names)])
    return Table(name, columns, repeated=repeated)


def _by_name(series: Sequence[tuple[str, Any]]) -> tuple[dict[str, Array], frozenset[str]]:
    """Columns by their names, of equal ones the first, and the names of which there are several."""
    columns: dict[str, Array] = {}
    repeated = set()
    for label, values in series:
        if label in columns:
            repeated.add(label)
        else:
            columns[label] = _column_of_series(values)
    return columns, frozenset(repeated)


def _column_of_series(series: Any) -> Array:
    values = series.to_numpy()
    if values.dtype.kind in "fiubM":
        return np.asarray(values)
    return column_of(series.to_numpy(dtype=object))


def _pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise ImportError(
            "tables are read by pandas, which is not installed: pip install 'steepest[tables]'; "
            ".npy and .npz files need none"
        ) from None
    return pandas


def _frame(path: Path, function: str, **options: Any) -> Any:
    """What pandas reads from a file that is no text."""
    pandas = _pandas()
    try:
        frame: Any = getattr(pandas, function)(path, **options)
    except (ImportError, OSError, MemoryError):
        raise
    except Exception as error:  # pandas, zipfile, openpyxl and pyarrow raise many kinds for damaged files
        reason = (str(error) or repr(error)).splitlines()[0]
        raise TableError(f"{path}: cannot be read: {reason}") from None
    if not isinstance(frame, dict) and not len(frame.columns):
        raise TableError(f"{path} is empty")
    return frame


def _excel(path: Path, options: ReadOptions) -> Table:
    header = None if options.header is False else 0
    sheets = _frame(
        path, "read_excel", sheet_name=None, header=header, na_values=["?", *options.missing_values]
    )
    first = next(iter(sheets))
    frame = sheets[first]
    frame = frame.dropna(axis="columns", how="all") if header is None else frame
    table = table_of_frame(frame, str(path))
    notes: tuple[str, ...] = ()
    if len(sheets) > 1:
        notes = (f"the first sheet is read, {first!r} of {listed(sheets)}",)
    return replace(table, named=header == 0, notes=notes)


def _text(name: str, file: IO[bytes], suffix: str, options: ReadOptions) -> Table:
    encoding, found = text_format(name, file, suffix, options)
    file.seek(0)
    frame = parsed(name, file, encoding, found, options, skipped=found.skipped + found.header)
    if not len(frame):
        raise TableError(f"{name} has a header, but no rows")
    return table_of_text(name, frame, found)


def text_format(name: str, file: IO[bytes], suffix: str, options: ReadOptions) -> tuple[str, Format]:
    """The encoding of a text file, and how it is written, from its beginning."""
    start, cut = _begin(file)
    encoding = options.encoding or ("utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    return encoding, sniffed(name, _decoded(name, start, encoding, cut), options, suffix in (".tsv", ".tab"))


def parsed(
    name: str,
    file: Any,
    encoding: str,
    found: Format,
    options: ReadOptions,
    *,
    skipped: int = 0,
    line: Callable[[int], int] = lambda number: number,
    dtypes: Mapping[int, Any] | None = None,
) -> Any:
    """Lines of a text file as a frame, whose columns are numbered.

    Parameters
    ----------
    name : str
        The file, for messages.
    skipped : int
        Lines before the rows.
    line : callable
        Which line of the whole file is that of a number, from 1, for messages.
    dtypes : mapping of int to dtype, optional
        Those of some columns, which are read alone.

    Raises
    ------
    TableError
        If they are no table.
    """
    pandas = _pandas()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            frame = pandas.read_csv(
                file,
                sep=found.separator,
                decimal=found.decimal,
                thousands=found.thousands,
                encoding=encoding,
                header=None,
                names=range(found.width),
                index_col=False,
                skiprows=skipped,
                na_values=["?", *options.missing_values],
                skipinitialspace=True,
                low_memory=False,
                dtype=dtypes,
                usecols=None if dtypes is None else list(dtypes),
            )
    except (pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        raise TableError(f"{name}: {_worded(str(error), found, line)}") from None
    except (UnicodeDecodeError, LookupError) as error:
        raise TableError(_encoding_message(name, encoding, error)) from None
    if dtypes is None and len(found.separator) == 1 and frame.iloc[:, -1].isna().any():
        file.seek(0)
        _check_widths(name, file, encoding, found, skipped, line)
    return frame


def _check_widths(
    name: str, file: IO[bytes], encoding: str, found: Format, skipped: int, line: Callable[[int], int]
) -> None:
    """Refuse lines with too few columns, which pandas fills up."""
    lines = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        reader = csv.reader(lines, delimiter=found.separator, skipinitialspace=True)
        for row in reader:
            if 0 < len(row) < found.width and any(row) and (not skipped or reader.line_num > found.skipped):
                raise TableError(
                    f"{name}: line {line(1) - 1 + reader.line_num} has {len(row)} columns, but line "
                    f"{found.skipped + 1} has {found.width}"
                )
    finally:
        lines.detach()


def _begin(file: IO[bytes]) -> tuple[bytes, bool]:
    """The first lines of a file, and whether there may be more."""
    start = file.read(_HEAD)
    cut = len(start) == _HEAD
    while cut and len(start) < _LONGEST_HEAD and start.count(b"\n") <= _LINES:
        more = file.read(len(start))
        cut = len(more) == len(start)
        start += more
    return start, cut


def _decoded(name: str, start: bytes, encoding: str, cut: bool) -> str:
    try:
        text = start.decode(encoding, errors="strict" if not cut else "ignore")
    except (UnicodeDecodeError, LookupError) as error:
        raise TableError(_encoding_message(name, encoding, error)) from None
    if "\0" in text:
        raise TableError(f"{name}: is not text")
    return text.rpartition("\n")[0] if cut else text


def _encoding_message(name: str, encoding: str, error: Exception) -> str:
    if isinstance(error, LookupError):
        return f"{name}: the encoding {encoding!r} is unknown"
    shown = "UTF-8" if encoding == "utf-8-sig" else encoding
    return f"{name}: is not {shown} text: give --encoding, such as cp1252 for files of Windows"


def _worded(message: str, found: Format, line: Callable[[int], int]) -> str:
    """Pandas' message with the file's own line numbers."""
    if match := re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message):
        wide, first = line(int(match[2])), found.skipped + 1
        return f"line {wide} has {match[3]} columns, but line {first} has {found.width}"
    if "Length of header or names" in message:
        return f"a line has more columns than line {found.skipped + 1}, which has {found.width}"
    return message.strip().splitlines()[-1].removeprefix("Error tokenizing data. C error: ")


def table_of_text(name: str, frame: Any, found: Format, peers: Peers = ALONE) -> Table:
    """Columns by name, without those that trailing separators make."""
    empty = [peers.all(values.isna().all()) for _, values in frame.items()]
    labels = found.names if found.header else [str(i) for i in range(found.width)]
    series = [(label, frame.iloc[:, place]) for place, label in enumerate(labels)]
    if found.header:
        series = [one for one, nothing in zip(series, empty, strict=True) if one[0] or not nothing]
    elif len(series) > 1 and empty[-1]:
        series.pop()
    columns, repeated = _by_name(series)
    return Table(name, columns, found.header, repeated, found.notes, peers=peers)
