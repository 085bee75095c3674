"""What a fit allocates, and what happens to one whose data change meanwhile."""

from __future__ import annotations

import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest
from support.implementations import ISAS, needs_native
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest.backends.data import FitRequest, Parameters, TrainConfig, TrainState
from steepest.compile.stage import Stage

# 4 million samples of 8 features: X has 128 MB, y 32, the weights 16; they are files, mapped to memory. The
# system refuses memory of one's own beyond what is needed to shuffle, 4 bytes a sample, and 12 MB: less than
# a copy of the labels, or of the order in 8 bytes a sample.
FIT_LARGE_FILES = """
import os, re, resource
import numpy as np
import steepest as st

N = 4_000_000

def mapped(name, dtype, shape):
    np.lib.format.open_memmap(name, "w+", dtype, shape).flush()  # of zeros: sparse
    return np.load(name, mmap_mode="r")

def fit(n, **options):
    model = st.Sequential(st.Linear(8, 3))
    return model.fit(X[:n], y[:n], batch_size=4096, epochs=1, progress=False, **options)

X, y = mapped("X.npy", np.float32, (N, 8)), mapped("y.npy", np.int64, (N,))
np.lib.format.open_memmap("w.npy", "w+", np.float32, (N,))[:] = 1
weight = np.load("w.npy", mmap_mode="r")
wide = X.reshape(-1, 2048)
predictor = st.Sequential(st.Linear(2048, 3))
fit(10_000), predictor(wide[:100])  # threads are started, modules imported

with open("/proc/self/status") as status:
    used = int(re.search(r"VmData:\\s+(\\d+) kB", status.read())[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + 4 * N + 12_000_000,) * 2)
for copied in (y, X):
    try:
        copied.copy()
    except MemoryError:
        print("refused")
print(fit(N).status, fit(N, sample_weight=weight, shuffle=False).status)
print(fit(N, validation_data=(X, y)).status, predictor(wide).shape, predictor.predict(wide).shape)
"""


@needs_native
@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux, to limit the memory of a process")
def test_a_fit_allocates_nothing_of_the_size_of_its_files(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FIT_LARGE_FILES],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "refused",
        "refused",
        "finished finished",
        "finished (15625, 3) (15625,)",
    ]


def test_a_mapped_file_gives_the_bits_of_an_array(backend, data, tmp_path):
    np.save(tmp_path / "X.npy", data[0])
    np.save(tmp_path / "y.npy", data[1])
    mapped = [np.load(tmp_path / name, mmap_mode="r") for name in ("X.npy", "y.npy")]
    in_memory, in_file = (st.Trainer(small_model(), "softmax", st.SGD(0.1, 0.9)) for _ in range(2))
    with backend.computing():
        for trainer, (X, y) in ((in_memory, data), (in_file, mapped)):
            trainer.fit(X, y, epochs=2, batch_size=64, validation_data=(X, y), progress=False)
            trainer.step(X, y)
        assert_equal_models(in_memory.model, in_file.model)
        assert_same_bits(in_file.model(mapped[0]), in_memory.model(data[0]))
        assert type(in_file.model(mapped[0])) is np.ndarray


@needs_native
@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((20_000, 100)), np.zeros(20_000, np.int64)),
        (np.zeros((20_000, 100), np.float32, order="F"), np.zeros(20_000, np.int64)),
        (np.zeros((20_000, 100), np.float32), np.zeros(20_000, np.uint8)),
    ],
    ids=["float64", "Fortran order", "bytes as labels"],
)
def test_what_must_be_converted_is_converted_once(X, y):
    converted = 4 * X.size * (X.dtype != np.float32 or not X.flags.c_contiguous) + 8 * len(y) * (
        y.itemsize < 8
    )
    model = st.Sequential(st.Linear(100, 3))
    tracemalloc.start()
    try:
        model.fit(X, y, epochs=3, progress=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert converted <= peak < converted + 100_000


def test_labels_of_any_integer_dtype_are_the_same(backend, data):
    X, y = data
    models = []
    with backend.computing():
        for labels in (y, y.astype(np.uint8), y.astype(np.int32), y.astype(">i8"), np.repeat(y, 2)[::2]):
            models.append(small_model())
            models[-1].fit(X, labels, epochs=2, progress=False)
        for labels in (y > 0, (y > 0).astype(np.uint64)):
            models.append(small_model(seed=4))
            models[-1].fit(X, labels, epochs=2, progress=False)
    for model in models[1:5]:
        assert_equal_models(model, models[0])
    assert_equal_models(*models[5:])


@pytest.mark.parametrize("loss", ["softmax", "hinge"])
@pytest.mark.parametrize(("batch_size", "shuffle"), [(32, True), (32, False), (None, False)])
@pytest.mark.parametrize("label", [3, -1, 2**62])
def test_a_label_changed_during_a_fit_ends_it(backend, data, loss, batch_size, shuffle, label):
    """By an error that names the sample and the rule; the parameters are those of the last finished epoch."""
    X, y = data[0], data[1].copy()
    changed, expected = (st.Trainer(small_model(), loss, st.SGD(0.01, 0.9)) for _ in range(2))
    fit = {"batch_size": batch_size, "shuffle": shuffle, "progress": False}

    def change(state):
        if state.epoch == 1:
            y[217] = label

    with backend.computing():
        expected.fit(X, y, epochs=2, **fit)
        message = (
            r"label of sample 217 was changed during the fit.* not one of the 3 classes 0\.\.2; .*restored"
        )
        with pytest.raises(ValueError, match=message):
            changed.fit(X, y, epochs=9, callbacks=[change], **fit)
        assert_equal_models(changed.model, expected.model)
        assert changed.epochs_done == 2
        y[217] = 0
        assert changed.step(X, y) == expected.step(X, y)  # the velocities, too, are as they were
    assert_equal_models(changed.model, expected.model)


def test_a_changed_label_of_a_batch_that_weighs_nothing_ends_a_fit_too(backend, data):
    X, y, weight = data[0], data[1].copy(), np.ones(300, np.float32)
    weight[192:224] = 0

    def change(state):
        y[217] = 9

    trainers = [st.Trainer(small_model()) for _ in range(2)]
    fit = {"sample_weight": weight, "batch_size": 32, "shuffle": False, "progress": False}
    with backend.computing():
        trainers[0].fit(X, y, epochs=1, **fit)
        with pytest.raises(ValueError, match="label of sample 217 was changed during the fit"):
            trainers[1].fit(X, y, epochs=9, callbacks=[change], **fit)
    assert trainers[0].steps_done == trainers[1].steps_done == 10
    assert_equal_models(trainers[0].model, trainers[1].model)


@needs_native
@pytest.mark.parametrize("threads", [1, 2])
def test_labels_written_by_another_thread_never_crash(threads):
    """Out of range by far, at any moment: each fit, step and gradient succeeds or raises ValueError."""
    X, y = numbers((4096, 20), np.float32), np.zeros(4096, np.int64)
    model, done, errors = st.Sequential(st.Linear(20, 64), st.Tanh(), st.Linear(64, 3)), threading.Event(), []

    def write():
        wild, tame = np.full(len(y), 2**40), np.zeros(len(y), np.int64)
        while not done.is_set():
            y[:] = wild  # NumPy lets other threads run meanwhile
            y[:] = tame

    writer = threading.Thread(target=write)
    writer.start()
    trainer = st.Trainer(model, "hinge", st.SGD(1e-3))
    calls = [
        lambda: trainer.fit(X, y, epochs=3, progress=False),
        lambda: trainer.step(X, y),
        lambda: model.loss_and_gradients(X, y, loss="softmax"),
        lambda: st.functional.softmax_cross_entropy(X, y),
    ]
    try:
        with st.config("native", threads):
            for call in calls * 30:
                try:
                    call()
                except ValueError as error:
                    errors.append(str(error))
    finally:
        done.set()
        writer.join()
    assert errors and all("label" in error for error in errors)
    assert all(np.isfinite(value).all() for value in model.state_dict().values())


@needs_native
def test_the_extension_checks_labels_itself():
    from steepest import _core

    weight, config = np.ones((4, 3)), TrainConfig(st.SoftmaxCrossEntropy(), ())
    network = _core.NetworkFloat64([Stage(4, 3, "identity")], [Parameters(weight, None)])
    state = network.bind(TrainState(config))
    X, y = np.ones((6, 4)), np.array([0, 1, 2, 0, 3, 0])
    for isa in ISAS:
        request = FitRequest(epochs=2, batch_size=2, shuffle=False, seed=0, rates=np.array([0.1]))
        result = network.fit(X, y, None, state, request, None, isa, 1)
        assert (result.status, result.step, result.losses) == ("invalid_label", 4, [])
        assert network.try_step(X, y, state, 0.1, isa, 1) is None
        for call in (network.step, network.loss_and_gradients):
            learning = (state, 0.1) if call == network.step else (config,)
            with pytest.raises(ValueError, match="a label is out of range"):
                call(X, y, None, *learning, isa, 1)
        with pytest.raises(ValueError, match="a label is out of range"):
            _core.loss(st.MulticlassHinge(), X, y + 1, None, isa, 1)
    assert (weight == 1).all()
