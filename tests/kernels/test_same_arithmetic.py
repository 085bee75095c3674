"""A step is its gradient applied, and a row alone is the row of its batch, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import Implementation, needs_native
from support.tolerances import assert_same_bits

import steepest as st
from steepest.backends import active

L, R, S, T = st.Linear, st.ReLU, st.Sigmoid, st.Tanh
MOMENTUM, NESTEROV = st.SGD(0.05, 0.9), st.SGD(0.05, 0.9, nesterov=True)


@needs_native
@pytest.mark.parametrize(("features", "outputs"), [(64, 30), (1200, 512)])
@pytest.mark.parametrize("optimizer", [st.SGD(0.01), MOMENTUM, NESTEROV, st.RMSProp(0.01), st.Adam(0.01)])
def test_steps_are_their_gradients_applied(isa, optimizer, features, outputs):
    """An update fused into the weight gradient gives the bits of both apart, as a long step computes them."""
    rows = 2560  # stored gradients are summed in blocks of 2048 samples, fused ones are not
    long = 2 * rows * features * outputs > 3e9  # multiply-adds, from which on gradients are stored
    assert long == (features == 1200)
    X = np.random.default_rng(0).standard_normal((rows, features), np.float32)
    y = np.arange(rows) % outputs
    model, penalty = st.Sequential(st.Linear(features, outputs)), st.ElasticNet(1e-3, 2.0)
    parameters = model.state_dict()
    with Implementation("native", isa, 2).computing(all_threads=True):
        objective, gradients = model.loss_and_gradients(X, y, loss="softmax", penalty=penalty)
        assert st.Trainer(model, "softmax", optimizer, penalty).step(X, y) == objective
    for key, gradient in gradients.items():
        with Implementation("native", isa, 1).computing():
            weight, grad = np.atleast_2d(parameters[key]), np.atleast_2d(gradient)
            slots = {name: np.zeros_like(weight) for name in optimizer.slots}
            active().update(weight, grad, slots, optimizer, None, optimizer.learning_rate, 0)
        assert_same_bits(model.state_dict()[key], parameters[key], key)


@pytest.mark.one_of(7)
@pytest.mark.parametrize("activation", [T(), st.LeakyReLU(0.3), st.GELU()])
@pytest.mark.parametrize("sizes", [(300, 200, 10), (2100, 130, 3), (5, 40, 16), (16, 15, 7), (2, 8, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_alone_has_the_bits_of_its_batch(native, dtype, sizes, activation):
    """Whether its layers are wide or narrow, deep or shallow, and shared by threads or not."""
    model = st.Sequential(L(*sizes[:2]), activation, L(*sizes[1:]), dtype=dtype)
    X = np.random.default_rng(0).standard_normal((70, sizes[0])).astype(dtype)
    with Implementation("native", native.isa, 1).computing():
        whole = model(X)
    with native.computing():
        assert_same_bits(model(X), whole)
        assert_same_bits(np.vstack([model(X[i : i + 1]) for i in range(len(X))]), whole)
        assert_same_bits(np.vstack([model(X[i : i + 3]) for i in range(0, len(X), 3)]), whole)
