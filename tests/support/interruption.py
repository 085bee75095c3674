"""Ctrl-C in the middle of a computation, and how soon it must end."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest

SLOWDOWN = float(os.environ.get("TEST_SLOWDOWN", "1"))  # of code that a sanitizer watches
GENEROUS = 0.5 * SLOWDOWN  # seconds: the promise is 0.1, on a machine that is not busy


@contextmanager
def interrupted(after=0.1 * SLOWDOWN):
    """Send this process SIGINT from another thread; the block must end with KeyboardInterrupt soon after."""
    sent = []

    def send():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(after, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            yield
        ended = time.perf_counter()
    finally:
        timer.cancel()
        timer.join()
    assert ended - sent[0] < GENEROUS
