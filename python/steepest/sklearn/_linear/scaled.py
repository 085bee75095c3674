"""Compute: samples in units of their own, and layers in these units and back."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from scipy import sparse

from ..._checks import Array
from ...backends import active
from ...backends.data import Parameters
from ...backends.sparse import sparse_rows

_EPS = float(np.finfo(np.float64).eps)


def shares(samples: int, weight: Array | None) -> Array:
    """What part of the mean each sample is."""
    share = np.ones(samples) if weight is None else weight.astype(np.float64)
    return share / share.sum()


class Scaled:
    """Samples whose features have mean 0, where there are intercepts, and mean square 1.

    Sparse ones are not centered. The weights of a layer that takes them, and of one that takes the samples
    as they are, can be computed of each other.
    """

    def __init__(self, X: Any, weight: Array | None, center: bool) -> None:
        self._dropped: Any = slice(0)
        self.share = shares(X.shape[0], weight)
        if sparse.issparse(X):
            rows = sparse.csr_array(X, dtype=np.float64, copy=True)
            self.mean = np.zeros(rows.shape[1])
            largest = abs(rows).max(axis=0).toarray().ravel()
            largest[largest == 0] = 1.0
            rows.data /= largest[rows.indices]
            root = np.sqrt(rows.multiply(rows).T @ self.share)
            root[root == 0] = 1.0
            rows.data /= root[rows.indices]
            self.rows, self.scale = rows, largest * root
            return
        rows = np.array(X, np.float64, order="C")
        self.mean = np.zeros(rows.shape[1])
        for _ in range(2 if center else 0):  # the second mean is what rounding left of the first
            rest = self.share @ rows
            rows -= rest
            self.mean += rest
        largest = np.abs(rows).max(axis=0)
        # A constant feature is one of rounding errors only.
        constant = largest <= 8 * _EPS * np.abs(self.mean)
        largest[constant | (largest == 0)] = 1.0
        rows /= largest
        root = np.sqrt(self.share @ np.square(rows))
        root[constant | (root == 0)] = 1.0
        rows /= root
        rows[:, constant] = 0
        self.rows, self.scale = rows, largest * root

    def drop(self, features: Array) -> None:
        """Make some features 0, and weights of them too."""
        if not features.any():
            return
        if sparse.issparse(self.rows):
            self.rows.data[features[self.rows.indices]] = 0
        else:
            self.rows[:, features] = 0
        self._dropped = features

    def every(self, step: int) -> Scaled:
        """Each `step`th sample, which stands for so many."""
        if step == 1:
            return self
        some = copy.copy(self)
        some.rows, some.share = self.rows[::step], self.share[::step] * step
        if not sparse.issparse(some.rows):
            some.rows = np.ascontiguousarray(some.rows)
        return some

    def scores(self, weight: Array, bias: Array) -> Array:
        """Of a layer that takes the scaled samples."""
        if sparse.issparse(self.rows):
            return np.asarray(self.rows @ weight + bias)
        return active().linear(self.rows, np.ascontiguousarray(weight), np.ascontiguousarray(bias))

    @property
    def batch_rows(self) -> Any:
        """As a batch holds them."""
        return sparse_rows(self.rows, np.dtype(np.float64)) if sparse.issparse(self.rows) else self.rows

    def point_of(self, layer: Parameters) -> Array:
        """The weights of a layer in the units of the scaled samples, and its biases as the last row."""
        weight = layer.weight.astype(np.float64)
        rows = [weight * self.scale[:, None]]
        rows[0][self._dropped] = 0
        if layer.bias is not None:
            rows.append((layer.bias + self.mean @ weight)[None, :])
        return np.vstack(rows)

    def write(self, point: Array, layer: Parameters) -> None:
        """Make the layer one of the samples as they are."""
        weight = point[: len(self.scale)] / self.scale[:, None]
        layer.weight[...] = weight
        if layer.bias is not None:
            layer.bias[...] = point[-1] - self.mean @ weight
