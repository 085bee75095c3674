"""The specification of products."""

from __future__ import annotations

import numpy as np

from ..._checks import Array
from ..sparse import SparseRows
from .quiet import quiet

_ENTRIES = 1 << 16  # of sparse rows that are multiplied at a time


@quiet
def linear(x: Array, weight: Array, bias: Array | None) -> Array:
    """Compute x @ weight + bias."""
    y: Array = x @ weight
    if bias is not None:
        y += bias
    return y


@quiet
def sparse_linear(x: SparseRows, weight: Array, bias: Array | None) -> Array:
    """Compute x @ weight + bias, each row's entries one after the other."""
    y = np.zeros((len(x), weight.shape[1]), weight.dtype)
    rows = np.repeat(np.arange(len(x)), np.diff(x.indptr))
    for first in range(0, len(rows), _ENTRIES):
        some = slice(first, first + _ENTRIES)
        np.add.at(y, rows[some], x.data[some, None] * weight[x.indices[some]])
    return y if bias is None else y + bias


@quiet
def linear_backward(x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
    """Gradients of x, weight and bias from that of the output."""
    return grad @ weight.T, x.T @ grad, grad.sum(axis=0)
