"""Plan: validated arrays of an estimator as a backend takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from ..._checks import Array
from ...backends.sparse import SparseRows, is_sparse, sparse_rows

_MANY_NUMBERS = 1 << 16
_SPARSE_SHARE = 0.35  # at half, as of 8 x 8 digits, both ways take the same time
_WIDE_BYTES = 64  # of the outputs of a layer that the core sums in the order of the features


def rows_of(X: Any) -> Array | SparseRows:
    """Validated X as a batch holds it."""
    return sparse_rows(X, X.dtype) if is_sparse(X) else np.ascontiguousarray(X)


def rows_to_learn(X: Any, outputs: int) -> Array | SparseRows:
    """The rows to fit a first layer with `outputs` outputs to: sparse if most of many numbers are 0.

    Then an epoch of handwritten digits (a fifth of the pixels) takes half the time, to the same bits, as the
    layer is wide enough not to be summed in another order.
    """
    many = not is_sparse(X) and X.size >= _MANY_NUMBERS and outputs * X.itemsize >= _WIDE_BYTES
    if many and np.count_nonzero(X) < _SPARSE_SHARE * X.size:
        return sparse_rows(csr_matrix(X), X.dtype)
    return rows_of(X)


def writable(arrays: Iterable[Array], dtype: np.dtype[Any]) -> list[Array]:
    """The arrays themselves where a backend may write to them, else copies: of memory maps, for instance."""
    return [np.require(array, dtype, ["C_CONTIGUOUS", "ALIGNED", "WRITEABLE"]) for array in arrays]
