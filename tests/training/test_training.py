"""What a fit does besides computing: records, validation, callbacks, progress, checks, divergence."""

from __future__ import annotations

import copy
import io
import sys

import numpy as np
import pytest
from support.strategies import small_model
from support.terminal import Terminal
from support.tolerances import assert_close, assert_equal_models

import steepest as st
from steepest import _checks
from steepest.losses import as_loss

NAMES = [
    "softmax",
    "hinge",
    "squared_hinge",
    "squared_error",
    "absolute_error",
    "huber",
    "binary_cross_entropy",
    "poisson",
]


@pytest.mark.parametrize("loss", NAMES)
def test_learns_and_records(backend, data, loss):
    X, y = data
    model, targets = small_model(), y if as_loss(loss).takes_labels else np.eye(3)[y]
    with backend.computing():
        optimizer = st.SGD(0.02, 0.9, nesterov=True)
        history = model.fit(X, targets, loss=loss, optimizer=optimizer, epochs=80, batch_size=32)
        assert (model.predict(X) == y).mean() > 0.9
    assert history.status == "finished" and history.epochs == 80 == len(history.loss)
    assert history.loss[-1] < history.loss[0] / 2 and history.validation_loss == []
    first, last = history.loss[0], history.loss[-1]
    assert repr(history) == f"History(80 epochs, loss {first:.4g} -> {last:.4g}, finished)"
    assert history.samples_per_second == [300 / seconds for seconds in history.seconds]


def test_history_is_the_objective_before_each_update(backend, data):
    """Averaged over samples by their weight; over batches for a loss that sums."""
    X, y = data
    weight = np.random.default_rng(0).random(300).astype(np.float32)
    penalty = st.L2(0.01)
    for loss, targets in [("softmax", y), (st.SquaredError("sum"), np.eye(3, dtype=np.float32)[y])]:
        fitted, stepped = (st.Trainer(small_model(), loss, st.SGD(1e-4), penalty) for _ in range(2))
        with backend.computing():
            history = fitted.fit(X, targets, batch_size=128, epochs=1, shuffle=False, sample_weight=weight)
            parts = [slice(0, 128), slice(128, 256), slice(256, 300)]
            objectives = [stepped.step(X[p], targets[p], weight[p]) for p in parts]
        shares = [weight[p].sum(dtype=np.float64) for p in parts] if loss == "softmax" else [1, 1, 1]
        assert history.loss[0] == pytest.approx(np.average(objectives, weights=shares), rel=1e-12)
        assert_equal_models(fitted.model, stepped.model)


def test_validation_loss_is_without_penalty_and_after_the_epoch(backend, data):
    X, y = data
    model = small_model()
    with backend.computing():
        history = model.fit(
            X[:200], y[:200], epochs=3, validation_data=(X[200:], y[200:]), penalty=st.L2(0.1), loss="hinge"
        )
        expected = model.loss_and_gradients(X[200:], y[200:], loss="hinge")[0]
    assert len(history.validation_loss) == 3
    assert history.validation_loss[-1] == pytest.approx(expected, rel=1e-6)
    for bad, error, message in [
        ((X,), TypeError, r"validation_data must be \(X, y\) or \(X, y, sample_weight\)"),
        ((X, y[1:]), ValueError, "X has 300 samples, but y of validation_data has 299"),
        ((np.full((1, 6), np.inf), [0]), ValueError, "row 0 of X of validation_data holds NaN or an inf"),
        ((X[:0], y[:0]), ValueError, "X of validation_data has 0 samples"),
    ]:
        with pytest.raises(error, match=message):
            model.fit(X, y, validation_data=bad)


def test_callbacks_see_and_change_the_fit(backend, data):
    X, y = data
    trainer, states = st.Trainer(small_model()), []

    def halve(state):
        states.append(state)
        state.trainer.optimizer = st.SGD(state.trainer.optimizer.learning_rate / 2)
        return state.epoch == 2

    with backend.computing():
        history = trainer.fit(X, y, epochs=9, callbacks=[halve, lambda _: None], validation_data=(X, y))
    assert (history.status, history.epochs, trainer.epochs_done) == ("stopped", 3, 3)
    assert trainer.optimizer.learning_rate == 0.1 / 8
    assert [s.epoch for s in states] == [0, 1, 2] and [s.loss for s in states] == history.loss
    assert [s.validation_loss for s in states] == history.validation_loss
    last = states[-1]
    assert last.model is trainer.model and last.trainer is trainer and last.history is history
    with backend.computing():
        cancelled = trainer.fit(X, y, epochs=9, callbacks=[lambda state: state.trainer.cancel()])
        assert (cancelled.status, cancelled.epochs) == ("cancelled", 1)
        with pytest.raises(ZeroDivisionError):
            trainer.fit(X, y, callbacks=[lambda state: 1 / 0])
    assert trainer.epochs_done == 5  # the epoch was finished when its callback failed


def test_a_replaced_optimizer_acts_in_the_next_epoch(backend, data):
    X, y = data
    by_callback, by_hand = (st.Trainer(small_model(), "softmax", st.SGD(0.1, 0.9)) for _ in range(2))

    def slower(state):
        state.trainer.optimizer = st.SGD(0.01, 0.5)

    with backend.computing():
        by_callback.fit(X, y, epochs=2, callbacks=[slower])
        by_hand.fit(X, y, epochs=1)
        by_hand.optimizer = st.SGD(0.01, 0.5)  # keeps the velocities
        by_hand.fit(X, y, epochs=1)
    assert_equal_models(by_callback.model, by_hand.model)


@pytest.mark.parametrize("nesterov", [False, True])
def test_steps_follow_the_formula(backend, data, nesterov):
    """v = m v - lr g; W += m v - lr g if nesterov else v; with g the gradient of the whole objective."""
    X, y = data
    rate, momentum, penalty = 0.1, 0.5, st.ElasticNet(0.01, 2.0)
    trainer = st.Trainer(small_model(np.float64), "softmax", st.SGD(rate, momentum, nesterov), penalty)
    velocity = dict.fromkeys(trainer.model.state_dict(), 0.0)
    for _ in range(3):
        before = trainer.model.state_dict()
        with backend.computing():
            objective, gradients = trainer.model.loss_and_gradients(X, y, loss="softmax", penalty=penalty)
            assert trainer.step(X, y) == objective
        for key, value in trainer.model.state_dict().items():
            velocity[key] = momentum * velocity[key] - rate * gradients[key]
            change = momentum * velocity[key] - rate * gradients[key] if nesterov else velocity[key]
            assert_close(value, before[key] + change, 20, np.abs(before[key]) + 1)


@pytest.mark.parametrize(("wanted", "stream"), [(True, Terminal), (False, Terminal), (True, io.StringIO)])
def test_progress_shows_on_a_terminal_only(backend, data, monkeypatch, wanted, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    with backend.computing():
        small_model().fit(*data, epochs=3, batch_size=100, progress=wanted, validation_data=data)
    shown = sys.stderr.getvalue()
    if wanted and stream is Terminal:
        assert "9/9" in shown and "batch" in shown and "loss=" in shown and "validation_loss=" in shown
    else:
        assert shown == ""


@pytest.mark.parametrize("loss", NAMES)
def test_a_sample_of_weight_zero_has_no_say(backend, loss):
    """Whatever its scores, infinities too; and a batch of such samples is worth nothing."""
    X, y = np.ones((4, 2), np.float32), np.array([0, 1, 0, 1])
    targets, weight = y if as_loss(loss).takes_labels else np.eye(2)[y], [1, 0, 0, 2]
    X[1:3] = 3e38  # scores overflow
    model = st.Sequential(st.Linear(2, 2))
    model.load_state_dict({"0.weight": np.full((2, 2), 2.0), "0.bias": [1, 0]})
    with backend.computing():
        value, gradients = model.loss_and_gradients(X, targets, loss=loss, sample_weight=weight)
        some = model.loss_and_gradients(X[::3], targets[::3], loss=loss, sample_weight=[1, 2])
        assert value == pytest.approx(some[0], rel=1e-6)
        for key, gradient in some[1].items():
            assert gradients[key] == pytest.approx(gradient, rel=1e-6)
        fit = {"batch_size": 1, "shuffle": False, "progress": False, "epochs": 2}
        with_zeros, without = (st.Trainer(copy.deepcopy(model), loss, st.SGD(0.01)) for _ in range(2))
        with_zeros.fit(X, targets, sample_weight=weight, **fit)
        without.fit(X[::3], targets[::3], sample_weight=[1, 2], **fit)
    assert_equal_models(with_zeros.model, without.model)


def test_tiny_sample_weights_count_as_their_proportions_do(backend, data):
    """Weights of 1e-41 are subnormal numbers, and one over their sum is no float32."""
    X, y = data
    weight = np.full(len(X), 1e-41, np.float32)
    with backend.computing():
        model = small_model()
        plain = model.loss_and_gradients(X, y, loss="softmax")
        tiny = model.loss_and_gradients(X, y, loss="softmax", sample_weight=weight)
    assert tiny[0] == pytest.approx(plain[0], rel=1e-6)
    for key, gradient in plain[1].items():
        assert tiny[1][key] == pytest.approx(gradient, rel=1e-4, abs=1e-6)


def test_a_batch_larger_than_the_data_is_the_full_batch(backend, data):
    models = small_model(), small_model()
    with backend.computing():
        for model, size in zip(models, (None, 10**9), strict=True):
            model.fit(*data, batch_size=size, epochs=2)
    assert_equal_models(*models)


def test_a_memory_map_is_trained_on_in_place(backend, data, tmp_path):
    X, y = data
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=X.shape)
    mapped[:] = X
    read_only = np.memmap(tmp_path / "x", np.float32, "r", shape=X.shape)
    assert np.shares_memory(_checks.rows(read_only, 6, np.dtype(np.float32)), read_only)
    models = small_model(), small_model()
    with backend.computing():
        for model, x in zip(models, (X, read_only), strict=True):
            model.fit(x, y, epochs=2)
    assert_equal_models(*models)
