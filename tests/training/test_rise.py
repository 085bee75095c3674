"""A loss that rises for good: what counts as that, and the way back to the best epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.strategies import small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest.training.rise import rose

FALLING = [5 * 0.9**epoch for epoch in range(30)]


@pytest.mark.parametrize(
    "losses",
    [
        [1.0, 50.0],
        [1.0, 1.2, 1.3, 1.4],
        [1.0, 0.5, 0.2, 0.9],
        [-1.0, -2.0, 1.0],
        [1.0] + [0.6 + 0.02 * epoch for epoch in range(12)],
        [*FALLING, 1e9],
        [3.0, 1.0, 0.1, 2.3, 2.3, 2.3],  # all ReLUs died
    ],
)
def test_what_rises(losses):
    assert rose(losses)
    assert not rose(losses[: losses.index(min(losses)) + 1])


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [1.0],
        FALLING,
        [1.0, 1.2],  # one epoch of two may be above the other
        [1e-6, 5e-5],  # known by heart
        [0.0, 0.0],
        [-1.0, -0.99, -1.01],
        [2.3, 0.010, 0.030, 0.012, 0.025],
        [1.0] + [0.3, 0.32, 0.31, 0.29, 0.33, 0.3] * 4,
    ],
)
def test_what_does_not(losses):
    assert not rose(losses)


@given(some.lists(some.floats(0.95, 1.0), min_size=1, max_size=40))
def test_noise_does_not(noise):
    assert not rose(noise)
    assert not rose([10 * one for one in noise], tolerance=0.0)


def spoiling(best, steps=3):
    """A schedule that lets the loss rise, but not without end, after the epoch `best` of 3 batches."""
    return lambda step: 1e-2 if step < steps * (best + 1) else 0.5


WAYS = {
    "many at once": {},
    "callbacks": {"callbacks": [lambda state: None]},
    "validation": {"validation": True},
    "parts": {"batch_callbacks": [lambda state: None], "batch_group": 2},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": st.Adam(spoiling(4))}, {"averaging": st.PolyakAverage()}],
    ids=["sgd", "adam", "average"],
)
def test_a_fit_goes_back_to_its_best_epoch(backend, data, way, options):
    """Parameters, the optimizer's state and the average, to the bit, as if it had ended there."""
    X, y = data
    how = dict(WAYS[way])
    if how.pop("validation", False):
        how["validation_data"] = X, y
    learn = {"optimizer": st.SGD(spoiling(4), 0.9)} | options
    went, ended = (st.Trainer(small_model(), **learn) for _ in range(2))
    fit = {"batch_size": 100, "progress": False} | how
    with backend.computing():
        with pytest.warns(RuntimeWarning, match=r"The loss rose from .* in epoch \d+ .* went back to that"):
            history = went.fit(X * 50, y, epochs=7, **fit)
        assert history.epochs == 7 and history.loss[history.best_epoch] == min(history.loss)
        assert went.epochs_done in (history.best_epoch, history.best_epoch + 1)
        ended.fit(X * 50, y, epochs=went.epochs_done, **fit)
    assert_equal_models(went.model, ended.model)
    for mine, other in zip(went.learning.copies(), ended.learning.copies(), strict=True):
        assert_same_bits(mine[1], other[1])


@pytest.mark.parametrize("best", [0, 3])
def test_one_batch_an_epoch_goes_back_to_the_lowest_loss(backend, data, best):
    """Which is that of the parameters with which the epoch began, also where that was the first one."""
    X, targets = data[0], np.eye(3)[data[1]]
    model, optimizer = small_model(), st.SGD(lambda step: 1e-3 if step < best else 1.0)
    fit = {"loss": "squared_error", "optimizer": optimizer, "batch_size": None, "progress": False}
    with backend.computing():
        with pytest.warns(RuntimeWarning, match=f"in epoch {best} "):
            history = model.fit(X, targets, epochs=best + 3, **fit)
        error = np.sum((model(X) - targets) ** 2, axis=1).mean()
    assert error == pytest.approx(min(history.loss), rel=1e-5)


def test_early_stopping_has_its_own_way_back(data):
    model, stop = small_model(), st.EarlyStopping(2, monitor="loss")
    fit = {"optimizer": st.SGD(spoiling(4), 0.9), "batch_size": 100, "progress": False}
    history = model.fit(data[0] * 50, data[1], epochs=9, callbacks=[stop], **fit)
    assert rose(history.loss) and (history.best_epoch, history.status) == (4, "stopped")
    again = small_model()
    again.fit(data[0] * 50, data[1], epochs=5, **fit)
    assert_equal_models(model, again)
