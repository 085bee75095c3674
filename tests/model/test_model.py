"""`Sequential` and the descriptions it is made of: initial weights, state, input as it comes, messages."""

from __future__ import annotations

import copy
import json
import pickle

import numpy as np
import pytest
from support.strategies import LAYOUTS, numbers, small_model
from support.tolerances import assert_close, assert_equal_models

import steepest as st
from steepest import _checks
from steepest.backends.memory import aligned_zeros
from steepest.layers import from_config, to_config


@pytest.mark.parametrize("layout", LAYOUTS)
def test_input_is_taken_as_it_comes(backend, layout):
    model, X = small_model(), numbers((40, 6), np.float32)
    moved, y = LAYOUTS[layout](X), np.arange(40) % 3
    before = moved.tobytes()
    with backend.computing():
        expected = model(X)
        for rows in (moved, X.astype(">f8"), X.tolist()):
            assert_close(model(rows), expected, 20, 10)
        expected = model.loss_and_gradients(X, y, loss="softmax")
        labels = LAYOUTS[layout](y[:, None])[:, 0]
        assert model.loss_and_gradients(moved, labels, loss="softmax")[0] == pytest.approx(expected[0])
        assert model(X[:0]).shape == (0, 3) and model.predict(X[:0]).shape == (0,)
        assert model.predict(X).tolist() == model(X).argmax(axis=1).tolist()
    assert moved.tobytes() == before


def test_predict_takes_the_first_of_equals(backend):
    model = st.Sequential(st.Linear(2, 3))
    model.load_state_dict({"0.weight": np.zeros((2, 3)), "0.bias": [0, 1, 1]})
    with backend.computing():
        assert model.predict(np.ones((2, 2))).tolist() == [1, 1]


def test_integers_of_every_kind_are_labels(backend):
    model, X = small_model(), numbers((6, 6), np.float32)
    with backend.computing():
        results = {
            model.loss_and_gradients(X, np.array([0, 1, 1, 0, 1, 0]).astype(kind), loss="hinge")[0]
            for kind in ("?", "i1", "u1", "i2", ">i4", "u8", "i8")
        }
    assert len(results) == 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: st.Linear(0, 3), ValueError, "in_features is 0, but must be at least 1"),
        (lambda: st.Linear(2.5, 3), TypeError, r"in_features must be an integer, not 2\.5"),
        (lambda: st.Linear(True, 3), TypeError, "in_features must be an integer, not True"),
        (lambda: st.Linear(2, 3, bias=None), TypeError, "bias must be True or False, not None"),
        (lambda: st.LeakyReLU(-0.1), ValueError, "negative_slope is -0.1, but must be finite and not neg"),
        (lambda: st.LeakyReLU(np.inf), ValueError, "negative_slope is inf, but must be finite and not neg"),
        (lambda: st.LeakyReLU(True), TypeError, "negative_slope must be a real number, not True"),
        (lambda: st.ELU(0), ValueError, "alpha is 0, but must be finite and greater than 0"),
        (lambda: st.ELU(np.nan), ValueError, "alpha is nan, but must be finite and greater than 0"),
        (lambda: st.ELU("1"), TypeError, "alpha must be a real number, not '1'"),
        (lambda: st.SGD(0.0), ValueError, "learning_rate is 0.0, but must be finite and greater than 0"),
        (lambda: st.SGD(float("nan")), ValueError, "learning_rate is nan, but must be finite"),
        (lambda: st.SGD(np.timedelta64(3, "ns")), TypeError, "learning_rate must be a real number, not n"),
        (lambda: st.SGD("0.1"), TypeError, "learning_rate must be a real number, not '0.1'"),
        (lambda: st.SGD(0.1, 1.0), ValueError, r"momentum is 1.0, but must be in \[0, 1\)"),
        (lambda: st.SGD(0.1, nesterov=True), ValueError, "nesterov=True needs momentum > 0"),
        (lambda: st.SGD(0.1, 0.9, 1), TypeError, "nesterov must be True or False, not 1"),
        (lambda: st.L2(-1.0), ValueError, "strength is -1.0, but must be finite and not negative"),
        (lambda: st.L1(float("inf")), ValueError, "strength is inf, but must be finite"),
        (lambda: st.ElasticNet(1.0, -2), ValueError, "beta is -2, but must be finite and not negative"),
        (lambda: st.ElasticNet(1e200, 1e200), ValueError, r"strength \* beta is inf, but must be finite"),
        (lambda: st.MulticlassHinge(-1), ValueError, "margin is -1, but must be finite and not negative"),
        (
            lambda: st.SquaredError("total"),
            ValueError,
            "reduction is 'total', but must be one of",
        ),
        (lambda: st.Sequential(), ValueError, "a model needs at least one Linear layer"),
        (lambda: st.Sequential(st.ReLU()), ValueError, "a model needs at least one Linear layer"),
        (
            lambda: st.Sequential(st.Linear(3, 4), st.ReLU(), st.Linear(5, 6)),
            ValueError,
            r"layer 2 is Linear\(5, 6\), but the layer before gives 4 features",
        ),
        (
            lambda: st.Sequential(st.Linear(1, 1), "relu"),
            TypeError,
            "layer 1 is 'relu', but must be",
        ),
        (lambda: st.Sequential(st.ReLU), TypeError, r"layer 0 is the class ReLU: write st\.ReLU\(\)"),
        (lambda: st.Sequential(st.Linear(1, 1), seed=-1), ValueError, "seed is -1, but must be at least 0"),
        (lambda: st.Sequential(st.Linear(1, 1), seed=2**64), ValueError, "seed is .*, but must be at most"),
        (lambda: st.Sequential(st.Linear(1, 1), seed=None), TypeError, "seed must be an integer, not None"),
        (
            lambda: st.Sequential(st.Linear(1, 1), dtype=np.float16),
            TypeError,
            "float32 or float64, not float16",
        ),
        (lambda: st.Sequential(st.Linear(1, 1), dtype="nonsense"), TypeError, "not 'nonsense'"),
    ],
)
def test_descriptions_check_themselves(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_descriptions_show_and_compare_themselves():
    assert repr(small_model()) == "Sequential(Linear(6, 8), ReLU(), Linear(8, 3), dtype=float32, seed=3)"
    assert repr(st.Linear(2, 3, bias=False)) == "Linear(2, 3, bias=False)"
    assert st.L2(0.1) == st.L2(0.1) != st.L1(0.1) and st.SGD() == st.SGD(0.1, 0.0, False)
    assert repr([st.LeakyReLU(), st.ELU(2)]) == "[LeakyReLU(negative_slope=0.01), ELU(alpha=2.0)]"
    assert repr([st.LeCunTanh(), st.Softplus(), st.GELU()]) == "[LeCunTanh(), Softplus(), GELU()]"
    assert st.LeakyReLU(0.1) == st.LeakyReLU(0.1) != st.LeakyReLU(0.2) and st.ELU() == st.ELU(1)
    plain = st.ReLU(), st.Sigmoid(), st.Tanh(), st.LeCunTanh(), st.Softplus(), st.GELU(), st.Identity()
    slopes = st.LeakyReLU(), st.LeakyReLU(np.float32(0.3)), st.ELU(np.int64(2)), st.ELU(1 / 3)
    for layer in (st.Linear(np.int64(2), 3, bias=False), *plain, *slopes):
        assert from_config(json.loads(json.dumps(to_config(layer)))) == layer
    for config, message in [
        ("ReLU", "description must be a mapping"),
        ({"layer": "eval"}, "unknown layer 'eval'; known are BatchNorm, Dropout, ELU"),
        ({"layer": ["ReLU"]}, "unknown layer"),
        ({"layer": "ReLU", "slope": 1}, r"ReLU takes the fields \[\], but got \['slope'\]"),
        ({"layer": "Linear", "in_features": 2}, "Linear takes the fields"),
        (
            {"layer": "Linear", "in_features": 2, "out_features": "3", "bias": True},
            "Linear: out_features must",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            from_config(config)


def test_state_is_copied_and_loaded_whole_or_not_at_all():
    model, other = small_model(), small_model(seed=4)
    model.state_dict()["0.weight"][:] = 7
    state = dict(reversed(other.state_dict().items()))
    for key, value, message in [
        ("2.bias", [1.0], r"2\.bias has shape \(1,\), but the model's is \(3,\)"),
        ("2.bias", [np.nan] * 3, r"2\.bias holds NaN or an infinity"),
        ("2.bias", [1e300] * 3, r"2\.bias holds .*too large for float32"),
        ("0.weight", state["0.weight"].T, r"the model's is \(\d, \d\): transpose it, if it is PyTorch's"),
        ("4.bias", [1.0], r"the state has '4\.bias', but the model has only 0\.weight"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.load_state_dict(state | {key: value})
    with pytest.raises(TypeError, match=r"2\.bias has dtype <U1, but must hold real numbers"):
        model.load_state_dict(state | {"2.bias": ["a"] * 3})
    with pytest.raises(TypeError, match=r"the state is PyTorch's, where .*: write st\.from_torch\(module\)"):
        model.load_state_dict(state | {"1.num_batches_tracked": 3})
    with pytest.raises(TypeError, match="a state is a mapping"):
        model.load_state_dict(list(state.items()))
    with pytest.raises(ValueError, match=r"lacks 0\.bias"):
        model.load_state_dict({key: value for key, value in state.items() if key != "0.bias"})
    assert_equal_models(model, small_model())
    model.load_state_dict(state)
    assert_equal_models(model, other)
    for twin in (copy.deepcopy(model), copy.copy(model), pickle.loads(pickle.dumps(model))):
        assert_equal_models(twin, model)
        assert repr(twin) == repr(model)
        twin.fit(np.ones((4, 6)), [0, 1, 2, 0], epochs=1)
        assert_equal_models(model, other)
        assert (twin.state_dict()["0.weight"] != model.state_dict()["0.weight"]).any()


def test_a_model_moves_between_backends(backend):
    """They share its arrays: what one learned the other starts from, and sees at once."""
    model, X, y = small_model(np.float64), numbers((60, 6)), np.arange(60) % 3
    for name in ("reference", backend.backend, "reference"):
        with st.config(name):
            model.fit(X, y, epochs=1, penalty=st.L2(1e-3))
            scores = model(X)
        np.testing.assert_allclose(scores, model(X), rtol=1e-12, atol=1e-14)
    state = {key: value + 1 for key, value in model.state_dict().items()}
    model.load_state_dict(state)
    with backend.computing():
        moved = model(X)
    assert np.abs(moved - scores).max() > 1


def test_parameters_lie_on_cache_lines_and_never_evict_each_other():
    for columns in (1, 3, 16, 17, 100, 512, 513, 1024, 4096):
        for dtype in (np.float32, np.float64):
            zeros = aligned_zeros(5, columns, np.dtype(dtype))
            assert zeros.shape == (5, columns) and not zeros.any() and zeros.dtype == dtype
            assert zeros.ctypes.data % 64 == 0 and zeros.strides[1] == zeros.itemsize
            if columns * zeros.itemsize > 256:
                assert zeros.strides[0] % 64 == 0 and zeros.strides[0] % 2048 != 0


def test_equal_dtypes_are_one_object_behind_the_checks():
    dtype = np.dtype(np.float32)
    twin = np.ones((2, 2), np.dtype(np.float32, metadata={"unit": "m"}))
    assert twin.dtype is not dtype and _checks.packed(twin, dtype).dtype is dtype
    assert _checks.packed(np.ones(2, np.longlong), np.dtype(np.int64)).dtype is np.dtype(np.int64)
