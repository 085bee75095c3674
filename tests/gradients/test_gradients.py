"""Gradients of every layer, loss and penalty against central differences in float64, on both backends."""

from __future__ import annotations

import numpy as np
import pytest
from support.problems import LOSSES, MODELS, PENALTIES, targets_of, turn
from support.tolerances import assert_close

import steepest as st
from steepest.losses import CustomLoss

H = 1e-5


def differences(model, key, index, objective):
    """The central difference in one coordinate, and the jump of the slope there: large only at a kink."""
    state = model.state_dict()
    center, values = state[key][index], []
    for step in (-H, 0, H):
        state[key][index] = center + step
        model.load_state_dict(state)
        values.append(objective())
    state[key][index] = center
    model.load_state_dict(state)
    before, here, after = values
    return (after - before) / (2 * H), abs(after - 2 * here + before) / H


@pytest.mark.one_of(7)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_central_differences(backend, name, loss):
    rng = np.random.default_rng(7)
    model = st.Sequential(*MODELS[name], dtype=np.float64, seed=3)
    X, labels, targets = rng.standard_normal((9, 5)), rng.integers(0, 4, 9), rng.standard_normal((9, 4))
    y = targets_of(loss, labels, targets)
    penalty, weighted = turn(name, loss)
    how = {"loss": loss, "penalty": penalty, "sample_weight": rng.random(9) if weighted else None}
    with backend.computing():
        _, gradients = model.loss_and_gradients(X, y, **how)
        checked = kinks = 0
        for key, gradient in gradients.items():
            for index in np.ndindex(gradient.shape):
                slope, jump = differences(model, key, index, lambda: model.loss_and_gradients(X, y, **how)[0])
                checked += 1
                if jump > 1e-2:  # the slope changes by that within H: a kink, since smooth slopes change by H
                    kinks += 1
                    continue
                # The third derivative leaves H**2 of the size of the slope, cancellation eps / H of the loss.
                assert slope == pytest.approx(gradient[index], rel=1e-5, abs=1e-8), (key, index)
    assert kinks <= 0.02 * checked, f"{kinks} of {checked} coordinates lie at a kink"


def test_penalties_reach_weights_only(backend):
    """Objective and gradients with a penalty, less those without, are the formula; biases feel nothing."""
    model = st.Sequential(st.Linear(6, 5), st.ReLU(), st.Linear(5, 3), dtype=np.float64)
    state = model.state_dict()
    for key, value in state.items():
        value.flat[::3] = "bias" in key  # some weights are 0, and some biases are not
    model.load_state_dict(state)
    X, y = np.ones((4, 6)), [0, 1, 2, 0]
    weights = {key: value for key, value in state.items() if "weight" in key}
    with backend.computing():
        bare, gradients = model.loss_and_gradients(X, y, loss="softmax")
        for penalty in PENALTIES[1:]:
            objective, regularized = model.loss_and_gradients(X, y, loss="softmax", penalty=penalty)
            sizes = [penalty.l2 * np.square(w).sum() + penalty.l1 * np.abs(w).sum() for w in weights.values()]
            assert_close(np.float64(objective), np.float64(bare + sum(sizes)), 60, objective)
            for key, gradient in gradients.items():
                w = weights.get(key, np.zeros(1))
                change = 2 * penalty.l2 * w + penalty.l1 * np.sign(w)
                assert_close(regularized[key], gradient + change, 4, np.abs(gradient) + np.abs(change))
    assert (st.L2(3).l2, st.L1(3).l1, st.ElasticNet(3, 2).l2, st.ElasticNet(3, 2).l1) == (3, 3, 6, 3)


def test_sample_weights_repeat_samples(backend):
    """Whole weights are repetitions: for means as for sums, and a weight of 0 leaves a sample out."""
    rng = np.random.default_rng(0)
    X, labels, weight = rng.standard_normal((30, 6)), rng.integers(0, 3, 30), np.arange(30) % 3
    model = st.Sequential(st.Linear(6, 8), st.Tanh(), st.Linear(8, 3), dtype=np.float64)
    for loss in (one for one in LOSSES if not isinstance(one, CustomLoss)):
        y = targets_of(loss, labels, rng.standard_normal((30, 3)))
        with backend.computing():
            weighted = model.loss_and_gradients(X, y, loss=loss, sample_weight=weight)
            repeated = model.loss_and_gradients(X.repeat(weight, axis=0), y.repeat(weight, axis=0), loss=loss)
        assert weighted[0] == pytest.approx(repeated[0], rel=1e-13)
        for key, gradient in repeated[1].items():
            assert_close(weighted[1][key], gradient, 40, np.full(gradient.shape, np.abs(gradient).max() * 30))


def test_the_slope_at_a_kink_is_zero(backend):
    """ReLU'(0) = 0, a hinge at exactly 0 contributes 0, sign(0) = 0."""
    model = st.Sequential(st.Linear(2, 3), dtype=np.float64)
    model.load_state_dict({"0.weight": np.zeros((2, 3)), "0.bias": [1.0, 0.0, 0.0]})
    with backend.computing():
        loss, gradients = model.loss_and_gradients([[1.0, 2.0]], [0], loss="hinge", penalty=st.L1(5.0))
    assert loss == 0 and not any(gradient.any() for gradient in gradients.values())
    deep = st.Sequential(st.Linear(2, 3), st.ReLU(), st.Linear(3, 2), dtype=np.float64)
    state = {key: np.zeros_like(value) for key, value in deep.state_dict().items()}
    deep.load_state_dict(state | {"2.weight": np.ones((3, 2)) * [1, -1]})
    with backend.computing():
        _, gradients = deep.loss_and_gradients([[1.0, 2.0]], [0], loss="softmax")
    assert not gradients["0.weight"].any() and gradients["2.bias"].any()
