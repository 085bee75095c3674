"""Compute: about the inverse of an objective's curvature, by which steps suit features of any scale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError
from scipy import sparse
from scipy.linalg import cho_factor
from scipy.linalg.lapack import dpotrs
from threadpoolctl import ThreadpoolController

from ..._checks import Array
from ...backends import active
from .minimize import Metric

MOST_MIXED = 1500  # weights of all scores together, for which all pairs are computed
_MOST_PAIRS = 2**23  # pairs of weights of one score, times the scores
_MANY_FEATURES = 8  # for each sample, with which products of pairs say little for their cost
_PRODUCTS = 2e10  # multiply-adds that they may cost, some tenths of a second; else some rows stand for all
_NUMBERS = 2**23  # and numbers that they may be made of, 64 MB
_BLOCK = 2**17  # numbers of products that are made at once, as many as a cache holds
_FLAT = 1e-3  # of the mean over directions of scores: none is taken for flatter
_SMALL = 100  # weights, up to which BLAS has one thread by itself
_RIDGE = 1e-13  # of the diagonal: roundings of the products count for nothing

_limit = RLock()  # of two limits at once, the one that ends last would stay


def few_enough(samples: int, weights: int, scores: int, mixed: bool) -> int:
    """Of so many samples, each which one is to stand for all in a metric."""
    numbers = samples * scores * max(scores if mixed else 1, weights if mixed else 1)
    work = samples * weights**2 * (scores**2 / 2 if mixed else scores)
    return max(1, int(np.ceil(numbers / _NUMBERS)), int(work / _PRODUCTS))


class Curvature:
    """That of the scores of samples, by the weights of a linear layer.

    Parameters
    ----------
    rows : ndarray or sparse array of shape (n_samples, n_features)
    intercept : bool
        Whether there is one more weight of a score, for a feature that is always 1.
    """

    def __init__(self, rows: Any, intercept: bool) -> None:
        self._rows = rows
        self._intercept = intercept
        self._weights = rows.shape[1] + intercept  # of a score

    def has_pairs(self, scores: int) -> bool:
        """Whether pairs of weights of one score are few enough, and told by the samples."""
        pairs, samples = self._weights**2, self._rows.shape[0]
        return scores * pairs <= _MOST_PAIRS and self._weights <= _MANY_FEATURES * samples

    def mixed(self, bends: Array, squares: Array) -> Metric:
        """The inverse of all of it; bends: (samples, scores, scores), with the shares of the samples.

        squares: (weights, scores), what penalties add.
        """
        scores, weights = bends.shape[1], self._weights
        products = np.empty((scores, weights, scores, weights))
        for k in range(scores):
            for j, both in enumerate(self._products(bends[:, k, : k + 1])):
                products[k, :, j] = products[j, :, k] = both
        # What the weights of all scores have in common is 0 at the minimum, if penalties treat them alike,
        # and bends no loss: its slope is of rounding, and no step.
        every = np.flatnonzero(squares.max(axis=1) == squares.min(axis=1))
        own = products[np.arange(scores)[:, None], every, np.arange(scores)[:, None], every].mean(axis=0)
        for k in range(scores):
            for j in range(scores):
                products[k, every, j, every] += own / scores
        solve = solver(products.reshape((scores * weights,) * 2), squares.T.ravel())
        return lambda gradient: solve(gradient.T.ravel()).reshape(scores, weights).T

    def shared(self, bends: Array, pairs: Array, squares: Array) -> Metric:
        """The inverse of it as if the samples differed in size alone, by one sum of products for all scores.

        bends: (samples,), times pairs: (scores, scores) of each. squares: (weights,), alike for all scores.
        """
        # What all scores have in common bends no loss; see `mixed`.
        values, turn = np.linalg.eigh(pairs + pairs.trace() / pairs.size)
        values = np.maximum(values, _FLAT * values.mean())
        products = self._products(bends[:, None])[0]
        solvers = [solver(products * value, squares) for value in values]
        back = np.ascontiguousarray(turn.T)

        def metric(gradient: Array) -> Array:
            turned = active().linear(gradient, turn, None).T
            steps = np.stack([solve(g) for solve, g in zip(solvers, turned, strict=True)], 1)
            return active().linear(steps, back, None)

        return metric

    def apart(self, bends: Array, squares: Array) -> Metric:
        """The inverse of each score's own part of it; bends: (samples, scores)."""
        scores = bends.shape[1]
        if not self.has_pairs(scores):
            return self._diagonal(bends, squares)
        solvers = [solver(self._products(bends[:, k : k + 1])[0], squares[:, k]) for k in range(scores)]
        return lambda gradient: np.stack([solve(g) for solve, g in zip(solvers, gradient.T, strict=True)], 1)

    def _diagonal(self, bends: Array, squares: Array) -> Metric:
        rows, features = self._rows, self._rows.shape[1]
        diagonal = np.empty((self._weights, bends.shape[1]))
        diagonal[:features] = (rows.multiply(rows) if sparse.issparse(rows) else np.square(rows)).T @ bends
        diagonal[features:] = bends.sum(axis=0)
        diagonal += squares
        diagonal[diagonal == 0] = 1.0
        return lambda gradient: gradient / diagonal

    def _products(self, bends: Array) -> Array:
        """The sum of bend * x * x' for each column of bends, (columns, weights, weights)."""
        rows = self._rows
        samples, features = rows.shape
        products = np.empty((bends.shape[1], self._weights, self._weights))
        if sparse.issparse(rows):
            for own, bend in zip(products, bends.T, strict=True):
                own[:features, :features] = (rows.T @ rows.multiply(bend[:, None]).tocsr()).toarray()
        else:
            # All columns in one product: beside a busy program, each waits for the threads of the one before.
            made = np.zeros((features, bends.shape[1] * features))
            step = max(1, _BLOCK // made.shape[1])
            for i in range(0, samples, step):
                some = rows[i : i + step]
                bent = (some[:, None, :] * bends[i : i + step, :, None]).reshape(len(some), -1)
                made += active().linear(np.ascontiguousarray(some.T), bent, None)
            products[:, :features, :features] = made.reshape(features, -1, features).transpose(1, 0, 2)
        if self._intercept:
            products[:, :features, features] = products[:, features, :features] = bends.T @ rows
            products[:, features, features] = bends.sum(axis=0)
        return products


def solver(products: Array, squares: Array) -> Metric:
    """Of a vector, the one whose product with the products, and the squares beside them, it is."""
    diagonal = products.diagonal() + squares
    diagonal[diagonal <= 0] = 1.0  # of a feature that is 0 everywhere, whose slope is 0
    ridge = _RIDGE
    while True:
        products[np.diag_indices_from(products)] = diagonal * (1 + ridge)
        try:
            with one_thread(len(diagonal)):
                factor, _ = cho_factor(products, lower=True, check_finite=False)
        except LinAlgError:
            ridge *= 100
            if ridge < 1:
                continue
            return lambda vector: vector / diagonal  # products that are not finite
        return lambda vector: dpotrs(factor, vector, lower=True)[0]


@cache
def _libraries() -> ThreadpoolController:
    """To find them takes milliseconds."""
    return ThreadpoolController()


@contextmanager
def one_thread(weights: int) -> Iterator[None]:
    """Beside a busy program, BLAS's threads take 100 times as long for 650 weights as one of them."""
    if weights <= _SMALL:
        yield
        return
    with _limit, _libraries().limit(limits=1, user_api="blas"):
        yield
