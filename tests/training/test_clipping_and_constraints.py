"""What bounds a step: clipped gradients, proximal penalties, those of single layers, constrained weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, strategies
from support.implementations import FUSED, ISAS, REFERENCE, Implementation, needs_native
from support.strategies import bounded, columns, dtypes, rows, seeds, small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st

LIMITS = [
    {"clip_value": 2e-3},
    {"clip_norm": 1e-2},
    {"clip_value": 2e-3, "clip_norm": 1e-2},
    {"constraint": st.MaxNorm(0.7)},
    {"penalty": st.L1(0.3, proximal=True)},
    {"penalty": {0: st.L1(0.2, proximal=True), 2: st.ElasticNet(0.1, 0.3)}, "clip_norm": 0.5},
    {"penalty": {2: st.L2(0.1)}, "clip_value": 1e-2, "constraint": st.MaxNorm(0.9)},
    {"penalty": st.ElasticNet(0.02, 0.3)},
    {},
]
OPTIMIZERS = [st.SGD(0.1), st.SGD(0.1, 0.9), st.RMSProp(0.01), st.AdaGrad(0.01), st.AdamW(0.01)]


def two_steps(implementation, sizes, dtype, seed, optimizer, limits):
    """A net's parameters and objectives; the samples and its weights are the seed's."""
    rng = np.random.default_rng(seed)
    features, hidden, outputs = sizes
    layers = st.Linear(features, hidden), st.Tanh(), st.Linear(hidden, outputs, bias=False)
    model = st.Sequential(*layers, dtype=dtype, seed=seed)
    X, y = rng.standard_normal((20, features)).astype(dtype), rng.standard_normal((20, outputs))
    trainer = st.Trainer(model, "squared_error", optimizer, **limits)
    with implementation.computing():
        objectives = [trainer.step(X, y) for _ in range(2)]
    return objectives, model.state_dict()


@needs_native
@pytest.mark.parametrize("limits", LIMITS, ids=str)
@bounded
@given(columns, columns, rows, dtypes, seeds, strategies.sampled_from(OPTIMIZERS))
def test_limited_steps_are_the_reference(limits, features, hidden, outputs, dtype, seed, optimizer):
    """Over wide layers and narrow ones, whole tiles and tails; and the same bits on all instruction sets."""
    case = (features, hidden, outputs), dtype, seed, optimizer, limits
    expected = two_steps(REFERENCE, (features, hidden, outputs), np.float64, seed, optimizer, limits)
    results = {isa: two_steps(Implementation("native", isa, 1), *case) for isa in ISAS}
    if dtype == np.float64:
        for objectives, state in results.values():
            assert objectives == pytest.approx(expected[0], rel=1e-10)
            for key, value in expected[1].items():
                # A gradient near 0, of which Adam's first step takes the sign, may have lost its digits.
                np.testing.assert_allclose(state[key], value, rtol=1e-9, atol=1e-7)
    for isa in FUSED[1:]:
        assert results[isa][0] == results[FUSED[0]][0]
        for key, value in results[FUSED[0]][1].items():
            assert_same_bits(results[isa][1][key], value, key)


def gradients_and_change(backend, data, **limits):
    """The gradients of a model, and how a step of SGD with learning rate 1 changes its parameters."""
    model = small_model(np.float64)
    penalty = limits.get("penalty")
    with backend.computing():
        _, gradients = model.loss_and_gradients(*data, loss="softmax", penalty=penalty)
        before = model.state_dict()
        st.Trainer(model, "softmax", st.SGD(1.0), **limits).step(*data)
    return gradients, {key: before[key] - value for key, value in model.state_dict().items()}


def test_components_are_clipped(backend, data):
    gradients, change = gradients_and_change(backend, data, clip_value=0.02, penalty=st.L2(0.1))
    sizes = np.concatenate([np.abs(gradient).ravel() for gradient in gradients.values()])
    assert 0.1 < (sizes > 0.02).mean() < 0.9
    for key, gradient in gradients.items():
        np.testing.assert_allclose(change[key], np.clip(gradient, -0.02, 0.02), rtol=0, atol=1e-14)


def test_the_norm_is_clipped(backend, data):
    for bound in (0.1, 1e6):
        gradients, change = gradients_and_change(backend, data, clip_norm=bound, penalty=st.L2(0.1))
        norm = np.sqrt(sum(np.square(gradient).sum() for gradient in gradients.values()))
        assert 0.1 < norm < 1e6
        for key, gradient in gradients.items():
            np.testing.assert_allclose(change[key], gradient * min(1, bound / norm), rtol=0, atol=1e-14)
    both = {"clip_value": 0.05, "clip_norm": 0.1}
    gradients, change = gradients_and_change(backend, data, **both)
    clipped = {key: np.clip(gradient, -0.05, 0.05) for key, gradient in gradients.items()}
    norm = np.sqrt(sum(np.square(gradient).sum() for gradient in clipped.values()))
    for key, gradient in clipped.items():
        np.testing.assert_allclose(change[key], gradient * min(1, 0.1 / norm), rtol=0, atol=1e-14)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_bound_out_of_reach_changes_no_bit(backend, data, optimizer):
    models = []
    for limits in ({}, {"clip_value": 1e9}, {"clip_norm": 1e9}, {"constraint": st.MaxNorm(1e9)}):
        models.append(small_model())
        with backend.computing():
            models[-1].fit(
                *data, optimizer=optimizer, epochs=2, penalty=st.L2(0.01), progress=False, **limits
            )
    for model in models[1:]:
        assert_equal_models(model, models[0])


def test_proximal_steps_are_ista(backend, data):
    """By the formula, with exact zeros, which grow in number with the strength; biases feel nothing."""
    zeros = []
    for strength in (0.01, 0.1, 10.0):
        penalty = st.L1(strength, proximal=True)
        model = small_model(np.float64)
        trainer = st.Trainer(model, "softmax", st.SGD(0.5), penalty)
        with backend.computing():
            for _ in range(20):
                before = model.state_dict()
                bare, gradients = model.loss_and_gradients(*data, loss="softmax")
                with_penalty, same = model.loss_and_gradients(*data, loss="softmax", penalty=penalty)
                assert trainer.step(*data) == with_penalty
        for key, gradient in gradients.items():
            assert_same_bits(same[key], gradient)
            moved = before[key] - 0.5 * gradient
            expected = np.sign(moved) * np.maximum(np.abs(moved) - 0.5 * strength, 0)
            if "bias" in key:
                expected = moved
            np.testing.assert_allclose(model.state_dict()[key], expected, rtol=0, atol=1e-14)
        size = sum(np.abs(before[key]).sum() for key in before if "weight" in key)
        assert with_penalty == pytest.approx(bare + strength * size, rel=1e-12)
        weights = [value for key, value in model.state_dict().items() if "weight" in key]
        zeros.append(sum((weight == 0).sum() for weight in weights))
    assert 0 < zeros[0] < zeros[1] < zeros[2] == sum(weight.size for weight in weights)


def test_penalties_of_single_layers(backend, data):
    gradients = {}
    with backend.computing():
        for name, penalty in {
            "none": None,
            "empty": {},
            "first": {0: st.L2(0.1)},
            "last": {0: None, 2: st.L1(0.1)},
            "both": {0: st.L2(0.1), 2: st.L1(0.1)},
        }.items():
            model = small_model(np.float64)
            gradients[name] = model.loss_and_gradients(*data, loss="softmax", penalty=penalty)
    state, (bare, plain) = small_model(np.float64).state_dict(), gradients["none"]
    first, last = 0.1 * np.square(state["0.weight"]).sum(), 0.1 * np.abs(state["2.weight"]).sum()
    for name, value in {"empty": 0, "first": first, "last": last, "both": first + last}.items():
        assert gradients[name][0] == pytest.approx(bare + value, rel=1e-12)
        changes = {key: gradients[name][1][key] - plain[key] for key in plain}
        added = {"0.weight": 0.2 * state["0.weight"] * (name in ("first", "both"))}
        added["2.weight"] = 0.1 * np.sign(state["2.weight"]) * (name in ("last", "both"))
        for key, change in changes.items():
            np.testing.assert_allclose(change, added.get(key, 0 * change), rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_columns_are_kept_within_their_norm(backend, data, dtype):
    """Those beyond are scaled to it, the others and the biases are what they would be."""
    X, y = data
    limited, free = (small_model(dtype) for _ in range(2))
    with backend.computing():
        for model, constraint in ((limited, st.MaxNorm(1.0)), (free, None)):
            trainer = st.Trainer(model, "softmax", st.SGD(0.5, 0.9), constraint=constraint)
            trainer.step(X, y)
    for key, value in free.state_dict().items():
        expected = value.astype(np.float64)
        if "weight" in key:
            norms = np.linalg.norm(expected, axis=0)
            assert (norms > 1).any()
            expected = expected * np.minimum(1, 1 / norms)
            assert (norms < 1).any() or key == "0.weight"
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(limited.state_dict()[key], expected, rtol=2 * eps, atol=0)
    with backend.computing():
        limited.fit(X, y, epochs=5, constraint=st.MaxNorm(0.5), optimizer=st.SGD(1.0), progress=False)
    for key in ("0.weight", "2.weight"):
        norms = np.linalg.norm(limited.state_dict()[key].astype(np.float64), axis=0)
        assert (norms <= 0.5 * (1 + 2 * eps)).all() and (norms > 0.49).any()


def test_bad_limits_are_named():
    model = small_model()
    for limits, error, message in [
        ({"clip_value": 0.0}, ValueError, "clip_value is 0.0, but must be finite and greater than 0"),
        ({"clip_value": np.inf}, ValueError, "clip_value is inf, but must be finite"),
        ({"clip_norm": -1}, ValueError, "clip_norm is -1, but must be finite and greater than 0"),
        ({"clip_norm": "1"}, TypeError, "clip_norm must be a real number, not '1'"),
        (
            {"constraint": 3.0},
            TypeError,
            r"constraint must be None or a constraint such as st.MaxNorm\(3.0\), not 3.0",
        ),
        (
            {"penalty": {5: st.L2(1)}},
            ValueError,
            "penalty for layer 5, but there is no such layer; those with weights are 0, 2",
        ),
        ({"penalty": {-1: st.L2(1)}}, ValueError, "penalty for layer -1, but there is no such layer"),
        (
            {"penalty": {1: st.L2(1)}},
            ValueError,
            r"layer 1, but ReLU\(\) has no weights; .* weights are 0, 2",
        ),
        ({"penalty": {0.0: st.L2(1)}}, TypeError, "layer with a penalty must be an integer, not 0.0"),
        (
            {"penalty": {0: 1e-4}},
            TypeError,
            r"penalty must be None or a penalty such as st.L2\(1e-4\), not 0.0001",
        ),
    ]:
        for ask in (
            lambda limits=limits: st.Trainer(model, **limits),
            lambda limits=limits: model.fit([], [], **limits),
        ):
            with pytest.raises(error, match=message):
                ask()
    with pytest.raises(ValueError, match="limit is 0, but must be finite and greater than 0"):
        st.MaxNorm(0)
    with pytest.raises(TypeError, match="proximal must be True or False, not 1"):
        st.L1(0.1, 1)
    with pytest.raises(TypeError, match="penalty must be None or a penalty such as"):
        st.functional.sgd_step(np.ones(2), [1, 1], 0.1, penalty={0: st.L2(1)})


@needs_native
def test_a_long_step_is_clipped_as_a_short_one(isa):
    """Its gradients are stored and then applied, those of others fused."""
    X = np.random.default_rng(0).standard_normal((2560, 1200), np.float32)
    y = np.arange(2560) % 512
    model = st.Sequential(st.Linear(1200, 512))
    with Implementation("native", isa, 2).computing(all_threads=True):
        _, gradients = model.loss_and_gradients(X, y, loss="softmax")
        limits = {"clip_value": 1e-3, "penalty": st.L1(1e-3, proximal=True)}
        changed = copy.deepcopy(model)
        st.Trainer(changed, "softmax", st.SGD(0.5), **limits).step(X, y)
    weight = model.state_dict()["0.weight"] - np.float32(0.5) * np.clip(gradients["0.weight"], -1e-3, 1e-3)
    expected = np.sign(weight) * np.maximum(np.abs(weight) - np.float32(5e-4), 0)
    np.testing.assert_allclose(changed.state_dict()["0.weight"], expected, rtol=0, atol=1e-7)
