"""NAdam and Lion: by their papers' formulas, one number at a time, on both backends."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_close

import steepest as st


def nadam(gradients, w, rate=0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-8, decay=0.004):
    """PyTorch's NAdam, whose products of momenta are kept from step to step."""
    m = s = 0.0
    product = 1.0
    for t, g in enumerate(gradients, 1):
        now = beta_1 * (1 - 0.5 * 0.96 ** (t * decay))
        later = beta_1 * (1 - 0.5 * 0.96 ** ((t + 1) * decay))
        product *= now
        m, s = beta_1 * m + (1 - beta_1) * g, beta_2 * s + (1 - beta_2) * g * g
        root = math.sqrt(s / (1 - beta_2**t)) + epsilon
        w -= rate * (1 - now) / (1 - product) * g / root
        w -= rate * later / (1 - product * later) * m / root
    return w


def lion(gradients, w, rate=0.01, beta_1=0.9, beta_2=0.99, decay=0.0):
    m = 0.0
    for g in gradients:
        w *= 1 - rate * decay
        w -= rate * np.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g
    return w


@pytest.mark.parametrize("settings", [{}, {"beta_1": 0.0}, {"beta_1": 0.99, "decay": 0.1}, {"epsilon": 0.1}])
def test_nadam_is_the_one_of_its_formula(backend, settings):
    gradients, weight = numbers(600), np.full(1, 0.5)
    slots = {"mean": np.zeros(1), "mean_square": np.zeros(1)}
    named = {{"decay": "momentum_decay"}.get(name, name): value for name, value in settings.items()}
    with backend.computing():
        for step, g in enumerate(gradients):
            st.functional.nadam_step(weight, [g], 0.01, step=step, **slots, **named)
    assert_close(weight, np.array([nadam(gradients, 0.5, **settings)]), 3000, 1)


@pytest.mark.parametrize("settings", [{}, {"beta_1": 0.0, "beta_2": 0.0}, {"decay": 0.5}])
def test_lion_is_the_one_of_its_formula(backend, settings):
    gradients, weight, mean = numbers(100), np.full((1, 1), 0.5), np.zeros((1, 1))
    named = {{"decay": "weight_decay"}.get(name, name): value for name, value in settings.items()}
    with backend.computing():
        for g in gradients:
            st.functional.lion_step(weight, [[g]], 0.01, mean=mean, **named)
    assert_close(weight, np.array([[lion(gradients, 0.5, **settings)]]), 400, 1)


def test_lion_stands_where_all_gradients_are_zero(backend):
    weight, mean = np.full(3, 0.5), np.zeros(3)
    with backend.computing():
        st.functional.lion_step(weight, np.zeros(3), 0.1, mean=mean)
    assert weight.tolist() == [0.5] * 3


@pytest.mark.parametrize("optimizer", [st.NAdam(0.02), st.Lion(0.01), st.Lion(0.01, weight_decay=0.1)])
def test_fits_agree_with_the_reference_and_learn(optimizer):
    X, y = st.datasets.two_moons(100)
    states = []
    for backend in ("native", "reference"):
        if backend == "native" and "isa_available" not in st.build_info():
            pytest.skip("no extension")
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


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: st.NAdam(beta_1=1.0), "beta_1 is 1.0"),
        (lambda: st.NAdam(momentum_decay=0.0), "momentum_decay is 0.0"),
        (lambda: st.NAdam(epsilon=0.0), "epsilon is 0.0"),
        (lambda: st.Lion(beta_2=-0.1), "beta_2 is -0.1"),
        (lambda: st.Lion(weight_decay=-1.0), "weight_decay is -1.0"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
