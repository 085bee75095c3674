"""LayerNorm: its formula on both backends, and the same bits whatever the threads."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import FUSED, needs_native
from support.strategies import numbers
from support.tolerances import assert_close, assert_same_bits

import steepest as st


def model(dtype: str = "float64") -> st.Sequential:
    made = st.Sequential(st.Linear(5, 17), st.LayerNorm(17), st.SiLU(), st.Linear(17, 3), dtype=dtype, seed=3)
    state = made.state_dict()
    made.load_state_dict(state | {"1.weight": numbers(17, seed=1) + 2, "1.bias": numbers(17, seed=2)})
    return made


def test_a_layer_norm_is_its_formula(backend):
    layers = st.Sequential(st.Linear(5, 17), st.LayerNorm(17, epsilon=0.25), dtype="float64", seed=3)
    state = layers.state_dict() | {"1.weight": numbers(17, seed=1), "1.bias": numbers(17, seed=2)}
    layers.load_state_dict(state)
    X = numbers((33, 5))
    rows = X @ state["0.weight"] + state["0.bias"]
    centered = rows - rows.mean(axis=1, keepdims=True)
    normal = centered / np.sqrt(np.square(centered).mean(axis=1, keepdims=True) + 0.25)
    with backend.computing():
        scores = layers(X)
    assert_close(scores, normal * state["1.weight"] + state["1.bias"], 40, 10)


def normalized(rows: np.ndarray, epsilon: float) -> np.ndarray:
    """In extended precision, of numbers of any size."""
    wide = rows.astype(np.longdouble)
    centered = wide - wide.mean(axis=1, keepdims=True)
    centered -= centered.mean(axis=1, keepdims=True)
    return centered / np.sqrt(np.square(centered).mean(axis=1, keepdims=True) + epsilon)


HARD = {
    "small deviations of a large mean": (("float32", "float64"), 1e6 + numbers((9, 33))),
    "smaller ones of a larger mean": (("float64",), 1e12 + numbers((9, 33))),
    "the largest of float32": (("float32", "float64"), 3.4e38 * numbers((9, 33)) / 10),
    "numbers whose squares are infinite": (("float64",), 1e160 * numbers((9, 33))),
    "numbers whose sum is infinite": (("float64",), 1.7e308 * (1 - 0.01 * np.abs(numbers((9, 33))))),
    "tiny numbers": (("float32", "float64"), 1e-30 * numbers((9, 33))),
    "one number": (("float32", "float64"), np.full((9, 33), 1e30 / 3)),
}


@pytest.mark.parametrize(
    ("name", "dtype"), [(name, dtype) for name, (dtypes, _) in HARD.items() for dtype in dtypes]
)
def test_rows_of_any_size_are_normalized(backend, name, dtype):
    rows = HARD[name][1].astype(dtype)
    layers = st.Sequential(st.LayerNorm(33), st.Linear(33, 33), dtype=dtype)
    layers.load_state_dict(layers.state_dict() | {"1.weight": np.eye(33)})
    with backend.computing():
        assert_close(layers(rows), normalized(rows, 1e-5).astype(dtype), 6, 6)
        loss, gradients = layers.loss_and_gradients(rows, np.arange(9), loss="softmax")
        assert np.isfinite(loss) and all(np.isfinite(g).all() for g in gradients.values())


@pytest.mark.parametrize("loss", ["softmax", "log_cosh"])
def test_its_gradients_are_the_numerical_ones(backend, loss):
    X, y = numbers((12, 5)), np.arange(12) % 3 if loss == "softmax" else numbers((12, 3), seed=4)
    with backend.computing():
        assert st.gradients.check_gradients(model(), X, y, loss=loss)


@needs_native
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_and_instruction_sets_change_no_bit(dtype):
    X, y = numbers((70, 5)), np.arange(70) % 3
    states = []
    for isa in FUSED:
        for threads in (1, 2, 3):
            with st.config("native", threads, isa):
                trained = model(dtype)
                trained.fit(X, y, optimizer=st.NAdam(0.01), epochs=3, batch_size=32, progress=False)
                states.append({**trained.state_dict(), "scores": trained(X)})
    for state in states[1:]:
        for key, value in states[0].items():
            assert_same_bits(state[key], value)


def test_a_sample_is_normalized_by_itself(backend):
    """Its scores are those of a batch of one."""
    X = numbers((9, 5))
    with backend.computing():
        together, alone = model()(X), np.vstack([model()(row[None, :]) for row in X])
    assert_close(alone, together, 40, 10)


def test_its_scales_have_no_penalty():
    with pytest.raises(ValueError, match=r"LayerNorm\(.*\) has no weights"):
        model().fit(numbers((4, 5)), [0, 1, 2, 0], penalty={1: st.L2(0.1)}, progress=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "features is 0, but must be at least 1"),
        ((3, 0.0), ValueError, "epsilon is 0.0"),
        (("a",), TypeError, "features"),
    ],
)
def test_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        st.LayerNorm(*arguments)
