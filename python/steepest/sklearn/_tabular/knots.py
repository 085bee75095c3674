"""Plan: where the piecewise linear encoding of each column has its knots."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def knots_of(X: Floats, distinct: NDArray[np.int64], bins: int) -> list[Floats]:
    """Of each column of X different quantiles, at most `bins` + 1; none of one that has no ramps.

    distinct : how many values a column has that is a number; 0 of others. Of two values there is no curve.
    """
    none = np.empty(0, dtype=np.float32)
    shares = np.linspace(0, 1, bins + 1)
    found = []
    for column, count in zip(X.T, distinct.tolist(), strict=True):
        edges = np.unique(np.quantile(column, shares).astype(np.float32)) if bins and count > 2 else none
        found.append(edges if len(edges) > 2 else none)
    return found
