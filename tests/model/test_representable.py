"""Numbers that a model's dtype cannot hold are refused where the two meet; those that are taken work."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pytest
from support.api import ARRAYS, arguments, kind_of, public
from support.strategies import numbers, small_model

import steepest as st
from steepest import functional
from steepest._description import Description
from steepest.initializers import Initializer, KaimingNormal, KaimingUniform
from steepest.schedules import _Schedule, rate_of

X, TARGETS, LABELS = numbers((12, 4)), abs(numbers((12, 2), seed=1)) % 1, np.arange(12) % 2
RULE = r"must be at (most|least) \S+, the (largest|smallest normal) number of float(32|64)"
NUMBERS = [5e-324, 1e-310, 3e-308, 1e-46, 1e-40, 1.1754943e-38, 1.2e-38, 1e-30, 1e-9]
NUMBERS += [1 - 2**-53, 1 - 2**-30, 1 - 2**-24, 3.41e38, 1e39, 1e300, 1e307]
PLACES = {
    st.optimizers.Optimizer: "optimizer",
    st.penalties.Penalty: "penalty",
    st.MaxNorm: "constraint",
    st.averaging.Averaging: "averaging",
    st.losses.Loss: "loss",
}


DERIVED = (_Schedule, st.penalties.Penalty, Initializer)  # what they make of the number is refused
# Not by the arithmetic of the dtype; a schedule is by what it gives.
UNUSED = (st.EpochCallback, st.FractionalMaxPool2d, KaimingNormal, KaimingUniform, _Schedule)


def settings(kinds):
    """Each number of each of them."""
    for name, kind in public():
        for one in inspect.signature(kind).parameters.values() if kinds(kind) else ():
            if kind_of(one) is float:
                yield pytest.param(name, kind, one.name, id=f"{name}-{one.name}")


def is_description(kind):
    return isinstance(kind, type) and issubclass(kind, Description)


def trainer(setting, dtype):
    """One that has the setting in its place."""
    layers = [setting] if isinstance(setting, st.layers.Layer) else []
    if isinstance(setting, st.FractionalMaxPool2d):
        layers = [st.Linear(4, 27), setting, st.Linear(setting.out_features, 4)]
    if isinstance(setting, Initializer):
        layers = [st.Linear(4, 4, initializer=setting)]
    width = (layers[-1].features_out if layers else None) or 4
    how = {name: setting for kind, name in PLACES.items() if isinstance(setting, kind)}
    model = st.Sequential(st.Linear(4, 4), *layers, st.Linear(width, 2), dtype=dtype)
    return st.Trainer(model, **{"loss": "squared_error"} | how)


def learned(setting, dtype):
    """What three steps give: all of it."""
    if isinstance(setting, _Schedule):
        return np.array([rate_of(setting, step, np.dtype(dtype)) for step in range(9)]).astype(dtype)
    learner = trainer(setting, dtype)
    for _ in range(3):
        learner.step(X, LABELS if learner.loss.takes_labels else TARGETS)
    results = [*learner.model.state_dict().values(), learner.model(X)]
    return results + ([] if learner.averaging is None else [*learner.averaged().state_dict().values()])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "kind", "parameter"), list(settings(is_description)))
def test_a_number_works_or_is_refused(backend, name, kind, parameter, dtype):
    """Also those that are no more than finite, or above 0, in float64."""
    width = {"features": 4} if "features" in inspect.signature(kind).parameters else {}
    for number in NUMBERS:
        given = arguments(name, kind) | width | {parameter: number}
        try:
            setting = kind(*given.pop("layers", ()), **given)
        except ValueError:
            continue  # in any dtype
        too_large = number > float(np.finfo(dtype).max)
        try:
            with backend.computing():
                small_model()(np.zeros((1, 6)))  # for the proof, which asks what computed last
                results = learned(setting, dtype)
        except ValueError as error:
            assert re.search(RULE, str(error)), (number, error)
            words = set(re.split(r"[\s:,]+", str(error)))
            assert isinstance(setting, DERIVED) or {str(number), parameter} <= words, error
        except st.DivergenceError:
            assert number > 1
        else:
            assert not too_large or isinstance(setting, UNUSED), number
            finite = all(np.isfinite(result).all() for result in results)
            assert finite or (number > 1 and not isinstance(setting, _Schedule)), number


@pytest.mark.parametrize(
    ("name", "call", "parameter"),
    list(settings(lambda kind: kind in [getattr(functional, name) for name in functional.__all__])),
)
def test_functions_refuse_them_too(implementation, name, call, parameter):
    for number in NUMBERS:
        given = arguments(name, call) | {parameter: number}
        for key, value in given.items():
            if isinstance(value, np.ndarray) and value.dtype == np.float64:
                given[key] = value.astype(np.float32)
        with implementation.computing():
            functional.exp(np.zeros(1))  # for the proof
            try:
                answer = call(**given)
            except ValueError as error:
                assert re.search(RULE + r"|must be in \[0, 1\)", str(error)), (number, error)
            else:
                assert number <= float(np.finfo(np.float32).max)
                results = answer if isinstance(answer, tuple) else [answer] if answer is not None else []
                for result in (*results, *(given[key] for key in ARRAYS.keys() & given.keys())):
                    assert number > 1 or np.isfinite(result).all(), number
