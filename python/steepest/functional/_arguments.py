"""Check: the arrays that functions are given."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array


def floats(**arrays: ArrayLike) -> list[Array]:
    """Packed arrays of one float dtype."""
    real = {name: _checks.real_array(value, name) for name, value in arrays.items()}
    for name, array in real.items():
        if array.dtype.kind == "f" and array.dtype.itemsize not in (4, 8):
            raise TypeError(f"{name} has dtype {array.dtype}, but must be float32 or float64")
    each = [array.dtype if array.dtype.kind == "f" else np.dtype(np.float64) for array in real.values()]
    dtype = _checks.float_dtype(np.result_type(*each))
    return [_checks.packed(array, dtype) for array in real.values()]


def check_matrix(array: Array, name: str, rows: tuple[int, str] | None = None) -> None:
    """Refuse what is not 2-D, or has not as many rows as there are of something."""
    if array.ndim != 2:
        raise ValueError(f"{name} has shape {array.shape}, but must be 2-D")
    if rows is not None and array.shape[0] != rows[0]:
        raise ValueError(f"{name} has {array.shape[0]} rows, but there are {rows[0]} {rows[1]}")
