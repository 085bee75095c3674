"""TabularClassifier and TabularRegressor: what they learn, what each parameter does, what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is that folder where there is no other
from sklearn.base import clone
from sklearn.inspection import permutation_importance
from sklearn.model_selection import cross_val_score
from sklearn.utils._param_validation import InvalidParameterError
from support.interruption import interrupted

import steepest as st
from steepest.sklearn import TabularClassifier, TabularRegressor, fit_many

pandas = pytest.importorskip("pandas")
on_both = pytest.mark.usefixtures("on_backend")

random = np.random.default_rng(5)
ROWS = 240
FRAME = pandas.DataFrame(
    {
        "x": random.standard_normal(ROWS),
        "gaps": np.where(random.random(ROWS) < 0.2, np.nan, random.standard_normal(ROWS)),
        "town": random.choice(["Bonn", "Ulm", "Linz"], ROWS),
        "member": random.random(ROWS) < 0.5,
        "day": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(random.integers(0, 500, ROWS), unit="D"),
    }
)
SCORES = FRAME["x"] + 2 * (FRAME["town"] == "Ulm") - FRAME["member"]
LABELS = np.where(SCORES > 1, "high", np.where(SCORES > -0.5, "some", "low"))
SMALL = {"n_members": 2, "hidden_layer_sizes": (24,), "max_steps": 120, "random_state": 0}


def classifier(**parameters):
    return TabularClassifier(**SMALL | parameters)


def regressor(**parameters):
    return TabularRegressor(**SMALL | parameters)


@on_both
def test_classes_are_learned_of_a_frame():
    model = classifier(metric="accuracy").fit(FRAME, LABELS)
    assert model.classes_.tolist() == ["high", "low", "some"]
    assert model.score(FRAME, LABELS) > 0.8 and 0.6 < model.validation_score_ <= 1
    probabilities = model.predict_proba(FRAME)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_array_equal(model.predict_log_proba(FRAME), np.log(probabilities))
    assert model.feature_names_in_.tolist() == list(FRAME) and model.n_features_in_ == 5
    assert len(model.members_) == len(model.best_epochs_) == 2
    assert not set(model.members_[0].held_out) & set(model.members_[1].held_out)
    assert "members     2 networks of 24 units" in model.summary() and "accuracy 0." in model.summary()


def test_numbers_are_learned_of_a_frame():
    model = regressor(max_steps=300).fit(FRAME, 1000 * SCORES + 1e6)
    assert model.score(FRAME, 1000 * SCORES + 1e6) > 0.8 and model.validation_score_ > 0.6
    far = model.predict(FRAME.assign(x=1e9))
    assert far.max() <= 1000 * SCORES.max() + 1e6 and "r2 0." in model.summary()


@on_both
def test_several_targets():
    targets = np.column_stack([SCORES, -1e4 * SCORES])
    model = regressor().fit(FRAME, targets)
    assert model.predict(FRAME).shape == (ROWS, 2) and model.score(FRAME, targets) > 0.6
    assert model.n_outputs_ == 2


@pytest.mark.parametrize("labels", [LABELS == "low", (LABELS == "low") * 3 - 1, pandas.Series(LABELS)])
def test_labels_of_all_kinds(labels):
    model = classifier().fit(FRAME, labels)
    assert set(np.unique(model.predict(FRAME))) <= set(np.unique(labels))
    assert model.predict(FRAME).dtype == model.classes_.dtype


@on_both
@pytest.mark.parametrize("make", [classifier, regressor])
def test_the_same_for_any_number_of_threads(make):
    y = LABELS if make is classifier else SCORES
    one = make(n_threads=1, n_members=3, max_steps=30).fit(FRAME, y)
    for threads in (2, 5):
        more = make(n_threads=threads, n_members=3, max_steps=30).fit(FRAME, y)
        for own, other in zip(one.members_, more.members_, strict=True):
            state = other.network.state_dict()
            assert all((array == state[key]).all() for key, array in own.network.state_dict().items())
        np.testing.assert_array_equal(one._mean(FRAME), more._mean(FRAME))
    assert not np.array_equal(one._mean(FRAME), make(random_state=1, max_steps=30).fit(FRAME, y)._mean(FRAME))


def test_backends_agree():
    found = []
    for backend in ("native", "reference"):
        with st.config(backend=backend):
            found.append(regressor(max_steps=8).fit(FRAME, SCORES).predict(FRAME))
    np.testing.assert_allclose(*found, rtol=1e-2, atol=1e-3)


def test_it_is_cloned_kept_and_crossed():
    model = clone(classifier()).fit(FRAME, LABELS)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(FRAME), model.predict_proba(FRAME))
    assert cross_val_score(classifier(), FRAME, LABELS, cv=2).min() > 0.5
    importance = permutation_importance(model, FRAME, LABELS, n_repeats=2, random_state=0)
    assert importance.importances_mean.argmax() in (0, 2)
    first, second = fit_many(classifier(), {"dropout": [0.0, 0.5]}, FRAME, LABELS, progress=False)
    alone = classifier(dropout=0.5).fit(FRAME, LABELS)
    np.testing.assert_array_equal(second.predict_proba(FRAME), alone.predict_proba(FRAME))
    assert not np.array_equal(first.predict_proba(FRAME), second.predict_proba(FRAME))


CHANGES = [
    {"n_members": 3},
    {"hidden_layer_sizes": 12},
    {"bins": 0},
    {"bins": 4},
    {"embedding": "periodic"},
    {"dropout": 0.5},
    {"weight_decay": 0},
    {"max_steps": 40},
    pytest.param({"categorical_features": ["x"]}, marks=pytest.mark.filterwarnings("ignore:column 'x'")),
    {"label_smoothing": 0},
    {"class_weight": "balanced"},
    {"class_weight": {"low": 9}},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_each_parameter_acts(change):
    ramps = {"embedding": "piecewise_linear"}  # cosines have no bins
    usual = classifier(**ramps).fit(FRAME, LABELS).predict_proba(FRAME)
    assert not np.array_equal(usual, classifier(**ramps | change).fit(FRAME, LABELS).predict_proba(FRAME))


def test_what_is_auto():
    named = {"bins": 16, "weight_decay": 0.1}
    usual = classifier().fit(FRAME, LABELS).predict_proba(FRAME)
    np.testing.assert_array_equal(usual, classifier(**named).fit(FRAME, LABELS).predict_proba(FRAME))


def test_metrics_choose_the_epoch():
    by_loss = classifier(metric="log_loss").fit(FRAME, LABELS)
    assert 0 < by_loss.validation_score_ < 1.1
    calls = []

    def worst(labels, probabilities):
        calls.append((labels, probabilities))
        return -len(calls)  # the first epoch is the best

    model = classifier(metric=worst).fit(FRAME, LABELS)
    assert model.best_epochs_[0] == 0 or model.best_epochs_[1] == 0
    assert set(calls[0][0]) <= set(LABELS) and calls[0][1].shape == (len(calls[0][0]), 3)
    worst.greater_is_better = False
    assert max(classifier(metric=worst).fit(FRAME, LABELS).best_epochs_) == 59
    assert classifier(metric=lambda y, p: 1.0).fit(FRAME, LABELS).best_epochs_ == [59, 59]  # later ones
    for name in ("squared_error", "absolute_error"):
        assert 0 < regressor(metric=name).fit(FRAME, SCORES).validation_score_ < 1.5
    shapes = []
    regressor(metric=lambda y, p: shapes.append((y.shape, p.shape)) or 0.0).fit(FRAME, SCORES)
    assert shapes[0] == ((ROWS // 5,), (ROWS // 5,))


def test_rows_without_weight_do_not_count():
    weight = (np.arange(ROWS) % 3 > 0).astype(float)
    shifted = np.where(weight > 0, SCORES, 1e6)
    usual = regressor().fit(FRAME, SCORES, weight)
    np.testing.assert_array_equal(
        regressor().fit(FRAME, shifted, weight).predict(FRAME), usual.predict(FRAME)
    )
    heavy = classifier().fit(FRAME, LABELS, np.where(LABELS == "low", 20.0, 1.0))
    light = classifier().fit(FRAME, LABELS)
    assert (heavy.predict(FRAME) == "low").sum() > (light.predict(FRAME) == "low").sum()


def test_time_ends_a_fit():
    model = classifier(max_steps=10**6, max_time=0.5, n_members=3).fit(FRAME, LABELS)
    assert all(member.epochs < 10**5 for member in model.members_)
    assert min(model.best_epochs_) >= 0


def test_ctrl_c_ends_all_members():
    X = random.standard_normal((20_000, 10))
    with interrupted(after=1.0):
        classifier(max_steps=10**7, hidden_layer_sizes=(128,)).fit(X, X[:, 0] + X[:, 1] > 0)


@pytest.mark.parametrize("rows", [2, 3, 6, 11])
def test_few_rows(rows):
    y = np.arange(rows) % 2
    assert classifier().fit(FRAME[:rows], y).predict(FRAME).shape == (ROWS,)
    assert np.isfinite(regressor().fit(FRAME[:rows], y).predict(FRAME)).all()


def test_rare_classes():
    labels = LABELS.copy()
    labels[7] = "never again"
    model = classifier(n_members=4).fit(FRAME, labels)
    assert model.predict_proba(FRAME).shape == (ROWS, 4)


@on_both
def test_columns_that_say_nothing():
    model = classifier().fit(np.ones((30, 2)), np.arange(30) % 3 == 0)
    np.testing.assert_allclose(model.predict_proba(np.ones((1, 2)))[0, 0], 2 / 3, atol=0.1)
    assert regressor().fit(FRAME, np.full(ROWS, 7.0)).predict(FRAME).tolist() == [7.0] * ROWS


def test_a_leak_is_reported():
    large = pandas.concat([FRAME] * 3, ignore_index=True)
    leaking = large.assign(code=np.tile(LABELS, 3), copy=np.tile(SCORES, 3), x=random.random(len(large)))
    with pytest.warns(UserWarning, match="predicted without an error from 'code' alone"):
        classifier(max_steps=2).fit(leaking.drop(columns="copy"), np.tile(LABELS, 3))
    with pytest.warns(UserWarning, match="predicted without an error from 'copy' alone"):
        regressor(max_steps=2).fit(leaking, np.tile(SCORES, 3))


def test_what_is_refused():
    with pytest.raises(ValueError, match="y has 1 class, 'a', but at least 2 are needed"):
        classifier().fit(FRAME, ["a"] * ROWS)
    with pytest.raises(ValueError, match="class_weight has the class 'z'"):
        classifier(class_weight={"z": 1}).fit(FRAME, LABELS)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes\[1\] is 0, but must be"):
        classifier(hidden_layer_sizes=(3, 0)).fit(FRAME, LABELS)
    with pytest.raises(InvalidParameterError, match="'bins' parameter of TabularClassifier"):
        classifier(bins=-1).fit(FRAME, LABELS)
    with pytest.raises(InvalidParameterError, match="'metric' parameter of TabularRegressor"):
        regressor(metric="accuracy").fit(FRAME, SCORES)
    for model, y in (regressor(), SCORES[:-1]), (classifier(), LABELS[:-1]), (classifier(), ["a"]):
        with pytest.raises(ValueError, match=rf"inconsistent numbers of samples: \[{ROWS}, {len(y)}\]"):
            model.fit(FRAME, y)
    with pytest.raises(ValueError, match="too large to standardize"):
        regressor().fit(FRAME, np.where(np.arange(ROWS) == 0, 1e300, 0))
    model = classifier(max_steps=1).fit(FRAME, LABELS)
    with pytest.raises(ValueError, match="X has no column 'town' of the 5 columns that TabularClassifier"):
        model.predict(FRAME.drop(columns="town"))


def test_progress_is_shown(capsys):
    classifier(max_steps=1, progress=True).fit(FRAME, LABELS)
    assert "Traceback" not in capsys.readouterr().err
