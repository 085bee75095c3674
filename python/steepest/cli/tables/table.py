"""What a table is, and the checks that every format shares."""

from __future__ import annotations

import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class UserError(Exception):
    """A mistake of the user's; its text is the one line that the command prints."""


@dataclass(frozen=True)
class Target:
    """The column to learn: what messages call it, its values as text, and as numbers if each is one."""

    name: str
    labels: list[str]
    numbers: Floats | None


@dataclass(frozen=True)
class Table:
    """Features (rows, columns), all finite; the columns' names where the file has them; the target."""

    features: Floats
    names: tuple[str, ...] | None
    target: Target


def check_is_file(path: Path) -> None:
    """Refuse anything that is not a regular file: opening a pipe would wait for a writer."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path}: no such file") from None
    if stat.S_ISDIR(mode):
        raise UserError(f"{path}: is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise UserError(f"{path}: is a pipe or a device, not a file")


def make_target(path: Path, name: str, labels: list[str], place: Callable[[int], str]) -> Target:
    """Check a target's texts; `place` says where in the file a row is."""
    numbers = None
    if all(map(is_number, labels)):
        numbers = np.array(labels, dtype=np.float64)
        bad = first_nonfinite(numbers[:, np.newaxis])
        if bad is not None:
            raise cell_error(path, place(bad[0]), name, labels[bad[0]])
    for row, label in enumerate(labels):
        if not label or label.lower() == "nan":
            raise cell_error(path, place(row), name, label)
    return Target(f"{path}, {name}", labels, numbers)


def cell_error(path: Path, place: str, column: str, text: str) -> UserError:
    """What is wrong with a cell that is not a finite number, or with an empty label."""
    text = text.strip()
    problem = f"{text} is not finite" if is_number(text) else f"{text!r:.80} is not a number"
    return UserError(f"{path}, {place}, {column}: {problem if text else 'the cell is empty'}")


def first_nonfinite(table: Floats) -> tuple[int, int] | None:
    """Row and column of the first NaN or infinity."""
    # A sum is finite if all are, and needs no table of booleans; it may overflow, so it only rules out.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(table.sum()):
            return None
    row, column = divmod(int(np.isfinite(table).argmin()), table.shape[1])
    return None if np.isfinite(table[row, column]) else (row, column)


def check_width(path: Path, found: int, width: int) -> None:
    """Refuse another number of columns than the model takes."""
    if found != width:
        hint = " (leave the target's column out)" if found == width + 1 else ""
        raise UserError(f"{path}: has {found} columns, but the model takes {width} features{hint}")


def column_index(path: Path, target: str | None, width: int) -> int:
    """The target's column, given by its index, the last by default."""
    text = "-1" if target is None else target
    if not is_integer(text):
        raise UserError(
            f"{path}: no column {text!r}: the columns have no names, but indices 0 to {width - 1}"
        )
    if not -width <= int(text) < width:
        raise UserError(f"{path}: no column {text}: there are {width}, 0 to {width - 1}")
    return int(text) % width


def listed(names: Collection[str]) -> str:
    """The names in quotes, the first ten if there are many."""
    shown = ", ".join(map(repr, list(names)[:10]))
    return f"{shown} and {len(names) - 10} more" if len(names) > 10 else shown


def is_integer(text: str) -> bool:
    """Whether the text is an index; no table has columns beyond 64 bits."""
    return text.removeprefix("-").isdecimal() and text.isascii() and len(text) < 20


def is_number(text: str) -> bool:
    """Whether the text is a number, NaN and infinities included."""
    try:
        float(text)
    except ValueError:
        return False
    return True
