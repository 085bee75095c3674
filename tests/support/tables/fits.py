"""Fits to a table of all kinds of columns, which may be ended in the middle, and their comparison."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from steepest.sklearn import TabularClassifier, TabularRegressor
from steepest.storage import checkpoint as files

from ..strategies import numbers
from ..tolerances import assert_same_bits

ROWS = 200
draws = np.random.default_rng(3)
A, B = numbers((2, ROWS))
FRAME = pd.DataFrame(
    {
        "size": np.where(draws.random(ROWS) < 0.1, np.nan, A),
        "kind": draws.choice(["red", "green", "blue", None], ROWS),
        "day": pd.date_range("2020-01-01", periods=ROWS),
        "new": draws.random(ROWS) < 0.5,
        "other": B,
    }
)
LABELS = np.where(A + (FRAME["kind"] == "red") + B / 2 > 0, "large", "small")
PRICES = 3 * A + 5 * (FRAME["kind"] == "red") + FRAME["new"] * B
SMALL = {"n_members": 3, "hidden_layer_sizes": (8,), "max_steps": 30, "random_state": 0}

MADE = {
    "classes": lambda **more: TabularClassifier(**SMALL | more),
    "numbers": lambda **more: TabularRegressor(**SMALL | more),
    "balanced": lambda **more: TabularClassifier(class_weight="balanced", **SMALL | more),
    "cosines": lambda **more: TabularRegressor(embedding="periodic", **SMALL | more),
    "ramps": lambda **more: TabularClassifier(embedding="piecewise_linear", **SMALL | more),
    "its own generator": lambda **more: TabularRegressor(
        **SMALL | more | {"random_state": np.random.RandomState(5)}
    ),
}


class Died(Exception):
    """What ends a fit in the middle."""


def fit(estimator, path=None, every=1, table=FRAME, targets=None, **settings):
    if targets is None:
        targets = LABELS if isinstance(estimator, TabularClassifier) else PRICES
    asked = {} if path is None else {"checkpoint": path, "checkpoint_every": every}
    return estimator.fit(table, targets, **asked | settings)


def dies(monkeypatch, writes, estimator, path, **settings):
    """After so many checkpoints nothing is written any more."""
    write, left = files.write, [writes]

    def dying(*arguments, **options):
        if not left[0]:
            raise Died
        left[0] -= 1
        write(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", dying)
        with pytest.raises(Died):
            fit(estimator, path, **settings)
    return files.read(path)["networks"]


def assert_same(found, expected, folder):
    """All that was learned, what it says, and the file that it writes."""
    assert found.best_epochs_ == expected.best_epochs_
    assert found.validation_score_ == expected.validation_score_
    assert vars(found).get("temperature_") == vars(expected).get("temperature_")
    for member, other in zip(found.members_, expected.members_, strict=True):
        assert (member.value, member.epochs) == (other.value, other.epochs)
        assert_same_bits(member.held_out, other.held_out)
    predict = "predict_proba" if hasattr(found, "predict_proba") else "predict"
    assert_same_bits(getattr(found, predict)(FRAME), getattr(expected, predict)(FRAME))
    found.save(folder / "found.safetensors")
    expected.save(folder / "expected.safetensors")
    assert (folder / "found.safetensors").read_bytes() == (folder / "expected.safetensors").read_bytes()
