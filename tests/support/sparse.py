"""Sparse samples, the same as dense ones, and fits of both."""

from __future__ import annotations

import numpy as np

import steepest as st
from steepest.backends.data import Batch, FitRequest, OptimizerState, TrainConfig, TrainState
from steepest.backends.sparse import SparseRows

L, SAMPLES, FEATURES = st.Linear, 90, 70
WIDE = (L(FEATURES, 37), st.ReLU(), L(37, 4))
NARROW = (L(FEATURES, 3),)


def csr(dense):
    """As scipy has it, without scipy."""
    rows, columns = np.nonzero(dense)
    indptr = np.searchsorted(rows, np.arange(len(dense) + 1))
    return SparseRows(indptr.astype(np.int64), columns.astype(np.int32), dense[rows, columns], dense.shape)


def numbers(dtype=np.float64, share=0.2, seed=0):
    """Empty rows, columns without an entry, and a row and a column that are full."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((SAMPLES, FEATURES)) * (rng.random((SAMPLES, FEATURES)) < share)
    x[7], x[:, 9] = rng.standard_normal(FEATURES), rng.standard_normal(SAMPLES)
    x[[3, 44]], x[:, [0, 5, FEATURES - 1]] = 0, 0
    return x.astype(dtype)


def batches(dtype=np.float64, classes=4, weighted=False, x=None):
    x = numbers(dtype) if x is None else x
    rng = np.random.default_rng(1)
    y, weight = rng.integers(0, classes, len(x)), rng.random(len(x)).astype(dtype) if weighted else None
    return Batch(x, y, weight), Batch(csr(x), y, weight)


def state_of(model, config):
    return TrainState(
        config, OptimizerState({name: model.compiled.zeros() for name in config.optimizer.slots})
    )


def fitted(layers, batch, config, epochs=3, size=16, **options):
    dtype = (batch.x if isinstance(batch.x, np.ndarray) else batch.x.data).dtype
    model, samples = st.Sequential(*layers, dtype=dtype, seed=1), len(batch.x)
    rng = np.random.default_rng(2)
    options = {
        "shuffle": False,
        "seed": 0,
        "rates": np.full(1, config.optimizer.learning_rate),
        "orders": np.array([rng.permutation(samples) for _ in range(epochs)]),
    } | options
    request = FitRequest(epochs, size, **options)
    results = model.compiled.network().fit(batch, state_of(model, config), request, None)
    return model, results


def recipe_of(layers, optimizer, penalty=None, **options):
    return TrainConfig(
        st.SoftmaxCrossEntropy(), (penalty,) * sum(isinstance(la, L) for la in layers), optimizer, **options
    )
