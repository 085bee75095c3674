"""A loss that rises for good: what counts as that, and the way back to the best epoch."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from support.strategies import small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest.backends.data import Batch
from steepest.training.objective import objective_before_steps
from steepest.training.rise import rose, ruined

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
        with pytest.warns(RuntimeWarning, match=r"The loss rose from .* in epoch \d+ .* are those of that"):
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


# ---- worse than before the first step ---------------------------------------------------------------------


def test_what_is_ruined():
    assert ruined(2.1, 1.0) and ruined(0.1, -2.0, 0.0) and ruined(np.inf, 1.0)
    assert not ruined(1.9, 1.0) and not ruined(5e-5, 0.0) and not ruined(1.0, np.inf)


@pytest.mark.parametrize("way", WAYS)
def test_a_fit_whose_epochs_are_all_worse_than_the_beginning_is_told(backend, data, way):
    """Also where its loss falls from epoch to epoch; and it keeps the best of them."""
    X, y = 10 * data[0], data[1]
    how = dict(WAYS[way])
    if how.pop("validation", False):
        how["validation_data"] = X, y
    optimizer = st.SGD(lambda step: 9.0 if step < 2 else 1e-2)
    trainer = st.Trainer(st.Sequential(st.Linear(6, 3)), optimizer=optimizer)
    began = trainer.model.loss_and_gradients(X, y, loss="softmax")[0]
    with backend.computing(), pytest.warns(RuntimeWarning, match="before the first step: the ste") as told:
        history = trainer.fit(X, y, epochs=4, batch_size=32, progress=False, **how)
    now = trainer.model.loss_and_gradients(X, y, loss="softmax")[0]
    numbers = re.findall(r"is (\S+) after the best epoch, 3 .* was (\S+) before", str(told[0].message))
    np.testing.assert_allclose(np.array(numbers[0], float), [now, began], rtol=1e-4)
    assert history.best_epoch == 3 and now > 2 * began and min(history.loss) > 2 * began
    assert trainer.epochs_done == 4 and history.loss[1:] == sorted(history.loss[1:], reverse=True)


def test_a_good_model_is_the_baseline_of_the_next_fit(data):
    """Its loss is far below that of an untrained one, which the rate leads back to."""
    model, fit = small_model(), {"batch_size": 10, "progress": False}
    good = model.fit(*data, optimizer=st.Adam(0.02), epochs=40, **fit).loss[-1]
    untrained = np.log(3)
    with pytest.warns(RuntimeWarning, match="but was .* before the first step"):
        history = model.fit(*data, optimizer=st.Adam(0.8), epochs=4, **fit)
    assert good < 0.2 and min(history.loss) < 2 * untrained


def test_one_epoch_is_not_watched(data):
    model = small_model()
    assert model.fit(10 * data[0], data[1], optimizer=st.SGD(300.0), epochs=1, progress=False).loss[0] > 10


@pytest.mark.parametrize("options", [{}, {"sample_weight": True}, {"penalty": st.L2(0.3)}], ids=str)
def test_the_objective_is_that_of_an_epoch_without_steps(backend, data, options):
    """With dropout and the statistics of batches; and nothing changes by it."""
    layers = [st.Linear(6, 8), st.BatchNorm(8), st.ReLU(), st.Linear(8, 3)]
    trainer = st.Trainer(st.Sequential(*layers, dtype="float64"), penalty=options.get("penalty"))
    X, y = data[0].astype(np.float64), data[1]
    weight = np.linspace(0, 2, 300) if "sample_weight" in options else None
    batches = [slice(number, None, 10) for number in range(10)]
    order = np.concatenate([np.arange(300)[part] for part in batches])
    in_order = {"sample_weight": None if weight is None else weight[order], "shuffle": False}
    learning = trainer.learning
    with backend.computing():
        before = learning.copies()
        batch = Batch(X, y, weight)
        found = objective_before_steps(learning.compiled, learning.state.config, batch, 30, 0, 300)
        for array, kept in before:
            assert_same_bits(array, kept)
        trainer.optimizer = st.SGD(1e-300)
        (loss,) = trainer.fit(X[order], y[order], epochs=1, batch_size=30, progress=False, **in_order).loss
    assert found == pytest.approx(loss, rel=1e-12)


def test_few_rows_are_looked_at_and_no_label_that_is_none(data):
    learning = st.Trainer(small_model()).learning
    X, y = data[0], np.where(np.arange(300) % 100 == 50, 99, data[1])
    find = learning.compiled, learning.state.config, Batch(X, y), 3, 0
    some_rows = np.r_[0:300:100, 1:300:100]
    expected = np.mean([loss_of(learning, X[rows], y[rows]) for rows in np.split(some_rows, 2)])
    assert objective_before_steps(*find, 6) == pytest.approx(expected, rel=1e-6)
    assert np.isnan(objective_before_steps(*find, 300))


def loss_of(learning, X, y):
    return learning.compiled.network().loss_and_gradients(Batch(X, y), learning.state.config)[0]


@pytest.mark.parametrize("batch_size", [1, 3, 300])
@pytest.mark.parametrize("optimizer", [st.SGD(0.03, 0.5), st.Adam(0.003)], ids=repr)
def test_noise_and_dropout_are_no_rise(data, optimizer, batch_size):
    """Labels that cannot be learned, small batches, and a second fit of what was learned."""
    y = np.random.default_rng(1).integers(0, 3, 300)
    layers = [st.Linear(6, 8), st.Tanh(), st.Dropout(0.5), st.Linear(8, 3)]
    model = st.Sequential(*layers, seed=1)
    for _ in range(2):
        model.fit(data[0], y, optimizer=optimizer, batch_size=batch_size, epochs=5, progress=False)
