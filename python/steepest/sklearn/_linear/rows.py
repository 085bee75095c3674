"""Compute: what linear models ask of validated samples, dense or sparse."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from ..._checks import Array
from ...backends import active
from ...backends.sparse import SparseRows, sparse_rows


def csr_rows(X: Any) -> SparseRows:
    """The rows of a sparse or dense matrix."""
    return sparse_rows(X if sparse.issparse(X) else sparse.csr_array(X), X.dtype)


def row_squares(X: Any) -> Array:
    """X @ x of each row, float64."""
    with np.errstate(over="ignore", under="ignore"):
        if sparse.issparse(X):
            rows = csr_rows(X)
            return rows.sums(np.square(rows.data, dtype=np.float64))
        squares: Array = np.einsum("ij,ij->i", X, X, dtype=np.float64)
    return squares


def row_counts(X: Any) -> Array:
    """How many numbers of each row are not 0."""
    if not sparse.issparse(X):
        return np.count_nonzero(X, axis=1)
    rows = csr_rows(X)
    return rows.sums((rows.data != 0).astype(np.int64))


def scores_of(X: Any, weight: Array, bias: Array | None) -> Array:
    """X @ weight + bias, as the backend computes it: a row's are the same in any company."""
    if sparse.issparse(X):
        return active().sparse_linear(csr_rows(X), weight, bias)
    return active().linear(np.ascontiguousarray(X), np.ascontiguousarray(weight), bias)
