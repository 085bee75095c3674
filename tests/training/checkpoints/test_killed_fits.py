"""A process that is killed at any moment, also while it writes, goes on to the bits of an unbroken one."""

from __future__ import annotations

import os
import random
import signal
import time

import numpy as np
import pytest
from support.implementations import needs_native
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st

pytestmark = [needs_native, pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")]

X = numbers((400, 20))
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
KILLS = 50


def fit(path, threads, **settings):
    """It writes after each third step, so that much of its time is that of files."""
    model = st.Sequential(
        st.Linear(20, 64), st.BatchNorm(64), st.ReLU(), st.Dropout(0.1), st.Linear(64, 2), seed=2
    )
    how = {"optimizer": st.NAdam(0.003), "epochs": 40, "batch_size": 32, "validation_split": 0.25}
    how |= {
        "callbacks": st.EarlyStopping(patience=30),
        "progress": False,
        "averaging": st.ExponentialAverage(0.9),
    }
    with st.config(num_threads=threads):
        history = model.fit(X, Y, **how, checkpoint=path, checkpoint_every="3 steps", **settings)
    return model, history


def child(path, threads):
    """A process that goes on."""
    identity = os.fork()
    if not identity:
        try:
            fit(path, threads, resume=True)
            os._exit(0)
        finally:
            os._exit(1)
    return identity


def test_a_killed_fit_goes_on_to_the_same_bits(tmp_path):
    chance, path, kills, ended = random.Random(5), tmp_path / "run", 0, 0
    expected, history = fit(tmp_path / "whole", 2)
    while kills < KILLS or not ended:
        process = child(path, chance.choice([1, 2, 3]))
        if kills < KILLS:
            time.sleep(chance.uniform(0.002, 0.12))
            os.kill(process, signal.SIGKILL)
        _, status = os.waitpid(process, 0)
        if os.WIFSIGNALED(status):
            kills += 1
            continue
        assert os.WEXITSTATUS(status) == 0
        ended += 1
        model, found = fit(path, 1, resume=True)  # it has ended
        for key, value in expected.state_dict().items():
            assert_same_bits(model.state_dict()[key], value)
        assert (found.loss, found.validation_loss) == (history.loss, history.validation_loss)
        assert (found.best_epoch, found.status) == (history.best_epoch, history.status)
        for file in tmp_path.glob("*run*"):
            file.unlink()  # it begins anew
    fit(path, 1, resume=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "run",
        "run.previous",
        "whole",
        "whole.previous",
    ]
