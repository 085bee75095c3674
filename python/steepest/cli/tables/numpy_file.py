"""NumPy files: .npy holds one table, .npz the features X or x and the target y. Nothing pickled is read."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .table import (
    Floats,
    Table,
    Target,
    UserError,
    cell_error,
    check_width,
    column_index,
    first_nonfinite,
    listed,
    make_target,
)


def read_table(path: Path, target: str | None) -> Table:
    """Features and target: of an array the column `target`, of an archive the array of that name."""
    loaded = _load(path)
    if not isinstance(loaded, dict):
        table = _table(path, "the array", loaded)
        column = column_index(path, target, table.shape[1])
        features = np.delete(table, column, axis=1)
        if not features.size:
            raise UserError(
                f"{path}: has shape {table.shape}, but needs rows, and a column beside the target"
            )
        learned = _target(path, f"column {column}", table[:, column])
        return Table(_finite(path, features), None, learned)
    name = "y" if target is None else target
    if name not in loaded:
        raise UserError(f"{path}: no array {name!r} for the target; it has {listed(loaded)}")
    features = _table(path, "X", _features(path, loaded))
    learned = _target(path, name, loaded[name])
    if len(learned.labels) != len(features):
        raise UserError(f"{path}: X has {len(features)} rows, but {name} has {len(learned.labels)}")
    return Table(_finite(path, features), None, learned)


def read_features(path: Path, width: int) -> Floats:
    """Features: the array, or of an archive its only array, X or x."""
    loaded = _load(path)
    if isinstance(loaded, dict):
        loaded = next(iter(loaded.values())) if len(loaded) == 1 else _features(path, loaded)
    features = _table(path, "the array", loaded)
    check_width(path, features.shape[1], width)
    return _finite(path, features)


def _load(path: Path) -> NDArray[Any] | dict[str, NDArray[Any]]:
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about a header that only looks like Python
        try:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                return np.asarray(loaded)
            # What an archive holds besides arrays comes as bytes.
            return {name: np.asarray(array) for name, array in loaded.items()}
        except MemoryError:
            raise
        except Exception as error:  # NumPy, zipfile, zlib and tokenize raise some ten kinds for damaged files
            objects = (
                ", or holds Python objects, which are never read" if "allow_pickle" in str(error) else ""
            )
            raise UserError(f"{path}: is not a NumPy file{objects}") from None


def _features(path: Path, arrays: dict[str, NDArray[Any]]) -> NDArray[Any]:
    for name in ("X", "x"):
        if name in arrays:
            return arrays[name]
    raise UserError(f"{path}: no array 'X' or 'x' for the features; it has {listed(arrays)}")


def _table(path: Path, name: str, array: NDArray[Any]) -> Floats:
    if array.ndim != 2 or not array.size:
        raise UserError(
            f"{path}: {name} has shape {array.shape}, but must be (rows, columns), neither of them 0"
        )
    if array.dtype.kind not in "biuf":
        raise UserError(f"{path}: {name} has dtype {array.dtype}, but must hold real numbers")
    with np.errstate(all="ignore"):  # what is not finite then, or was, is refused later
        return array.astype(np.float64)


def _finite(path: Path, features: Floats) -> Floats:
    if (bad := first_nonfinite(features)) is not None:
        raise cell_error(path, f"row {bad[0]}", f"column {bad[1]}", str(features[bad]))
    return features


def _target(path: Path, name: str, values: NDArray[Any]) -> Target:
    if values.ndim != 1:
        raise UserError(f"{path}: {name} has shape {values.shape}, but must have one value per row")
    if values.dtype.kind not in "biufSU":
        raise UserError(f"{path}: {name} has dtype {values.dtype}, but must hold numbers or strings")
    if values.dtype.kind == "f" and np.isfinite(values).all() and (values == np.rint(values)).all():
        labels = [str(int(value)) for value in values]  # classes kept as floats are 0, 1, not 0.0, 1.0
    elif values.dtype.kind == "S":
        labels = [value.decode("latin-1") for value in values.tolist()]
    else:
        labels = [str(value) for value in values.tolist()]
    return make_target(path, name, labels, lambda row: f"row {row}")
