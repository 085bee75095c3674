"""Compute: how an objective bends along some of the weights of a linear layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ...._checks import Array
from ....backends import active

MOST_WEIGHTS = 4000  # of a working set: their products have 128 MB
_TOGETHER = 2500  # of several scores; of 3,300, a step took five times as long as of each score apart
_MIXED = 2e10  # multiply-adds of products of all pairs of weights of several scores, some tenths of a second
_PRODUCTS = 2e10  # of each score's: beyond, some rows stand for all
_ROWS = 8  # of these for each weight, so that they tell of all directions
_NUMBERS = 2**20  # that are made of rows at once, 8 MB

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
        Of a slice of the samples, the same by pairs of scores, (n_samples, n_scores, n_scores), of which each
        row adds up to 0. None where scores do not mix.
    """

    rows: Any
    squares: Array
    bends: Array
    mixed: Callable[[slice], Array] | None

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
            yield self._together(held, self.mixed)
            return
        for k in np.flatnonzero(held.any(axis=0)):
            places = np.flatnonzero(held[:, k])
            yield (places, np.full(len(places), k)), self._apart(places, self.bends[:, k])

    def _few(self, weights: int) -> bool:
        """Whether all pairs of so many weights, of whatever scores, cost little enough."""
        samples, features = self.rows.shape
        filled = self.rows.nnz / (samples * features) if sparse.issparse(self.rows) else 1.0
        work = samples * filled * weights * (filled * weights + self.bends.shape[1])
        return weights <= _TOGETHER and work <= _MIXED

    def _apart(self, places: Array, bends: Array) -> Array:
        """By weights of one score."""
        samples, weights = len(bends), len(places)
        enough = samples // (_ROWS * weights)
        every = max(1, min(enough, int(samples * weights**2 / _PRODUCTS)))
        products = np.zeros((weights, weights))
        for some in self._blocks(weights, every):
            columns = self._columns(places, some)
            products += _products(columns, columns, every * bends[some, None])
        return self._with_squares(products, places)

    def _together(self, held: Array, mixed: Callable[[slice], Array]) -> tuple[Places, Array]:
        """By weights of several scores."""
        scores, places = np.nonzero(held.T)
        ends = np.searchsorted(scores, np.arange(held.shape[1] + 1))
        products = np.zeros((len(places), len(places)))
        for some in self._blocks(len(places) + held.shape[1] ** 2):
            columns, bends = self._columns(places, some), mixed(some)
            for k in np.unique(scores):
                part, lower = slice(ends[k], ends[k + 1]), slice(ends[k + 1])
                products[part, lower] += _products(
                    columns[:, part], columns[:, lower], bends[:, k, scores[lower]]
                )
        products = np.tril(products) + np.tril(products, -1).T
        return (places, scores), self._with_squares(products, places)

    def _with_squares(self, products: Array, places: Array) -> Array:
        products[np.diag_indices_from(products)] += self.squares[places, 0]
        return products

    def _blocks(self, width: int, every: int = 1) -> Iterator[slice]:
        """Slices of the rows, of so many numbers a row that is taken."""
        samples = self.rows.shape[0]
        step = every * max(1, _NUMBERS // max(1, width))
        for i in range(0, samples, step):
            yield slice(i, min(i + step, samples), every)

    def _columns(self, places: Array, some: slice) -> Any:
        """Of rows, and 1 for intercepts."""
        features = self.rows.shape[1]
        rows = self.rows[some]
        if sparse.issparse(rows):
            ones = sparse.csr_array(np.ones((rows.shape[0], 1)))
            return sparse.hstack([rows, ones], format="csc")[:, places]
        own = rows[:, np.minimum(places, features - 1)]
        own[:, places == features] = 1.0
        return own


def _products(left: Any, right: Any, bends: Array) -> Array:
    """The sum of l * r' * bend over rows."""
    if sparse.issparse(left):
        return np.asarray((left.T @ right.multiply(bends).tocsc()).toarray())
    return active().linear(np.ascontiguousarray(left.T), right * bends, None)
