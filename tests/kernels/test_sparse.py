"""Sparse samples learn as the same dense ones do: to the bit where sums run in the same order."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from support.implementations import FUSED, ISAS, THREADS, Implementation, needs_native
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st
from steepest.backends.data import Batch, FitRequest, OptimizerState, Plateau, TrainConfig, TrainState
from steepest.backends.sparse import SparseRows, is_sparse, sparse_rows

L, SAMPLES, FEATURES = st.Linear, 90, 70
WIDE = (L(FEATURES, 37), st.ReLU(), L(37, 4))
NARROW = (L(FEATURES, 3),)
OPTIMIZERS = [
    st.SGD(0.1),
    st.SGD(0.1, 0.9, nesterov=True),
    st.Adam(0.01),
    st.AdamW(0.01),
    st.RMSProp(0.01),
    st.AdaGrad(0.01),
]


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
    schedule = FitRequest(epochs, size, **options)
    results = model.compiled.network().fit(batch, state_of(model, config), schedule, None)
    return model, results


def recipe_of(layers, optimizer, penalty=None, **options):
    return TrainConfig(
        st.SoftmaxCrossEntropy(), (penalty,) * sum(isinstance(la, L) for la in layers), optimizer, **options
    )


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
        assert (rows[:] == dense.astype(np.float32)).all() and rows.data.dtype == np.float32
        assert (rows[5:9] == rows[:][5:9]).all() and (rows[np.array([4, 4, 1])] == rows[:][[4, 4, 1]]).all()
    odd = scipy.csr_array((np.array([1.0, 2, 3]), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 3))
    assert sparse_rows(odd, np.dtype(float))[:].tolist() == [[2, 0, 4]]
    assert odd.data.tolist() == [1, 2, 3] and is_sparse(odd) and not is_sparse(dense)


@needs_native
def test_the_extension_checks_sparse_rows_itself():
    model = st.Sequential(*NARROW, dtype=np.float64)
    good, y = csr(numbers()), np.zeros(SAMPLES, np.int64)
    config = recipe_of(NARROW, st.SGD(0.1))
    beyond, twice = good.indices.copy(), good.indices.copy()
    beyond[-1], twice[1] = FEATURES, twice[0]
    late = good.indptr.copy()
    late[1] = late[-1]
    for indptr, indices in (
        (good.indptr[:-1], good.indices),
        (late, good.indices),
        (good.indptr, beyond),
        (good.indptr, twice),
    ):
        bad = SparseRows(indptr, indices, good.data, good.shape)
        with pytest.raises(
            ValueError, match=r"begin does not divide|columns are not ascending|another shape"
        ):
            model.compiled.network().loss_and_gradients(Batch(bad, y), config)
    dropping = st.Sequential(st.Dropout(0.5), *NARROW, dtype=np.float64)
    with pytest.raises(ValueError, match="sparse rows need a dense first stage"):
        dropping.compiled.network().loss_and_gradients(Batch(good, y), config)


def test_a_cancelled_fit_keeps_the_last_batch(backend):
    """Within an epoch too, where the weight is a scale times what its array holds."""
    x = np.tile(numbers(), (9, 4))
    layers = (L(x.shape[1], 3),)
    _, sparse = batches(x=x, classes=3)
    config = recipe_of(layers, st.SGD(0.01), st.L2(0.01))
    options = {"shuffle": False, "seed": 0, "rates": np.full(1, 0.01)}
    model, twin = (st.Sequential(*layers, dtype=np.float64, seed=1) for _ in range(2))
    state, other = state_of(model, config), state_of(twin, config)
    with backend.computing():
        forever = FitRequest(10**6, 8, **options)
        assert model.compiled.network().fit(sparse, state, forever, lambda done: True).status == "cancelled"
        epochs, batches_more = divmod(int(state.optimizer.steps[0]), -(-len(x) // 8))
        network = twin.compiled.network()
        network.fit(sparse, other, FitRequest(epochs, 8, **options), None)
        network.fit(sparse, other, FitRequest(1, 8, **options, batches=batches_more), None)
    assert state.optimizer.steps[0] == other.optimizer.steps[0] > 0
    assert_equal_models(model, twin)


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
    assert rows.indices.dtype == np.int32 and (rows[:] == one).all() and long.indices.dtype == np.int64


@needs_native
@pytest.mark.parametrize("threads", [1, 3])
def test_arrays_written_by_another_thread_never_crash(threads):
    """Where entries are is copied before it is checked; their values are read as they come."""
    rows = csr(np.where(np.random.default_rng(0).random((2000, 300)) < 0.05, 1.0, 0.0))
    places = rows.indices.copy(), rows.indptr.copy()
    over = threading.Event()

    def write():
        random = np.random.default_rng(1)
        while not over.is_set():
            rows.indices[random.integers(0, len(rows.indices), 300)] = random.integers(-(2**31), 2**31, 300)
            rows.indptr[random.integers(0, len(rows.indptr), 30)] = random.integers(-(2**62), 2**62, 30)
            rows.indices[:], rows.indptr[:] = places
            time.sleep(1e-4)

    writer = threading.Thread(target=write)
    writer.start()
    batch, config = Batch(rows, np.arange(2000) % 20), TrainConfig(st.SoftmaxCrossEntropy(), (st.L2(1e-3),))
    ended = set()
    try:
        with st.config("native", num_threads=threads):
            for _ in range(40):
                network = st.Sequential(L(300, 20), dtype=np.float64).compiled.network()
                schedule = FitRequest(3, 200, True, 0, np.full(1, 0.1))
                try:
                    ended.add(network.fit(batch, TrainState(config), schedule, None).status)
                except ValueError as error:
                    ended.add(str(error))
    finally:
        over.set()
        writer.join()
    assert ended <= {
        "finished",
        "begin does not divide the entries",
        "columns are not ascending within the features",
    }


@needs_native
@pytest.mark.parametrize("threads", [2, 7])
def test_weights_that_another_thread_changes_end_every_fit(threads):
    """One thread decides for all whether a step goes on: threads that each decided would wait for ever."""
    rng = np.random.default_rng(0)
    X, y, weight = rng.standard_normal((2000, 100)).astype(np.float32), np.arange(2000) % 10, np.ones(2000)
    weight, over = weight.astype(np.float32), threading.Event()

    def write():
        while not over.is_set():
            weight[np.random.default_rng().integers(0, 2000)] = np.nan
            time.sleep(1e-4)
            weight[:] = 1
            time.sleep(3e-4)

    batch, config = Batch(X, y, weight), TrainConfig(st.SoftmaxCrossEntropy(), (None, None))
    writer = threading.Thread(target=write)
    writer.start()
    ended = set()
    try:
        with st.config("native", num_threads=threads):
            for seed in range(40):
                model = st.Sequential(L(100, 60), st.ReLU(), L(60, 10), seed=seed)
                schedule = FitRequest(4, 100, True, seed, np.full(1, 0.1))
                ended.add(model.compiled.network().fit(batch, TrainState(config), schedule, None).status)
                assert all(np.isfinite(value).all() for value in model.state_dict().values())
    finally:
        over.set()
        writer.join()
    assert ended <= {"finished", "diverged", "overflowed"}


@needs_native
@pytest.mark.skipif("TEST_SLOWDOWN" in os.environ, reason="sanitizers keep what is freed")
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_a_batch_does_not_grow_with_threads():
    """The entries of all features lie in one array, of which each thread has its part."""
    code = """
import numpy as np, steepest as st
from steepest.backends.sparse import SparseRows
from steepest.backends.data import Batch, FitRequest, TrainConfig, TrainState
rows, entries = 20000, 100
indices = np.random.default_rng(0).integers(0, 500, (rows, entries)) + 500 * np.arange(entries)
x = SparseRows(np.arange(0, rows * entries + 1, entries), indices.ravel().astype(np.int32),
               np.ones(rows * entries), (rows, 500 * entries))
network = st.Sequential(st.Linear(500 * entries, 2), dtype=np.float64).compiled.network()
batch, config = Batch(x, np.arange(rows) % 2), TrainConfig(st.SoftmaxCrossEntropy(), (None,))
state, schedule = TrainState(config), FitRequest(1, rows, False, 0, np.ones(1))
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
grown = []
for threads in (2, 8):
    before = peak()
    with st.config(num_threads=threads):
        network.fit(batch, state, schedule, None)
    grown.append(peak() - before)
print(*grown)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, more = map(int, run.stdout.split())  # KiB; entries take 24 MB
    assert first > 20_000 and more < first
