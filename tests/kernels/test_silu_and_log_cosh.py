"""SiLU and LogCosh: known values, far arguments, and their accuracy near zero."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.tolerances import assert_close

import steepest as st

FAR = np.array([-np.inf, -1e30, -1000.0, 0.0, 1000.0, 1e30, np.inf])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_silu_is_x_times_sigmoid(backend, dtype):
    x = np.linspace(-30, 30, 601).astype(dtype)
    sigmoid = 1 / (1 + np.exp(-x.astype(np.float64)))
    slope = sigmoid * (1 + x * (1 - sigmoid))
    with backend.computing():
        assert_close(st.functional.silu(x), (x * sigmoid).astype(dtype), 8, np.abs(x))
        assert_close(st.functional.silu_backward(x, np.ones_like(x)), slope.astype(dtype), 8, 1 + np.abs(x))


def test_silu_of_far_arguments(backend):
    with backend.computing():
        values, slopes = st.functional.silu(FAR), st.functional.silu_backward(FAR, np.ones(7))
        assert np.isnan(st.functional.silu([np.nan]))
    assert values.tolist() == [0, 0, 0, 0, 1000, 1e30, math.inf]
    assert slopes.tolist() == [0, 0, 0, 0.5, 1, 1, 1]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_log_cosh_keeps_its_digits_near_zero_and_far_from_it(backend, dtype):
    for error in [*np.logspace(-8, 4, 97), 0.8799, 0.88, 0.8801]:
        e = float(dtype(error))
        exact = e + math.log1p(math.exp(-2 * e)) - math.log(2) if e > 1 else math.log1p(math.sinh(e) ** 2) / 2
        with backend.computing():
            value, slope = st.functional.log_cosh(np.array([[e]], dtype), np.zeros((1, 1), dtype))
        assert abs(value - exact) <= 6 * np.finfo(dtype).eps * exact
        assert_close(slope, np.tanh(np.array([[e]])).astype(dtype), 4, 1)


def test_log_cosh_by_hand(backend):
    predictions, targets = np.array([[0.0, 3.0], [1.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 0.0]])
    each = np.log(np.cosh(predictions - targets)).sum(axis=1)
    with backend.computing():
        assert_close(np.array(st.functional.log_cosh(predictions, targets)[0]), each.mean(), 8, 3)
        assert_close(np.array(st.functional.log_cosh(predictions, targets, "sum")[0]), each.sum(), 8, 6)


def test_a_regressor_by_name():
    pytest.importorskip("sklearn")
    from steepest.sklearn import LinearRegressor, MLPRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=200)
    assert LinearRegressor(loss="log_cosh").fit(X, y).score(X, y) > 0.98
    for solver in ("nadam", "lion", "rmsprop"):
        network = MLPRegressor(
            loss="log_cosh",
            hidden_layer_sizes=(16,),
            activation="silu",
            solver=solver,
            learning_rate_init=0.005,
            max_iter=100,
            n_iter_no_change=100,
            random_state=0,
        )
        with pytest.warns(Warning, match="Maximum iterations"):
            assert network.fit(X, y).score(X, y) > 0.95
