"""The extension refuses what would be unsafe, whoever calls it, and leaves the interpreter to others."""

from __future__ import annotations

import ctypes
import sys
import threading
import time

import numpy as np
import pytest
from support.implementations import needs_native
from support.strategies import LAYOUTS, numbers, small_model
from support.tolerances import assert_same_bits

import steepest as st
from steepest import functional as F
from steepest.backends import active, native
from steepest.backends.data import Parameters
from steepest.compile.stage import Stage

if native is not None:
    from steepest import _core

pytestmark = needs_native


def stage(kind="dense", inputs=4, outputs=4, **options):
    return Stage(inputs, outputs, "identity", kind, **options)


def network(*stages):
    weights = [Parameters(np.ones((4, 4)), None)]
    return _core.NetworkFloat64([*stages, stage()], weights)


@pytest.mark.parametrize(
    "stages",
    [
        lambda: [stage("residual_add", partner=0)],
        lambda: [stage("residual_split", partner=0)],
        lambda: [stage("residual_split", partner=7), stage("residual_add", partner=0)],
        lambda: [stage("residual_split", partner=1), stage("residual_add", partner=-1)],
        lambda: [stage("residual_split", partner=1), stage("residual_add", partner=10**9)],
        lambda: [stage("residual_add", partner=1), stage("residual_split", partner=0)],
        lambda: [
            stage("residual_split", partner=2),
            stage("residual_split", partner=3),
            *(stage("residual_add", partner=p) for p in (0, 1)),
        ],
        lambda: [
            stage("residual_split", partner=1),
            stage("residual_add", partner=0),
            stage("residual_add", partner=0),
        ],
    ],
)
def test_forks_and_joins_are_each_others(stages):
    with pytest.raises(ValueError, match="the ends of residual blocks are not each other's partners"):
        network(*stages())


@pytest.mark.parametrize(
    "odd",
    [
        lambda: stage("elementwise", inputs=0, outputs=0),
        lambda: stage("elementwise", inputs=-1, outputs=-1),
        lambda: stage("elementwise", inputs=5, outputs=5),
        lambda: stage("dropout", rate=1.0),
        lambda: stage("dropout", rate=np.nan),
        lambda: stage("residual_add", rate=1.1),
        lambda: stage("elementwise", outputs=3),
        lambda: stage("maxout", inputs=4, outputs=3),
        lambda: stage("pool", image=(2, 2, 1, 3, 1)),
        lambda: stage("pool", image=(4, 1, 1, 0, 1)),
        lambda: stage("pool", image=(-2, -2, 1, -4, -1)),
    ],
)
def test_stages_that_do_not_fit_are_named(odd):
    with pytest.raises(ValueError, match=r"stage 0 takes|stage 1 takes"):
        network(odd())


def test_arrays_that_are_written_must_lie_well():
    bytes_ = np.zeros(8 * 16 + 1, np.uint8)
    misaligned = bytes_[1:].view(np.float64).reshape(4, 4)
    overlapping = np.lib.stride_tricks.as_strided(np.zeros(16), (4, 4), (16, 8))
    with pytest.raises(ValueError, match="weight must have contiguous and aligned rows"):
        _core.NetworkFloat64([stage()], [Parameters(misaligned, None)])
    with pytest.raises(ValueError, match="weight has rows that overlap"):
        _core.NetworkFloat64([stage()], [Parameters(overlapping, None)])
    with pytest.raises(ValueError, match="bias must be contiguous and aligned"):
        _core.NetworkFloat64([stage()], [Parameters(np.ones((4, 4)), misaligned[0])])


def test_a_capsule_without_a_name_is_no_generator():
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    with pytest.raises(ValueError, match="this is not a generator"):
        _core.shuffled_orders(new(1, None, None), np.arange(3), np.empty((1, 3), np.int64))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_inputs_may_lie_anyhow(native, layout):
    """They are copied where kernels could not read them."""
    x, weight, grad = (numbers((9, 9), np.float64, seed) for seed in range(3))
    labels = np.arange(9) % 4

    def results(place):
        a, w, g, y = place(x), place(weight), place(grad), place(np.stack([labels] * 2))[0]
        model = small_model(np.float64)
        yield from (_core.linear(a, w, None, native.isa, 1), *_core.linear_backward(a, w, g, native.isa, 1))
        yield from (_core.softmax(a, native.isa, 1), _core.activation("tanh", 0.0, a, native.isa))
        yield _core.activation_backward("tanh", 0.0, a, g, native.isa)
        yield F.softmax_cross_entropy(a, y)[1]
        yield model(a[:, :6])
        yield active().first_bad_label(np.ascontiguousarray(y), 4)

    with st.config("native", 1, native.isa):
        dtype = LAYOUTS[layout](x).dtype
        if dtype != np.float64:
            pytest.skip("converted by Python")
        for got, expected in zip(results(LAYOUTS[layout]), results(np.copy), strict=True):
            assert_same_bits(got, expected, layout)


@pytest.mark.parametrize("probability", [1e-17, 1e-300, 2**-33, 1.0])
def test_a_block_survives_as_often_as_the_reference_says(probability):
    """1 - 1e-17 is 1: of 2**32 draws all are below."""
    X, y = numbers((8, 6), np.float64), np.arange(8) % 3
    trained = []
    for backend in ("reference", "native"):
        block = st.Residual(st.Linear(6, 6), survival_probability=probability)
        model = st.Sequential(block, st.Linear(6, 3), dtype=np.float64, seed=1)
        with st.config(backend):
            model.fit(X, y, epochs=20, optimizer=st.SGD(0.5), progress=False)
            trained.append((model.state_dict(), model(X)))
    np.testing.assert_allclose(trained[0][1], trained[1][1], rtol=1e-9)
    for key, value in trained[0][0].items():
        np.testing.assert_allclose(trained[1][0][key], value, rtol=1e-9, atol=1e-12)


def test_threads_that_come_first_share_a_network():
    """Each would have a gate of its own otherwise, and both would write to the parameters at once."""
    for _ in range(50):
        model, networks = small_model(), []
        start = threading.Barrier(8)

        def ask(model=model, networks=networks, start=start):
            start.wait()
            networks.append(model.compiled.network())

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(set(map(id, networks))) == 1


LARGE = np.ones((1 << 17, 40), np.float32)
LABELS = np.zeros(len(LARGE), np.int64)
STATE = {"mean": np.zeros_like(LARGE), "mean_square": np.zeros_like(LARGE)}
POOLING = st.Sequential(st.FractionalMaxPool2d(10, 4, 1, 1.5), st.Linear(12, 2))


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.softmax(LARGE),
        lambda: F.gelu(LARGE),
        lambda: F.gelu_backward(LARGE, LARGE),
        lambda: F.exp(LARGE),
        lambda: F.softmax_cross_entropy(LARGE, LABELS),
        lambda: F.squared_error(LARGE, LARGE),
        lambda: F.adam_step(LARGE.copy(), LARGE, 0.1, **STATE, step=0),
        lambda: F.linear(LARGE, LARGE[:40]),
        lambda: active().first_bad_label(np.zeros(1 << 24, np.int64), 2),
        lambda: active().first_nonfinite_row(LARGE),
        lambda: POOLING(LARGE),
    ],
)
def test_long_calls_leave_the_interpreter_to_others(call):
    """Another thread runs Python before the call has returned, though nobody is asked to give the lock up."""
    inside, seen, over = [False], [False], [False]

    def look():
        while not over[0]:
            seen[0] |= inside[0]
            time.sleep(0)  # which gives it up

    thread, interval = threading.Thread(target=look), sys.getswitchinterval()
    with st.config("native", num_threads=1):
        call()
        thread.start()
        sys.setswitchinterval(1000)
        try:
            for _ in range(200):
                inside[0] = True
                call()
                inside[0] = False
                if seen[0]:
                    break
        finally:
            sys.setswitchinterval(interval)
            over[0] = True
            thread.join()
    assert seen[0]
