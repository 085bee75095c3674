"""The compiled model below `Sequential` and the estimators."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from support.tolerances import assert_same_bits

import steepest as st
from steepest.backends.data import Parameters
from steepest.compile.compiled import Compiled

LAYERS = (st.Linear(4, 3), st.BatchNorm(3), st.ReLU(), st.Residual(st.Linear(3, 3, bias=False)))
X = np.random.default_rng(0).standard_normal((5, 4))


def test_its_own_arrays_are_where_learning_begins():
    compiled = Compiled(LAYERS, np.float64)
    state = dict(compiled.state())
    assert list(state) == list(st.Sequential(*LAYERS).state_dict())
    ones = {"1.weight", "1.running_var"}
    assert all((value == (key in ones)).all() for key, value in state.items())
    assert (compiled.in_features, compiled.out_features, compiled.dtype) == (4, 3, np.float64)
    assert [stage.kind for stage in compiled.parametric_stages] == ["dense", "batch_norm", "dense"]
    learned = {id(array.base) for array in compiled.learned_arrays()}
    assert learned == {id(array.base) for array in state.values()}
    assert not any(array.any() for array in compiled.arrays(compiled.zeros()))


def test_given_arrays_are_learned_in_place(backend):
    weight, bias = np.ones((4, 2)), np.zeros(2)
    compiled = Compiled([st.Linear(4, 2)], np.float64, [Parameters(weight, bias)])
    with backend.computing():
        before = compiled.network().forward(X)
        np.testing.assert_allclose(before, X.sum(axis=1, keepdims=True) * np.ones(2), rtol=1e-12)
        compiled.load_state({"0.weight": 2 * np.ones((4, 2)), "0.bias": [1, 1]})
        assert (weight == 2).all() and (bias == 1).all()
        np.testing.assert_allclose(compiled.network().forward(X), 2 * before + 1, rtol=1e-12)


def test_each_backend_has_one_network_which_no_copy_shares(backend):
    compiled = st.Sequential(*LAYERS, dtype=np.float64).compiled
    with backend.computing():
        network = compiled.network()
        assert compiled.network() is network
        scores = network.forward(X)
        for twin in (copy.copy(compiled), copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
            assert twin.network() is not network
            assert_same_bits(twin.network().forward(X), scores)
            twin.parameters[0].weight[...] = 0
        assert_same_bits(compiled.network().forward(X), scores)


def test_a_state_is_loaded_as_a_whole_or_not_at_all():
    compiled = Compiled(LAYERS, np.float64)
    good = {key: np.full(array.shape, 0.5) for key, array in compiled.state()}
    for bad in (
        good | {"3.0.weight": np.ones(3)},
        good | {"1.running_var": -np.ones(3)},
        {"0.bias": [1, 2, 3]},
    ):
        with pytest.raises(ValueError, match=r"3\.0\.weight has shape|running_var holds -1|the state lacks"):
            compiled.load_state(bad)
        assert not compiled.parameters[0].weight.any()
    compiled.load_state(good)
    assert all((array == 0.5).all() for _, array in compiled.state())


def test_masks_must_cover_a_batch():
    compiled = Compiled([st.Linear(4, 2), st.Dropout(mask=np.ones((3, 2)))], np.float32)
    compiled.check_masks(3)
    with pytest.raises(ValueError, match="a batch has 4 samples, but the mask of layer 1 has 3"):
        compiled.check_masks(4)
