"""Averaged parameters: the formulas, from parameters recorded after each update; and what becomes of them."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from support.implementations import FUSED, ISAS, NATIVE, Implementation, needs_native
from support.strategies import numbers, small_model
from support.tolerances import assert_close, assert_equal_models, assert_same_bits

import steepest as st
from steepest.backends.data import Average, Parameters, TrainConfig, TrainState
from steepest.compile.stage import Stage

FIT = {"batch_size": 32, "progress": False}  # of 300 samples: ten updates an epoch
RULES = [
    st.PolyakAverage(),
    st.PolyakAverage(start=13),
    st.ExponentialAverage(0.9),
    st.ExponentialAverage(0.0),
    st.ExponentialAverage(),
]
# Layers whose rows lie side by side, apart (longer than four lines of a cache), and shorter than a vector.
SIZES = [(6, 8, 3), (6, 130, 3), (5, 1, 2), (33, 67, 9)]


def average_of(rule, parameters):
    """In float64, by the definition."""
    if isinstance(rule, st.PolyakAverage):
        return np.mean(parameters[rule.start :], axis=0)
    mean = parameters[0]
    for value in parameters[1:]:
        mean = rule.decay * mean + (1 - rule.decay) * value
    return mean


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("bias", [True, False])
def test_the_average_is_that_of_the_parameters_after_each_update(backend, rule, dtype, sizes, bias):
    a, b, c = sizes
    model = st.Sequential(st.Linear(a, b, bias=bias), st.Tanh(), st.Linear(b, c, bias=bias), dtype=dtype)
    trainer = st.Trainer(model, "softmax", st.SGD(0.1, 0.9), averaging=rule)
    X, y, recorded = numbers((60, a), dtype), np.arange(60) % c, []
    with backend.computing():
        for epochs in (1, 2):  # a continued fit continues the average
            trainer.fit(
                *(X, y),
                epochs=epochs,
                batch_size=10,
                progress=False,
                batch_callbacks=[lambda state: recorded.append(state.model.state_dict())],
            )
        recorded += [trainer.step(X, y) and model.state_dict() for _ in range(2)]  # so do steps
        trainer.step(X[:, ::-1], y, np.ones(60))  # converted, and with weights
        recorded.append(model.state_dict())
    averaged = trainer.averaged()
    assert averaged.layers == model.layers and averaged.dtype == dtype and averaged.seed == model.seed
    for key, mean in averaged.state_dict().items():
        history = np.array([state[key] for state in recorded], np.float64)
        expected = average_of(rule, history).astype(dtype)
        # Each update rounds three times, and the average is never larger than the largest.
        assert_close(mean, expected, 3 * len(recorded), np.abs(history).max(axis=0))
        assert (mean != recorded[-1][key]).any() or rule.decay == 0


@needs_native
@pytest.mark.parametrize("rule", RULES[1:3], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_and_instruction_sets_change_no_bit_of_it(rule, dtype):
    X, y, bits = numbers((300, 64)), np.arange(300) % 10, {}
    for implementation in NATIVE:
        model = st.Sequential(st.Linear(64, 147), st.ReLU(), st.Linear(147, 10), dtype=dtype)
        trainer = st.Trainer(model, "softmax", st.SGD(0.05, 0.9), averaging=rule)
        with implementation.computing(all_threads=True):
            trainer.fit(X, y, epochs=3, batch_size=128, progress=False)
        state = trainer.averaged().state_dict()
        bits[implementation] = b"".join(value.tobytes() for value in state.values())
    for isa in ISAS:
        assert len({value for i, value in bits.items() if i.isa == isa}) == 1
    assert len({value for i, value in bits.items() if i.isa in FUSED}) <= 1


@pytest.mark.parametrize("rule", [*RULES, None], ids=str)
def test_averaging_changes_nothing_of_what_is_learned(backend, data, rule):
    averaging, plain = st.Trainer(small_model(), averaging=rule), st.Trainer(small_model())
    with backend.computing():
        assert averaging.fit(*data, **FIT, epochs=3).loss == plain.fit(*data, **FIT, epochs=3).loss
    assert averaging.averaging is rule
    assert_equal_models(averaging.model, plain.model)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_fit_leaves_the_average_in_the_model(backend, data, rule):
    model, trainer = small_model(), st.Trainer(small_model(), averaging=rule)
    with backend.computing():
        history = model.fit(*data, **FIT, epochs=3, averaging=rule, validation_data=data)
        expected = trainer.fit(*data, **FIT, epochs=3, validation_data=data)
    assert (history.loss, history.validation_loss) == (expected.loss, expected.validation_loss)
    assert_equal_models(model, trainer.averaged())


def test_before_the_start_the_average_is_the_model(backend, data):
    trainer = st.Trainer(small_model(), averaging=st.PolyakAverage(start=20))
    with backend.computing():
        assert_equal_models(trainer.averaged(), small_model())
        for _ in range(2):
            trainer.fit(*data, **FIT, epochs=1)
            assert_equal_models(trainer.averaged(), trainer.model)
        trainer.step(*data)  # the first that counts
        assert_equal_models(trainer.averaged(), trainer.model)
        trainer.step(*data)
    averaged = trainer.averaged().state_dict()
    assert (averaged["0.weight"] != trainer.model.state_dict()["0.weight"]).any()


def test_the_average_is_a_model_of_its_own(backend, data):
    trainer = st.Trainer(small_model(), averaging=st.PolyakAverage())
    with backend.computing():
        trainer.fit(*data, **FIT, epochs=2)
        averaged, before = trainer.averaged(), copy.deepcopy(trainer.model)
        averaged.fit(*data, **FIT, epochs=1)
    assert_equal_models(trainer.model, before)
    assert trainer.averaged() is not averaged


def test_a_diverging_step_leaves_the_average(backend, data):
    trainer = st.Trainer(small_model(), "squared_error", averaging=st.PolyakAverage())
    targets = np.zeros((300, 3), np.float32)
    with backend.computing():
        trainer.step(data[0], targets)
        before = trainer.averaged()
        with pytest.raises(st.DivergenceError):
            trainer.step(data[0], targets + np.float32(3e38))
        assert_equal_models(trainer.averaged(), before)
        assert trainer.learning.state.average.updates[0] == 1


@needs_native
def test_a_long_step_is_averaged_too():
    """Its gradients are stored before they are applied."""
    X = numbers((2560, 1200), np.float32)
    model = st.Sequential(st.Linear(1200, 512))
    trainer = st.Trainer(model, averaging=st.PolyakAverage())
    with Implementation("native", ISAS[0], 2).computing():
        trainer.fit(X, np.arange(2560) % 512, epochs=1, batch_size=None, progress=False)
        assert_equal_models(trainer.averaged(), model)


def test_what_is_no_averaging_is_refused(data):
    for make, error, message in [
        (lambda: st.PolyakAverage(-1), ValueError, "start is -1, but must be at least 0"),
        (lambda: st.PolyakAverage(1.5), TypeError, r"start must be an integer, not 1\.5"),
        (lambda: st.ExponentialAverage(1.0), ValueError, r"decay is 1\.0, but must be in \[0, 1\)"),
        (lambda: st.ExponentialAverage("x"), TypeError, "decay must be a real number, not 'x'"),
        (
            lambda: st.Trainer(small_model(), averaging=0.9),
            TypeError,
            r"averaging must be None or .* not 0\.9",
        ),
        (
            lambda: small_model().fit(*data, averaging="mean"),
            TypeError,
            "averaging must be None or an average such as",
        ),
        (lambda: st.Trainer(small_model()).averaged(), ValueError, "this trainer keeps no average"),
    ]:
        with pytest.raises(error, match=message):
            make()


@needs_native
def test_the_extension_checks_averages_itself(data):
    from steepest import _core

    weight, count = np.zeros((6, 3), np.float32), np.zeros(1, np.int64)
    network = _core.NetworkFloat32([Stage(6, 3, "identity")], [Parameters(weight, None)])
    config = TrainConfig(st.SoftmaxCrossEntropy(), (None,), st.SGD())

    def bound(network, arrays, updates):
        values = [Parameters(array, None) for array in arrays]
        average = Average(st.PolyakAverage(), values, updates)
        return network.bind(TrainState(config, average=average))

    for arrays, updates, message in [
        ([weight[:, :2]], count, "weight has another shape"),
        ([weight], np.zeros(2, np.int64), "updates has another shape"),
        ([weight], np.zeros(1, np.int32), "updates"),
        ([], count, "fewer parameters than stages that learn"),
    ]:
        with pytest.raises(ValueError, match=message):
            bound(network, arrays, updates)
    wide = np.zeros((6, 4), np.float32)
    other = _core.NetworkFloat32([Stage(6, 4, "identity")], [Parameters(wide, None)])
    with pytest.raises(ValueError, match="the average is not like the parameters"):
        network.step(*data, None, bound(other, [wide], count), 0.1, "", 1)
    assert_same_bits(weight, np.zeros((6, 3), np.float32))
