"""Optimizers by the formulas of their papers, one number at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_close

import steepest as st
from steepest import functional


def test_adagrad_and_rmsprop_follow_the_formula(implementation):
    """By hand, with numbers that hardly any rounding touches."""
    weight, squares = np.array([4.0, -2.0, 0.0]), np.array([7.0, 0.0, 0.0])
    with implementation.computing():
        functional.adagrad_step(weight, [3, 4, 0], 0.5, squares=squares, epsilon=1.0)
    assert squares.tolist() == [16, 16, 0] and weight.tolist() == [4 - 1.5 / 5, -2 - 2 / 5, 0]
    weight, squares = np.array([4.0, -2.0, 0.0]), np.array([23.0, 0.0, 4.0])
    with implementation.computing():
        functional.rmsprop_step(weight, [3, 4, 0], 0.5, mean_square=squares, decay=0.5, epsilon=1.0)
    assert squares.tolist() == [16, 8, 2]
    assert weight == pytest.approx([4 - 1.5 / 5, -2 - 2 / (1 + math.sqrt(8)), 0], rel=1e-15)


def test_adam_follows_the_formula(implementation):
    """Algorithm 1 of Kingma and Ba: their first step is the learning rate's size, whatever the gradient's."""
    gradients = np.array([[1e-3, -2.0, 0.0], [3e-3, 1.0, 0.0], [-1e-3, 5.0, 1.0]])
    weight, mean, square = np.ones(3), np.zeros(3), np.zeros(3)
    m, v, expected = np.zeros(3), np.zeros(3), np.ones(3)
    for step, g in enumerate(gradients):
        with implementation.computing():
            functional.adam_step(weight, g, 0.1, mean=mean, mean_square=square, step=step)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        unbiased = m / (1 - 0.9 ** (step + 1)), v / (1 - 0.999 ** (step + 1))
        expected = expected - 0.1 * unbiased[0] / (np.sqrt(unbiased[1]) + 1e-8)
        assert weight == pytest.approx(expected, rel=1e-13)
        if step == 0:
            assert weight == pytest.approx([0.9, 1.1, 1.0], rel=1e-5)
    assert mean == pytest.approx(m, rel=1e-14) and square == pytest.approx(v, rel=1e-13)


def test_weight_decay_is_apart_from_the_gradient(implementation):
    weight, mean, square = np.array([2.0, -4.0]), np.zeros(2), np.zeros(2)
    with implementation.computing():
        functional.adam_step(weight, [0, 0], 0.5, mean=mean, mean_square=square, step=0, weight_decay=0.25)
    assert weight.tolist() == [2 * 0.875, -4 * 0.875] and not mean.any() and not square.any()


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


def product_of_momenta(steps, beta_1):
    return math.prod(beta_1 * (1 - 0.5 * 0.96 ** (t * 0.004)) for t in range(1, steps + 1))


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


@pytest.mark.parametrize("beta_1", [0.9, 1 - 1e-12, 1 - 2.0**-53])
def test_nadam_takes_any_step(backend, beta_1):
    """At once, and not after a factor for each of a trillion steps before."""
    weight, mean, square = np.ones(3), np.zeros(3), np.zeros(3)
    step = 2**40
    with backend.computing():
        st.functional.nadam_step(
            weight, [1, 2, 3], 0.01, step=step, mean=mean, mean_square=square, beta_1=beta_1
        )
    root = np.sqrt(square) + 1e-8
    far = math.exp((step - 3000) * math.log(beta_1) + math.log(product_of_momenta(3000, beta_1)))
    now = 0.01 * (
        (1 - beta_1) / (1 - far * beta_1) * np.array([1, 2, 3]) + beta_1 / (1 - far * beta_1**2) * mean
    )
    assert_close(weight, 1 - now / root, 3000, 1)


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
