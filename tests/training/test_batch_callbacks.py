"""Callbacks between groups of batches: what they see, that they change nothing, and how they end a fit."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from support.implementations import NATIVE, Implementation, needs_native
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest.backends.data import FitRequest, Parameters, TrainConfig, TrainState
from steepest.compile.stage import Stage

# 300 samples, so that the last of ten batches is smaller; groups that divide ten, do not, and exceed it.
FIT = {"batch_size": 32, "epochs": 3, "progress": False}
GROUPS = [1, 2, 3, 10, 11]
MOMENTUM = st.SGD(0.05, 0.9)


def targets_for(loss, y):
    return np.eye(3, dtype=np.float32)[y] if isinstance(loss, st.SquaredError) else y


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["hinge", st.SquaredError("sum")])
@pytest.mark.parametrize("shuffle", [False, True])
def test_groups_have_the_bits_and_the_history_of_a_whole_fit(backend, data, group, weighted, loss, shuffle):
    X, y = data[0], targets_for(loss, data[1])
    weight = np.random.default_rng(1).random(300) if weighted else None
    optimizer, averaging = st.SGD(1e-3, 0.9), st.PolyakAverage(5)
    whole, cut = (
        st.Trainer(small_model(), loss, optimizer, st.L2(1e-3), averaging=averaging) for _ in range(2)
    )
    fit = FIT | {"sample_weight": weight, "shuffle": shuffle, "validation_data": (X, y)}
    with backend.computing():
        expected = whole.fit(X, y, **fit)
        history = cut.fit(X, y, **fit, batch_callbacks=[lambda state: False], batch_group=group)
    assert_equal_models(cut.model, whole.model)
    assert_equal_models(cut.averaged(), whole.averaged())
    assert (history.loss, history.validation_loss) == (expected.loss, expected.validation_loss)
    assert len(history.seconds) == len(history.samples_per_second) == 3 == cut.epochs_done
    assert all(seconds > 0 for seconds in history.seconds)


@needs_native
def test_groups_have_the_same_bits_on_all_threads(native):
    """A group has less work than a fit, and may run on fewer threads."""
    X, y = numbers((300, 64), np.float32), np.arange(300) % 10
    models = []
    for implementation, group in ((native, 2), (Implementation("native", native.isa, 1), 3)):
        models.append(st.Sequential(st.Linear(64, 47), st.ReLU(), st.Linear(47, 10)))
        with implementation.computing():
            models[-1].fit(X, y, **FIT, batch_callbacks=[lambda state: None], batch_group=group)
    assert_equal_models(*models)


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_seen_after_a_group(backend, data, group):
    """The model after each group is that of a loop of steps; losses are the steps' means."""
    X, y = data
    trainer, stepped = (st.Trainer(small_model(), "softmax", MOMENTUM) for _ in range(2))
    seen = []

    def look(state):
        assert state.model is trainer.model and state.trainer is trainer
        scores = state.model(X[:5])  # the model can be used
        seen.append((state, state.history.epochs, state.model.state_dict(), scores))

    ends = [min(end, 10) for end in range(group, 10 + group, group)]
    with backend.computing():
        history = trainer.fit(X, y, **FIT, shuffle=False, batch_callbacks=[look], batch_group=group)
        assert [state.step for state, *_ in seen] == [10 * epoch + end for epoch in range(3) for end in ends]
        for (state, epochs, parameters, scores), end in zip(seen, 3 * ends, strict=True):
            assert state.history is history and epochs == state.epoch + (end == 10)
            assert state.epoch == (state.step - 1) // 10
            losses, sizes = [], []
            for start in range(32 * (end - (end - 1) % group - 1), min(32 * end, 300), 32):
                part = slice(start, start + 32)
                losses.append(stepped.step(X[part], y[part]))
                sizes.append(len(X[part]))
            assert state.loss == pytest.approx(np.average(losses, weights=sizes), rel=1e-12)
            for key, value in stepped.model.state_dict().items():
                assert_same_bits(parameters[key], value, key)
            assert_same_bits(scores, stepped.model(X[:5]))
    if group >= 10:
        assert [state.loss for state, *_ in seen] == history.loss


def test_true_stops_the_fit_there(backend, data):
    X, y = data
    trainer, stepped = (st.Trainer(small_model(), "softmax", MOMENTUM) for _ in range(2))
    called, after = [], []
    with backend.computing():
        history = trainer.fit(
            *(X, y),
            **FIT,
            shuffle=False,
            batch_callbacks=[lambda state: state.step == 14, called.append],
            batch_group=2,
            callbacks=[after.append],
        )
        assert (history.status, history.epochs, trainer.epochs_done) == ("stopped", 1, 1)
        assert len(called) == 7 and len(after) == 1 and len(history.seconds) == 1
        for step in range(14):
            part = slice(step % 10 * 32, step % 10 * 32 + 32)
            stepped.step(X[part], y[part])
    assert_equal_models(trainer.model, stepped.model)


def test_an_epoch_whose_last_batch_stopped_the_fit_counts(backend, data):
    trainer, after = st.Trainer(small_model()), []
    with backend.computing():
        history = trainer.fit(
            *data,
            **FIT,
            batch_callbacks=[lambda state: state.step == 10],
            callbacks=[after.append],
            validation_data=data,
        )
    assert (history.status, history.epochs, trainer.epochs_done) == ("stopped", 1, 1)
    assert len(after) == len(history.validation_loss) == 1


def test_cancel_and_exceptions_between_batches(backend, data):
    def cancel(state):
        if state.step == 13:
            state.trainer.cancel()

    def fail(state):
        if state.step == 25:
            raise ZeroDivisionError

    trainer = st.Trainer(small_model())
    with backend.computing():
        history = trainer.fit(*data, **FIT, batch_callbacks=[cancel])
        assert (history.status, history.epochs) == ("cancelled", 1)
        with pytest.raises(ZeroDivisionError):
            trainer.fit(*data, **FIT, batch_callbacks=[fail])
    assert trainer.epochs_done == 1 + 2


def test_a_replaced_optimizer_acts_in_the_next_group(backend, data):
    X, y = data
    trainer, stepped = (st.Trainer(small_model(), "softmax", MOMENTUM) for _ in range(2))

    def slower(state):
        state.trainer.optimizer = st.SGD(0.05 / state.step, 0.9)

    with backend.computing():
        trainer.fit(X, y, epochs=1, batch_size=32, shuffle=False, batch_callbacks=[slower], batch_group=4)
        for step in range(10):
            if step in (4, 8):
                stepped.optimizer = st.SGD(0.05 / step, 0.9)
            stepped.step(X[32 * step : 32 * step + 32], y[32 * step : 32 * step + 32])
    assert_equal_models(trainer.model, stepped.model)


@pytest.mark.parametrize("averaging", [None, st.PolyakAverage(), st.ExponentialAverage(0.9)])
@pytest.mark.parametrize("group", [None, *GROUPS])
def test_divergence_restores_the_last_finished_epoch(backend, data, group, averaging):
    """Not only to the beginning of a group: velocities, the average and its count too."""
    X, y = data[0], np.eye(3, dtype=np.float32)[data[1]]
    groups = {"batch_callbacks": [lambda state: None], "batch_group": group} if group else {}
    fit = {"batch_size": 32, "shuffle": False, "progress": False}
    diverging, expected = (
        st.Trainer(small_model(), "squared_error", st.SGD(1e-3, 0.9), averaging=averaging) for _ in range(2)
    )
    with backend.computing():
        for trainer in (diverging, expected):
            trainer.fit(X, y, epochs=2, **fit)
        poisoned = y.copy()
        poisoned[32 * 7 + 1] = 3e38  # its squared error is infinite
        with pytest.raises(st.DivergenceError, match=r"in epoch 0, step 7 \(both") as caught:
            diverging.fit(X, poisoned, epochs=3, **fit, **groups)
        assert (caught.value.epoch, caught.value.step) == (0, 7)
        assert_equal_models(diverging.model, expected.model)
        for trainer in (diverging, expected):
            trainer.fit(X, y, epochs=1, **fit)
    assert_equal_models(diverging.model, expected.model)
    assert diverging.epochs_done == expected.epochs_done == 3
    if averaging:
        assert_equal_models(diverging.averaged(), expected.averaged())


@pytest.mark.parametrize("group", GROUPS)
def test_a_changed_label_restores_the_last_finished_epoch(backend, data, group):
    X, y = data[0], data[1].copy()
    changed, expected = (st.Trainer(small_model(), "softmax", MOMENTUM) for _ in range(2))

    def change(state):
        if state.epoch == 1:
            y[290] = 7

    with backend.computing():
        expected.fit(X, y, **FIT | {"epochs": 1 if group < 10 else 2}, shuffle=False)
        with pytest.raises(ValueError, match="label of sample 290 was changed during the fit"):
            changed.fit(X, y, **FIT, shuffle=False, batch_callbacks=[change], batch_group=group)
    assert_equal_models(changed.model, expected.model)


def test_an_order_is_drawn_once_an_epoch(backend, data, monkeypatch):
    """And what callbacks do in between does not disturb it."""
    drawn = []
    reference = st.backends.reference.network
    draw = reference.shuffle_order
    monkeypatch.setattr(reference, "shuffle_order", lambda *key: drawn.append(key) or draw(*key))
    trainer = st.Trainer(small_model())
    with backend.computing():
        trainer.fit(*data, **FIT, batch_callbacks=[lambda state: None])
    assert drawn == ([(300, 3, epoch) for epoch in range(3)] if backend.backend == "reference" else [])

    X, y = data
    disturbed, alone = (st.Trainer(small_model()) for _ in range(2))

    def disturb(state):
        state.model(X), state.model.loss_and_gradients(X, y, loss="hinge")
        before = state.model.state_dict()
        state.model.load_state_dict({key: 0 * value for key, value in before.items()})
        other = st.Trainer(copy.deepcopy(state.model))
        other.step(X[:7], y[:7])
        other.fit(X[:50], y[:50], epochs=2, batch_size=7, seed=9, progress=False)
        state.model.load_state_dict(before)

    with backend.computing():
        alone.fit(X, y, **FIT)
        disturbed.fit(X, y, **FIT, batch_callbacks=[disturb], batch_group=3)
    assert_equal_models(disturbed.model, alone.model)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_callbacks": 2}, TypeError, "batch_callbacks must be callables, not 2"),
        ({"batch_callbacks": [1]}, TypeError, "a callback must be callable, not 1"),
        ({"batch_group": 0}, ValueError, "batch_group is 0, but must be at least 1"),
        ({"batch_group": 2.0}, TypeError, r"batch_group must be an integer, not 2\.0"),
    ],
)
def test_groups_are_checked(data, options, error, message):
    model = small_model()
    with pytest.raises(error, match=message):
        model.fit(*data, **options)
    assert_equal_models(model, small_model())


@needs_native
def test_the_extension_checks_batches_itself(data):
    from steepest import _core

    weight = np.ones((6, 3), np.float32)
    network = _core.NetworkFloat32([Stage(6, 3, "identity")], [Parameters(weight, None)])
    state = network.bind(TrainState(TrainConfig(st.SoftmaxCrossEntropy(), (None,), st.SGD())))

    def fit(isa, **part):
        request = FitRequest(1, 2, shuffle=False, seed=0, rates=np.array([0.1]), **part)
        return network.fit(*data, None, state, request, None, isa, 1)

    for part in ({"first_batch": -1}, {"batches": -1}):
        with pytest.raises(ValueError, match="batches are counted from 0"):
            fit("", **part)
    result = fit(NATIVE[0].isa, first_batch=10**9, batches=10**18)
    assert result.losses == [0.0] and (weight == 1).all()
