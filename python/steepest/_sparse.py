"""Check: sparse matrices of scipy's, without importing it, as the backends take them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .backends.protocol import SparseRows


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
