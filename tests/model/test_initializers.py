"""Initial weights: the stated distributions and draws, which rule holds for a layer, what files keep."""

from __future__ import annotations

import copy
import pickle
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest import initializers as init
from steepest.layers import from_config, to_config

N, M = 300, 200  # inputs and outputs: 60 000 weights
NORMAL = {
    init.KaimingNormal(): sqrt(2 / N),
    init.XavierNormal(): sqrt(2 / (N + M)),
    init.LeCunNormal(): sqrt(1 / N),
    init.Normal(): 0.01,
    init.Normal(std=2): 2.0,
}
UNIFORM = {
    init.KaimingUniform(): sqrt(6 / N),
    init.XavierUniform(): sqrt(6 / (N + M)),
    init.LeCunUniform(): sqrt(3 / N),
}


def weights(rule, seed=0, dtype=np.float64):
    return st.Sequential(st.Linear(N, M), initializer=rule, seed=seed, dtype=dtype).state_dict()["0.weight"]


def generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


@pytest.mark.parametrize("rule", NORMAL, ids=str)
def test_normal_rules_scale_the_stated_draws(rule):
    assert_same_bits(weights(rule, 5), generator(5).standard_normal((N, M)) * NORMAL[rule])
    assert_same_bits(weights(rule, 5, np.float32), weights(rule, 5).astype(np.float32))
    assert (weights(rule, 6) != weights(rule, 5)).all()


@pytest.mark.parametrize("rule", UNIFORM, ids=str)
def test_uniform_rules_draw_within_the_stated_limits(rule):
    limit = UNIFORM[rule]
    np.testing.assert_allclose(weights(rule, 5), generator(5).uniform(-limit, limit, (N, M)), rtol=1e-12)
    assert np.abs(weights(rule)).max() < limit * (1 + 1e-12)
    # The standard error of the variance of a uniform distribution is sqrt(0.8 / n) of it: here 0.4 %.
    assert weights(rule).var() == pytest.approx(limit**2 / 3, rel=0.02)


def test_zeros_draw_nothing():
    model = st.Sequential(st.Linear(3, 4, initializer=init.Zeros()), st.ReLU(), st.Linear(4, 5), seed=2)
    state = model.state_dict()
    assert not state["0.weight"].any()
    assert_same_bits(state["2.weight"], (generator(2).standard_normal((4, 5)) * 0.5).astype(np.float32))


def test_the_default_depends_on_what_follows():
    layers = st.Linear(6, 8), st.ReLU(), st.Linear(8, 3)
    kaiming = st.Linear(6, 8, initializer=init.KaimingNormal())
    assert_equal_models(
        st.Sequential(kaiming, *layers[1:], initializer=init.LeCunNormal()), st.Sequential(*layers)
    )


def test_a_layers_own_rule_wins_and_draws_go_on():
    model = st.Sequential(
        st.Linear(6, 8, initializer=init.XavierUniform()),
        st.Tanh(),
        st.Linear(8, 3),
        st.Linear(3, 3, initializer=init.Normal(1.0)),
        initializer=init.Normal(0.5),
        dtype=np.float64,
        seed=4,
    )
    random, state = generator(4), model.state_dict()
    limit = sqrt(3) * sqrt(2 / 14)
    assert_same_bits(state["0.weight"], random.uniform(-limit, limit, (6, 8)))
    assert_same_bits(state["2.weight"], random.standard_normal((8, 3)) * 0.5)
    assert_same_bits(state["3.weight"], random.standard_normal((3, 3)))
    assert not any(value.any() for key, value in state.items() if key.endswith("bias"))


def test_a_file_keeps_the_weights_not_the_rule(tmp_path):
    layers = st.Linear(6, 8, initializer=init.Normal(0.3)), st.ReLU(), st.Linear(8, 3, bias=False)
    model = st.Sequential(*layers, initializer=init.XavierNormal())
    model.save(tmp_path / "model.safetensors")
    loaded = st.load(tmp_path / "model.safetensors")
    assert_equal_models(loaded, model)
    assert loaded.layers == model.layers and loaded.layers[0].initializer is None
    plain = st.Linear(6, 8)
    assert layers[0] == plain and hash(layers[0]) == hash(plain)
    assert to_config(layers[0]) == to_config(plain)
    assert "initializer" not in to_config(plain) and from_config(to_config(layers[0])) == plain
    with pytest.raises(ValueError, match="Linear takes the fields"):
        from_config(to_config(plain) | {"initializer": None})
    for twin in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert_equal_models(twin, model)
        assert repr(twin) == repr(model) and twin.layers[0].initializer == init.Normal(0.3)


@dataclass(frozen=True)
class Diagonal(init.Initializer):
    """A rule of the user's own."""

    rows: int

    def draw(self, generator, inputs, outputs):
        return np.eye(self.rows, outputs)


def test_a_rule_of_ones_own():
    assert_same_bits(
        st.Sequential(st.Linear(3, 2), initializer=Diagonal(3)).state_dict()["0.weight"],
        np.eye(3, 2, dtype=np.float32),
    )
    with pytest.raises(ValueError, match=r"Diagonal\(rows=1\) drew .* \(1, 2\), but must .* shape \(3, 2\)"):
        st.Sequential(st.Linear(3, 2), initializer=Diagonal(1))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: st.Linear(2, 3, initializer="he"),
            TypeError,
            "initializer must be None or an initializer such as .*'he'",
        ),
        (
            lambda: st.Linear(2, 3, initializer=init.Zeros),
            TypeError,
            "initializer must be None or an initializer such as",
        ),
        (lambda: st.Sequential(st.Linear(2, 3), initializer=0.1), TypeError, r"not 0\.1"),
        (lambda: init.Normal(-1.0), ValueError, r"std is -1\.0, but must be finite and not negative"),
        (lambda: init.Normal("0.1"), TypeError, "std must be a real number"),
    ],
)
def test_initializers_are_checked(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_model_describes_itself():
    assert repr(small_model()) == "Sequential(Linear(6, 8), ReLU(), Linear(8, 3), dtype=float32, seed=3)"
    layers = st.Linear(784, 256, initializer=init.Zeros()), st.ReLU(), st.Linear(256, 10, bias=False)
    model = st.Sequential(*layers, st.Tanh(), dtype=np.float64)
    assert repr(model).splitlines() == [
        "Sequential(",
        "    Linear(784, 256, initializer=Zeros()),",
        "    ReLU(),",
        "    Linear(256, 10, bias=False),",
        "    Tanh(),",
        "    dtype=float64, seed=0,",
        ")",
    ]


def test_the_summary_is_a_table():
    model = st.Sequential(st.Sigmoid(), st.Linear(784, 256), st.Linear(256, 10, bias=False), st.Identity())
    assert model.summary().splitlines() == [
        "   layer                          output  parameters",
        "----------------------------------------------------",
        "   input                        (n, 784)",
        "0  Sigmoid()                    (n, 784)           0",
        "1  Linear(784, 256)             (n, 256)     200,960",
        "2  Linear(256, 10, bias=False)   (n, 10)       2,560",
        "3  Identity()                    (n, 10)           0",
        "----------------------------------------------------",
        "   total                                     203,520  (814,080 bytes, float32)",
    ]
    assert f"({2 * 814_080:,} bytes, float64)" in st.Sequential(*model.layers, dtype=np.float64).summary()
