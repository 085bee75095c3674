"""Layers that learn at rates of their own, and frozen ones, which keep their bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from support.tolerances import assert_same_bits

import steepest as st

X = np.random.default_rng(0).standard_normal((96, 6))
X[np.random.default_rng(1).random(X.shape) < 0.4] = 0
Y = np.arange(96) % 3
OPTIMIZERS = [
    st.SGD(0.1),
    st.SGD(0.1, momentum=0.9, nesterov=True),
    st.AdaGrad(0.1),
    st.RMSProp(0.01),
    st.Adam(0.01),
    st.AdamW(0.01, weight_decay=0.1),
    st.NAdam(0.01),
    st.Lion(0.01),
]
LIMITS: list[dict[str, Any]] = [
    {},
    {"penalty": st.L2(0.01)},
    {"penalty": st.L1(0.01, proximal=True)},
    {"clip_norm": 0.1},
    {"clip_value": 0.01, "constraint": st.MaxNorm(0.3)},
    {"averaging": st.ExponentialAverage(0.9)},
]


def model(dtype: Any = np.float32) -> st.Sequential:
    layers = [
        st.Linear(6, 8, bias=False),
        st.BatchNorm(8),
        st.ReLU(),
        st.Residual(st.Linear(8, 8), st.Tanh()),
    ]
    return st.Sequential(*layers, st.Linear(8, 3), dtype=dtype)


def fitted(X: Any = X, dtype: Any = np.float32, epochs: int = 3, **settings: Any) -> st.Sequential:
    made = model(dtype)
    made.fit(X, Y, epochs=epochs, batch_size=32, progress=False, **settings)
    return made


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_frozen_layers_keep_their_bits(backend: Any, optimizer: Any, limits: dict[str, Any]) -> None:
    with backend.computing():
        before = model().state_dict()
        after = fitted(optimizer=optimizer, frozen={0, 1, "3.0"}, **limits).state_dict()
    for key, value in before.items():
        moved = key.startswith("4.") or "running" in key
        assert (after[key].tobytes() != value.tobytes()) == moved, key


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda o: type(o).__name__)
def test_backends_agree(optimizer: Any) -> None:
    made = []
    for name in ("native", "reference"):
        try:
            with st.config(backend=name):
                settings: dict[str, Any] = {"rate_factors": {0: 0.1, 4: 2.0}, "frozen": ["3.0"]}
                settings |= {"penalty": st.L2(0.01), "clip_norm": 0.5}
                made.append(fitted(dtype=np.float64, optimizer=optimizer, **settings).state_dict())
        except ValueError:
            pytest.skip("not built")
    for key, value in made[0].items():
        np.testing.assert_allclose(value, made[1][key], rtol=1e-9, atol=1e-12)


def test_a_factor_is_that_of_the_rate(backend: Any) -> None:
    with backend.computing():
        once, twice = model(np.float64), model(np.float64)
        st.Trainer(once, optimizer=st.SGD(0.1), rate_factors={0: 3.0}, penalty=st.L2(0.1)).step(X, Y)
        st.Trainer(twice, optimizer=st.SGD(0.3), penalty=st.L2(0.1)).step(X, Y)
        other = model(np.float64)
        st.Trainer(other, optimizer=st.SGD(0.1), penalty=st.L2(0.1)).step(X, Y)
    for key, value in once.state_dict().items():
        like = twice if key.startswith("0.") else other
        np.testing.assert_allclose(value, like.state_dict()[key], rtol=1e-12)


def test_factors_of_one_change_nothing() -> None:
    assert_same_bits(
        fitted(rate_factors={0: 1.0, 4: 1}).state_dict()["0.weight"], fitted().state_dict()["0.weight"]
    )


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_bits_do_not_depend_on_threads(threads: int) -> None:
    settings: dict[str, Any] = {"rate_factors": {4: 0.5}, "frozen": {0}, "optimizer": st.Adam(0.01)}
    with st.config(num_threads=threads):
        own = fitted(**settings).state_dict()
    with st.config(num_threads=1):
        expected = fitted(**settings).state_dict()
    for key, value in own.items():
        assert_same_bits(value, expected[key])


@pytest.mark.parametrize("optimizer", [st.SGD(0.1), st.SGD(0.1, momentum=0.9)])
@pytest.mark.parametrize("factors", [{"frozen": {0}}, {"rate_factors": {0: 0.25}}])
def test_sparse_rows_give_what_dense_ones_do(backend: Any, optimizer: Any, factors: dict[str, Any]) -> None:
    settings = {"optimizer": optimizer, "penalty": st.L2(0.01), **factors}
    with backend.computing():
        sparse = fitted(csr_array(X), dtype=np.float64, **settings).state_dict()
        dense = fitted(X, dtype=np.float64, **settings).state_dict()
    for key, value in sparse.items():
        np.testing.assert_allclose(value, dense[key], rtol=1e-7, atol=1e-10)


def test_lazy_updates_of_sparse_rows_have_the_factor(backend: Any) -> None:
    with backend.computing():
        factors: dict[str, Any] = {"rate_factors": dict.fromkeys((0, 1, "3.0", 4), 0.25)}
        own = fitted(csr_array(X), dtype=np.float64, optimizer=st.Adam(0.01, lazy=True), **factors)
        like = fitted(csr_array(X), dtype=np.float64, optimizer=st.Adam(0.0025, lazy=True))
        frozen = fitted(csr_array(X), dtype=np.float64, optimizer=st.Adam(0.01, lazy=True), frozen={0})
        before = model(np.float64).state_dict()["0.weight"]
    for key, value in own.state_dict().items():
        np.testing.assert_allclose(value, like.state_dict()[key], rtol=1e-9, atol=1e-12)
    assert_same_bits(frozen.state_dict()["0.weight"], before)
    assert (like.state_dict()["0.weight"] != before).any()


def test_the_norm_of_gradients_is_of_layers_that_learn(backend: Any) -> None:
    with backend.computing():
        made = model(np.float64)
        _, gradients = made.loss_and_gradients(X, Y, loss="softmax")
        norm = np.sqrt(sum((g**2).sum() for key, g in gradients.items() if key.startswith("4.")))
        before = made.state_dict()["4.weight"]
        frozen = {0, 1, "3.0"}
        st.Trainer(made, optimizer=st.SGD(1.0), clip_norm=0.01, frozen=frozen).step(X, Y)
    moved = (before - made.state_dict()["4.weight"]) * norm / 0.01
    np.testing.assert_allclose(moved, gradients["4.weight"], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (
            {"frozen": {2}},
            ValueError,
            r"layer 2 can be neither frozen nor .*: ReLU\(\) has no parameters",
        ),
        (
            {"frozen": {9}},
            ValueError,
            "layer 9 can be neither .*: there is no such layer",
        ),
        ({"frozen": {3}}, ValueError, "layer 3 can be neither .*: Residual"),
        ({"frozen": 0}, TypeError, "frozen must be numbers of layers"),
        ({"frozen": [0.5]}, TypeError, "the number of a layer must be an integer"),
        ({"frozen": {0, 1, "3.0", 4}}, ValueError, "all layers with parameters are frozen"),
        ({"frozen": {0}, "rate_factors": {0: 2}}, ValueError, "layer 0 is frozen, but has a rate factor"),
        ({"rate_factors": {0: 0.5, "0": 9.0}}, ValueError, "layer 0 has two rate factors"),
        ({"rate_factors": {0: 0}}, ValueError, "the rate factor of layer 0 is 0"),
        ({"rate_factors": {0: "x"}}, TypeError, "the rate factor of layer 0"),
        ({"rate_factors": [0.1]}, TypeError, "rate_factors must map layers to factors"),
    ],
)
def test_mistakes(settings: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        fitted(**settings)
