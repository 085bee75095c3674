"""What a loss of one's own does meanwhile: other models, in other threads too, Ctrl-C and cancelling."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from support.implementations import Implementation, needs_native
from support.interruption import fitting, interrupted
from support.strategies import numbers, small_model

import steepest as st
from steepest import functional

FIT = {"epochs": 3, "batch_size": 64, "progress": False}


def softmax(scores, labels):
    return functional.softmax_cross_entropy(scores, labels)


@needs_native
def test_it_must_not_use_the_model(native, data):
    X, y = data
    model = small_model()

    def own(scores, targets):
        model(X)
        return softmax(scores, targets)

    with native.computing():
        with pytest.raises(RuntimeError, match="this model is computing"):
            model.fit(X, y, loss=own, **FIT)
        model.fit(X, y, loss=softmax, **FIT)


@needs_native
def test_it_may_train_another_model(native):
    X, y = numbers((512, 300), np.float32), np.arange(512) % 40
    other = st.Trainer(st.Sequential(st.Linear(300, 40)))

    def own(scores, targets):
        other.step(X, y)
        return softmax(scores, targets)

    model = st.Sequential(st.Linear(300, 40))
    with Implementation("native", native.isa, native.threads).computing(all_threads=True):
        model.fit(X, y, loss=own, epochs=2, progress=False)


def test_ctrl_c_reaches_it(backend, data):
    X, y = data

    def slow(scores, targets):
        time.sleep(0.01)
        return softmax(scores, targets)

    with backend.computing(), interrupted():
        small_model().fit(X, y, loss=slow, epochs=10_000, progress=False)


def test_a_slow_one_can_be_cancelled(backend, data):
    """After the batch at hand, though the network's own work is next to nothing."""
    X, y = data
    trainer, calls = st.Trainer(small_model(), lambda s, t: slow(s, t)), []

    def slow(scores, targets):
        calls.append(0)
        if len(calls) == 5:
            trainer.cancel()
        time.sleep(0.03)
        return softmax(scores, targets)

    with backend.computing():
        history = trainer.fit(X, y, epochs=1000, batch_size=100, progress=False)
    assert history.status == "cancelled" and len(calls) <= 7


@pytest.mark.parametrize("use", ["scores", "state", "step"])
def test_losses_that_use_each_others_models_end(backend, use):
    """In two threads: each computes what the other waits for, so that one of them gets an error."""
    models = [st.Sequential(st.Linear(6, 3), seed=seed) for seed in range(2)]
    X, y, both = np.zeros((8, 6), np.float32), np.zeros(8, np.int64), threading.Barrier(2, timeout=30)
    uses = {
        "scores": lambda model: model(X),
        "state": lambda model: model.state_dict(),
        "step": lambda model: st.Trainer(model).step(X, y),
    }
    ends = []

    def fit(own, other):
        first = [both.wait]

        def loss(scores, targets):
            if first:
                first.pop()()
            uses[use](other)
            return 0.0, 0 * scores

        trainer = st.Trainer(own, loss)
        with st.config(backend.backend):
            try:
                if use == "step":
                    trainer.step(X, y)
                else:
                    trainer.fit(X, y, epochs=3, progress=False)
            except RuntimeError as error:
                ends.append(str(error))
            else:
                ends.append("")

    threads = [threading.Thread(target=fit, args=pair, daemon=True) for pair in (models, models[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(ends) == 2 and any("neither would end" in end for end in ends)
    with st.config(backend.backend):
        for model in models:  # and all is free
            model.fit(X, y, epochs=1, progress=False)


def test_a_loss_waits_for_a_model_that_another_thread_fits(backend):
    """Which does not wait for it: both end."""
    first, second = (st.Sequential(st.Linear(6, 3), seed=seed) for seed in range(2))
    X, y = np.zeros((8, 6), np.float32), np.zeros(8, np.int64)

    def slow(scores, targets):
        time.sleep(0.002)
        return 0.0, 0 * scores

    def asks(scores, targets):
        return float(second(X).sum() * 0), 0 * scores * second.state_dict()["0.bias"]

    def train(begun):
        with st.config(backend.backend):
            second.fit(X, y, loss=slow, epochs=20, batch_callbacks=[begun], progress=False)

    with fitting(train, waits=False), st.config(backend.backend):
        assert first.fit(X, y, loss=asks, epochs=3, progress=False).epochs == 3
