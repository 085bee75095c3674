"""Ctrl-C and cancelling: nothing hangs, nothing is left half-written."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest
from support.implementations import BACKENDS, ISAS, Implementation, needs_native
from support.interruption import interrupted, medium_sized, same
from support.tolerances import assert_same_bits

import steepest as st

ENDLESS = 20_000  # epochs: half a minute, if nothing ends them


def assert_stopped_between_steps(trainer, X, y):
    """Its parameters and its state are those after some whole number of steps, which is returned."""
    reached, (again, *_) = trainer.model.state_dict(), medium_sized()
    steps = 0
    while not same(again.model.state_dict(), reached):
        again.step(X, y)
        steps += 1
        assert steps < 100_000
    assert steps == trainer.steps_done > 0
    again.step(X, y), trainer.step(X, y)
    for key, value in again.model.state_dict().items():
        assert np.isfinite(value).all()
        assert_same_bits(trainer.model.state_dict()[key], value, key)
    return steps


def test_ctrl_c_leaves_a_fit_between_two_steps(backend):
    trainer, X, y = medium_sized()
    with backend.computing():
        with interrupted():
            trainer.fit(X, y, epochs=ENDLESS, batch_size=None, shuffle=False, progress=False)
        # An epoch is a step here. The reference looks only every 20 ms at how far it has come.
        assert 0 < trainer.epochs_done <= assert_stopped_between_steps(trainer, X, y)


@pytest.mark.parametrize("batch_callbacks", [(), (lambda state: None,)])
def test_ctrl_c_leaves_the_average_beside_the_parameters(backend, batch_callbacks):
    """Of as many updates, also where each batch is a call of its own."""
    trainers = []
    for _ in range(2):
        plain, X, y = medium_sized()
        averaging = st.PolyakAverage()
        trainers.append(st.Trainer(plain.model, "softmax", plain.optimizer, averaging=averaging))
    trainer, again = trainers
    fit = {"batch_size": None, "shuffle": False, "progress": False}
    with backend.computing():
        with interrupted():
            trainer.fit(X, y, epochs=ENDLESS, batch_callbacks=batch_callbacks, **fit)
        while not same(again.model.state_dict(), trainer.model.state_dict()):
            again.step(X, y)
    assert trainer.learning.state.average.updates == again.learning.state.average.updates > 0
    assert same(trainer.averaged().state_dict(), again.averaged().state_dict())


@needs_native
def test_a_signal_handler_that_uses_the_model_gets_an_error():
    """It runs inside the computation that it would have to wait for."""
    trainer, X, y = medium_sized()
    old = signal.signal(signal.SIGALRM, lambda *_: trainer.model(X))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with st.config("native"), pytest.raises(RuntimeError, match="cannot be used from a signal handler"):
            trainer.fit(X, y, epochs=ENDLESS, batch_size=None, progress=False)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert trainer.model(X).shape == (256, 10)


@needs_native
def test_ctrl_c_ends_waiting_for_a_model_that_computes_elsewhere():
    trainer, X, y = medium_sized()
    fit = threading.Thread(target=lambda: trainer.fit(X, y, epochs=ENDLESS, batch_size=None, progress=False))
    with st.config("native"):
        trainer.step(X, y)
        fit.start()
        try:
            with interrupted(0.2):
                while fit.is_alive():
                    trainer.model(X)
        finally:
            trainer.cancel()
            fit.join()


def test_ctrl_c_ends_a_fit_of_mini_batches(backend):
    """Also with a callback, which makes each epoch a call of its own."""
    for callbacks in ((), (lambda state: None,)):
        trainer, X, y = medium_sized()
        before = trainer.model.state_dict()
        with backend.computing(), interrupted():
            trainer.fit(X, y, epochs=ENDLESS, batch_size=16, callbacks=callbacks, progress=False)
        after = trainer.model.state_dict()
        assert all(np.isfinite(value).all() for value in after.values()) and not same(after, before)


@needs_native
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("call", ["step", "fit", "loss_and_gradients"])
def test_ctrl_c_leaves_one_long_step_untouched(call, threads):
    """A step of seconds is watched inside, and left with all parameters as they were."""
    X = np.random.default_rng(0).standard_normal((4000, 2000))
    y, model = np.arange(4000) % 900, st.Sequential(st.Linear(2000, 900), dtype=np.float64)
    trainer = st.Trainer(model, "softmax", st.SGD(0.1, 0.9))
    before = model.state_dict()
    with Implementation("native", ISAS[-1], threads).computing():
        model(X[:1])  # for the proof, which asks what computed last
        with interrupted(0.3):
            if call == "step":
                trainer.step(X, y)
            elif call == "fit":
                trainer.fit(X, y, batch_size=None, progress=False)
            else:
                model.loss_and_gradients(X, y, loss="softmax")
    for key, value in model.state_dict().items():
        assert_same_bits(value, before[key], key)
    assert all(
        not v.weight.any() and not v.bias.any() for v in trainer.learning.state.optimizer.slots["velocity"]
    )


def test_cancel_from_another_thread(backend):
    trainer, X, y = medium_sized()
    timer = threading.Timer(0.05, trainer.cancel)

    def begin(state):
        if state.epoch == 1:  # however busy the machine is
            timer.start()

    whole = {"batch_size": None, "shuffle": False, "progress": False}
    with backend.computing():
        history = trainer.fit(X, y, epochs=ENDLESS, callbacks=[begin], **whole)
        assert history.status == "cancelled" and 0 < history.epochs < ENDLESS
        assert trainer.epochs_done == history.epochs == len(history.seconds)
        trainer.epochs_done = 0
        again = medium_sized()[0]
        again.fit(X, y, epochs=history.epochs, **whole)
    assert same(again.model.state_dict(), trainer.model.state_dict())
    trainer.cancel()  # nothing runs, so nothing happens: the next fit is not cancelled
    assert trainer.fit(X, y, epochs=1, progress=False).status == "finished"


def test_cancel_while_a_fit_is_prepared_ends_it():
    trainer, X, y = medium_sized()

    class Samples:
        """What another thread may do while these are read."""

        def __array__(self, dtype=None, copy=None):
            trainer.cancel()
            return X if dtype is None else X.astype(dtype)

    assert trainer.fit(Samples(), y, epochs=ENDLESS, progress=False).status == "cancelled"


@needs_native
def test_cancel_in_the_middle_of_an_epoch_keeps_the_last_batch():
    trainer, X, y = medium_sized()
    live = trainer.model.parameters()[0]  # as it is now, whatever computes
    before, many = live.copy(), np.resize(np.arange(256), 30_000)
    X, y = X[many], y[many]

    def cancel_when_it_learns():
        while np.array_equal(live, before):
            time.sleep(0.001)
        trainer.cancel()

    thread = threading.Thread(target=cancel_when_it_learns)
    thread.start()
    with BACKENDS[-1].computing():
        history = trainer.fit(X, y, epochs=1, batch_size=2, progress=False)
    thread.join()
    assert (history.status, history.epochs, trainer.epochs_done) == ("cancelled", 0, 0)
    assert all(np.isfinite(value).all() for value in trainer.model.state_dict().values())
