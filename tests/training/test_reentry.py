"""What callbacks, losses, metrics and signal handlers do to the model or estimator that is being fitted."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import sys
import threading
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from support.implementations import needs_native
from support.interruption import SLOWDOWN, fitting, medium_sized, same
from support.tolerances import assert_equal_models

import steepest as st
from steepest.sklearn import LinearRegressor, MLPClassifier, TabularRegressor

FIT = {"epochs": 3, "progress": False}
TRAINS = {
    "Sequential.fit": lambda trainer, X, y: trainer.model.fit(X, y, **FIT),
    "Trainer.fit": lambda trainer, X, y: trainer.fit(X, y, **FIT),
    "Trainer.step": lambda trainer, X, y: trainer.step(X, y),
    "fit of another trainer": lambda trainer, X, y: st.Trainer(trainer.model).fit(X, y, **FIT),
    "Trainer.load_state_dict": lambda trainer, X, y: trainer.load_state_dict({}),
}
PLACES = ["callbacks", "batch_callbacks", "metrics", "loss"]


def fit(place, act, model=None, **options):
    """A fit that calls `act(trainer, X, y)` at one place, and its trainer."""
    trainer, X, y = medium_sized()

    def called(*_):
        act(trainer, X, y)
        return 0.0

    if place == "loss":

        def loss(scores, targets):
            return called(), 0 * scores

        trainer = st.Trainer(trainer.model, loss)
    else:
        options[place] = {"of_mine": called} if place == "metrics" else [called]
    return trainer, lambda: trainer.fit(X, y, **FIT | options)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("way", TRAINS)
def test_nothing_trains_a_model_that_is_being_fitted(backend, place, way):
    """Where it would come between the steps of the fit; afterwards it may."""
    trainer, run = fit(place, TRAINS[way])
    with backend.computing():
        with pytest.raises(
            RuntimeError, match=r"^this model is being fitted: a callback, loss or metric cannot"
        ):
            run()
        if way != "fit of another trainer":
            assert trainer.model.loss is trainer.loss  # not that of the fit that was refused
        trainer.model.fit(*medium_sized()[1:], **FIT)


@pytest.mark.parametrize("place", PLACES[:3])
def test_between_steps_a_model_may_be_asked_and_copied(backend, place):
    """And its parameters set; the fit goes on from there."""
    fits, calls = [], []

    def act(trainer, X, y):
        if calls:
            return
        calls.append(place)
        model, before = trainer.model, trainer.model.state_dict()
        model.load_state_dict({key: 0 * value for key, value in before.items()})
        for one in (
            copy.deepcopy(model),
            pickle.loads(pickle.dumps(model)),
            st.Trainer(copy.copy(model)).model,
        ):
            assert not one(X).any()
            one.fit(X, y, **FIT)
        model.load_state_dict(before)
        assert same(trainer.state_dict(), copy.deepcopy(trainer).state_dict())
        gc.collect()

    with backend.computing():
        for what in (act, lambda *_: None):
            trainer, run = fit(place, what)
            fits.append((trainer.model, run().loss))
    assert_equal_models(fits[0][0], fits[1][0])
    assert fits[0][1] == fits[1][1]


ASKS = {
    "state_dict": lambda trainer, path: trainer.model.state_dict(),
    "Trainer.state_dict": lambda trainer, path: trainer.state_dict(),
    "to_bytes": lambda trainer, path: trainer.model.to_bytes(),
    "save": lambda trainer, path: trainer.model.save(path),
    "load_state_dict": lambda trainer, path: trainer.model.load_state_dict(
        medium_sized()[0].model.state_dict()
    ),
    "copy": lambda trainer, path: copy.deepcopy(trainer),
    "to_c": lambda trainer, path: st.to_c(trainer.model, path),
    "to_onnx": lambda trainer, path: st.to_onnx(trainer.model, path),
    "to_torch": lambda trainer, path: st.to_torch(trainer.model),
}


@pytest.mark.parametrize("act", ASKS)
def test_within_a_step_nobody_sees_or_sets_parameters(backend, act, tmp_path):
    if act in ("to_onnx", "to_torch"):
        pytest.importorskip(act[3:])
    with backend.computing(), pytest.raises(RuntimeError, match="this model is computing"):
        fit("loss", lambda trainer, *_: ASKS[act](trainer, tmp_path / "model"))[1]()


class OfMineError(Exception):
    pass


def fail(*_):
    raise OfMineError


@pytest.mark.parametrize("place", [*PLACES, "signal"])
def test_an_error_ends_a_fit_between_two_steps(backend, place):
    """Of a callback, a loss, a metric, or the handler of a signal."""
    trainer, X, y = medium_sized()
    whole = {"batch_size": None, "shuffle": False, "progress": False}
    old = signal.signal(signal.SIGUSR1, fail)
    try:
        with backend.computing():
            if place == "signal":
                signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGUSR1))
                signal.setitimer(signal.ITIMER_REAL, 0.1)
                with pytest.raises(OfMineError):
                    trainer.fit(X, y, epochs=20_000, **whole)
            else:
                trainer, run = fit(place, fail, **whole)
                with pytest.raises(OfMineError):
                    run()
            again = medium_sized()[0]
            for _ in range(trainer.steps_done):
                again.step(X, y)
            assert_equal_models(trainer.model, again.model)
            assert place == "loss" or trainer.steps_done > 0
            if place != "loss":
                trainer.fit(X, y, epochs=1, **whole), again.fit(X, y, epochs=1, **whole)
                assert_equal_models(trainer.model, again.model)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGUSR1, old), signal.signal(signal.SIGALRM, signal.SIG_DFL)


@pytest.mark.parametrize("place", PLACES)
def test_endless_recursion_comes_out(backend, place):
    def deeper(trainer, X, y):
        deeper(trainer, X, y)

    trainer, run = fit(place, deeper)
    with backend.computing():
        with pytest.raises(RecursionError):
            run()
        assert trainer.model(medium_sized()[1]).shape == (256, 10)
        trainer.model.fit(*medium_sized()[1:], **FIT)


def test_callbacks_may_drop_the_model_and_what_it_learns_from(backend):
    """And reshape the arrays, which are kept as they were when the fit began."""
    kept = {}
    _, kept["X"], kept["y"] = medium_sized()
    kept["trainer"] = medium_sized()[0]

    def drop(state):
        for array in (kept.get("X"), kept.get("y")):
            if array is not None:
                with pytest.raises(ValueError, match="resize"):
                    array.resize(3)  # NumPy refuses while somebody has it
        if kept:
            kept.clear(), gc.collect()

    with backend.computing():
        history = kept["trainer"].fit(kept["X"], kept["y"], callbacks=[drop], batch_callbacks=[drop], **FIT)
    assert history.epochs == 3 and np.isfinite(history.loss).all()


@needs_native
@pytest.mark.parametrize("kind", [MLPClassifier, LinearRegressor])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_callback_cannot_fit_its_own_estimator(kind, method, data):
    calls = []

    def again(estimator):
        calls.append(estimator)
        getattr(estimator, method)(*data)

    estimator = kind(solver="sgd", max_iter=3, tol=0.0, random_state=0, callbacks=[again])
    with pytest.raises(RuntimeError, match=f"this {kind.__name__} is being fitted: a callback"):
        estimator.fit(*data)
    assert len(calls) == 1
    with pytest.warns(UserWarning):
        estimator.set_params(callbacks=None).fit(*data)


def test_an_estimator_is_fitted_by_one_thread_at_a_time(backend):
    _, X, y = medium_sized()
    how = {"max_iter": 10, "tol": 0.0, "n_iter_no_change": 100, "random_state": 0}
    estimator, alone = (MLPClassifier((50,), **how) for _ in range(2))

    def fit(begun):
        with st.config(backend.backend), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.set_params(callbacks=[begun]).fit(X, y)

    with fitting(fit):
        for change in (estimator.fit, estimator.partial_fit):
            with pytest.raises(RuntimeError, match="this MLPClassifier is being fitted in another thread"):
                change(X, y)
    with st.config(backend.backend), pytest.warns(ConvergenceWarning):
        alone.fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(estimator.coefs_, alone.coefs_, strict=True))


def test_a_signal_handler_may_fit_another_estimator(data):
    """At whichever line of the method that looks after turns it falls."""
    one, other = (LinearRegressor(solver="lbfgs", max_iter=5) for _ in range(2))
    lines = []

    def handler(frame, event, _):
        if frame.f_code.co_name == "fit_alone":
            sys.settrace(None)
            if event == "line":
                lines.append(frame.f_lineno)
                other.fit(*data)
            sys.settrace(handler)
            return handler
        return None

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sys.settrace(handler)
            one.fit(*data)
            sys.settrace(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20 * SLOWDOWN)
    assert not thread.is_alive() and len(lines) > 4


def test_the_mean_of_networks_is_fitted_once_at_a_time(data, monkeypatch):
    """Also where it is another method of its own fit that calls it."""
    estimator = TabularRegressor(n_members=1, max_time=1)
    monkeypatch.setattr(estimator, "_validated", lambda y: estimator.fit(*data), raising=False)
    with pytest.raises(RuntimeError, match="this TabularRegressor is being fitted"):
        estimator.fit(*data)
