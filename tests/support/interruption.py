"""Ctrl-C in the middle of a computation, and how soon it must end; other threads during a fit."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

import steepest as st

SLOWDOWN = float(os.environ.get("TEST_SLOWDOWN", "1"))  # of code that a sanitizer watches
GENEROUS = 0.5 * SLOWDOWN  # seconds: the promise is 0.1


@contextmanager
def interrupted(after=0.1 * SLOWDOWN):
    """Send this process SIGINT from another thread; the block must end with KeyboardInterrupt soon after."""
    sent = []

    def send():
        sent.append(time.process_time())  # of all threads, but not of other programs beside
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
        ended = time.process_time()
    finally:
        timer.cancel()
        timer.join()
    assert ended - sent[0] < GENEROUS


@contextmanager
def fitting(fit, *, waits=True):
    """While another thread fits: from its first callback on, which `fit` is given, and which may wait."""
    begun, over, errors = threading.Event(), threading.Event(), []

    def called(*_):
        begun.set()
        assert not waits or over.wait(60)

    def run():
        try:
            fit(called)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert begun.wait(60)
        yield thread
    finally:
        over.set()
        thread.join()
    assert not errors


def medium_sized(seed=0):
    """A trainer whose steps take about a millisecond, and its data."""
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((256, 200), np.float32), rng.integers(0, 10, 256)
    model = st.Sequential(st.Linear(200, 300), st.Tanh(), st.Linear(300, 10), seed=seed)
    return st.Trainer(model, "softmax", st.SGD(1e-3, 0.9)), X, y


def same(a, b):
    return all(np.array_equal(value, b[key]) for key, value in a.items())
