"""An estimator's interrupted fit writes a last checkpoint, and goes on to the bits of an unbroken one."""

from __future__ import annotations

import errno
import os
import random
import signal
import time
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
from support.implementations import needs_native
from support.processes import forked
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import LinearClassifier, MLPClassifier, MLPRegressor
from steepest.storage import checkpoint as files

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = numbers((180, 6))
Y = np.array(["no", "yes", "perhaps"])[(X[:, 0] * X[:, 1] > 0) + (X[:, 2] > 1).astype(int)]
Z = X[:, 0] + X[:, 1] ** 2
HOW = {"max_iter": 12, "batch_size": 20, "random_state": 3}
NETWORK = {"hidden_layer_sizes": (8,), "learning_rate_init": 0.01, **HOW}
SHOWN = (
    "n_iter_",
    "t_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "validation_scores_",
    "validation_loss_curve_",
)

MADE = {
    "network": lambda **how: MLPClassifier(dropout=0.2, batch_norm=True, **NETWORK | how),
    "network by sgd": lambda **how: MLPClassifier(solver="sgd", **NETWORK | how),
    "score stops": lambda **how: MLPClassifier(early_stopping=True, **NETWORK | how),
    "adaptive": lambda **how: MLPClassifier(
        solver="sgd", learning_rate="adaptive", tol=0.05, n_iter_no_change=2, **NETWORK | how
    ),
    "rises": lambda **how: MLPClassifier(solver="sgd", **NETWORK | {"learning_rate_init": 8.0} | how),
    "numbers": lambda **how: MLPRegressor(**NETWORK | how),
    "linear": lambda **how: LinearClassifier(solver="sgd", **HOW | how),
}


class Died(Exception):
    """What ends a fit in the middle."""


def fit(make, path=None, **settings):
    how = {name: settings.pop(name) for name in ("callbacks", "max_iter") if name in settings}
    estimator = make(**how)
    asked = {} if path is None else {"checkpoint": path, "checkpoint_every": "1 hour"}
    return estimator.fit(X, Y if hasattr(estimator, "class_weight") else Z, **asked | settings)


def assert_same(found, expected):
    for name in SHOWN:
        np.testing.assert_equal(getattr(found, name), getattr(expected, name), name)
    for array, other in zip(found._arrays(), expected._arrays(), strict=True):
        assert_same_bits(np.asarray(array), np.asarray(other))


class Ends(st.EpochCallback):
    """Does something after so many epochs."""

    def __init__(self, epochs=-1, does=None):
        self.left, self.does = epochs, does

    def __call__(self, state):
        self.left -= 1
        return self.does(state) if self.left == 0 else None


def ctrl_c(state):
    signal.raise_signal(signal.SIGINT)


def dies(state):
    raise Died


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("epochs", [2, 7])
def test_errors_and_ctrl_c_of_callbacks(tmp_path, made, epochs):
    make, path = MADE[made], tmp_path / "run"
    expected = fit(make, callbacks=Ends())
    with pytest.raises(Died):
        fit(make, path, callbacks=Ends(epochs, dies))
    assert files.read(path)["estimator"]["n_iter_"] == epochs - 1
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        fit(make, path, callbacks=Ends(2, ctrl_c), resume=True)
    assert files.read(path)["estimator"]["n_iter_"] == epochs
    assert_same(fit(make, path, callbacks=Ends(), resume=True), expected)


def test_before_the_first_epoch_nothing_is_written(tmp_path):
    with pytest.raises(Died):
        fit(MADE["network"], tmp_path / "run", callbacks=Ends(1, dies))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("made", ["network", "linear"])
def test_time_and_cancelling(tmp_path, made):
    """After an epoch, which is not lost; a resumed fit has its own time."""
    make, path, epochs = MADE[made], tmp_path / "run", []
    expected = fit(make, callbacks=Ends())
    limit = st.TerminateOnTime(1e9)
    for end in (lambda state: state.trainer.cancel(), lambda state: setattr(limit, "_over", True)):
        fit(make, path, callbacks=[Ends(3, end), limit], resume=path.exists())
        epochs.append(files.read(path)["estimator"]["n_iter_"])
    assert epochs == [3, 6]
    found = fit(make, path, callbacks=[Ends(), st.TerminateOnTime(1e9)], resume=True)
    assert_same(found, expected)


@pytest.mark.parametrize("made", ["network", "linear"])
def test_many_short_times(tmp_path, made):
    """Over within an epoch, or between two."""
    make, path, seconds, done = MADE[made], tmp_path / "run", 0.001, [0]
    expected = fit(make, callbacks=st.TerminateOnTime(1e9))
    while done[-1] < expected.n_iter_:
        found = fit(make, path, callbacks=st.TerminateOnTime(seconds), resume=True)
        done.append(files.read(path)["estimator"]["n_iter_"] if path.exists() else 0)
        seconds *= 1.2
    assert done == sorted(done) and len(done) > 2
    assert_same(found, expected)


def test_a_callback_that_stops_the_fit_has_ended_it(tmp_path):
    make, path = MADE["network"], tmp_path / "run"
    expected = fit(make, path, callbacks=Ends(4, lambda state: True))
    assert expected.n_iter_ == 4
    assert_same(fit(make, path, callbacks=Ends(), resume=True), expected)


@pytest.mark.parametrize("full", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), KeyboardInterrupt()])
def test_what_happens_in_the_last_write(tmp_path, monkeypatch, full):
    """A full disk is a warning, as Ctrl-C is; a second Ctrl-C is an error. The file is whole in each case."""
    make, path = MADE["network"], tmp_path / "run"

    def fails(descriptor):
        raise full

    def end(state):
        monkeypatch.setattr(os, "fsync", fails)
        ctrl_c(state)

    fit(make, path, max_iter=2, callbacks=Ends())
    if isinstance(full, OSError):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit(make, path, callbacks=Ends(2, end), resume=True)
        said = " ".join(str(warning.message) for warning in caught)
        assert "the last checkpoint was not written: " in said and "No space left on device" in said
        assert "Training interrupted by user" in said
    else:
        with pytest.raises(KeyboardInterrupt):
            fit(make, path, callbacks=Ends(2, end), resume=True)
    monkeypatch.undo()
    assert files.read(path)["estimator"]["n_iter_"] == 2
    assert_same(fit(make, path, callbacks=Ends(), resume=True), fit(make, callbacks=Ends()))


@needs_native
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
@pytest.mark.parametrize("made", ["network", "network by sgd", "score stops", "linear"])
def test_ctrl_c_at_any_moment(tmp_path, made):
    """Without the last checkpoints it would begin anew each time, and not come to its end."""
    chance, path, done = random.Random(made), tmp_path / "run", [0]
    make = lambda **how: MADE[made](max_iter=600, tol=1e-9, n_iter_no_change=600, **how)  # noqa: E731
    started = time.perf_counter()
    expected = fit(make)
    seconds = time.perf_counter() - started
    while done[-1] < expected.n_iter_:
        child = forked(lambda: fit(make, path, resume=True))
        if len(done) < 40:
            time.sleep(chance.uniform(0.2, 0.6) * seconds)
            os.kill(child, signal.SIGINT)
        os.waitpid(child, 0)
        done.append(files.read(path)["estimator"]["n_iter_"] if path.exists() else 0)
        if done == [0, expected.n_iter_]:  # it was too soon for Ctrl-C: again
            path.unlink()
            done, seconds = [0], seconds / 2
    assert done == sorted(done) and len(done) > 2
    assert_same(fit(make, path, resume=True), expected)
