"""Rows for dual coordinate ascent, and the losses that it has."""

from __future__ import annotations

import numpy as np
from scipy import sparse

import steepest as st
from steepest.backends import active
from steepest.backends.dual import DualPoint, DualRows
from steepest.backends.sparse import sparse_rows

LABEL_LOSSES = [st.SoftmaxCrossEntropy(), st.MulticlassHinge(1.5), st.MulticlassHinge(0.5, squared=True)]
SMOOTH_LOSSES = [st.SquaredError(factor=0.5), st.SquaredError(), st.PoissonDeviance(), st.LogCosh()]
TARGET_LOSSES = [*SMOOTH_LOSSES, st.Huber(0.7), st.AbsoluteError()]
LOSSES = [*LABEL_LOSSES, *TARGET_LOSSES]


def rows(loss, dtype=np.float64, samples=40, features=30, outputs=5, strength=1e-2, seed=0):
    random = np.random.default_rng(seed)
    X = sparse.random_array((samples, features), density=0.2, format="csr", rng=random, dtype=np.float64)
    X.data = random.standard_normal(X.nnz)
    targets = targets_of(loss, random, samples, outputs, dtype)
    shares = (random.uniform(0.5, 1.5, samples) / (samples * strength)).astype(dtype)
    squares = X.multiply(X).sum(axis=1).astype(dtype)
    return DualRows(sparse_rows(X, np.dtype(dtype)), targets, shares, squares, loss, outputs)


def targets_of(loss, random, samples, outputs, dtype):
    """Labels, or numbers of which the second half lies far out, and for counts some are 0."""
    if loss.takes_labels:
        return random.integers(0, outputs, samples)
    targets = 2 * random.standard_normal((samples, outputs))
    targets[samples // 2 :] *= 5
    return (np.maximum(targets, 0) if loss.kernel == "poisson" else targets).astype(dtype)


def start(rows, bias=True):
    samples, features = rows.x.shape
    dtype = rows.shares.dtype
    return DualPoint(
        np.zeros((features, rows.outputs), dtype),
        np.zeros(rows.outputs, dtype) if bias else None,
        0.5,
        np.zeros((samples, rows.outputs), dtype),
        np.zeros(samples, dtype),
        np.zeros(samples, dtype),
    )


def ascended(rows, epochs=3, bias=True, seed=1):
    point, random, ascent = start(rows, bias), np.random.default_rng(seed), active().dual_ascent(rows)
    for _ in range(epochs):
        ascent.ascend(point, random.permutation(len(rows.x)))
    return point


def slope(loss, scores, target):
    """The gradient of one row's loss, in float64."""
    target = np.array([target]) if loss.takes_labels else target[None].astype(float)
    with st.config("reference"):
        return active().loss(loss, scores[None], target, None)[1][0]
