"""Check and parse: a user's table, CSV or NumPy, to an array of features and a column of targets.

Every mistake is a `UserError` that names the file, the place in it and the rule.
"""

from __future__ import annotations

from pathlib import Path

from . import csv_file, numpy_file
from .table import Floats, Table, Target, UserError, check_is_file

__all__ = ["Floats", "Table", "Target", "UserError", "check_is_file", "read_features", "read_table"]


def read_table(path: Path, target: str | None) -> Table:
    """Read features and a target.

    Parameters
    ----------
    path : Path
        A .csv, .npy or .npz file.
    target : str or None
        The target's column, by name or by index (from 0, or negative from the end), by default the last;
        in an .npz file the name of the target's array, by default y.

    Raises
    ------
    UserError
        If the file is not a table of finite numbers with this target.
    OSError
        If it cannot be read.
    """
    if _is_csv(path):
        return csv_file.read_table(path, target)
    return numpy_file.read_table(path, target)


def read_features(path: Path, names: tuple[str, ...] | None, width: int) -> Floats:
    """Read the rows to predict: (rows, width), all finite.

    A CSV file with a header is matched by `names`, if the model has them, and its other columns are ignored;
    any other file must have exactly `width` columns. Raises what `read_table` does.
    """
    if _is_csv(path):
        return csv_file.read_features(path, names, width)
    return numpy_file.read_features(path, width)


def _is_csv(path: Path) -> bool:
    check_is_file(path)
    if path.suffix.lower() not in (".csv", ".npy", ".npz"):
        raise UserError(f"{path}: the name must end in .csv, .npy or .npz")
    return path.suffix.lower() == ".csv"
