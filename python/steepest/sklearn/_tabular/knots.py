"""Plan: where the piecewise linear encoding of each column has its knots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

VALUES_OF_A_LINE = 2  # of so many different values every function is a line


def knots_of(X: Floats, distinct: NDArray[np.int64], bins: int) -> list[Floats]:
    """Of each column of X different quantiles, at most `bins` + 1; none of one that has no ramps.

    distinct : how many values a column has that is a number; 0 of others.
    """
    none = np.empty(0, dtype=np.float32)
    shares = np.linspace(0, 1, bins + 1)
    found = []
    for column, count in zip(X.T, distinct.tolist(), strict=True):
        bends = bins > 0 and count > VALUES_OF_A_LINE
        edges = np.unique(np.quantile(column, shares).astype(np.float32)) if bends else none
        found.append(edges if len(edges) > 2 else none)
    return found
