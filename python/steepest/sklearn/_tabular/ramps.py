"""Piecewise linear encoding: ramps of each number's quantile bins, beside the columns themselves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Ramps:
    """Columns, and for each bin between two knots 2 * clip((x - k) / (k' - k), 0, 1) - 1.

    After Gorishniy, Rubachev, Babenko, "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022, with ramps in [-1, 1].

    knots : of each column its edges, in order; none of a column that has no ramps.
    """

    knots: tuple[Floats, ...]

    @classmethod
    def of(cls, X: Floats, distinct: NDArray[np.int64], bins: int) -> Ramps:
        """Different quantiles, at most `bins` + 1, of the columns that are numbers of several values."""
        none = np.empty(0, dtype=np.float32)
        shares = np.linspace(0, 1, bins + 1)
        found = []
        for column, count in zip(X.T, distinct.tolist(), strict=True):
            edges = np.unique(np.quantile(column, shares).astype(np.float32)) if bins and count > 2 else none
            found.append(edges if len(edges) > 2 else none)
        return cls(tuple(found))

    @property
    def features_out(self) -> int:
        """Columns and ramps."""
        return len(self.knots) + sum(len(edges) - 1 for edges in self.knots if len(edges))

    def __call__(self, X: Floats) -> Floats:
        """First the columns, then the ramps column by column; (rows, features_out)."""
        encoded = np.empty((len(X), self.features_out), dtype=np.float32)
        encoded[:, : X.shape[1]] = X
        start = X.shape[1]
        for column, edges in zip(X.T, self.knots, strict=True):
            if len(edges):
                ramps = (column[:, np.newaxis] - edges[:-1]) / np.diff(edges)
                encoded[:, start : start + len(edges) - 1] = 2 * np.clip(ramps, 0, 1) - 1
                start += len(edges) - 1
        return encoded
