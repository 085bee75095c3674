"""Forward mode: the derivative along a direction is the gradient times the direction, to rounding."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import Implementation
from support.problems import LOSSES, MODELS, PENALTIES, problem, turn
from support.strategies import LAYOUTS, numbers, small_model
from support.tolerances import FUNCTION, assert_close, assert_equal_models

import steepest as st
from steepest.losses import as_loss

# Roundings in a row: 3 layers of at most 7 and their functions, there, back and along; samples; outputs.
DEPTH = 3 * 3 * (7 + FUNCTION) + 9 + 4


def random_direction(model, seed=0):
    rng = np.random.default_rng(seed)
    state = model.state_dict()
    learned = {key: value for key, value in state.items() if "running" not in key}
    return {key: rng.standard_normal(value.shape).astype(value.dtype) for key, value in learned.items()}


def along(gradients, direction, norm=lambda term: term):
    """The inner product, in float64."""
    return sum(norm(gradients[key].astype(np.float64) * direction[key]).sum() for key in direction)


@pytest.mark.one_of(7)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_derivatives_are_gradient_times_direction(backend, name, loss, dtype):
    model = st.Sequential(*MODELS[name], dtype=dtype, seed=3)
    penalty, weighted = turn(name, loss)
    X, y, weight = problem(loss, dtype, weighted)
    direction = random_direction(model)
    how = {"loss": loss, "penalty": penalty}
    own = {"sample_weight": weight} if weighted else {}
    share = weight / (1 if getattr(as_loss(loss), "reduction", "mean") == "sum" else weight.sum())
    with backend.computing():
        objective, gradients = model.loss_and_gradients(X, y, **how, **own)
        # The terms that are summed, over samples and over parameters; samples that share draws or statistics
        # are nothing alone, and one such gradient stands for all.
        together = any(isinstance(layer, st.Dropout | st.BatchNorm) for layer in model.layers)
        parts = [slice(9)] * 9 if together else [slice(i, i + 1) for i in range(9)]
        singles = [model.loss_and_gradients(X[part], y[part], **how) for part in parts]
        result = model.directional_derivative(X, y, direction, **how, **own)
    size = sum(s * along(single[1], direction, np.abs) for s, single in zip(share, singles, strict=True))
    assert_close(np.float64(result[1]), np.float64(along(gradients, direction)), DEPTH, size, dtype)
    size = sum(s * single[0] for s, single in zip(share, singles, strict=True)) + share.sum()
    assert_close(np.float64(result[0]), np.float64(objective), DEPTH, size, dtype)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_missing_keys_stand_still_and_derivatives_add_up(backend, penalty):
    model = st.Sequential(*MODELS["three layers"], dtype=np.float64, seed=3)
    X, y, _ = problem("softmax")
    direction, how = random_direction(model), {"loss": "softmax", "penalty": penalty}
    with backend.computing():
        _, whole = model.directional_derivative(X, y, direction, **how)
        parts = [model.directional_derivative(X, y, {key: d}, **how)[1] for key, d in direction.items()]
        zeros = model.directional_derivative(
            X, y, {key: np.zeros_like(d) for key, d in direction.items()}, **how
        )
        nothing = model.directional_derivative(X, y, {}, **how)
        _, twice = model.directional_derivative(X, y, {key: 2 * d for key, d in direction.items()}, **how)
    assert_close(np.float64(whole), np.float64(sum(parts)), DEPTH, sum(map(abs, parts)) + 1)
    assert all(parts) and nothing == zeros and nothing[1] == 0 and twice == 2 * whole


def test_the_slope_at_a_kink_is_the_gradients(backend):
    """ReLU'(0) = 0, a hinge at exactly 0 contributes 0, sign(0) = 0."""
    model = st.Sequential(st.Linear(2, 3), st.ReLU(), st.Linear(3, 2), dtype=np.float64)
    state = {key: np.zeros_like(value) for key, value in model.state_dict().items()}
    model.load_state_dict(state | {"2.weight": np.ones((3, 2)) * [1, -1], "2.bias": [1.0, 0.0]})
    X, ones = [[1.0, 2.0]], {key: np.ones_like(value) for key, value in state.items()}
    with backend.computing():
        still = {key: ones[key] for key in ("0.weight", "0.bias")}
        assert model.directional_derivative(X, [1], still, loss="softmax", penalty=st.L1(5.0))[1] == 0
        assert model.directional_derivative(X, [0], ones, loss="hinge", penalty=None) == (0.0, 0.0)
        assert model.directional_derivative(X, [1], {"2.bias": [1, 0]}, loss="hinge") == (2.0, 1.0)


def test_it_agrees_with_numerical_derivatives(backend):
    """Of the objective as a function of all parameters in a row."""
    model, direction = small_model(np.float64), random_direction(small_model(np.float64))
    X, y, state = numbers((20, 6)), np.arange(20) % 3, small_model(np.float64).state_dict()

    def objective(t):
        moved = {key: value + t * direction[key] for key, value in state.items()}
        model.load_state_dict(moved)
        return model.loss_and_gradients(X, y, loss="softmax", penalty=st.L2(0.01))[0]

    with backend.computing():
        numerical = st.gradients.directional_derivative(objective, 0.0, 1.0)
        model.load_state_dict(state)
        _, exact = model.directional_derivative(X, y, direction, loss="softmax", penalty=st.L2(0.01))
    assert numerical == pytest.approx(exact, rel=1e-8)


def test_threads_and_layouts_change_no_bit(native):
    model = st.Sequential(st.Linear(50, 130), st.ReLU(), st.Linear(130, 10), dtype=np.float32)
    X, y, direction = numbers((300, 50), np.float32), np.arange(300) % 10, random_direction(model)
    with Implementation("native", native.isa, 1).computing():
        expected = model.directional_derivative(X, y, direction, loss="softmax")
    with native.computing():
        assert model.directional_derivative(X, y, direction, loss="softmax") == expected
        for move in LAYOUTS.values():
            moved = direction | {key: move(d) for key, d in direction.items() if d.ndim == 2}
            assert model.directional_derivative(move(X), y, moved, loss="softmax") == expected


def test_nothing_is_changed_and_misfits_are_named(backend):
    model, direction = small_model(), random_direction(small_model())
    X, y = numbers((20, 6), np.float32), np.arange(20) % 3
    bad = X.copy()
    bad[3, 0] = np.nan
    cases = [
        (X, direction | {"4.bias": [1]}, ValueError, r"direction has '4\.bias', but the model has only 0\."),
        (
            X,
            direction | {"2.bias": [1.0]},
            ValueError,
            r"2\.bias has shape \(1,\), but the model's is \(3,\)",
        ),
        (X, {"2.bias": [1, np.inf, 1]}, ValueError, r"2\.bias holds NaN or an infinity"),
        (X, {"2.bias": [1, 1e300, 1]}, ValueError, r"2\.bias holds .*too large for float32"),
        (X, {"2.bias": ["a"] * 3}, TypeError, r"2\.bias has dtype <U1, but must hold real numbers"),
        (X, list(direction), TypeError, "a direction is a mapping of names to arrays, not"),
        (bad, direction, ValueError, "row 3 of X holds NaN"),
        (X[:, 1:], direction, ValueError, "X has 5 features, but the first layer takes 6"),
        (X[1:], direction, ValueError, "X has 19 samples, but y has 20"),
    ]
    with backend.computing():
        model.directional_derivative(X, y, direction, loss="softmax")
        for x, way, error, message in cases:
            with pytest.raises(error, match=message):
                model.directional_derivative(x, y, way, loss="softmax")
        for options, error in (({"loss": "cross"}, ValueError), ({"loss": "hinge", "penalty": 1}, TypeError)):
            with pytest.raises(error):
                model.directional_derivative(X, y, direction, **options)
        for weight in (-np.ones(20), np.zeros(20), np.ones(2)):
            with pytest.raises(ValueError, match="sample_weight"):
                model.directional_derivative(X, y, direction, loss="hinge", sample_weight=weight)
    assert_equal_models(model, small_model())


def test_what_overflows_is_told_by_the_result(backend):
    """Without a warning, as for the loss."""
    model = st.Sequential(st.Linear(2, 2), st.Linear(2, 2), dtype=np.float64)
    model.load_state_dict({key: np.full_like(value, 1e200) for key, value in model.state_dict().items()})
    with backend.computing():
        objective, _ = model.directional_derivative(
            np.ones((3, 2)), np.ones((3, 2)), random_direction(model), loss="squared_error"
        )
    assert not np.isfinite(objective)
