"""Compute: how an objective bends along some of the weights of a linear layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..._checks import Array
from ...backends import active
from .metric import MOST_MIXED

_NUMBERS = 2**23  # of rows that are made at once, 64 MB
MOST_WEIGHTS = 4000  # of a working set: their products have 128 MB
_MOST_TOGETHER = 2500  # of several scores; of 3,300, a step took five times as long as of each score apart
_MIXED = 1e10  # multiply-adds of products of all pairs of weights of several scores, some tenths of a second
_PRODUCTS = 2e10  # multiply-adds that products may cost; else some rows stand for all

Places = tuple[Array, Array]  # of weights: their rows and columns in a point


@dataclass(frozen=True)
class Quadratic:
    """The curvature by the weights of all scores; a row of weights after those of features is of intercepts.

    Attributes
    ----------
    rows : ndarray or sparse array of shape (n_samples, n_features)
        Of mean square 1.
    squares : ndarray of shape (n_weights, 1)
        Second derivatives of the penalties.
    bends : ndarray of shape (n_samples, n_scores)
        About the second derivative of each sample's loss by its scores, times the sample's share.
    mixed : callable
        The same by pairs of scores, (n_samples, n_scores, n_scores), of which each row adds up to 0. None
        where scores do not mix.
    """

    rows: Any
    squares: Array
    bends: Array
    mixed: Callable[[], Array] | None

    @property
    def diagonal(self) -> Array:
        """About the second derivative by each weight, (n_weights, n_scores)."""
        return self.bends.sum(axis=0) + self.squares

    def parts(self, held: Array) -> Iterator[tuple[Places, Array]]:
        """Some weights in parts, and the second derivatives by those of a part, (weights, weights).

        Parts are taken not to mix. held: a mask, (n_weights, n_scores).
        """
        # Taken apart, some 2,000 weights of eight scores took ten times as many steps.
        if self.mixed is not None and self._few(int(held.sum())):
            if len(held) > self.rows.shape[1]:  # only differences of intercepts matter
                held = held.copy()
                held[-1, 0] = False
            yield self._together(held, self.mixed())
            return
        for k in np.flatnonzero(held.any(axis=0)):
            places = np.flatnonzero(held[:, k])
            columns = self._columns(places)
            products = self._products(columns, self.bends[:, k], columns)
            products[np.diag_indices_from(products)] += self.squares[places, 0]
            yield (places, np.full(len(places), k)), products

    def _few(self, weights: int) -> bool:
        """Whether all pairs of so many weights, of whatever scores, cost little enough."""
        if weights <= MOST_MIXED:
            return True
        samples, features = self.rows.shape
        filled = self.rows.nnz / (samples * features) if sparse.issparse(self.rows) else 1.0
        return weights <= _MOST_TOGETHER and samples * (filled * weights) ** 2 <= _MIXED

    def _together(self, held: Array, bends: Array) -> tuple[Places, Array]:
        scores, places = np.nonzero(held.T)
        ends = np.searchsorted(scores, np.arange(bends.shape[1] + 1))
        parts = [slice(ends[k], ends[k + 1]) for k in range(bends.shape[1])]
        columns = [self._columns(places[part]) for part in parts]
        products = np.empty((len(places), len(places)))
        for k, part in enumerate(parts):
            for j, other in enumerate(parts[: k + 1]):
                both = self._products(columns[k], bends[:, k, j], columns[j])
                products[part, other], products[other, part] = both, both.T
        products[np.diag_indices_from(products)] += self.squares[places, 0]
        return (places, scores), products

    def _columns(self, places: Array) -> Any:
        """Of the rows, and 1 for intercepts."""
        samples, features = self.rows.shape
        own = self.rows[:, places[places < features]]
        if own.shape[1] == len(places):
            return own
        ones = np.ones((samples, 1))
        return sparse.hstack([own, ones], format="csr") if sparse.issparse(own) else np.hstack([own, ones])

    @staticmethod
    def _products(left: Any, bends: Array, right: Any) -> Array:
        """The sum of bend * l * r' over rows l and r."""
        every = max(1, int(left.shape[0] * left.shape[1] * right.shape[1] / _PRODUCTS))
        left, right, bends = left[::every], right[::every], bends[::every, None] * every
        if sparse.issparse(left):
            return np.asarray((left.T @ right.multiply(bends).tocsr()).toarray())
        products = np.zeros((left.shape[1], right.shape[1]))
        step = max(1, _NUMBERS // (left.shape[1] + right.shape[1] + 1))
        for i in range(0, len(bends), step):
            some = slice(i, i + step)
            columns = np.ascontiguousarray(left[some].T)
            products += active().linear(columns, right[some] * bends[some], None)
        return products
