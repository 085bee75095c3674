"""Initial biases: the stated draws, after those of all weights, what is refused, and what files keep."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest import initializers as init
from steepest.layers import from_config, to_config

DRAWN = st.Linear(6, 8, bias_initializer=init.Normal(0.5))


class Ones(init.Initializer):
    """A rule of the user's own."""

    def draw(self, generator, inputs, outputs):
        return np.ones((inputs, outputs))


class Column(init.Initializer):
    """Draws what is no row."""

    def draw(self, generator, inputs, outputs):
        return np.ones((outputs, inputs))


def model(*layers, dtype="float64"):
    return st.Sequential(*layers, dtype=dtype, seed=4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_biases_are_drawn_after_all_weights(dtype):
    last = st.Linear(3, 2, bias_initializer=init.Normal(2.0))
    drawn = model(DRAWN, st.ReLU(), st.Maxout(8, 3), last, dtype=dtype).state_dict()
    plain = model(st.Linear(6, 8), st.ReLU(), st.Maxout(8, 3), st.Linear(3, 2), dtype=dtype).state_dict()
    for key in ("0.weight", "2.weight", "2.bias", "3.weight"):
        assert_same_bits(drawn[key], plain[key])
    random = np.random.Generator(np.random.PCG64(4))
    random.standard_normal(6 * 8 + 8 * 6 + 3 * 2)  # the weights
    assert_same_bits(drawn["0.bias"], (random.standard_normal(8) * 0.5).astype(dtype))
    assert_same_bits(drawn["3.bias"], (random.standard_normal(2) * 2.0).astype(dtype))
    assert not plain["0.bias"].any() and not plain["3.bias"].any()


def test_other_rules():
    of_zeros, of_ones = (st.Linear(6, 8, bias_initializer=rule) for rule in (init.Zeros(), Ones()))
    assert_equal_models(model(of_zeros), model(st.Linear(6, 8)))
    assert model(of_ones).state_dict()["0.bias"].tolist() == [1.0] * 8
    inside = model(st.Residual(st.Linear(3, 3, bias_initializer=Ones()), st.Linear(3, 3)))
    assert inside.state_dict()["0.0.bias"].tolist() == [1.0] * 3


def test_a_file_keeps_the_rule(tmp_path):
    first = model(DRAWN, st.Residual(st.Linear(8, 8, bias_initializer=init.Zeros())), st.Linear(8, 2))
    first.save(tmp_path / "model.safetensors")
    loaded = st.load(tmp_path / "model.safetensors")
    assert_equal_models(loaded, first)
    assert repr(loaded.layers) == repr(first.layers)
    assert pickle.loads(pickle.dumps(first)).layers[0].bias_initializer == init.Normal(0.5)
    assert repr(DRAWN) == "Linear(6, 8, bias_initializer=Normal(std=0.5))"
    assert st.Linear(6, 8) == DRAWN and hash(DRAWN) == hash(st.Linear(6, 8))


def test_descriptions_without_a_rule_are_those_of_before():
    plain = {"layer": "Linear", "in_features": 6, "out_features": 8, "bias": True}
    assert to_config(st.Linear(6, 8)) == plain == to_config(st.Linear(6, 8, bias_initializer=Ones()))
    assert from_config(plain).bias_initializer is None
    rule = {"initializer": "Normal", "std": 0.5}
    assert json.loads(json.dumps(to_config(DRAWN))) == plain | {"bias_initializer": rule}
    own = st.Linear(6, 8, bias_initializer=type("Normal", (Ones,), {})())
    assert to_config(own) == plain


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (None, "an initializer's description must have its name, but is None"),
        ("Normal", "an initializer's description must have its name, but is 'Normal'"),
        ({"initializer": "Initializer"}, "must have its name"),
        ({"initializer": ["Normal"], "std": 1.0}, "must have its name"),
        ({"initializer": "np", "std": 1.0}, "must have its name"),
        ({"initializer": "Normal"}, r"Normal takes the fields \['std'\], but got \[\]"),
        ({"initializer": "Zeros", "std": 1.0}, r"Zeros takes the fields \[\], but got \['std'\]"),
        ({"initializer": "Normal", "std": -1.0}, "std is -1.0, but must be finite and not negative"),
        ({"initializer": "Normal", "std": "1"}, "Linear: std must be a real number, not '1'"),
        ({"initializer": "XavierNormal"}, r"bias_initializer is XavierNormal\(\), which scales by the sizes"),
    ],
)
def test_doctored_descriptions_are_refused(rule, message):
    with pytest.raises(ValueError, match=message):
        from_config(to_config(st.Linear(6, 8)) | {"bias_initializer": rule})


BY_SIZE = [init.KaimingNormal(), init.KaimingUniform(0.1), init.XavierNormal(), init.XavierUniform()]


@pytest.mark.parametrize("rule", [*BY_SIZE, init.LeCunNormal(), init.LeCunUniform()], ids=str)
def test_rules_that_scale_by_a_matrix_are_refused(rule):
    with pytest.raises(
        ValueError, match=r"which scales by the sizes of a matrix, but a bias is a row: use st"
    ):
        st.Linear(6, 8, bias_initializer=rule)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: st.Linear(6, 8, bias_initializer=0.1),
            TypeError,
            r"bias_initializer must be None or an initializer such as .*Normal\(0.01\), not 0.1",
        ),
        (
            lambda: st.Linear(6, 8, bias=False, bias_initializer=init.Zeros()),
            ValueError,
            r"bias_initializer is Zeros\(\), but bias is False: there is none to draw",
        ),
        (
            lambda: model(st.Linear(6, 8, bias_initializer=Column())),
            ValueError,
            r"drew weights of shape \(8, 1\), but must draw finite ones of shape \(1, 8\)",
        ),
    ],
)
def test_bias_initializers_are_checked(make, error, message):
    with pytest.raises(error, match=message):
        make()
