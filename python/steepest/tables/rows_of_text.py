"""Where the rows of a text file begin, as pandas divides it, without reading what is in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from .sniff import SPACES, Format
from .table import TableError

_BLOCK = 2**22  # bytes that are looked at together
_LONGEST = 2**28  # of one row
_STRIDE = 1024  # rows from one kept beginning to the next
_MARK = b"\xef\xbb\xbf"  # of UTF-8


@dataclass(frozen=True)
class RowsOfText:
    """The rows of a text file; the beginnings of some are kept.

    Attributes
    ----------
    size : int
        Bytes of the file.
    rows : int
    kept : tuple of int
        Where rows 0, 1024, 2048, ... begin.
    separator : str
        As of `Format`.
    """

    size: int
    rows: int
    kept: tuple[int, ...]
    separator: str

    @classmethod
    def of(cls, path: Path, encoding: str, found: Format) -> RowsOfText:
        """Count them, from the beginning of the file.

        Raises
        ------
        TableError
            If the bytes of the encoding cannot be told apart, or a row does not end.
        """
        _check_encoding(path, encoding)
        size, rows, kept = path.stat().st_size, 0, []
        with path.open("rb") as file:
            begin = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
            for begins in _rows(path, file, begin, found.separator, found.skipped + found.header):
                kept += begins[-rows % _STRIDE :: _STRIDE].tolist()
                rows += len(begins)
        return cls(size, rows, tuple(kept), found.separator)

    def begin(self, path: Path, row: int) -> int:
        """Where a row begins; one behind the last, at the end of the file."""
        if row >= self.rows:
            return self.size
        left = row % _STRIDE
        with path.open("rb") as file:
            for begins in _rows(path, file, self.kept[row // _STRIDE], self.separator, 0):
                if left < len(begins):
                    return int(begins[left])
                left -= len(begins)
        raise TableError(f"{path}: was changed while it was read")

    def line(self, path: Path, begin: int, number: int) -> int:
        """The line of the file where the row that has this number, from a place on, begins; both from 1."""
        with path.open("rb") as file:
            rows = _rows(path, file, begin, self.separator, number - 1)
            left, lines = next((int(begins[0]) for begins in rows if len(begins)), self.size), 1
            file.seek(0)
            while left > 0 and (text := file.read(min(_BLOCK, left))):
                left, lines = left - len(text), lines + text.count(b"\n")
        return lines


def _check_encoding(path: Path, encoding: str) -> None:
    """Refuse those in which the byte of a separator or newline may be a part of another character."""
    plain, other = bytes(range(128)), bytes(range(128, 256))
    same = plain.decode(encoding, "replace") == plain.decode("ascii")
    if not same or len(other.decode(encoding, "replace")) != len(other):
        raise TableError(f"{path}: text in {encoding} cannot be divided by rows: convert it to UTF-8")


def _rows(
    path: Path, file: IO[bytes], begin: int, separator: str, skipped: int
) -> Iterator[NDArray[np.int64]]:
    """Where rows begin, from that byte on, some at a time; `skipped` lines before them are none."""
    text, ended = b"", False
    file.seek(begin)
    while not ended:
        wanted = max(_BLOCK, len(text))
        more = file.read(wanted)
        ended = len(more) < wanted
        text += more
        if ended and text and not text.endswith((b"\n", b"\r")):
            text += b"\n"
        ends = _ends(text, separator)
        if len(ends) and ends[-1] == len(text) and text.endswith(b"\r") and not ended:
            ends = ends[:-1]  # a \n may follow
        last = int(ends[-1]) if len(ends) else 0
        if len(text) - last > (0 if ended else _LONGEST):
            raise TableError(f"{path}: the row at byte {begin + last} does not end: a quote is not closed")
        if not len(ends):
            continue
        begins = np.concatenate([[0], ends[:-1]])
        yield begin + begins[skipped:][~_blank(text, begins, ends, separator)[skipped:]]
        skipped = max(0, skipped - len(ends))
        begin, text = begin + last, text[last:]


def _ends(text: bytes, separator: str) -> NDArray[np.int64]:
    """Where whole lines end: behind newlines outside of quotes, which are behind an even number of quotes.

    That holds if the first quote of each two begins a field or, in one, follows the second of the two before.
    """
    data = np.frombuffer(b"\n" + text, np.uint8)
    quotes, ends = np.flatnonzero(data == ord('"')), np.flatnonzero(data == ord("\n"))[1:]
    before = quotes[::2] - 1
    while separator != SPACES and (spaces := data[before] == ord(" ")).any():
        before = before - spaces
    begins = np.frombuffer(b'\r\n"' + (b" \t" if separator == SPACES else separator.encode()), np.uint8)
    if not np.isin(data[before], begins).all() or text.count(b"\r") > text.count(b"\r\n"):
        return _ends_of_matches(text, separator)
    outside: NDArray[np.bool_] = np.searchsorted(quotes, ends) % 2 == 0
    return ends[outside]


def _ends_of_matches(text: bytes, separator: str) -> NDArray[np.int64]:
    """The same of any text, in which quotes may stand within fields too; much slower."""
    mark = b" \t" if separator == SPACES else separator.encode()
    between = b"[ \t]+" if separator == SPACES else re.escape(mark)
    rest = b"[^%s\r\n]*" % re.escape(mark)
    field = rb'(?: *"[^"]*(?:""[^"]*)*"(?!")%s|(?! *")%s)' % (rest, rest)
    row = rb'(?:[^"\r\n]*(?=[\r\n])|%s(?:%s%s)*)(?:\r\n?|\n)' % (field, between, field)
    ends = [0]
    for match in re.finditer(row, text):
        if match.start() != ends[-1]:
            break  # the row does not end here
        ends.append(match.end())
    return np.array(ends[1:], dtype=np.int64)


def _blank(
    text: bytes, begins: NDArray[np.int64], ends: NDArray[np.int64], separator: str
) -> NDArray[np.bool_]:
    """Which lines are blank, which pandas leaves out."""
    gaps = b" \t\r\n".replace(separator.encode(), b"")
    places = np.isin(np.frombuffer(text, np.uint8)[begins], np.frombuffer(gaps, np.uint8))
    for place in np.flatnonzero(places):
        places[place] = not text[begins[place] : ends[place]].strip(gaps)
    return places
