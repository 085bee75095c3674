"""How fits of tables end: when time is over, when they fail, and what they leave then."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is that folder where there is no other
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import steepest as st
from steepest.sklearn import TableEncoder, TabularClassifier, TabularRegressor
from steepest.sklearn._tabular import base as base_module
from steepest.sklearn._tabular import leaks as leaks_module
from steepest.sklearn._tabular import member as member_module
from steepest.sklearn._tabular.folds import Fold

random = np.random.default_rng(8)
ROWS = 200
X = random.standard_normal((ROWS, 3))
SMALL = {"n_members": 3, "hidden_layer_sizes": (8,), "max_steps": 20, "random_state": 0}
AT_ONCE = {"n_members": 2, "hidden_layer_sizes": (8,), "max_time": 1e-9, "random_state": 0}


@pytest.mark.parametrize("make", [TabularClassifier, TabularRegressor])
def test_time_that_is_over_costs_nothing(make, monkeypatch):
    monkeypatch.setattr(member_module, "Trainer", None)  # no member begins
    with pytest.warns(ConvergenceWarning, match=r"within max_time=1e-09 seconds, .*: allow more time"):
        model = make(**AT_ONCE).fit(X, X[:, 0] > 0)
    assert model.best_epochs_ == [-1, -1] and [one.epochs for one in model.members_] == [0, 0]
    answers = model.predict_proba(X)[:, 1] if make is TabularClassifier else model.predict(X)
    assert np.ptp(answers) == 0


def test_a_fit_in_time_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = TabularRegressor(**SMALL, max_time=1e3).fit(X, X[:, 0])
    other = TabularRegressor(**SMALL).fit(X, X[:, 0])
    assert one.validation_score_ == other.validation_score_ and min(one.best_epochs_) >= 0


def test_members_without_an_epoch_have_no_part_in_the_mean(monkeypatch):
    expected = TabularRegressor(**SMALL).fit(X, X[:, 0])
    kept, whole = [1], base_module.fitted

    def fitted(task, fold, seed, over, **options):
        made = whole(task, fold, seed, over, **options)
        number = [held.tolist() for held in (m.held_out for m in expected.members_)].index(
            fold.held_out.tolist()
        )
        return made if number in kept else replace(made, best_epoch=-1)

    monkeypatch.setattr(base_module, "fitted", fitted)
    model = TabularRegressor(**SMALL, embedding="piecewise_linear").fit(X, X[:, 0])
    assert len(model.members_) == 1 and model.best_epochs_ == [model.members_[0].best_epoch]
    assert model.members_[0].held_out.tolist() == expected.members_[1].held_out.tolist()


def test_when_time_is_over_some_rows_are_judged():
    rows = []
    model = TabularRegressor(**AT_ONCE, metric=lambda y, answers: rows.append(len(y)) or 0.0)
    y = np.arange(60_000) % 7
    with pytest.warns(ConvergenceWarning):
        model.fit(random.standard_normal((60_000, 1)), y)
    assert rows == [12_000]  # of two members, every second of 12,000
    assert len(model.members_[0].held_out) == 12_000


def many(rare):
    """A hundred thousand rows, of which few are of another class."""
    rows = 100_000
    y = np.zeros(rows, dtype=np.int64)
    y[random.permutation(rows)[:rare]] = 1
    table = np.column_stack([random.standard_normal((rows, 4)), y]).astype(np.float32)
    return table, y, Fold(np.arange(20_000, rows), np.arange(20_000))


def found_in(table, y, fold):
    encodings = TableEncoder().fit(table).encodings_
    return list(leaks_module.leaks(encodings, table, y, fold))


@pytest.mark.parametrize("rare", [150, 50_000])
def test_leaks_of_large_tables_are_found_on_few_rows(rare, monkeypatch):
    sizes = []
    key = leaks_module._key
    monkeypatch.setattr(
        leaks_module, "_key", lambda one, inputs: sizes.append(len(inputs)) or key(one, inputs)
    )
    table, y, fold = many(rare)
    assert found_in(table, y, fold) == ["x4"]
    assert max(sizes[:8]) <= 8001 and sizes[-2:] == [80_000, 20_000]  # one that is found is tried on all
    sizes.clear()
    numbers = np.column_stack([table[:, 0].astype(np.float64)])
    assert found_in(table, numbers, fold) == ["x0"]


def test_a_single_error_of_a_large_table_is_no_leak():
    table, y, fold = many(50_000)
    table[7, 4] = 1 - table[7, 4]
    assert found_in(table, y, fold) == []


def failing(y, answers):
    if len(y) > ROWS // 5:
        raise ArithmeticError("of the rows of all members")
    return 0.0


@pytest.mark.parametrize("make", [TabularClassifier, TabularRegressor])
def test_a_fit_that_fails_at_its_end_leaves_no_model(make):
    model = make(**SMALL).fit(X, X[:, 0] > 0)
    with pytest.raises(ArithmeticError, match="of the rows of all members"):
        model.set_params(metric=failing).fit(X, X[:, 0] > 0)
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert not hasattr(model, "validation_score_") and not hasattr(model, "best_epochs_")


def test_an_encoder_that_fails_is_not_fitted():
    encoder = TableEncoder().fit(pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0]}))
    bad = pd.DataFrame({"a": [1.0, 2.0], "b": [[1], [2]]})
    with pytest.raises(st.TableError, match="column 'b' holds lists"):
        encoder.fit(bad)
    for use in (lambda: encoder.transform(bad), encoder.get_feature_names_out):
        with pytest.raises(NotFittedError):
            use()


def test_a_mean_is_in_the_range_of_the_targets(tmp_path):
    y = np.full(ROWS, 3.3)
    model = TabularRegressor(**SMALL).fit(X, y)
    model.save(tmp_path / "m.safetensors")
    for predicted in (model.predict(X), st.load(tmp_path / "m.safetensors").predict(X)):
        assert predicted.tolist() == y.tolist()
    assert model.score(X, y) == model.validation_score_ == 1


@pytest.mark.parametrize("make", [TabularClassifier, TabularRegressor])
def test_rows_held_out_are_those_of_the_table(make):
    weight = np.repeat([0.0, 1.0], ROWS // 2)
    model = make(**SMALL).fit(X, X[:, 0] > 0, sample_weight=weight)
    held = np.concatenate([member.held_out for member in model.members_])
    assert len(held) == 3 * ROWS // 10 and held.min() >= ROWS // 2
    rest = make(**SMALL).fit(X[ROWS // 2 :], X[ROWS // 2 :, 0] > 0, sample_weight=weight[ROWS // 2 :])
    assert model.validation_score_ == rest.validation_score_
