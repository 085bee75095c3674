"""Check: labels as they are given, of any type, and the number of each row's class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets

from ..._checks import Array

_OF_NUMPY = (bool, int, float, complex, bytes)  # objects of one of these are an array of its own dtype


def as_given(y: Any) -> Any:
    """Labels as arrays, where numbers of pandas' own types would become floats, and in lists texts."""
    dtype: Any = getattr(y, "dtype", None)
    if hasattr(dtype, "numpy_dtype") and dtype.kind in "biuf" and not y.isna().any():
        return y.to_numpy(dtype=dtype.numpy_dtype)
    if isinstance(y, list | tuple) and not all(isinstance(label, str) for label in y):
        array = np.asarray(y)
        return np.array(y, dtype=object) if array.ndim == 1 and array.dtype.kind in "US" else array
    return y.astype(object) if getattr(dtype, "kind", "") == "T" else y


def classes_of(y: Array) -> tuple[Array, NDArray[np.int64]]:
    """The different labels in their order, and which one each row has.

    Raises
    ------
    ValueError, TypeError
        If they are no labels, such as numbers with fractions, or lists.
    """
    if y.dtype.kind != "O":
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        return classes, codes.astype(np.int64)
    cells = [_plain(cell) for cell in y.tolist()]
    types = {*map(type, cells)}
    if len(types) == 1 and types <= {*_OF_NUMPY} and (plain := np.array(cells)).dtype.kind != "O":
        return classes_of(plain)
    if types <= {int, float} and not all(float(cell).is_integer() for cell in cells):
        check_classification_targets(np.array(cells, dtype=np.float64))
    try:
        different = list(dict.fromkeys(cells))
    except TypeError:
        raise TypeError(
            f"y holds {next(filter(_unhashable, cells))!r:.80}, which cannot be a label"
        ) from None
    try:
        different.sort()
    except TypeError:  # texts and numbers, say
        different.sort(key=lambda label: (type(label).__name__, str(label)))
    places = {label: place for place, label in enumerate(different)}
    classes = np.empty(len(different), dtype=object)
    classes[:] = different
    return classes, np.array([places[cell] for cell in cells], dtype=np.int64)


def _plain(cell: Any) -> Any:
    """A number of NumPy's as Python's; not a duration, which NumPy counts among its integers."""
    number = isinstance(cell, np.number | np.bool_) and not isinstance(cell, np.timedelta64)
    return cell.item() if number else cell


def _unhashable(cell: Any) -> bool:
    return type(cell).__hash__ is None
