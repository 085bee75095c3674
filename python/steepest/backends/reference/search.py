"""Check: where samples hold what nothing can be learned from."""

from __future__ import annotations

import numpy as np

from ..._checks import Array

_ROWS_AT_ONCE = 4096  # of X, which may be larger than memory


def first_nonfinite_row(x: Array) -> int:
    """Index of the first row that holds NaN or an infinity, -1 if there is none."""
    for start in range(0, len(x), _ROWS_AT_ONCE):
        bad = ~np.isfinite(x[start : start + _ROWS_AT_ONCE]).all(axis=1)
        if bad.any():
            return start + int(bad.argmax())
    return -1


def first_bad_label(labels: Array, classes: int) -> int:
    """Position of the first label outside 0..classes-1, -1 if there is none."""
    bad = (labels < 0) | (labels >= classes)
    return int(bad.argmax()) if bad.any() else -1
