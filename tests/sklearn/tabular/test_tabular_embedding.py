"""What is made of numbers, how a fit finds out which suits a table, and when its waves end."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
from sklearn.utils._param_validation import InvalidParameterError

import steepest as st
from steepest.sklearn import TabularRegressor
from steepest.sklearn._tabular import recipe
from steepest.sklearn._tabular.folds import Fold
from steepest.sklearn._tabular.member import Task, fitted

random = np.random.default_rng(0)
X = random.standard_normal((600, 6))
MADE = {
    "product": X[:, 0] * X[:, 1],
    "steps": (X > [0.3, -0.2, 1, 0, -1, 0.5]).sum(axis=1),
    "linear": X @ np.arange(6),
    "curve": np.cbrt(X[:, 2]) + random.normal(0, 0.1, 600),
}
SMALL = {"n_members": 1, "hidden_layer_sizes": (32, 32), "max_steps": 600, "random_state": 0}


def regressor(**parameters):
    return TabularRegressor(**SMALL | parameters)


def embedding(model):
    return type(model.members_[0].network.layers[0])


def test_both_are_tried_and_one_is_taken():
    chosen = set()
    for y in MADE.values():
        auto = regressor().fit(X, y)
        ramps = regressor(embedding="piecewise_linear").fit(X, y)
        cosines = regressor(embedding="periodic").fit(X, y)
        assert (embedding(ramps), embedding(cosines)) == (st.PiecewiseLinear, st.PeriodicEmbedding)
        same = ramps if embedding(auto) is st.PiecewiseLinear else cosines
        np.testing.assert_array_equal(auto.predict(X), same.predict(X))
        assert not np.array_equal(ramps.predict(X), cosines.predict(X))
        chosen.add(embedding(auto))
    assert chosen == {st.PiecewiseLinear, st.PeriodicEmbedding}


def test_nothing_is_tried_without_bins_or_with_many_inputs():
    assert embedding(regressor(bins=0).fit(X, MADE["linear"])) is st.Linear
    wide = random.standard_normal((40, recipe.MOST_TRIED + 1))
    assert embedding(regressor(max_steps=2).fit(wide, wide.sum(axis=1))) is st.PiecewiseLinear
    cosines = regressor(max_steps=2, embedding="periodic").fit(wide, wide.sum(axis=1))
    assert embedding(cosines) is st.PeriodicEmbedding


def test_a_name_that_is_none():
    with pytest.raises(InvalidParameterError, match="'embedding' parameter of TabularRegressor"):
        regressor(embedding="fourier").fit(X, MADE["linear"])


def test_cosines_are_saved(tmp_path):
    model = regressor(embedding="periodic", max_steps=30).fit(X, MADE["linear"])
    model.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(st.load(tmp_path / "model.safetensors").predict(X), model.predict(X))


def test_cosines_learn_at_a_rate_of_their_own():
    made = recipe.network([np.empty(0, np.float32)] * 5, [0, 4], [8], 2, 0.1, recipe.of_classes(0), seed=1)
    assert recipe.rate_factors(made) == {0: 0.1, 1: 11**-0.5, 4: 8**-0.5}
    assert made.state_dict()["0.weight"].std() > 0  # drawn, as the layer draws it


def task(**changes):
    y = MADE["product"][:, np.newaxis].astype(np.float32)
    one = Task(
        X.astype(np.float32), y, None, [np.empty(0, np.float32)] * 6, 1, lambda scores, rows: -1.0,
        recipe.of_numbers(), (8,), 0.0, 0.1, 600,
    )  # fmt: skip
    return replace(one, **changes)


FOLD = Fold(np.arange(500), np.arange(500, 600))


@pytest.mark.parametrize("values", [[0, 1, 0.5, 0.9, 2, 0], [5, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], ids=str)
def test_a_wave_that_brings_nothing_is_the_last(values):
    """Of 150 epochs waves end after 10, 30, 70 and 150; here one value for every 25 epochs."""
    assert recipe.cycle_ends(150) == [10, 30, 70, 150]
    calls = []

    def value(scores, rows):
        calls.append(len(calls))
        return values[calls[-1] // 25]

    member = fitted(task(value=value), FOLD, 1, lambda: False)
    best = [max(range(end), key=lambda i: (values[i // 25], i)) for end in (30, 70, 150)]
    last = 30 if best[0] < 10 else 70 if best[1] < 30 else 150
    assert member.epochs == len(calls) == last
    assert member.best_epoch == max(range(last), key=lambda i: (values[i // 25], i))
    assert member.value == values[member.best_epoch // 25]


def test_a_trial_ends_with_its_cycles():
    member = fitted(task(), FOLD, 1, lambda: False, cycles=2)
    assert member.epochs == 30 and member.best_epoch == 29


def test_values_that_are_no_numbers_do_not_end_it():
    member = fitted(task(value=lambda scores, rows: float("nan")), FOLD, 1, lambda: False, cycles=1)
    assert member.epochs == 10 and member.best_epoch == -1
