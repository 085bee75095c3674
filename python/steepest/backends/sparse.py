"""Sparse rows as the backends take them, made of scipy's matrices without importing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import Array


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A matrix of few entries, row by row: data[k] in column indices[k], for indptr[i] <= k < indptr[i + 1].

    indptr: (samples + 1,) int64. indices: int32, ascending within a row, each once. data: the model's dtype.
    """

    indptr: Array
    indices: Array
    data: Array
    shape: tuple[int, int]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, where: slice | Array) -> Array:
        """Some rows as a dense matrix."""
        rows = np.arange(len(self))[where]
        counts = self.indptr[rows + 1] - self.indptr[rows]
        ends = np.cumsum(counts)
        entries = np.arange(counts.sum()) + np.repeat(self.indptr[rows] - (ends - counts), counts)
        dense = np.zeros((len(rows), self.shape[1]), self.data.dtype)
        dense[np.repeat(np.arange(len(rows)), counts), self.indices[entries]] = self.data[entries]
        return dense


def is_sparse(matrix: object) -> bool:
    """Whether it is a sparse matrix or array of scipy's."""
    return hasattr(matrix, "tocsr") and hasattr(matrix, "nnz")


def sparse_rows(matrix: Any, dtype: np.dtype[Any]) -> SparseRows:
    """Its rows, with ascending columns of which each comes once; copied only where it is not so already."""
    rows = matrix.tocsr()
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return SparseRows(
        np.ascontiguousarray(rows.indptr, np.int64),
        np.ascontiguousarray(rows.indices, np.int32),
        np.ascontiguousarray(rows.data, dtype),
        rows.shape,
    )
