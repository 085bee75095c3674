"""Sparse rows as the backends take them, made of scipy's matrices without importing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeGuard

import numpy as np
from numpy.typing import ArrayLike

from .._checks import Array

_MOST_FEATURES = 2**31 - 1  # that the indices of `SparseRows` can name


class SparseMatrix(Protocol):
    """What is asked of a sparse matrix or array of scipy's."""

    shape: Any
    dtype: Any
    nnz: Any

    def tocsr(self) -> Any:
        """Row by row."""


# What a model takes as X.
Samples: TypeAlias = ArrayLike | SparseMatrix


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

    def sums(self, of_entries: Array) -> Array:
        """The sums over each row of something of each entry."""
        filled = np.flatnonzero(np.diff(self.indptr))
        sums = np.zeros(len(self), of_entries.dtype)
        if len(filled):
            sums[filled] = np.add.reduceat(of_entries, self.indptr[filled])
        return sums

    def __getitem__(self, where: slice | Array) -> SparseRows:
        """Some rows."""
        rows = np.arange(len(self))[where]
        counts = self.indptr[rows + 1] - self.indptr[rows]
        ends = np.cumsum(counts)
        entries = np.arange(counts.sum()) + np.repeat(self.indptr[rows] - (ends - counts), counts)
        indptr = np.concatenate([np.zeros(1, np.int64), ends])
        return SparseRows(indptr, self.indices[entries], self.data[entries], (len(rows), self.shape[1]))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the entries."""
        return self.data.dtype

    def features(self) -> Array:
        """Which features have entries, (features,) bool."""
        present = np.zeros(self.shape[1], np.bool_)
        present[self.indices] = True
        return present

    def dense(self) -> Array:
        """The same as a dense matrix."""
        dense = np.zeros(self.shape, self.dtype)
        dense[np.repeat(np.arange(len(self)), np.diff(self.indptr)), self.indices] = self.data
        return dense

    def first_nonfinite_row(self) -> int:
        """Index of the first row that holds NaN or an infinity, -1 if there is none."""
        finite = np.isfinite(self.data)
        if finite.all():
            return -1
        return int(np.searchsorted(self.indptr, finite.argmin(), side="right")) - 1


def is_sparse(matrix: object) -> TypeGuard[SparseMatrix]:
    """Whether it is a sparse matrix or array of scipy's."""
    return hasattr(matrix, "tocsr") and hasattr(matrix, "nnz")


def own_places(matrix: Any) -> Any:
    """A sparse matrix with a checked copy of where its entries are, in order and each once.

    Its owner may change that meanwhile, and SciPy reads and writes beyond its arrays where these are wrong.

    Raises
    ------
    ValueError
        If it is wrong already.
    """
    if not hasattr(matrix, "check_format"):
        return matrix  # of a format that has no places, or whose conversion to rows checks them
    own = type(matrix)((matrix.data, matrix.indices.copy(), matrix.indptr.copy()), shape=matrix.shape)
    own.check_format(full_check=True)
    return _canonical(own)


def _canonical(matrix: Any) -> Any:
    """A sparse matrix itself, or a copy whose entries are in order and each once."""
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix


def sparse_rows(matrix: Any, dtype: np.dtype[Any]) -> SparseRows:
    """Its rows, with ascending columns of which each comes once; copied only where it is not so already.

    Raises
    ------
    ValueError
        If it has more columns than indices of 32 bits can tell apart.
    """
    rows = matrix.tocsr()
    if rows.shape[1] > _MOST_FEATURES:
        raise ValueError(f"X has {rows.shape[1]} features, but sparse samples have {_MOST_FEATURES} at most")
    rows = _canonical(rows)
    with np.errstate(over="ignore"):  # too large for the dtype becomes an infinity, which is refused later
        data = np.ascontiguousarray(rows.data, dtype)
    return SparseRows(
        np.ascontiguousarray(rows.indptr, np.int64),
        np.ascontiguousarray(rows.indices, np.int32),
        data,
        rows.shape,
    )
