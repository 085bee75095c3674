"""Divergence goes back to the last finished epoch, or changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st


@pytest.mark.parametrize("batch_size", [10, None])
def test_divergence_restores_the_best_epoch(backend, data, batch_size):
    """Parameters and velocities, so that a smaller learning rate can go on from there."""
    X, y = data
    targets = np.eye(3)[y]
    fit = {"batch_size": batch_size, "progress": False}
    diverging, stopped = (st.Trainer(small_model(), "squared_error", st.SGD(1e-3, 0.9)) for _ in range(2))
    with backend.computing():
        for trainer in (diverging, stopped):
            trainer.fit(X, targets, epochs=2, **fit)
        diverging.optimizer = stopped.optimizer = st.SGD(1e3 if batch_size is None else 0.2, 0.9)
        with pytest.raises(st.DivergenceError, match="stopped being finite") as caught:
            diverging.fit(X, targets, epochs=60, **fit)
        error = caught.value
        message = f"epoch {error.epoch}, step {error.step} .* learning rate {error.learning_rate};"
        assert caught.match(message) and error.learning_rate == diverging.optimizer.learning_rate
        assert 0 <= error.step < (30 if batch_size else 1) and isinstance(error, ArithmeticError)
        stopped.fit(X, targets, epochs=diverging.epochs_done - 2, **fit)
        assert_equal_models(diverging.model, stopped.model)
        assert 2 <= diverging.epochs_done == stopped.epochs_done <= 2 + error.epoch
        if batch_size:  # an update on all samples spoilt the parameters before their loss was seen
            diverging.optimizer = stopped.optimizer = st.SGD(1e-6, 0.9)
            assert diverging.step(X, targets) == stopped.step(X, targets)
    assert_equal_models(diverging.model, stopped.model)


def test_a_diverging_step_changes_nothing(backend, data):
    model = small_model()
    trainer = st.Trainer(model, "squared_error", st.SGD(0.1, 0.9))
    huge = np.full((300, 3), 3e38, np.float32)
    message = r"loss of this batch is inf with learning rate 0\.1; the parameters were left as they are"
    with backend.computing(), pytest.raises(st.DivergenceError, match=message) as caught:
        trainer.step(data[0], huge)
    error = caught.value
    assert (error.epoch, error.step, error.learning_rate) == (None, None, 0.1)
    assert_equal_models(model, small_model())


def test_an_infinite_penalty_is_divergence_too(backend):
    """The objective counts, not the data loss alone: 1e200 squared is no float64."""
    X, y, huge = np.ones((4, 2)), [0, 1, 0, 1], {"0.weight": np.full((2, 2), 1e200)}
    model = st.Sequential(st.Linear(2, 2, bias=False), dtype=np.float64)
    for batch_size in (None, 2):
        model.load_state_dict(huge)
        trainer = st.Trainer(model, "softmax", st.SGD(0.1), st.L2(1.0))
        with backend.computing():
            with pytest.raises(st.DivergenceError, match="were left as they are"):
                trainer.step(X, y)
            assert_same_bits(model.state_dict()["0.weight"], huge["0.weight"])
            with pytest.raises(st.DivergenceError, match=r"epoch 0, step 0 .* were restored"):
                trainer.fit(X, y, batch_size=batch_size, progress=False)
            assert_same_bits(model.state_dict()["0.weight"], huge["0.weight"])
