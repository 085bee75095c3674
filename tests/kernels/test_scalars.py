"""Every parameter takes NumPy's scalar of its kind as Python's, and no array in its place: all of them."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager

import numpy as np
import pytest
from support.api import LABELS, TEXTS, X, arguments, kind_of, public
from support.ranks import One
from support.strategies import small_model
from support.tolerances import assert_same_bits

import steepest as st
from steepest import plots, schedules

FLOATS = (np.float16, np.float32, np.float64, np.longdouble)
INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
# What is tried for a parameter of a kind, exact in all of NumPy's types; texts by the parameter's name.
VALUES = {bool: (True, False), int: (3, 2, 1, 0), float: (0.5, 1.0, 1.5, 0.0)}


# What a parameter says more about.
BESIDE = {"checkpoint_every": {"checkpoint": TEXTS["checkpoint"]}, "shards": {"communicator": One()}}


def scalars():
    for name, call in public():
        try:
            signature = inspect.signature(call)
        except ValueError:
            continue
        for parameter in signature.parameters.values():
            if kind := kind_of(parameter):
                yield pytest.param(name, call, parameter.name, kind, id=f"{name}-{parameter.name}")


def done(name, call, given):
    """Everything that a call gives or changes, to the bit."""
    if name in plots.__all__:
        pytest.importorskip("matplotlib.pyplot").close("all")
    given = dict(given)
    layers = given.pop("layers", ())
    answer = call(*layers, **given)
    if name == "set_num_threads":
        answer = st.get_num_threads()
        st.set_num_threads(None)
    if isinstance(answer, AbstractContextManager):
        with answer:
            info = st.build_info()
        answer = (info["backend"], info["num_threads"], info.get("isa_active"))
    if isinstance(answer, st.Trainer):
        answer.fit(X, LABELS, progress=False, epochs=2)
        answer = (answer.model, answer.loss, answer.optimizer)
    return plain((answer, given))


def plain(value):
    """As nested lists of Python's own values, with their types, and bytes."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, value.tobytes()]
    if isinstance(value, st.Sequential):
        return [repr(value), type(value.seed).__name__, plain(value.state_dict())]
    if isinstance(value, st.Trainer):
        return plain(value.model)
    if isinstance(value, st.History):
        return plain([value.loss, value.validation_loss, value.status])
    if isinstance(value, schedules._Schedule):
        return [plain(vars(value)), [value(step) for step in range(5)]]
    if isinstance(value, dict):
        return [[key, plain(one)] for key, one in value.items()]
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if hasattr(value, "__dict__") and not callable(value) and type(value).__module__.startswith("steepest"):
        return [repr(value), plain(vars(value))]
    if callable(value) or type(value).__module__.startswith("matplotlib"):
        return type(value).__name__
    return [type(value).__name__, value]


def twins(value):
    """NumPy's scalars that are equal to Python's."""
    if isinstance(value, bool):
        return [np.bool_(value)]
    if isinstance(value, str):
        return [np.str_(value)]
    if isinstance(value, int):
        return [kind(value) for kind in INTEGERS]
    return [kind(value) for kind in FLOATS] + ([kind(value) for kind in INTEGERS] if value == 1 else [])


@pytest.mark.parametrize(("name", "call", "parameter", "kind"), list(scalars()))
def test_scalars_of_numpy_are_as_python_s(name, call, parameter, kind):
    """Each value that the parameter takes gives the same, to the bit, and is kept as Python's."""

    beside = BESIDE.get(parameter, {})

    def outcome(value):
        return done(name, call, arguments(name, call) | beside | {parameter: value})

    def without(result):
        """The argument itself is NumPy's."""
        return [result[0], [pair for pair in result[1] if pair[0] != parameter]]

    taken = 0
    for value in (TEXTS[parameter],) if kind is str else VALUES[kind]:
        try:
            expected = outcome(value)
        except ValueError:  # out of the parameter's range
            continue
        taken += 1
        for twin in twins(value):
            assert without(outcome(twin)) == without(expected), (twin, type(twin))
        with pytest.raises((TypeError, ValueError) if kind is str else TypeError, match=r"must be|is array"):
            outcome(np.array(value))
    assert taken, f"no value of {VALUES.get(kind)} is taken"


def test_descriptions_keep_no_scalar_of_numpy():
    half, two = np.float32(0.5), np.uint8(2)
    layers = [st.Linear(two, two, np.True_), st.BatchNorm(two, half), st.Residual(st.ELU(half))]
    for made in (*layers, st.SGD(half, half, np.True_), st.L1(half, np.False_), schedules.Warmup(two, half)):
        assert "np." not in repr(made) and all(type(one).__module__ != "numpy" for one in vars(made).values())
        assert made == eval(repr(made), vars(st) | vars(schedules))


def test_a_step_of_few_bits_does_not_overflow_in_a_schedule():
    for schedule in (
        schedules.InverseScaling(0.1),
        schedules.Exponential(0.5, 0.5),
        schedules.Cosine(1, 300),
        schedules.CosineLog(1, 300),
        schedules.FlatCosine(1, 300, 0.25),
    ):
        assert schedule(np.int8(127)) == schedule(127)
        with pytest.raises(TypeError, match=r"step must be an integer, not 1\.5"):
            schedule(1.5)
        with pytest.raises(ValueError, match="step is -1, but must be at least 0"):
            schedule(-1)


def test_numbers_of_layers_and_dtypes_may_be_numpy_s():
    spellings = (("float32", 2), (np.str_("float32"), np.int8(2)), (np.dtype("f4"), np.str_("2")))
    gradients_of = [
        small_model(dtype).loss_and_gradients(X, LABELS, loss="softmax", penalty={number: st.L2(0.5)})[1]
        for dtype, number in spellings
    ]
    for other in gradients_of[1:]:
        for key, value in other.items():
            assert_same_bits(value, gradients_of[0][key], key)
