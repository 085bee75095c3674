"""Files of estimators of tables: the same answers without scikit-learn, and refusal of what is damaged."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
import steepest as st
from steepest import storage
from steepest.sklearn import TabularClassifier, TabularRegressor

pandas = pytest.importorskip("pandas")

random = np.random.default_rng(8)
FRAME = pandas.DataFrame(
    {
        "x": np.where(random.random(90) < 0.1, np.nan, random.standard_normal(90)),
        "kind": random.choice(["a", "b", "c"], 90),
        "day": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(np.arange(90), unit="D"),
        "yes": random.random(90) < 0.5,
    }
)
SMALL = {"n_members": 2, "hidden_layer_sizes": (8,), "max_steps": 20, "random_state": 0}
LABELS = np.where(FRAME["yes"], "on", "off")
TARGETS = np.column_stack([np.arange(90.0), FRAME["yes"]])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("labels", [LABELS, LABELS == "on", (LABELS == "on") * 2 - 1, (LABELS == "on") + 1.0])
def test_classes(path, labels):
    model = TabularClassifier(**SMALL).fit(FRAME, labels)
    model.save(path)
    again = st.load(path)
    assert isinstance(again, st.TableEnsemble) and again.feature_names == list(FRAME)
    turned = FRAME[FRAME.columns[::-1]]
    np.testing.assert_array_equal(again.predict_proba(turned), model.predict_proba(FRAME))
    np.testing.assert_array_equal(again.predict(FRAME), model.predict(FRAME))
    assert repr(again) == "TableEnsemble(2 networks, classification from 4 columns)"
    again.save(path)
    np.testing.assert_array_equal(st.load(path).predict(FRAME), model.predict(FRAME))


@pytest.mark.parametrize("targets", [TARGETS, TARGETS[:, 0]])
def test_numbers(path, targets):
    model = TabularRegressor(**SMALL).fit(FRAME, targets)
    model.save(path)
    np.testing.assert_array_equal(st.load(path).predict(FRAME), model.predict(FRAME))
    with pytest.raises(ValueError, match="no probabilities: it is a regression"):
        st.load(path).predict_proba(FRAME)


def test_rows_may_be_dicts(path):
    """As those of a web service are; the README shows it for any file of the command line."""
    model = TabularRegressor(**SMALL).fit(FRAME, TARGETS[:, 0])
    model.save(path)
    again, expected = st.load(path), model.predict(FRAME)
    rows = FRAME.astype({"day": str}).astype(object).where(FRAME.notna(), None).to_dict("records")
    np.testing.assert_array_equal(again.predict(rows), expected)
    np.testing.assert_array_equal(again.predict(rows[:1]), expected[:1])
    np.testing.assert_array_equal(again.predict({name: FRAME[name].to_numpy() for name in FRAME}), expected)
    with pytest.raises(st.TableError, match="no column 'kind'"):
        again.predict([{"x": 1.0, "day": "2024-01-01", "yes": True}])


@pytest.mark.parametrize("targets", [TARGETS, TARGETS[:, 0]])
def test_numbers_are_judged(path, targets):
    model = TabularRegressor(**SMALL).fit(FRAME, targets)
    model.save(path)
    again = st.load(path)
    np.testing.assert_array_equal(again(FRAME), model.predict(FRAME).reshape(90, -1))
    assert again.score(FRAME, targets) == pytest.approx(model.score(FRAME, targets))
    assert again.evaluate(FRAME, targets).keys() == {
        "r2",
        "mean_absolute_error",
        "root_mean_squared_error",
    }
    with pytest.raises(st.TableError, match="y is needed: X has no columns with the names of those"):
        again.score(FRAME)
    with pytest.raises(st.TableError, match=r"y has shape \(89, 3\), but the table has 90 rows"):
        again.score(FRAME, np.zeros((89, 3)))


@pytest.mark.parametrize("labels", [LABELS, LABELS == "on", (LABELS == "on") + 1.0])
def test_classes_are_judged(path, labels):
    model = TabularClassifier(**SMALL).fit(FRAME, labels)
    model.save(path)
    again = st.load(path)
    np.testing.assert_array_equal(again(FRAME), model.predict_proba(FRAME))
    assert again.score(FRAME, labels) == model.score(FRAME, labels)
    assert again.score(FRAME, model.predict(FRAME)) == 1.0
    assert again.evaluate(FRAME, labels)["balanced_accuracy"] <= 1.0
    with pytest.raises(st.TableError, match="'off!' is not one of the classes"):
        again.score(FRAME[:1], ["off!"])


def test_answers_may_be_columns(path):
    ensemble = TabularClassifier(**SMALL).fit(FRAME, LABELS).to_ensemble()
    replace(ensemble, targets=("on",)).save(path)
    again, whole = st.load(path), FRAME.assign(on=LABELS)
    assert again.score(whole) == again.score(FRAME, LABELS) == again.score(whole.to_dict("records"))
    with pytest.raises(st.TableError, match="no column 'on'"):
        again.score(FRAME)


def test_estimators_take_dicts_as_their_files_do():
    columns = {name: FRAME[name].tolist() for name in FRAME}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    labels = LABELS.astype(object)
    expected = TabularClassifier(**SMALL).fit(FRAME, labels)
    for form in columns, rows:
        model = TabularClassifier(**SMALL).fit(form, labels)
        assert model.feature_names_in_.tolist() == list(FRAME)
        np.testing.assert_array_equal(model.predict_proba(form), expected.predict_proba(FRAME))
        np.testing.assert_array_equal(expected.predict_proba(form), expected.predict_proba(FRAME))
        assert model.score(form, labels) == expected.score(FRAME, labels)


def test_arrays_have_places(path):
    X = random.standard_normal((50, 3))
    model = TabularRegressor(**SMALL).fit(X, X[:, 0])
    model.save(path)
    again = st.load(path)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    np.testing.assert_array_equal(again.predict(pandas.DataFrame(X)), model.predict(X))
    with pytest.raises(st.TableError, match=r"X has shape \(50, 2\), but the model takes \(rows, 3\)"):
        again.predict(X[:, :2])


def test_a_missing_column_is_named(path):
    TabularRegressor(**SMALL).fit(FRAME, TARGETS).save(path)
    with pytest.raises(st.TableError, match="no column 'day' of the 4 columns that the model was fitted to"):
        st.load(path).predict(FRAME.drop(columns="day"))


def change(*place, to):
    """A description with another value at a place."""

    def changed(described):
        part = described
        for key in place[:-1]:
            part = part[key]
        part[place[-1]] = to
        return described

    return changed


DAMAGED = [
    (change("version", to=9), "another release"),
    (change("more", to=9), "the fields are not those"),
    (change("named", to=1), "is not true or false"),
    (change("columns", to=[]), "there is none"),
    (change("targets", to=["a", "b"]), "the targets are not those predicted"),
    (change("targets", to="a"), "'a' is not a list"),
    (change("columns", 0, "kind", to="odd"), "column 0: its kind is unknown"),
    (change("columns", 0, "scale", to=-1), "a scale is negative"),
    (change("columns", 0, "scale", to="1"), "is not a finite number"),
    (change("columns", 0, "name", to="kind"), "two columns have one name"),
    (change("columns", 0, "distinct", to=0), "distinct is not"),
    (change("columns", 0, "tails", to=1), "is not true or false"),
    (change("columns", 0, "codes", to=[1, 1]), "codes are not in order"),
    (change("columns", 0, "codes", to=[0, 1]), "but a network has"),
    (change("columns", 1, "kinds", to=["a", "a", "b"]), "kinds of a category repeat"),
    (change("columns", 1, "kinds", to=["a", "b"]), "but a network has"),
    (change("columns", 2, "days", to=3), "a number has other fields"),
    (change("answers", to=[]), "not described by an object"),
    (change("answers", "temperature", to=0), "temperature is 0.0, but must be at least 1e-30"),
    (change("answers", "labels", to=["on", "on"]), "labels repeat"),
    (change("answers", "labels", to=[1, 2, 3]), "but a network has"),
    (change("answers", to={"mean": [0]}), "the answers have other fields"),
    (
        change("answers", to={"mean": [0], "scale": [], "lowest": [0], "highest": [0], "one": True}),
        "several lengths",
    ),
    (
        change("answers", to={"mean": [0], "scale": [0], "lowest": [0], "highest": [0], "one": True}),
        "a scale is not positive",
    ),
]


@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
@pytest.mark.parametrize(("damage", "said"), DAMAGED, ids=[said for _, said in DAMAGED])
def test_damaged_descriptions_are_refused(path, damage, said):
    TabularClassifier(**SMALL).fit(FRAME, LABELS).save(path)
    description, state = storage.read(path)
    described = damage(json.loads(description.metadata["table_ensemble"]))
    description.metadata["table_ensemble"] = json.dumps(described)
    storage.write(path, description, state)
    with pytest.raises(st.ModelFileError, match=f"is not a steepest model file: .*{said}"):
        st.load(path)


def test_a_file_of_before_there_were_codes_and_tails(path):
    model = TabularClassifier(**SMALL).fit(FRAME, LABELS)
    model.save(path)
    description, state = storage.read(path)
    described = json.loads(description.metadata["table_ensemble"])
    for number in (described["columns"][0], described["columns"][2]["days"]):
        del number["codes"], number["tails"]
    description.metadata["table_ensemble"] = json.dumps(described)
    storage.write(path, description, state)
    np.testing.assert_array_equal(st.load(path).predict_proba(FRAME), model.predict_proba(FRAME))


def test_other_models_are_told_apart(path):
    TabularClassifier(**SMALL).fit(FRAME, LABELS).save(path)
    description, state = storage.read(path)
    assert {key.partition("/")[0] for key in state} == {"0", "1"}
    del description.metadata["table_ensemble"]
    storage.write(path, description, state)
    assert isinstance(st.load(path), st.Ensemble)


def test_wide_tables_are_read_again(path):
    X = random.standard_normal((40, 10_001))
    model = TabularRegressor(n_members=1, hidden_layer_sizes=(2,), bins=0, max_steps=2).fit(X, X[:, 0])
    model.save(path)
    np.testing.assert_array_equal(st.load(path).predict(X), model.predict(X))
