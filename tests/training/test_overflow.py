"""Parameters that an update makes infinite are found, taken back and told, however a fit is run."""

from __future__ import annotations

import numpy as np
import pytest
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st

SAMPLES = 64
RECIPES = {
    "L2": {"penalty": st.L2(100)},
    "decay": {"optimizer": st.AdamW(1.0, weight_decay=100)},
    "rate": {"optimizer": st.SGD(1e30)},
    "momentum": {"optimizer": st.SGD(1.0, 0.9), "penalty": st.L2(30)},
    "average": {"penalty": st.L2(100), "averaging": st.PolyakAverage()},
    "exploding schedule": {"optimizer": st.SGD(lambda step: 10.0 ** min(step, 37))},
}
WAYS = {
    "one batch": {"batch_size": None},
    "the same batch": {"batch_size": None, "shuffle": False},
    "batches": {"batch_size": 20},
    "callbacks": {"batch_size": None, "callbacks": [lambda state: None]},
    "groups": {"batch_size": 20, "batch_callbacks": [lambda state: None], "batch_group": 2},
    "validation": {"batch_size": 20, "validation": True},
}


def trainer_and_data(config, dtype=np.float32):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((SAMPLES, 6)).astype(dtype), rng.integers(0, 3, SAMPLES)
    layers = st.Linear(6, 8), st.BatchNorm(8), st.ReLU(), st.Linear(8, 3)
    return st.Trainer(st.Sequential(*layers, dtype=dtype, seed=1), **RECIPES[config]), X, y


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("config", RECIPES)
def test_a_fit_goes_back_to_its_best_epoch(backend, config, way):
    options = {"epochs": 200, "progress": False} | WAYS[way]
    with backend.computing():
        trainer, X, y = trainer_and_data(config)
        if options.pop("validation", False):
            options["validation_data"] = X, y
        with pytest.raises(st.DivergenceError, match="stopped being finite in epoch") as error:
            trainer.fit(X, y, **options)
        again, X, y = trainer_and_data(config)
        again.fit(X, y, **options | {"epochs": trainer.epochs_done})
    assert error.value.epoch >= trainer.epochs_done
    assert trainer.steps_done == again.steps_done
    assert all(np.isfinite(value).all() for value in trainer.model.state_dict().values())
    assert_equal_models(trainer.model, again.model)
    if trainer.averaging is not None:
        assert_equal_models(trainer.averaged(), again.averaged())
    for mine, other in zip(trainer.learning.copies(), again.learning.copies(), strict=True):
        assert_same_bits(mine[1], other[1])


@pytest.mark.parametrize("size", [1, 20, 64])
@pytest.mark.parametrize("epochs", range(1, 45, 4))
def test_the_last_update_is_looked_at(backend, epochs, size):
    """Wherever the fit ends: it tells, or its parameters are finite."""
    trainer, X, y = trainer_and_data("L2")
    with backend.computing():
        try:
            trainer.fit(X[:size], y[:size], epochs=epochs, batch_size=None, progress=False)
        except (st.DivergenceError, RuntimeWarning):
            assert trainer.epochs_done < epochs
        else:
            assert trainer.epochs_done == epochs
    assert all(np.isfinite(value).all() for value in trainer.model.state_dict().values())


@pytest.mark.parametrize("config", RECIPES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_step_tells_when_it_has_gone_too_far(backend, config, weighted):
    """By its parameters, or by the next batch's loss where these are just finite; that changes nothing."""
    trainer, X, y = trainer_and_data(config)
    weight = np.ones(SAMPLES) if weighted else None

    def finite():
        return all(np.isfinite(value).all() for value in trainer.model.state_dict().values())

    with backend.computing(), pytest.raises(st.DivergenceError) as error:
        for _ in range(200):
            trainer.step(X, y, weight)
            assert finite()
    assert finite() == ("the parameters were left as they are" in str(error.value))
    assert finite() == (config == "rate")
    assert finite() or "infinite or NaN" in str(error.value)


def test_a_cancelled_fit_is_looked_at(backend):
    """The callback after the batch whose update overflowed asks for the end."""
    trainer, X, y = trainer_and_data("L2")
    with backend.computing(), pytest.raises(st.DivergenceError):
        trainer.fit(X, y, batch_size=1, epochs=1, progress=False, batch_callbacks=[lambda s: s.step >= 40])
    assert all(np.isfinite(value).all() for value in trainer.model.state_dict().values())


@pytest.mark.parametrize("batch_size", [1, None])
def test_epochs_before_a_failing_loss_count(backend, batch_size):
    """So that the next fit does not repeat their shuffles."""
    calls = 0

    def failing(scores, targets):
        nonlocal calls
        calls += 1
        if calls > 2.5 * SAMPLES / (batch_size or SAMPLES):
            raise RuntimeError("enough")
        return 0.0, np.zeros_like(scores)

    trainer = st.Trainer(st.Sequential(st.Linear(6, 3)), loss=failing)
    _, X, y = trainer_and_data("L2")
    with backend.computing(), pytest.raises(RuntimeError, match="enough"):
        trainer.fit(X, y, batch_size=batch_size, epochs=10, progress=False)
    assert (trainer.epochs_done, trainer.steps_done) == (2, calls - 1)


@pytest.mark.parametrize("batch_size", [1, None])
def test_learning_rates_are_asked_for_shortly_before_they_are_needed(backend, batch_size):
    """A thousand ahead, and each once; epochs of more steps are run in parts, to the same bits."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((3000, 2)).astype(np.float32), rng.integers(0, 2, 3000)
    asked, ahead = [], []

    def rate(step):
        asked.append(step)
        ahead.append(step - trainer.steps_done)
        return 0.01 / (1 + step)

    trainer = st.Trainer(st.Sequential(st.Linear(2, 2)), optimizer=st.SGD(rate))
    epochs = 2 if batch_size else 2500
    rows = slice(None) if batch_size else slice(4)
    with backend.computing():
        trainer.fit(X[rows], y[rows], epochs=epochs, batch_size=batch_size, progress=False)
        whole = st.Trainer(st.Sequential(st.Linear(2, 2)), optimizer=st.SGD(rate))
        trainer, done = whole, trainer
        whole.fit(X[rows], y[rows], epochs=epochs, batch_size=batch_size, progress=False)
    steps = epochs * (3000 if batch_size else 1)
    assert asked == [*range(steps)] * 2
    assert max(ahead) < 1025
    assert_equal_models(done.model, whole.model)


@pytest.mark.parametrize("optimizer", [st.Adam(), st.AdaGrad(), st.RMSProp()])
@pytest.mark.parametrize("epochs", [1, 2, 40])
def test_a_state_that_overflows_is_told_too(backend, optimizer, epochs):
    """Squares of gradients beyond 1.8e19 are infinite in float32, and then nothing is learned any more."""
    model = st.Sequential(st.Linear(3, 1))
    trainer = st.Trainer(model, "squared_error", optimizer)
    X, y = np.full((8, 3), 1e10, np.float32), np.full((8, 1), 1e18, np.float32)
    before = model.state_dict()
    with backend.computing():
        with pytest.raises(
            st.DivergenceError, match="the optimizer's state, stopped being finite in epoch 0"
        ):
            trainer.fit(X, y, epochs=epochs, batch_size=None, progress=False)
        assert all(np.array_equal(value, before[key]) for key, value in model.state_dict().items())
        with pytest.raises(st.DivergenceError, match="the optimizer's state, infinite or NaN"):
            trainer.step(X, y)
