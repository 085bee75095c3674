"""Sparse samples learn as the same dense ones do: to the bit where sums run in the same order."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import FUSED, ISAS, THREADS, Implementation, needs_native
from support.sparse import (
    FEATURES,
    NARROW,
    SAMPLES,
    WIDE,
    L,
    batches,
    fitted,
    numbers,
    recipe_of,
)
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st
from steepest.backends.data import Plateau
from steepest.backends.sparse import is_sparse, sparse_rows

OPTIMIZERS = [
    st.SGD(0.1),
    st.SGD(0.1, 0.9, nesterov=True),
    st.Adam(0.01),
    st.AdamW(0.01),
    st.RMSProp(0.01),
    st.AdaGrad(0.01),
]


def assert_near(a, b, model, other, steps):
    """Within the roundings of so many steps; parameters are of size 1."""
    np.testing.assert_allclose(a.losses, b.losses, rtol=1e-12 * steps)
    for key, value in model.state_dict().items():
        assert_close(value, other.state_dict()[key], 100 * steps, 1 + np.abs(value))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("penalty", [None, st.L1(0.01), st.ElasticNet(0.01, 0.5)], ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_wide_layers_learn_the_bits_of_dense_ones(implementation, optimizer, penalty, dtype):
    dense, sparse = batches(dtype, weighted=True)
    config = recipe_of(WIDE, optimizer, penalty)
    with implementation.computing():
        (model, a), (other, b) = (fitted(WIDE, batch, config) for batch in (dense, sparse))
    assert a.losses == b.losses and a.status == b.status == "finished"
    assert_equal_models(model, other)
    assert_same_bits(model(dense.x), other(dense.x))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
@pytest.mark.parametrize(
    "options", [{}, {"clip_norm": 0.1}, {"clip_value": 0.01}, {"constraint": st.MaxNorm(0.5)}]
)
def test_narrow_layers_learn_the_same(implementation, optimizer, options):
    dense, sparse = batches(classes=3)
    config = recipe_of(NARROW, optimizer, st.L1(1e-3), **options)
    with implementation.computing():
        (model, a), (other, b) = (fitted(NARROW, batch, config) for batch in (dense, sparse))
    assert_near(a, b, model, other, 18)


@pytest.mark.parametrize(
    "layers", [NARROW, WIDE, (L(FEATURES, 3, bias=False),)], ids=["narrow", "wide", "no bias"]
)
@pytest.mark.parametrize("strength", [1e-4, 0.3, 2.4, 4.0])  # the last is beyond what is put off
def test_an_l2_penalty_that_is_put_off_comes_to_the_same(implementation, layers, strength):
    dense, sparse = batches(classes=3)
    config = recipe_of(layers, st.SGD(0.1), st.L2(strength))
    rates = np.linspace(0.1, 0.01, 8 * 6)
    with implementation.computing():
        (model, a), (other, b) = (fitted(layers, batch, config, 8, rates=rates) for batch in (dense, sparse))
    assert_near(a, b, model, other, 48)


@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.parametrize("size", [1, 16, SAMPLES])
def test_batches_of_any_size_and_penalties_by_batch(implementation, size, by_batch):
    dense, sparse = batches(classes=3)
    config = recipe_of(NARROW, st.SGD(0.05), st.L2(0.1), penalty_by_batch=by_batch)
    with implementation.computing():
        (model, a), (other, b) = (fitted(NARROW, batch, config, 2, size) for batch in (dense, sparse))
    assert_near(a, b, model, other, 2 * SAMPLES)


@needs_native
@pytest.mark.parametrize("layers", [NARROW, WIDE], ids=["narrow", "wide"])
@pytest.mark.parametrize("penalty", [None, st.L2(0.01)], ids=str)
def test_threads_and_instruction_sets_change_no_bit(layers, penalty):
    many = np.random.default_rng(0).permutation(np.tile(numbers(), (8, 12)).T).T  # work for all threads
    layers = (L(many.shape[1], layers[0].out_features), *layers[1:])
    batch, config = batches(x=many, classes=3)[1], recipe_of(layers, st.SGD(0.01), penalty)
    models = []
    for isa in ISAS:
        for threads in THREADS:
            with Implementation("native", isa, threads).computing():
                model, _ = fitted(layers, batch, config, 2, 200)
            models.append((isa, model))
    for isa, model in models:
        assert_equal_models(model, next(m for i, m in models if i == isa or (isa in FUSED and i in FUSED)))


def test_gradients_are_those_of_dense_samples(implementation):
    dense, sparse = batches(classes=4, weighted=True)
    for penalty in (None, st.L2(0.1), st.L1(0.1), st.ElasticNet(0.1, 2.0)):
        config = recipe_of(WIDE, st.SGD(), penalty)
        with implementation.computing():
            network = st.Sequential(*WIDE, dtype=np.float64, seed=1).compiled.network()
            (a, grads), (b, others) = (network.loss_and_gradients(batch, config) for batch in (dense, sparse))
            assert_same_bits(network.forward(dense.x), network.forward(sparse.x))
        assert a == b
        for g, h in zip(grads, others, strict=True):
            assert_same_bits(g.weight, h.weight)
            assert_same_bits(g.bias, h.bias)


def test_a_diverging_fit_goes_back(implementation):
    x = numbers()
    x[11, 9] = 1e300
    _, sparse = batches(x=x, classes=3)
    with implementation.computing():
        model, results = fitted(NARROW, sparse, recipe_of(NARROW, st.SGD(1e9), st.L2(1e-12)), 3)
        finished, _ = fitted(
            NARROW, sparse, recipe_of(NARROW, st.SGD(1e9), st.L2(1e-12)), len(results.losses)
        )
    assert results.status == "diverged"
    assert_equal_models(model, finished)


def test_a_plateau_and_a_part_of_an_epoch(implementation):
    dense, sparse = batches(classes=3)
    config = recipe_of(NARROW, st.SGD(0.1), st.L2(0.01))
    for options in (
        {"plateau": Plateau(1.0, 2)},
        {"first_batch": 1, "batches": 3, "orders": None, "shuffle": True},
    ):
        with implementation.computing():
            (model, a), (other, b) = (
                fitted(NARROW, batch, config, 9, **options) for batch in (dense, sparse)
            )
        assert (len(a.losses) == len(b.losses) and len(a.losses) < 9) or "batches" in options
        assert_near(a, b, model, other, 54)


def test_sparse_rows_are_canonical_copies():
    scipy = pytest.importorskip("scipy.sparse")
    dense = numbers()
    for make in (scipy.csr_matrix, scipy.csc_matrix, scipy.coo_array):
        rows = sparse_rows(make(dense), np.dtype(np.float32))
        assert (rows.dense() == dense.astype(np.float32)).all() and rows.data.dtype == np.float32
        assert (rows[5:9].dense() == dense[5:9].astype(np.float32)).all()
        assert (rows[np.array([4, 4, 1])].dense() == rows.dense()[[4, 4, 1]]).all()
    odd = scipy.csr_array((np.array([1.0, 2, 3]), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 3))
    assert sparse_rows(odd, np.dtype(float)).dense().tolist() == [[2, 0, 4]]
    assert odd.data.tolist() == [1, 2, 3] and is_sparse(odd) and not is_sparse(dense)


def test_one_feature_an_empty_batch_and_long_indices(implementation):
    one = np.array([[1.0], [0.0], [-2.0], [0.0]] * 10)
    for x, size in ((one, 7), (np.zeros((40, 5)), 16)):
        layers = (L(x.shape[1], 3),)
        config = recipe_of(layers, st.SGD(0.1), st.L2(0.1))
        dense, sparse = batches(x=x, classes=3)
        with implementation.computing():
            (model, a), (other, b) = (fitted(layers, batch, config, 3, size) for batch in (dense, sparse))
        assert_near(a, b, model, other, 18)
    scipy = pytest.importorskip("scipy.sparse")
    long = scipy.csr_array(one)
    long.indices, long.indptr = long.indices.astype(np.int64), long.indptr.astype(np.int64)
    rows = sparse_rows(long, np.dtype(float))
    assert rows.indices.dtype == np.int32 and (rows.dense() == one).all() and long.indices.dtype == np.int64
