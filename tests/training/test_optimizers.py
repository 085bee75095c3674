"""Optimizers that adapt their steps: their formulas, by hand and by property, and what a trainer keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, strategies
from support.guards import FILLS, Guarded
from support.implementations import FUSED, ISAS, REFERENCE, Implementation, needs_native
from support.strategies import bounded, columns, dtypes, numbers, rows, seeds, small_model
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st
from steepest import functional
from steepest.backends import active

ADAPTIVE = [
    st.AdaGrad(0.3),
    st.RMSProp(0.3, 0.75),
    st.Adam(0.3, 0.5, 0.75, 1e-3),
    st.Adam(0.3, 0.5, 0.75, 1e-3, epsilon_hat=True),
    st.AdamW(0.3, weight_decay=0.5),
]
PENALTIES = [None, st.L2(0.2), st.L1(0.1), st.ElasticNet(0.1, 0.5), st.L1(0.1, proximal=True)]
kinds = strategies.sampled_from(
    ["ordinary", "zeros", "huge", "mixed"]
)  # squares of the smallest are no numbers


def one_update(optimizer, penalty, weight, grad, slots):
    active().update(weight, grad, slots, optimizer, penalty, optimizer.learning_rate, 2)


def bounds(optimizer, penalty, weight, grad, first, second):
    """Of the new weight, first and second: a size of which each is wrong by some roundings."""
    w, g, m, s = (np.abs(a).astype(np.float64) for a in (weight, grad, first, second))
    l2, l1 = (penalty.l2, penalty.l1) if penalty else (0, 0)
    slope = g + 2 * l2 * w + l1
    signed = grad.astype(np.float64)
    if penalty:
        signed = signed + 2 * l2 * weight + (0 if penalty.proximal else l1 * np.sign(weight))
    decay, gain, epsilon, rate, push, keep = 1.0, 1.0, optimizer.epsilon, optimizer.learning_rate, slope, 0.0
    if isinstance(optimizer, st.RMSProp):
        decay, gain = optimizer.decay, 1 - optimizer.decay
    elif isinstance(optimizer, st.Adam):
        decay, gain, keep = optimizer.beta_2, 1 - optimizer.beta_2, optimizer.beta_1
        root = math.sqrt(1 - decay**3)
        rate, epsilon = rate * root / (1 - keep**3), epsilon * (1 if optimizer.epsilon_hat else root)
        push = keep * m + (1 - keep) * slope
    denominator = np.sqrt(decay * s + gain * signed**2) + epsilon
    # The root of the squares is wrong by the root of the gain times what the gradient is wrong by.
    change = rate * push / denominator * (1 + math.sqrt(gain) * slope / denominator)
    return w + change + l1 * rate, push, decay * s + gain * slope**2


@needs_native
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("optimizer", ADAPTIVE, ids=lambda o: type(o).__name__)
@bounded
@given(rows, columns, dtypes, seeds, kinds)
def test_an_update_is_the_reference(optimizer, penalty, rows, columns, dtype, seed, kind):
    weight, grad, first, second = (numbers((rows, columns), dtype, seed + i, kind) for i in range(4))
    second = np.abs(second)
    results = {}
    for implementation in [REFERENCE, *(Implementation("native", isa, 1) for isa in ISAS)]:
        arrays = [Guarded(array, FILLS[seed % 2]) for array in (weight, grad, first, second)]
        w, g, *slots = (guarded.view for guarded in arrays)
        kept = dict(zip(optimizer.slots, slots[-len(optimizer.slots) :], strict=True))
        with implementation.computing():
            one_update(optimizer, penalty, w, g, kept)
        for guarded in arrays:
            guarded.check()
        assert_same_bits(g, grad)
        results[implementation.isa] = w, *slots
    sizes = bounds(optimizer, penalty, weight, grad, first, second)
    for isa in ISAS:
        for got, expected, size in zip(results[isa], results[""], sizes, strict=True):
            assert_close(got, expected, 20, size)
    for isa in FUSED[1:]:
        for a, b in zip(results[isa], results[FUSED[0]], strict=True):
            assert_same_bits(a, b)


@pytest.mark.parametrize("optimizer", ADAPTIVE, ids=lambda o: type(o).__name__)
def test_steps_follow_the_formula(backend, data, optimizer):
    """Those of a trainer are those of `functional` on its gradients; biases do not decay."""
    X, y = data
    trainer, penalty = st.Trainer(small_model(np.float64), "softmax", optimizer, st.L2(0.01)), st.L2(0.01)
    expected = trainer.model.state_dict()
    kept = {key: (np.zeros_like(value), np.zeros_like(value)) for key, value in expected.items()}
    for step in range(3):
        with backend.computing():
            objective, gradients = trainer.model.loss_and_gradients(X, y, loss="softmax", penalty=penalty)
            assert trainer.step(X, y) == objective
            for key, value in expected.items():
                first, second = kept[key]
                if isinstance(optimizer, st.AdaGrad):
                    functional.adagrad_step(value, gradients[key], 0.3, squares=second)
                elif isinstance(optimizer, st.RMSProp):
                    functional.rmsprop_step(value, gradients[key], 0.3, mean_square=second, decay=0.75)
                else:
                    decay = getattr(optimizer, "weight_decay", 0) * ("weight" in key)
                    names = "beta_1", "beta_2", "epsilon", "epsilon_hat"
                    how = {name: getattr(optimizer, name) for name in names} | {"weight_decay": decay}
                    moments = {"mean": first, "mean_square": second, "step": step}
                    functional.adam_step(value, gradients[key], 0.3, **moments, **how)
        for key, value in trainer.model.state_dict().items():
            np.testing.assert_allclose(value, expected[key], rtol=1e-9, atol=1e-9)
    assert trainer.steps_done == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (st.Adam(0.01), st.Adam(0.01, epsilon=1e-2)),
        (st.Adam(0.01, epsilon=1e-2), st.Adam(0.01, epsilon=1e-2, epsilon_hat=True)),
        (st.Adam(0.01), st.Adam(0.01, beta_1=0.5)),
        (st.Adam(0.01), st.Adam(0.01, beta_2=0.5)),
        (st.Adam(0.01), st.AdamW(0.01)),
        (st.AdamW(0.01), st.AdamW(0.01, weight_decay=0.1)),
        (st.RMSProp(0.01), st.RMSProp(0.01, decay=0.5)),
        (st.RMSProp(0.01), st.RMSProp(0.01, epsilon=1e-2)),
        (st.RMSProp(0.01), st.RMSProp(0.02)),
        (st.AdaGrad(0.01), st.AdaGrad(0.01, epsilon=1e-2)),
        (st.AdaGrad(0.01), st.RMSProp(0.01)),
    ],
)
def test_every_number_acts(backend, data, first, second):
    states = []
    for optimizer in (first, second):
        model = small_model()
        with backend.computing():
            history = model.fit(*data, optimizer=optimizer, epochs=3, progress=False)
        assert history.loss[-1] < history.loss[0]
        states.append(model.state_dict())
    assert not np.array_equal(states[0]["0.weight"], states[1]["0.weight"])


def test_the_state_is_kept_for_its_like_alone(backend, data):
    """Adam and AdamW share theirs; a new state begins with a new t, though steps go on counting."""
    trainer = st.Trainer(small_model(), "softmax", st.SGD(0.01))
    with backend.computing():
        trainer.step(*data)
        trainer.optimizer = st.Adam(0.01)
        before = trainer.model.state_dict()
        trainer.step(*data)
        change = trainer.model.state_dict()["2.weight"] - before["2.weight"]
        assert np.abs(change) == pytest.approx(0.01, rel=1e-2)  # as a first step is
        assert (trainer.steps_done, trainer.learning.state.optimizer.state_start) == (2, 1)
        kept = trainer.learning.state.optimizer
        trainer.optimizer = st.AdamW(0.01)
        assert trainer.learning.state.optimizer is kept
        trainer.optimizer = st.RMSProp(0.01)
        now = trainer.learning.state.optimizer
        assert now is not kept and not now.slots["mean_square"][0].weight.any()
        trainer.fit(*data, epochs=2, batch_size=100, progress=False)
    assert (trainer.steps_done, trainer.learning.state.optimizer.state_start, trainer.epochs_done) == (
        8,
        2,
        2,
    )


@needs_native
@pytest.mark.parametrize("optimizer", [st.NAdam(0.02), st.Lion(0.01), st.Lion(0.01, weight_decay=0.1)])
def test_fits_agree_with_the_reference_and_learn(optimizer):
    X, y = st.datasets.two_moons(100)
    states = []
    for backend in ("native", "reference"):
        with st.config(backend):
            model = st.Sequential(st.Linear(2, 16), st.Tanh(), st.Linear(16, 2), dtype="float64")
            history = model.fit(X, y, optimizer=optimizer, epochs=20, batch_size=20, progress=False)
        assert history.loss[-1] < history.loss[0] / 1.5
        states.append(model.state_dict())
    for key, value in states[0].items():
        assert_close(states[1][key], value, 3000, 10)


def test_slots_are_kept_by_name_and_number():
    X, y = st.datasets.two_moons(20)
    trainer = st.Trainer(st.Sequential(st.Linear(2, 2)), optimizer=st.Adam())
    trainer.step(X, y)
    for optimizer, slots in [(st.NAdam(), ["mean", "mean_square"]), (st.Lion(), ["mean"]), (st.SGD(), [])]:
        trainer.optimizer = optimizer
        trainer.step(X, y)
        assert list(optimizer.slots) == slots


@pytest.mark.parametrize("optimizer", [st.Adam(0.01), st.RMSProp(0.01), st.AdaGrad(0.01)])
def test_divergence_restores_the_state_too(backend, data, optimizer):
    X, _ = data
    weight = np.ones((300, 3), np.float32)
    diverging, plain = (st.Trainer(small_model(), "squared_error", optimizer) for _ in range(2))
    wild = np.where(np.arange(300)[:, None] == 299, 3e38, weight)
    fit = {"batch_size": 50, "shuffle": False, "progress": False}
    with backend.computing():
        for trainer in (diverging, plain):
            trainer.fit(X, weight, epochs=1, **fit)
        with pytest.raises(st.DivergenceError) as caught:
            diverging.fit(X, wild, epochs=2, **fit)
        assert (caught.value.step, caught.value.learning_rate) == (5, 0.01)
        assert diverging.steps_done == plain.steps_done == 6
        for trainer in (diverging, plain):
            trainer.fit(X, weight, epochs=1, **fit)
    assert_equal_models(diverging.model, plain.model)


def test_bad_numbers_are_named():
    for make, error, message in [
        (lambda: st.Adam(0.0), ValueError, "learning_rate is 0.0, but must be finite and greater than 0"),
        (lambda: st.RMSProp("0.1"), TypeError, "learning_rate must be a real number, not '0.1'"),
        (lambda: st.AdaGrad(epsilon=0.0), ValueError, "epsilon is 0.0, but must be finite and greater"),
        (lambda: st.RMSProp(epsilon=-1), ValueError, "epsilon is -1, but must be finite"),
        (lambda: st.Adam(epsilon=math.inf), ValueError, "epsilon is inf, but must be finite"),
        (lambda: st.RMSProp(decay=1.0), ValueError, r"decay is 1.0, but must be in \[0, 1\)"),
        (lambda: st.Adam(epsilon_hat=1), TypeError, "epsilon_hat must be True or False, not 1"),
        (lambda: st.Adam(beta_1=1), ValueError, r"beta_1 is 1, but must be in \[0, 1\)"),
        (lambda: st.AdamW(beta_2=-0.1), ValueError, r"beta_2 is -0.1, but must be in \[0, 1\)"),
        (lambda: st.AdamW(weight_decay=-1.0), ValueError, "weight_decay is -1.0, but must be finite and not"),
        (lambda: st.NAdam(beta_1=1.0), ValueError, "beta_1 is 1.0"),
        (lambda: st.NAdam(momentum_decay=0.0), ValueError, "momentum_decay is 0.0"),
        (lambda: st.NAdam(epsilon=0.0), ValueError, "epsilon is 0.0"),
        (lambda: st.Lion(beta_2=-0.1), ValueError, "beta_2 is -0.1"),
        (lambda: st.Lion(weight_decay=-1.0), ValueError, "weight_decay is -1.0"),
    ]:
        with pytest.raises(error, match=message):
            make()
    assert st.AdamW() != st.Adam() == st.Adam(0.001, 0.9, 0.999, 1e-8)


def test_updates_in_place_refuse_what_they_cannot_use(implementation):
    w, g, s = np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3))
    steps = {
        "squares": lambda **kept: functional.adagrad_step(w, g, 0.1, **kept),
        "mean_square": lambda **kept: functional.rmsprop_step(w, g, 0.1, **kept),
        "mean": lambda **kept: functional.adam_step(w, g, 0.1, step=0, mean_square=s, **kept),
    }
    with implementation.computing():
        for name, step in steps.items():
            with pytest.raises(ValueError, match=rf"{name} is \(2, 2\) float64, but weight is \(2, 3\)"):
                step(**{name: np.ones((2, 2))})
            with pytest.raises(TypeError, match=f"{name} is updated in place, so it must be an ndarray"):
                step(**{name: [1]})
            with pytest.raises(ValueError, match="must not overlap in memory"):
                step(**{name: w})
        with pytest.raises(ValueError, match="step is -1, but must be at least 0"):
            functional.adam_step(w, g, 0.1, mean=s, mean_square=s * 1, step=-1)
        with pytest.raises(TypeError, match="learning_rate must be a real number"):
            functional.adagrad_step(w, g, lambda step: 0.1, squares=s)
        functional.exp(s)  # for the proof, which asks what computed last
    assert (w == 1).all() and (s == 1).all()
