"""What a loss of one's own does meanwhile: other models, Ctrl-C and cancelling."""

from __future__ import annotations

import time

import numpy as np
import pytest
from support.implementations import Implementation, needs_native
from support.interruption import interrupted
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
