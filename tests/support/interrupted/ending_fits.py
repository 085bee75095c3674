"""Small fits with checkpoints, something of whose choice happens in the middle of which."""

from __future__ import annotations

import signal

import numpy as np

import steepest as st

from ..strategies import numbers
from ..tolerances import assert_equal_models

X = numbers((150, 5))
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
ADAM = st.Adam(0.01)
LAYERS = st.Linear(5, 8), st.BatchNorm(8), st.Tanh(), st.Dropout(0.2), st.Linear(8, 2)
ALWAYS = {"epochs": 9, "batch_size": 10, "validation_split": 0.2, "progress": False}


class Died(Exception):
    """What ends a fit in the middle."""


class Ends:
    """A loss that does something in one of its calls: an epoch has twelve, and one to validate."""

    def __init__(self):
        self.left, self.end = -1, None

    def __call__(self, scores, targets):
        self.left -= 1
        if self.left == 0:
            self.end()
        return st.functional.softmax_cross_entropy(scores, targets)

    def __repr__(self):
        return "Ends()"


def nothing(state):
    """A callback, which makes each epoch a call of the core."""


MODES = {
    "many epochs in a call": {},
    "each epoch a call": {"callbacks": [nothing]},
    "each part of an epoch a call": {"batch_callbacks": [nothing], "batch_group": 5},
    "each batch a call": {"batch_callbacks": [nothing]},
    "parts between checkpoints": {"checkpoint_every": "30 steps"},
}


def fit(path, *, after=-1, end=None, layers=LAYERS, optimizer=ADAM, loss=None, **settings):
    """A model and its history; `end` is called with the trainer, within a batch."""
    model, ends = st.Sequential(*layers, seed=3), Ends()
    trainer = st.Trainer(model, loss or ends, optimizer, averaging=st.ExponentialAverage(0.9))
    ends.left, ends.end = after, lambda: end(trainer)
    return model, trainer.fit(X, Y, checkpoint=path, **{"checkpoint_every": "1 hour"} | ALWAYS | settings)


def assert_same(found, expected):
    """Models and histories, but for times."""
    (model, history), (other, unbroken) = found, expected
    assert_equal_models(model, other)
    for name in ("loss", "validation_loss", "metrics", "status", "best_epoch"):
        assert getattr(history, name) == getattr(unbroken, name), name
    assert len(history.seconds) == history.epochs


def ctrl_c(*_):
    signal.raise_signal(signal.SIGINT)


def dies(*_):
    raise Died
