"""Several threads with models of their own, and on one model; settings of one thread; and fork."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from support.implementations import ISAS, REFERENCE, Implementation, needs_native
from support.interruption import SLOWDOWN, fitting, medium_sized, same

import steepest as st
from steepest.training import rise


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
    X, y = medium_sized()[1:]
    trainer, alone = (st.Trainer(st.Sequential(st.Standardize(), st.Linear(200, 10))) for _ in range(2))
    how = {"epochs": 80, "batch_size": None, "progress": False}
    trainer.model.standardize(X)
    state = trainer.model.state_dict()
    changes = [
        lambda: trainer.fit(X, y, **how),
        lambda: trainer.model.fit(X, y, **how),
        lambda: st.Trainer(trainer.model).step(X, y),
        lambda: trainer.model.load_state_dict(state),
        lambda: trainer.load_state_dict(trainer.state_dict()),
        lambda: trainer.model.standardize(X),
        lambda: setattr(trainer, "optimizer", "adam"),
        lambda: st.Trainer(trainer.model, "hinge"),
    ]

    def fit(begun):
        with st.config(backend.backend):
            trainer.fit(X, y, batch_callbacks=[begun], **how)

    message = "this model is being fitted in another thread: wait until"
    with st.config(backend.backend), fitting(fit):
        for change in changes:
            with pytest.raises(RuntimeError, match=message):
                change()
    assert trainer.model.loss == trainer.loss
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


def test_copies_of_a_trainer_are_of_one_moment(backend):
    """Its model, what its optimizer and its average keep, and the number of steps."""

    def made():
        trainer, X, y = medium_sized()
        averaging = st.ExponentialAverage(0.9)
        return st.Trainer(trainer.model, "softmax", st.SGD(1e-3, 0.9), averaging=averaging), X, y

    (trainer, X, y), (again, *_) = made(), made()
    seen, how = [], {"epochs": 60, "batch_size": None, "progress": False, "shuffle": False}

    def train(begun):
        with st.config(backend.backend):
            trainer.fit(X, y, batch_callbacks=[begun], **how)

    with fitting(train, waits=False) as thread:
        while thread.is_alive():
            several = (trainer,), (copy.deepcopy(trainer),), (trainer.model, trainer)  # the model's is older
            seen += map(pickle.dumps, several)
    states = [again.state_dict()]
    with st.config(backend.backend):
        for _ in range(60):
            again.step(X, y)
            states.append(again.state_dict())
    copies = [pickle.loads(one)[-1] for one in seen]
    assert len({one.steps_done for one in copies}) > 1
    for one in copies:
        state = one.state_dict()
        state["epochs_done"] = states[0]["epochs_done"]
        assert same(state, states[one.steps_done])


def test_others_see_a_fit_before_or_after_it_goes_back(backend, monkeypatch):
    """To its best epoch, from a loss that rose for good: nothing on the way."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((64, 6)), rng.standard_normal((64, 1))
    model, seen, known = st.Sequential(st.Linear(6, 1), dtype="float64", seed=0), [], []
    on_the_way, go_back = threading.Event(), rise.WayBack.go

    def go(way_back, untrained):
        done = go_back(way_back, untrained)
        on_the_way.set()
        time.sleep(0.05)
        return done

    def look():
        assert on_the_way.wait(60)
        began = time.perf_counter()
        seen.append((bits(model), time.perf_counter() - began))

    monkeypatch.setattr(rise.WayBack, "go", go)
    thread = threading.Thread(target=look)
    thread.start()
    with st.config(backend.backend), pytest.warns(RuntimeWarning, match="The loss rose"):
        how = {"epochs": 6, "batch_size": None, "progress": False, "loss": "mse"}
        model.fit(X, y, optimizer=st.SGD(1.5), callbacks=lambda s: known.append(bits(s.model)), **how)
    thread.join()
    assert seen[0][0] == bits(model) and seen[0][1] > 0.03


def test_a_thread_that_looks_all_the_time_does_not_stop_a_fit():
    """It waits for nobody twice: one that comes again at once counts as another one."""
    trainer, X, y = medium_sized()

    def train(begun):
        trainer.fit(X, y, epochs=30, batch_size=None, batch_callbacks=[begun], progress=False)

    began = time.process_time()
    with fitting(train, waits=False) as thread:
        while thread.is_alive():
            trainer.model.state_dict()
    assert time.process_time() - began < 0.05 * 30 * SLOWDOWN  # where each step lost its patience: 3 s


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
