"""Several threads on one model, settings of one thread, and fork."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest
from support.implementations import ISAS, REFERENCE, Implementation, needs_native
from support.interruption import medium_sized, same

import steepest as st


def test_two_threads_share_a_model(backend):
    """Predicting while another thread trains: whole rows of finite scores, and every step counts."""
    trainer, X, y = medium_sized()
    alone = medium_sized()[0]
    done, results = threading.Event(), []

    def predict():
        while not done.is_set():
            results.append(trainer.model(X))

    threads = [threading.Thread(target=predict) for _ in range(2)]
    with st.config(backend.backend):
        st.set_num_threads(2)  # for all threads, where `config` is for this one
        try:
            for thread in threads:
                thread.start()
            for _ in range(60):
                trainer.step(X, y)
        finally:
            done.set()
            for thread in threads:
                thread.join()
            st.set_num_threads(None)
        for _ in range(60):
            alone.step(X, y)
    assert results and all(r.shape == (256, 10) and np.isfinite(r).all() for r in results)
    assert same(trainer.model.state_dict(), alone.model.state_dict())


def test_two_threads_train_one_model(backend):
    trainer, X, y = medium_sized()
    losses = []

    def train():
        with st.config(backend.backend):
            losses.extend(trainer.step(X, y) for _ in range(30))

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(losses) == 60 and np.isfinite(losses).all() and min(losses) < losses[0]


def test_settings_are_of_one_thread():
    other = []
    with st.config(backend=REFERENCE.backend, num_threads=3):
        thread = threading.Thread(
            target=lambda: other.append((st.build_info()["backend"], st.get_num_threads()))
        )
        thread.start()
        thread.join()
        assert st.build_info()["backend"] == "reference" and st.get_num_threads() == 3
    assert other == [(st.build_info()["backend"], st.get_num_threads())]


@needs_native
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Python 3.12 warns of what is tested here
def test_a_forked_child_trains_to_the_same_bits():
    """libgomp's threads do not survive a fork: a child that waited for them would hang."""

    def train():
        trainer, X, y = medium_sized()
        with Implementation("native", ISAS[0], 2).computing(all_threads=True):
            trainer.fit(X, y, epochs=2, batch_size=128, progress=False)
        return b"".join(value.tobytes() for value in trainer.model.state_dict().values())

    expected = train()
    child = os.fork()
    if child == 0:
        status = 2
        try:
            status = int(train() != expected)
        finally:
            os._exit(status)
    deadline = time.monotonic() + 60
    while (ended := os.waitpid(child, os.WNOHANG))[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the child hangs")
        time.sleep(0.01)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
    assert train() == expected  # and the parent's threads still work
