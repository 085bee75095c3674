"""Scale: its formula and gradients on both backends, and the same bits whatever the threads."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import FUSED, needs_native
from support.strategies import numbers
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st

X = numbers((70, 5))
LABELS = np.arange(70) % 3
# First, between a product and an activation that is fused with it or not, and last.
LAYERS = (st.Scale(5), st.Linear(5, 37), st.Scale(37), st.Tanh(), st.Linear(37, 19), st.Scale(19), st.Mish())
LAYERS += (st.Linear(19, 3), st.Scale(3))


def model(dtype: str = "float64") -> st.Sequential:
    made = st.Sequential(*LAYERS, dtype=dtype, seed=3)
    scales = {f"{n}.weight": numbers(made[n].features, seed=n) + 2 for n in (0, 2, 5, 8)}
    made.load_state_dict(made.state_dict() | scales)
    return made


def test_a_scale_is_its_formula(backend):
    weight = numbers(5, seed=1)
    layers = st.Sequential(st.Scale(5), st.Sigmoid(), st.Linear(5, 3), dtype="float64", seed=3)
    assert layers.state_dict()["0.weight"].tolist() == [1.0] * 5 and "0.bias" not in layers.state_dict()
    state = layers.state_dict() | {"0.weight": weight}
    layers.load_state_dict(state)
    with backend.computing():
        scores = layers(X)
    assert_close(scores, 1 / (1 + np.exp(-X * weight)) @ state["2.weight"] + state["2.bias"], 40, 5)


@pytest.mark.parametrize("loss", ["softmax", "log_cosh"])
def test_scale_gradients_are_the_numerical_ones(backend, loss):
    y = LABELS[:12] if loss == "softmax" else numbers((12, 3), seed=4)
    with backend.computing():
        assert st.gradients.check_gradients(model(), X[:12], y, loss=loss)


def test_the_gradient_of_its_weight_is_a_sum_over_the_samples(backend):
    layers = st.Sequential(st.Scale(5), st.Linear(5, 1, bias=False), dtype="float64")
    layers.load_state_dict({"0.weight": numbers(5, seed=1), "1.weight": np.ones((5, 1))})
    y = numbers((70, 1), seed=2)
    with backend.computing():
        _, gradients = layers.loss_and_gradients(X, y, loss=st.SquaredError("sum"))
    slopes = 2 * (X @ numbers(5, seed=1)[:, None] - y)
    assert_close(gradients["0.weight"], (slopes * X).sum(axis=0), 90, np.abs(slopes * X).sum(axis=0))


TRAINED = {
    "fused": {"optimizer": st.NAdam(0.01)},
    "momentum": {"optimizer": st.SGD(0.05, 0.9, nesterov=True)},
    "clipped norm": {"optimizer": st.Adam(0.01), "clip_norm": 0.1},
    "averaged": {"optimizer": st.SGD(0.05), "averaging": st.ExponentialAverage(0.9)},
}


def trained(dtype: str, how: str) -> st.Sequential:
    made = model(dtype)
    made.fit(X, LABELS, **TRAINED[how], epochs=3, batch_size=32, progress=False)
    return made


@needs_native
@pytest.mark.parametrize("how", TRAINED)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_instruction_sets_change_no_bit_of_a_scale(dtype, how):
    states = []
    for isa in FUSED:
        for threads in (1, 2, 3):
            with st.config("native", threads, isa):
                made = trained(dtype, how)
                states.append({**made.state_dict(), "scores": made(X)})
    for state in states[1:]:
        for key, value in states[0].items():
            assert_same_bits(state[key], value)


@needs_native
@pytest.mark.parametrize("how", TRAINED)
def test_both_backends_train_the_same_scales(how):
    with st.config("native"):
        state = trained("float64", how).state_dict()
    with st.config("reference"):
        expected = trained("float64", how).state_dict()
    for key, value in expected.items():
        np.testing.assert_allclose(state[key], value, rtol=1e-9, atol=1e-9)


def test_neither_penalty_nor_decay_is_for_scales(backend):
    with pytest.raises(ValueError, match=r"Scale\(features=5\) has no weights"):
        model().fit(X, LABELS, penalty={0: st.L2(0.1)}, progress=False)
    layers = st.Sequential(st.Scale(5), st.Linear(5, 3), st.Scale(3), dtype="float64")
    layers.load_state_dict(layers.state_dict() | {"1.weight": np.zeros((5, 3))})
    how = {"optimizer": st.AdamW(0.1, weight_decay=0.5), "penalty": st.L2(0.5), "constraint": st.MaxNorm(0.1)}
    with backend.computing():  # of what is 0, the scales have no gradient
        layers.fit(0 * X, np.zeros((70, 3)), loss="squared_error", **how, epochs=2, progress=False)
    assert layers.state_dict()["0.weight"].tolist() == [1.0] * 5
    assert layers.state_dict()["2.weight"].tolist() == [1.0] * 3


def test_a_scale_is_saved(backend, tmp_path):
    layers = model()
    with backend.computing():
        layers.fit(X, LABELS, epochs=1, progress=False)
        layers.save(tmp_path / "model.safetensors")
        loaded = st.load(tmp_path / "model.safetensors")
        assert_equal_models(loaded, layers)
        assert_same_bits(loaded(X), layers(X))
    assert loaded.layers == LAYERS and repr(loaded.layers[0]) == "Scale(features=5)"


@pytest.mark.parametrize(
    ("features", "error", "message"),
    [
        (0, ValueError, "features is 0, but must be at least 1"),
        (2.5, TypeError, "features must be an integer, not 2.5"),
    ],
)
def test_scales_are_checked(features, error, message):
    with pytest.raises(error, match=message):
        st.Scale(features)


def test_a_scale_must_fit_the_layer_before():
    with pytest.raises(ValueError, match=r"layer 1 is Scale\(features=4\), but the layer before gives 3"):
        st.Sequential(st.Linear(5, 3), st.Scale(4))
