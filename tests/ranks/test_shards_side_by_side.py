"""Shards of one process, which compute side by side where stages or losses depend on whole batches."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from support.implementations import taking_all_threads
from support.ranks import One
from support.strategies import numbers
from support.tolerances import assert_close, assert_same_bits

import steepest as st
from steepest.backends.data import Batch
from steepest.backends.reference.search import first_bad_label
from steepest.training.objective import objective_before_steps
from steepest.training.ranks.parts import Parts
from steepest.training.ranks.ranks import Ranks
from steepest.training.ranks.steps import Steps


def cube(scores, targets):
    """Of the whole batch: the cube of the mean score, and squares."""
    mean = scores.mean()
    return mean**3 + (scores**2).mean(), (3 * mean**2 + 2 * scores) / scores.size


def normal(dtype, seed=1):
    inside = st.Residual(st.Linear(33, 33), st.BatchNorm(33, momentum=0.7), st.GELU())
    layers = st.BatchNorm(8), st.Linear(8, 33), st.BatchNorm(33), inside, st.Linear(33, 4)
    return st.Sequential(*layers, dtype=dtype, seed=seed)


@pytest.mark.parametrize("loss", ["softmax", cube])
def test_shards_learn_what_a_whole_batch_does(implementation, loss):
    """In one process, whose shards compute side by side; running statistics too."""
    x, y = numbers((70, 8), np.float64), np.arange(70) % 4
    settings = {"epochs": 5, "batch_size": None, "shuffle": False, "progress": False}
    settings["validation_data"] = numbers((33, 8), np.float64, seed=1), np.arange(33) % 4
    models = normal(np.float64), normal(np.float64)
    with implementation.computing():
        one = st.Trainer(models[0], loss, st.SGD(0.1, momentum=0.9)).fit(x, y, **settings)
        trainer = st.Trainer(models[1], loss, st.SGD(0.1, momentum=0.9), communicator=One(), shards=4)
        two = trainer.fit(x, y, **settings)
    assert_close(np.array(two.loss), np.array(one.loss), 2000, np.abs(one.loss))
    held = np.array(one.validation_loss)
    assert_close(np.array(two.validation_loss), held, 20_000, np.abs(held) + 1)
    for a, b in zip(models[1].state_dict().values(), models[0].state_dict().values(), strict=True):
        assert_close(a, b, 20_000, np.abs(b) + 1, np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit_of_shards(dtype):
    x, y, found = numbers((70, 8), dtype), np.arange(70) % 4, []
    for threads in (1, 3, 8):  # two for each shard at last
        model = normal(dtype)
        with st.config(num_threads=threads), taking_all_threads():
            trainer = st.Trainer(model, communicator=One(), shards=4)
            trainer.fit(x, y, epochs=3, batch_size=20, progress=False)
        found.append(np.concatenate([value.ravel() for value in model.state_dict().values()]))
    assert_same_bits(found[1], found[0])
    assert_same_bits(found[2], found[0])


def test_a_loss_that_is_not_finite_diverges():
    """It is no fault of the function that its gradient is not finite then, nor of any shard."""

    def infinite(scores, targets):
        return np.inf, np.full_like(scores, np.nan)

    x, y, model = numbers((70, 8), np.float64), np.arange(70) % 4, normal(np.float64)
    trainer = st.Trainer(model, infinite, communicator=One(), shards=4)
    with pytest.raises(st.DivergenceError, match="stopped being finite in epoch 0, step 0"):
        trainer.fit(x, y, progress=False)


def test_the_objective_of_labels_that_were_changed_is_nan():
    """As in one process; an error of the rank that has them would leave the others waiting."""
    labels, ranks, learning = np.arange(70) % 4, Ranks(One(), 4), st.Trainer(normal(np.float64)).learning
    parts = Parts(ranks, Batch(numbers((70, 8), np.float64), labels, None), 20, classes=4)
    steps, network = Steps(ranks, learning, parts), learning.compiled.network()
    assert np.isfinite(steps.objective(network, 70, seed=0))
    labels[60] = 9
    assert np.isnan(steps.objective(network, 70, seed=0))


@pytest.mark.parametrize("module", ["objective", "ranks.parts"])
def test_labels_are_used_as_they_were_checked(monkeypatch, module):
    """Even if another thread changes them just after that; the next check tells which one."""
    labels, learning = np.arange(70) % 4, st.Trainer(normal(np.float64)).learning
    batch = Batch(numbers((70, 8), np.float64), labels, None)

    def check(found, classes):
        bad = first_bad_label(found, classes)
        labels[:] = 9
        return bad

    monkeypatch.setattr(f"steepest.training.{module}.active", lambda: SimpleNamespace(first_bad_label=check))
    if module == "objective":
        assert np.isfinite(objective_before_steps(learning.compiled, learning.state.config, batch, 70, 0, 70))
    else:
        parts = Parts(Ranks(One(), 4), batch, 20, classes=4)
        assert (parts.taken(np.arange(60, 70)).targets == np.arange(60, 70) % 4).all()
        with pytest.raises(ValueError, match="the label of sample 60 was changed during the fit"):
            parts.taken(np.arange(60, 70))


def test_what_a_shard_raises_is_raised():
    """Whichever it is; the others do not wait for it."""

    def fails(scores, targets):
        raise ZeroDivisionError("of the loss")

    x, y = numbers((70, 8), np.float64), np.arange(70) % 4
    with pytest.raises(ZeroDivisionError, match="of the loss"):
        st.Trainer(normal(np.float64), fails, communicator=One(), shards=4).fit(x, y, progress=False)

    labels = y.copy()

    def change(state):
        labels[60] = 9

    trainer = st.Trainer(normal(np.float64), communicator=One(), shards=4)
    with pytest.raises(ValueError, match="label"):
        trainer.fit(x, labels, epochs=3, progress=False, callbacks=change)
