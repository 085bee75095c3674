"""NumPy files: .npy holds one table, .npz the features X or x and the target y. Nothing pickled is read."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .table import Array, Table, TableError, column_of, listed


def read(path: Path) -> Table:
    """Columns by their numbers from 0; those of an archive's other arrays by the arrays' names."""
    loaded = _load(path)
    if not isinstance(loaded, dict):
        return table_of_array(path, loaded)
    name: str | None = next((name for name in ("X", "x") if name in loaded), None)
    if name is None and len(loaded) == 1:
        name = next(iter(loaded))
    if name is None:
        raise TableError(f"{path}: no array 'X' or 'x' for the features; it has {listed(loaded)}")
    columns = _columns(path, name, loaded.pop(name))
    features, rows = list(columns), len(columns["0"])
    for other, values in loaded.items():
        if values.ndim == 1 and len(values) == rows:
            columns[other] = _values(path, other, values)
        elif other == "y":
            raise TableError(f"{path}: {name} has {rows} rows, but y has shape {values.shape}")
    targets = ("y",) if "y" in columns else ()
    extra = [other for other in columns if other not in features and other != "y"]
    return Table(str(path), columns, False, frozenset(), (), targets or tuple(extra[-1:]), True)


def table_of_array(path: Path, array: NDArray[Any]) -> Table:
    """The table of an .npy file."""
    return Table(str(path), _columns(path, "the array", array), named=False, arrays=True)


def mapped(path: Path) -> NDArray[Any]:
    """The array of an .npy file, of which nothing is read yet."""
    with path.open("rb"), _refusing(path):
        return np.lib.format.open_memmap(path, mode="r")


def _load(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    with path.open("rb") as file, _refusing(path):
        loaded = np.load(file, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            return np.asarray(loaded)
        # What an archive holds besides arrays comes as bytes.
        return {name: np.asarray(array) for name, array in loaded.items()}


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """A block that reads a file; what is wrong with it, is said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a header that only looks like Python
        try:
            yield
        except MemoryError:
            raise
        except Exception as error:  # NumPy, zipfile, zlib and tokenize raise some ten kinds for damaged files
            held = any(words in str(error) for words in ("allow_pickle", "Python objects"))
            objects = ", or holds Python objects, which are never read" if held else ""
            raise TableError(f"{path}: is not a NumPy file{objects}") from None


def _columns(path: Path, name: str, array: NDArray[Any]) -> dict[str, Array]:
    if array.ndim != 2 or not array.size:
        raise TableError(
            f"{path}: {name} has shape {array.shape}, but must be (rows, columns), neither of them 0"
        )
    return {str(i): _values(path, name, array[:, i]) for i in range(array.shape[1])}


def _values(path: Path, name: str, values: NDArray[Any]) -> Array:
    if values.dtype.kind not in "biufSUM":
        raise TableError(f"{path}: {name} has dtype {values.dtype}, but must hold numbers or strings")
    if values.dtype.kind == "f":
        with np.errstate(all="ignore"):
            return values if values.dtype.itemsize <= 8 else values.astype(np.float64)
    try:
        return column_of(values)
    except UnicodeDecodeError:
        raise TableError(f"{path}: {name} holds bytes that are not UTF-8 text") from None
