"""Several threads with models of their own, and on one model; settings of one thread; and fork."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from support.implementations import ISAS, REFERENCE, Implementation, needs_native
from support.interruption import fitting, medium_sized, same

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


def bits(model):
    return b"".join(value.tobytes() for value in model.state_dict().values())


def test_two_threads_fit_two_models(backend):
    """Each comes to what it comes to alone."""
    trained = {}

    def train(name, seed):
        trainer, X, y = medium_sized(seed)
        with Implementation("native", ISAS[0], 2).computing() if backend.isa else st.config("reference"):
            trainer.fit(X, y, epochs=20, batch_size=50, progress=False)
        trained[name] = bits(trainer.model)

    threads = [threading.Thread(target=train, args=(seed, seed)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (1, 2):
        train("alone", seed)
        assert trained[seed] == trained["alone"]


def test_two_trainers_take_turns_at_steps(backend):
    """Of one model: as many steps as one trainer does, none of which another one changes."""
    trainer, X, y = medium_sized()
    alone = st.Trainer(medium_sized()[0].model, "softmax", st.SGD(1e-3))

    def train():
        own = st.Trainer(trainer.model, "softmax", st.SGD(1e-3))
        with st.config(backend.backend):
            for _ in range(30):
                own.step(X, y)

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with st.config(backend.backend):
        for _ in range(60):
            alone.step(X, y)
    assert bits(trainer.model) == bits(alone.model)


def test_a_model_is_fitted_by_one_thread_at_a_time(backend):
    """Others are refused, whatever would change it, and it comes to what it comes to alone."""
    trainer, X, y = medium_sized()
    alone = medium_sized()[0]
    how = {"epochs": 80, "batch_size": None, "progress": False}
    state = trainer.model.state_dict()
    changes = [
        lambda: trainer.fit(X, y, **how),
        lambda: trainer.model.fit(X, y, **how),
        lambda: st.Trainer(trainer.model).step(X, y),
        lambda: trainer.model.load_state_dict(state),
        lambda: trainer.load_state_dict(trainer.state_dict()),
    ]

    def fit(begun):
        with st.config(backend.backend):
            trainer.fit(X, y, batch_callbacks=[begun], **how)

    message = "this model is being fitted in another thread: wait until"
    with st.config(backend.backend), fitting(fit):
        for change in changes:
            with pytest.raises(RuntimeError, match=message):
                change()
    with st.config(backend.backend):
        alone.fit(X, y, **how)
        assert bits(trainer.model) == bits(alone.model)
        trainer.model.load_state_dict(state)  # and now it is free


def test_what_another_thread_saves_is_of_one_moment(backend):
    """A whole number of steps, however often it looks."""
    trainer, X, y = medium_sized()
    again, seen = medium_sized()[0], []
    how = {"epochs": 60, "batch_size": None, "progress": False, "shuffle": False}

    def train(begun):
        with st.config(backend.backend):
            trainer.fit(X, y, batch_callbacks=[begun], batch_group=3, **how)

    with fitting(train, waits=False) as thread:
        while thread.is_alive():
            seen += [bits(trainer.model), bits(pickle.loads(pickle.dumps(trainer.model)))]
            trainer.model.to_bytes()
    states = {bits(again.model)}
    with st.config(backend.backend):
        for _ in range(60):
            again.step(X, y)
            states.add(bits(again.model))
    assert set(seen) <= states and len(set(seen)) > 1


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
