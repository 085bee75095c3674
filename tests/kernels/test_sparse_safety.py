"""Sparse samples that are wrong, change meanwhile, or are many: errors, no crash, and bounded memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from support.implementations import needs_native
from support.sparse import (
    FEATURES,
    NARROW,
    SAMPLES,
    L,
    batches,
    csr,
    numbers,
    recipe_of,
    state_of,
)
from support.tolerances import assert_equal_models

import steepest as st
from steepest.backends.data import Batch, FitRequest, TrainConfig, TrainState
from steepest.backends.sparse import SparseRows


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
        network = model.compiled.network()
        message = r"begin does not divide|columns are not ascending|another shape"
        with pytest.raises(ValueError, match=message):
            network.loss_and_gradients(Batch(bad, y), config)
        with pytest.raises(ValueError, match=message):
            network.forward(bad)
    dropping = st.Sequential(st.Dropout(0.5), *NARROW, dtype=np.float64)
    with pytest.raises(ValueError, match="sparse rows need a dense first stage"):
        dropping.compiled.network().loss_and_gradients(Batch(good, y), config)
    with pytest.raises(ValueError, match="sparse rows need a dense first stage"):
        dropping.compiled.network().forward(good)


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
                request = FitRequest(3, 200, True, 0, np.full(1, 0.1))
                try:
                    ended.add(network.fit(batch, TrainState(config), request, None).status)
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
                request = FitRequest(4, 100, True, seed, np.full(1, 0.1))
                ended.add(model.compiled.network().fit(batch, TrainState(config), request, None).status)
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
state, request = TrainState(config), FitRequest(1, rows, False, 0, np.ones(1))
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
grown = []
for threads in (2, 8):
    before = peak()
    with st.config(num_threads=threads):
        network.fit(batch, state, request, None)
    grown.append(peak() - before)
print(*grown)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, more = map(int, run.stdout.split())  # KiB; entries take 24 MB
    assert first > 20_000 and more < first
