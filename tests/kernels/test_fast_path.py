"""The quick way of a call: what it takes as it lies, and what is converted, refused and named after it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from support.implementations import NATIVE, REFERENCE, needs_native
from support.strategies import LAYOUTS, numbers, small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st

PLAIN = ("read-only",)  # layouts that need no conversion


@needs_native
@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_the_quick_way_leaves_is_converted(layout):
    x, y = numbers((40, 6), np.float32), np.arange(40) % 3
    odd, (quick, slow) = LAYOUTS[layout](x), (st.Trainer(small_model()) for _ in range(2))
    with st.config("native"):
        assert (quick.model.compiled.network().try_forward(odd) is not None) == (layout in PLAIN)
        assert_same_bits(slow.model(odd), quick.model(x))
        assert slow.step(odd, y) == quick.step(x, y)
        assert slow.step(x, y.astype(np.int8)) == quick.step(x, y)
        assert slow.step(x, y, np.ones(40)) == quick.step(x, y)
        assert slow.step(x.tolist(), y.tolist()) == quick.step(x, y)
    assert_equal_models(slow.model, quick.model)


@needs_native
def test_the_quick_way_takes_only_what_it_can_read():
    x, y, targets = numbers((40, 6), np.float32), np.arange(40) % 3, numbers((40, 3), np.float32)
    bad = x.copy()
    bad[-1, -1] = np.inf
    masked = np.ma.masked_array(x)
    forward = small_model().compiled.network().try_forward
    trainers = {loss: st.Trainer(small_model(), loss) for loss in ("softmax", "squared_error")}

    def step(x, y, loss="softmax"):
        trainer = trainers[loss]
        return small_model().compiled.network().try_step(x, y, trainer.learning.state, 0.1)

    with st.config("native"):
        assert forward(x) is not None and forward(x[:0]).shape == (0, 3)
        assert step(x, y) is not None and step(x, targets, "squared_error") is not None
        for refused in (None, 1.0, "x", x.tolist(), x[0], x[:, :5], x[:, None], x.astype(float), bad, masked):
            assert forward(refused) is None
            assert step(refused, y) is None
        for refused in (None, y[1:], y[:, None], y + 1, y - 1, y * 1.0, y.astype(np.int32), y.tolist()):
            assert step(x, refused) is None
        for refused in (
            targets[1:],
            targets[:, :2],
            targets[:, 0],
            y,
            targets * np.inf,
            targets.astype(float),
        ):
            assert step(x, refused, "squared_error") is None
    assert [trainer.steps_done for trainer in trainers.values()] == [1, 1]


@pytest.mark.parametrize("activation", [st.Tanh(), st.Sigmoid(), st.ReLU()])
def test_an_infinity_that_scores_do_not_show_is_refused(backend, activation):
    """The tanh of an infinity is 1, and a step that took it would learn NaN for good."""
    X, y = np.ones((5, 4), np.float32), np.array([0, 1, 0, 1, 0])
    X[2, 1] = -np.inf
    model = st.Sequential(st.Linear(4, 3), activation, st.Linear(3, 2))
    before = model.state_dict()
    with backend.computing():
        model(X[:1])  # for the proof, which asks what computed last
        for call in (model, lambda X: st.Trainer(model).step(X, y), lambda X: st.Trainer(model).fit(X, y)):
            with pytest.raises(ValueError, match="row 2 of X holds NaN or an infinity"):
                call(X)
    for key, value in model.state_dict().items():
        assert_same_bits(value, before[key], key)


@pytest.mark.parametrize("row", [0, 12_000, 25_999])
def test_a_bad_row_is_named_wherever_it_is(backend, row):
    """X is read in pieces of 4 MiB, and has 10 MB."""
    X, model = np.zeros((26_000, 100), np.float32), st.Sequential(st.Linear(100, 2))
    X[row, 50] = np.nan
    with backend.computing():
        model(X[:0]), model(np.zeros((1, 100), np.float32))
        with pytest.raises(ValueError, match=f"row {row} of X holds NaN"):
            model(X)


def test_pieces_put_together_are_the_whole(backend):
    X, model = numbers((26_000, 100), np.float32), st.Sequential(st.Linear(100, 2), st.Tanh())
    with backend.computing():
        scores = model(X)
        parts = [model(X[i : i + 500]) for i in range(0, len(X), 500)]
    if backend is not REFERENCE:  # whose products round by the shape of the whole
        assert_same_bits(np.concatenate(parts), scores)


@needs_native
def test_quick_calls_of_many_threads_are_each_their_own():
    model, inputs, wrong = small_model(), [numbers((2, 6), np.float32, i) for i in range(4)], []

    def call(x, expected):
        for _ in range(3000):
            if not np.array_equal(model(x), expected):
                wrong.append(x)

    threads = [threading.Thread(target=call, args=(x, model(x))) for x in inputs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


LIMITED_LATER = """
import os, numpy as np, steepest as st
from steepest import _core
model, X = st.Sequential(st.Linear(500, 500)), np.ones((500, 500), np.float32)
model(X), model(X[:1])
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
model(X)
print(_core.last_run()[1], st.get_num_threads())
"""


@needs_native
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_limit_set_after_the_first_call_holds():
    done = subprocess.run(
        [sys.executable, "-c", LIMITED_LATER], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("1 1\n", "")


@needs_native
def test_a_choice_made_between_two_calls_holds(isa):
    from steepest import _core

    model, x = small_model(), numbers((1, 6), np.float32)
    model(x)
    with st.config(isa=isa):
        model(x)
        assert _core.last_run() == (isa, 1)
    large, X = st.Sequential(st.Linear(500, 500)), np.ones((500, 500), np.float32)
    for threads in sorted({i.threads for i in NATIVE}):
        st.set_num_threads(threads)
        try:
            large(X)
            assert _core.last_run()[1] == threads
        finally:
            st.set_num_threads(None)
