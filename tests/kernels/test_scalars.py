"""Every parameter takes NumPy's scalar of its kind as Python's, and no array in its place: all of them."""

from __future__ import annotations

import inspect
import re
from contextlib import AbstractContextManager

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.tolerances import assert_same_bits

import steepest as st
from steepest import datasets, functional, gradients, initializers, plots, schedules

FLOATS = (np.float16, np.float32, np.float64, np.longdouble)
INTEGERS = (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64)
# What is tried for a parameter of a kind, exact in all of NumPy's types; texts by the parameter's name.
VALUES = {bool: (True, False), int: (3, 2, 1, 0), float: (0.5, 1.0, 1.5, 0.0)}
TEXTS = {
    "backend": "reference",
    "isa": (st.build_info().get("isa_available") or ("avx2",))[-1],
    "loss": "softmax",
    "measure": "error_rate",
    "method": "forward",
    "mode": "max",
    "monitor": "loss",
    "reduction": "sum",
}
# What callers are given, and never make.
RESULTS = {st.BatchState, st.DivergenceError, st.EpochState, st.ErrorDecomposition, st.History}
RESULTS |= {datasets.Dataset, gradients.Descent, gradients.GradientCheck, gradients.KeyCheck}
X, LABELS = numbers((12, 6)), np.arange(12) % 3
SCORES, TARGETS = numbers((4, 3), seed=1), abs(numbers((4, 3), seed=2)) % 1


def public():
    """Each public class and function that is made or called, with a name for it."""
    own = [(name, getattr(initializers, name)) for name in dir(initializers) if name[0].isupper()]
    own = [(name, rule) for name, rule in own if issubclass_of(rule, initializers.Initializer)]
    for module in (st, schedules, functional, datasets, gradients, plots):
        own += [(name, getattr(module, name)) for name in module.__all__]
    for kind in (st.Sequential, st.Trainer):
        own += [(f"{kind.__name__}.{name}", getattr(kind, name)) for name in dir(kind) if name[0] != "_"]
    for name, call in own:
        if callable(call) and call not in RESULTS and not issubclass_of(call, Exception):
            yield name, call


def issubclass_of(value, kind):
    return isinstance(value, type) and issubclass(value, kind)


# What annotations begin with, and the scalar that it is, if any.
KINDS = {"bool": bool, "int": int, "float": float, "Rate": float, "str": str}
KINDS |= dict.fromkeys(["BackendName", "Literal", "Method", "Reduction"], str)
KINDS |= dict.fromkeys(["Array", "ArrayLike", "Averaging", "Axes", "Callable", "DTypeLike", "Data", "Figure"])
KINDS |= dict.fromkeys(
    ["EvaluateGradient", "Function", "History", "Initializer", "Iterable", "Layer", "Model"]
)
KINDS |= dict.fromkeys(["Mapping", "MaxNorm", "NDArray", "Optimizer", "Penalties", "Penalty", "SGD"])
KINDS |= dict.fromkeys(["Sequence", "Sequential", "tuple"])


def kind_of(parameter):
    """bool, int, float or str, if a scalar is what the parameter takes first; else None."""
    return (
        None if parameter.name in ("self", "path") else KINDS[re.match(r"\w*", str(parameter.annotation))[0]]
    )


def scalars():
    for name, call in public():
        try:
            signature = inspect.signature(call)
        except ValueError:
            continue
        for parameter in signature.parameters.values():
            if kind := kind_of(parameter):
                yield pytest.param(name, call, parameter.name, kind, id=f"{name}-{parameter.name}")


def arguments(name, call):
    """What a call needs, new each time; a KeyError for a parameter that this file has nothing for."""
    needed = {
        parameter.name: parameter
        for parameter in inspect.signature(call).parameters.values()
        if parameter.default is parameter.empty and parameter.kind != parameter.VAR_POSITIONAL
    }
    given = MORE.get(name, dict)()
    for key, parameter in needed.items():
        if key not in given:
            kind = kind_of(parameter)
            given[key] = TEXTS[key] if kind is str else {int: 3, float: 1.0}[kind] if kind else ARRAYS[key]()
    return given


ARRAYS = {
    "X": lambda: X,
    "direction": lambda: np.ones(3),
    "function": lambda: lambda x: float((x * x).sum()),
    "grad": lambda: SCORES,
    "gradient": lambda: np.ones((2, 3)),
    "history": lambda: st.History(loss=[1.0]),
    "labels": lambda: np.arange(4) % 3,
    "log_means": lambda: SCORES,
    "logits": lambda: SCORES,
    "loss_function": lambda: lambda x: float((x * x).sum()),
    "mean": lambda: np.zeros((2, 3)),
    "mean_square": lambda: np.zeros((2, 3)),
    "model": small_model,
    "point": lambda: np.ones(3),
    "predictions": lambda: SCORES,
    "scores": lambda: SCORES,
    "self": small_model,
    "squares": lambda: np.zeros((2, 3)),
    "targets": lambda: TARGETS,
    "weight": lambda: numbers((2, 3)),
    "weights": lambda: np.ones(3),
    "x": lambda: SCORES,
    "y": lambda: LABELS,
}
FIT = {"progress": False, "epochs": 2, "validation_data": (X, LABELS)}
MORE = {
    "Residual": lambda: {"layers": [st.ReLU()]},
    "SGD": lambda: {"momentum": 0.5},
    "Sequential": lambda: {"layers": [st.Linear(3, 2), st.BatchNorm(2)]},
    "Sequential.directional_derivative": lambda: {"direction": {"0.bias": np.ones(8)}, "loss": "softmax"},
    "Sequential.fit": lambda: dict(FIT),
    "Trainer.fit": lambda: {"self": st.Trainer(small_model()), **FIT},
    "decision_regions": lambda: {"model": st.Sequential(st.Linear(2, 3)), "X": X[:, :2]},
    "elu_backward": lambda: {"y": SCORES},
    "error_decomposition": lambda: {
        "model_factory": lambda width, seed: st.Sequential(st.Linear(6, 3), seed=seed),
        "train": (X, LABELS),
        "test": (X, LABELS),
        "epochs": 1,
        "longer": 2,
        "width": 2,
        "seeds": np.arange(2),
    },
    "leaky_relu_backward": lambda: {"y": SCORES},
    "linear": lambda: {"x": X, "weight": numbers((6, 2))},
    "sgd_step": lambda: {"momentum": 0.5, "velocity": np.zeros((2, 3))},
    "templates": lambda: {"shape": (2, 3)},
}


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

    def outcome(value):
        return done(name, call, arguments(name, call) | {parameter: value})

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
