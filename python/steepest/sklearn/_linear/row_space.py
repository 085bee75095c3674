"""Compute: samples of more features than rows, by as many features as there are rows.

With a penalty on squares the best weights are a sum of rows (the representer theorem of Kimeldorf and Wahba,
1971). In an orthonormal basis of the rows the squares of the weights add up to the same, and all pairs of
weights are few enough for Newton's method.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import eigh

from ..._checks import Array
from ...backends.data import Parameters
from .scaled import shares

_MOST_ROWS = 1000  # whose basis takes some tenths of a second
_LEAST = 1e-14  # of the largest: smaller ones are of rounding


class RowSpace:
    """The basis, of the rows less their weighted mean where there are intercepts.

    Attributes
    ----------
    rows : ndarray of shape (n_samples, n_basis)
        The samples in it.
    """

    def __init__(self, X: Any, weight: Array | None, center: bool) -> None:
        share = shares(X.shape[0], weight) if center else np.zeros(X.shape[0])
        self._X: Any = sparse.csr_array(X, dtype=np.float64) if sparse.issparse(X) else X.astype(np.float64)
        self._mean = share @ self._X
        if not sparse.issparse(X):
            self._X = self._X - self._mean
            products = self._X @ self._X.T
        else:
            both = self._X @ self._mean
            products = (self._X @ self._X.T).toarray() - both[:, None] - both + self._mean @ self._mean
        values, vectors = eigh(products)
        kept = values > _LEAST * values[-1]
        root = np.sqrt(values[kept])
        self.rows = np.ascontiguousarray(vectors[:, kept] * root)
        self._to_rows = vectors[:, kept] / root

    @staticmethod
    def suits(X: Any, l1: float, l2: float) -> bool:
        """Whether it has the same minimum and fewer weights."""
        return X.shape[1] > 2 * X.shape[0] and X.shape[0] <= _MOST_ROWS and l1 == 0 and l2 > 0

    def project(self, layer: Parameters) -> Parameters:
        """A layer that takes these rows, and says what the layer says of the samples, as far as it can."""
        weight = self._to_rows.T @ self._centered(layer.weight)
        bias = None if layer.bias is None else layer.bias + self._mean @ layer.weight
        return Parameters(np.ascontiguousarray(weight), bias)

    def lift(self, own: Parameters, layer: Parameters) -> None:
        """Make a layer one of the samples that says what one of these rows says."""
        sums = self._to_rows @ own.weight
        layer.weight[...] = self._X.T @ sums
        if sparse.issparse(self._X):
            layer.weight[...] -= np.outer(self._mean, sums.sum(axis=0))
        if layer.bias is not None and own.bias is not None:
            layer.bias[...] = own.bias - self._mean @ layer.weight

    def _centered(self, weight: Array) -> Array:
        """What the centered rows say by a weight."""
        said = self._X @ weight
        return np.asarray(said - self._mean @ weight if sparse.issparse(self._X) else said)
