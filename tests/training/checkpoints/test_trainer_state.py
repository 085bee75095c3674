"""`Trainer.state_dict`: all that training changes, to be loaded, copied and pickled."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st
from steepest.optimizers import OPTIMIZERS

X, Y = numbers((50, 4)), np.arange(50) % 3


def trainer(optimizer="adam", averaging=None, seed=1):
    layers = st.Standardize(4), st.Linear(4, 6), st.BatchNorm(6), st.Tanh(), st.Linear(6, 3)
    made = st.Trainer(st.Sequential(*layers, seed=seed), optimizer=optimizer, averaging=averaging)
    made.model.standardize(X)
    return made


def trained(*settings):
    made = trainer(*settings)
    made.fit(X, Y, epochs=2, batch_size=20, progress=False)
    made.step(X, Y)
    return made


def assert_same_states(first, second):
    state, other = first.state_dict(), second.state_dict()
    assert list(state) == list(other)
    for key, value in state.items():
        assert_same_bits(value, other[key])


def go_on(*trainers):
    for each in trainers:
        each.fit(X, Y, epochs=2, batch_size=20, progress=False)


@pytest.mark.parametrize("averaging", [None, st.PolyakAverage()])
@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, st.SGD(st.schedules.Cosine(0.1, 30), 0.9, nesterov=True)])
def test_training_goes_on_from_a_state(backend, optimizer, averaging):
    with backend.computing():
        first, second = trained(optimizer, averaging), trainer(optimizer, averaging)
        second.load_state_dict(first.state_dict())
        assert_same_states(first, second)
        go_on(first, second)
        assert_same_states(first, second)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_copies_are_their_own(copied):
    first = trained("adam", st.ExponentialAverage(0.9))
    second, before = copied(first), first.state_dict()
    assert second.model is not first.model and second.model.compiled is second.learning.compiled
    go_on(second)
    for key, value in before.items():
        assert_same_bits(first.state_dict()[key], value)
    go_on(first)
    assert_same_states(first, second)
    second.cancel()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
@pytest.mark.parametrize("model_first", [True, False])
def test_what_shares_a_model_shares_its_copy(copied, model_first):
    first = trained("adam")
    both = first, st.Trainer(first.model, optimizer="sgd"), st.Ensemble([first.model])
    if model_first:
        model, second, other, ensemble = copied((first.model, *both))
    else:
        second, other, ensemble, model = copied((*both, first.model))
    assert second.model is other.model is ensemble.models[0] is model is not first.model
    assert_same_states(first, second)
    for trainer, same in ((second, first), (other, both[1])):
        go_on(trainer, same)
        assert_same_states(trainer, same)


def test_a_state_has_these_names():
    made = trained(st.RMSProp(), st.PolyakAverage())
    keys = [*made.model.state_dict()]
    learned = [key for key in keys if "running" not in key and not key.startswith("0.")]
    names = [f"model.{key}" for key in keys] + [f"optimizer.mean_square.{key}" for key in learned]
    names += [f"average.{key}" for key in learned]
    assert list(made.state_dict()) == [
        *names,
        "steps_done",
        "epochs_done",
        "optimizer.since",
        "average.updates",
    ]
    assert made.state_dict()["steps_done"] == made.steps_done == 7
    made.state_dict()["model.1.weight"][...] = np.nan  # a copy
    assert np.isfinite(made.model.state_dict()["1.weight"]).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"steps_done": None}, TypeError, "steps_done must be an integer, not None"),
        ({"steps_done": np.array(2.5)}, TypeError, r"steps_done must be an integer, not 2\.5"),
        ({"epochs_done": -1}, ValueError, "epochs_done is -1, but must be at least 0"),
        ({"optimizer.since": 8}, ValueError, "optimizer.since is 8, but must be at most steps_done, 7"),
        (
            {"model.1.weight": np.zeros((6, 4))},
            ValueError,
            r"model.1.weight has shape \(6, 4\), but the model's",
        ),
        ({"optimizer.mean.1.bias": np.full(6, np.nan)}, ValueError, "optimizer.mean.1.bias holds NaN"),
        (
            {"model.2.running_var": np.full(6, -1.0)},
            ValueError,
            "model.2.running_var holds -1.0, but a variance",
        ),
        ({"more": 1.0}, ValueError, "the state has 'more', but"),
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_changes_nothing(change, error, message):
    made = trained()
    before = made.state_dict()
    with pytest.raises(error, match=message):
        made.load_state_dict(trained("adam").state_dict() | change)
    for missing in ("steps_done", "model.1.bias"):
        with pytest.raises(ValueError, match=f"the state lacks {missing}"):
            made.load_state_dict({key: value for key, value in before.items() if key != missing})
    with pytest.raises(TypeError, match="a state is a mapping of names to arrays, not 3"):
        made.load_state_dict(3)
    with pytest.raises(ValueError, match=r"the state lacks optimizer\.mean"):
        made.load_state_dict(trained("sgd").state_dict())
    for key, value in before.items():
        assert_same_bits(made.state_dict()[key], value)
