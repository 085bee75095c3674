"""BatchNorm: its formula, its statistics, and layers into which it is folded."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st


def test_batch_norm_is_its_formula(backend):
    """In training by the batch's moments, which the running ones follow; in inference by those."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(3, 2, (50, 4)), rng.standard_normal((50, 4))
    model = st.Sequential(
        st.Linear(4, 4, bias=False), st.BatchNorm(4, momentum=0.8, epsilon=0.1), dtype=np.float64
    )
    weight, bias = np.array([1.0, 2.0, -1.0, 0.5]), np.array([0.0, 1.0, 2.0, 3.0])
    state = model.state_dict() | {"0.weight": np.eye(4), "1.weight": weight, "1.bias": bias}
    model.load_state_dict(state)
    mean, variance = X.mean(axis=0), X.var(axis=0)
    expected = (X - mean) / np.sqrt(variance + 0.1) * weight + bias
    with backend.computing():
        loss, _ = model.loss_and_gradients(X, y, loss="squared_error")
        assert loss == pytest.approx(np.square(expected - y).sum() / 50, rel=1e-12)
        assert_same_bits(model.state_dict()["1.running_mean"], np.zeros(4))
        trainer = st.Trainer(model, "squared_error", st.SGD(1e-300))
        for times in (1, 2):
            trainer.step(X, y)
            now, kept = model.state_dict(), 0.8**times
            assert now["1.running_mean"] == pytest.approx((1 - kept) * mean, rel=1e-12)
            assert now["1.running_var"] == pytest.approx(kept + (1 - kept) * variance, rel=1e-12)
        scores = model(X)
    moments = now["1.running_mean"], now["1.running_var"]
    assert scores == pytest.approx((X - moments[0]) / np.sqrt(moments[1] + 0.1) * weight + bias, rel=1e-12)


def test_batch_norm_of_one_sample_is_its_bias(backend):
    model = st.Sequential(st.Linear(3, 2), st.BatchNorm(2), dtype=np.float64)
    model.load_state_dict(model.state_dict() | {"1.bias": [5.0, 7.0]})
    with backend.computing():
        loss, gradients = model.loss_and_gradients(np.ones((1, 3)), [[5.0, 7.0]], loss="squared_error")
    assert loss == 0 and all(np.isfinite(gradient).all() for gradient in gradients.values())


def test_divergence_restores_running_statistics(backend):
    model = st.Sequential(st.Linear(5, 8), st.BatchNorm(8), st.ReLU(), st.Linear(8, 3))
    X, y = numbers((40, 5), np.float32), np.arange(40) % 3
    with backend.computing():
        model.fit(X, y, epochs=1, batch_size=8, progress=False)
        before = model.state_dict()
        with pytest.raises(st.DivergenceError):
            model.fit(X, y, epochs=9, batch_size=8, optimizer=st.SGD(1e38), progress=False)
    for key, value in model.state_dict().items():
        assert_same_bits(value, before[key], key)


def test_folding_keeps_the_scores(backend):
    model = st.Sequential(
        st.BatchNorm(5),
        st.Linear(5, 8, bias=False),
        st.BatchNorm(8),
        st.ReLU(),
        st.Residual(st.Linear(8, 8), st.BatchNorm(8), st.Tanh(), survival_probability=0.5),
        st.Linear(8, 3),
        st.BatchNorm(3),
        dtype=np.float64,
    )
    X, y = numbers((60, 5)), np.arange(60) % 3
    with backend.computing():
        model.fit(X, y, epochs=5, batch_size=16, progress=False)
        folded = model.folded()
        scores, expected = folded(X), model(X)
    assert repr(folded.layers) == (
        "(BatchNorm(features=5, momentum=0.9, epsilon=1e-05), Linear(5, 8), ReLU(), "
        "Residual(Linear(8, 8), Tanh(), survival_probability=0.5), Linear(8, 3))"
    )
    assert scores == pytest.approx(expected, rel=1e-10, abs=1e-12)
