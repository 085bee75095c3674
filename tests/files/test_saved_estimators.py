"""Estimators of networks and linear models in files: what is read answers to the bit as what was saved."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from support.conversions import samples
from support.tolerances import assert_same_bits

import steepest as st
from steepest import storage
from steepest.cli.parser import main
from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from steepest.storage import ESTIMATOR_KEY

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
NETWORK = {"hidden_layer_sizes": (7, 5), "max_iter": 5, "random_state": 0}
NORMS = {"batch_norm": True, "dropout": [0.1, 0.0], "activation": ["gelu", "leaky_relu"]}
ESTIMATORS = [
    (MLPClassifier(**NETWORK), "binary"),
    (MLPClassifier(**NETWORK, **NORMS), "multiclass"),
    (MLPClassifier(**NETWORK, solver="sgd", nesterovs_momentum=False), "multilabel"),
    (MLPClassifier(**NETWORK, loss="squared_hinge", n_iter_no_change=np.inf), "binary"),
    (MLPRegressor("huber", **NETWORK, huber_delta=0.3), "numbers"),
    (MLPRegressor("poisson", **NETWORK), "counts"),
    (LinearClassifier(class_weight={"no": 1, "yes": 2.5}), "binary"),
    (LinearClassifier("hinge", margin=2.0, fit_intercept=False), "multiclass"),
    (LinearRegressor(max_iter=np.int64(7), alpha=np.float32(0.1)), "number"),
    (LinearClassifier(margin=2.0), "binary"),  # of another loss
    (LinearRegressor("log_cosh", huber_delta=0.5), "numbers"),
]


def read_back(estimator, path):
    estimator.save(path)
    return st.load(path)


def answers(estimator, X):
    asked = ("predict", "predict_proba", "decision_function")
    return {name: getattr(estimator, name)(X) for name in asked if hasattr(estimator, name)}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("estimator", "kind"), ESTIMATORS, ids=str)
def test_what_is_read_answers_to_the_bit(tmp_path, estimator, kind, dtype):
    X, y = samples(kind)
    X = X.astype(dtype)
    estimator = clone(estimator).fit(X, y)
    same = read_back(estimator, tmp_path / "model.safetensors")
    assert type(same) is type(estimator) and same.get_params() == estimator.get_params()
    own, told = answers(estimator, X), answers(same, X)
    assert own.keys() == told.keys()
    for name, expected in own.items():
        if expected.dtype.kind == "U":
            np.testing.assert_array_equal(told[name], expected)
        else:
            assert_same_bits(told[name], expected, name)
    same.partial_fit(X, y)
    assert_same_bits(read_back(same, tmp_path / "again").predict(X), same.predict(X))


@pytest.mark.parametrize("labels", [
    np.array([False, True]), np.array([-3, 7], np.int8), np.array([0, 2**64 - 1], np.uint64),
    np.array([0.0, 2.0], np.float32), np.array([1, 2], ">i4"), np.array(["nein", "ja \U0001f600"]),
    np.array(["a", "b"], object), np.array(["2020-01-01", "2026-11-30"], "M8[D]"),
    np.array([1, 300], ">M8[D]"), np.array([-7, 1], "m8[25s]"),
    np.array([10, 20], "M8[ns]"), np.array([10, 20], "m8[ns]"),
])  # fmt: skip
def test_labels_of_any_kind(tmp_path, labels):
    X = np.arange(8.0)[:, np.newaxis]
    estimator = LinearClassifier().fit(X, labels[(X[:, 0] > 3).astype(int)])
    same = read_back(estimator, tmp_path / "model")
    assert same.classes_.dtype.kind == labels.dtype.kind and same.classes_.dtype == estimator.classes_.dtype
    np.testing.assert_array_equal(same.predict(X), estimator.predict(X))


def test_many_labels_are_no_cause_of_a_warning(tmp_path):
    labels = np.array([f"label {i}" for i in range(40)])
    estimator = LinearClassifier().fit(np.tile(np.eye(40), (3, 1)), np.tile(labels, 3))
    np.testing.assert_array_equal(read_back(estimator, tmp_path / "model").predict(np.eye(40)), labels)


def test_predictions_of_one_column_stay_one(tmp_path):
    X, y = samples("number")
    estimator = LinearRegressor().fit(X, y[:, np.newaxis])
    same = read_back(estimator, tmp_path / "model")
    assert_same_bits(same.predict(X), estimator.predict(X))
    assert same.predict(X).shape == (80, 1) and same.coef_.shape == (1, 6) and same.intercept_.shape == (1,)
    again = read_back(same.partial_fit(X, y[:, np.newaxis]), tmp_path / "again")
    assert_same_bits(again.predict(X), same.predict(X))


@pytest.mark.parametrize(("estimator", "kind", "changed"), [
    (LinearRegressor(), "number", {"fit_intercept": False}),
    (MLPRegressor(**NETWORK), "number", {"loss": "poisson"}),
    (MLPClassifier(**NETWORK), "multilabel", {"loss": "hinge"}),
    (MLPClassifier(**NETWORK), "binary", {"batch_norm": True}),
    (MLPClassifier(**NETWORK, batch_norm=True), "binary", {"batch_norm": False}),
], ids=str)  # fmt: skip
def test_parameters_of_another_model_are_refused(tmp_path, estimator, kind, changed):
    estimator = clone(estimator).fit(*samples(kind)).set_params(**changed)
    (name,) = changed
    with pytest.raises(ValueError, match=f"the estimator cannot be saved: {name} is .*: fit it again"):
        estimator.save(tmp_path / "model")
    with pytest.raises(ValueError, match="fit it again"):
        estimator.to_sequential()
    assert not list(tmp_path.iterdir())


def test_names_of_features_stay(tmp_path):
    pandas = pytest.importorskip("pandas")
    X, y = samples()
    frame = pandas.DataFrame(X, columns=list("abcdef"))
    same = read_back(MLPClassifier(**NETWORK).fit(frame, y), tmp_path / "model")
    assert same.feature_names_in_.tolist() == list("abcdef")
    with pytest.raises(ValueError, match="feature names should match"):
        same.predict(frame.rename(columns={"a": "z"}))


def test_a_fit_of_what_is_read_is_the_same_fit(tmp_path):
    X, y = samples()
    estimator = MLPClassifier(**NETWORK, alpha=0.01, solver="sgd", momentum=0.5, batch_size=16).fit(X, y)
    same = read_back(estimator, tmp_path / "model")
    assert_same_bits(same.fit(X, y).predict_proba(X), estimator.predict_proba(X))


SCHEDULES = [
    *(st.schedules.Warmup(3, after) for after in (0.1, st.schedules.Step(0.1, 5, 0.5))),
    st.schedules.Cosine(0.1, steps=100),
    st.schedules.Exponential(0.5, 0.9, by="epoch"),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_schedules_stay(tmp_path, schedule):
    X, y = samples()
    estimator = MLPClassifier(**NETWORK, solver="sgd", learning_rate_schedule=schedule).fit(X, y)
    same = read_back(estimator, tmp_path / "model")
    assert same.learning_rate_schedule == schedule
    assert_same_bits(same.fit(X, y).predict_proba(X), estimator.predict_proba(X))


def test_what_no_text_describes_is_left_out_with_a_warning(tmp_path):
    X, y = samples()
    more = {"random_state": np.random.RandomState(0), "callbacks": lambda fitted: None}
    estimator = LinearClassifier(solver="sgd", max_iter=1, **more).fit(X, y)
    with pytest.warns(UserWarning, match="leaves out callbacks, random_state, which no") as told:
        estimator.save(tmp_path / "model")
    assert told[0].filename == __file__
    same = st.load(tmp_path / "model")
    assert same.callbacks is same.random_state is None and same.max_iter == 1


def test_durations_are_no_integers(tmp_path):
    X, y = samples()
    estimator = LinearClassifier().fit(X, y).set_params(class_weight={np.timedelta64(10, "ns"): 2.0})
    with pytest.warns(UserWarning, match="leaves out class_weight"):
        estimator.save(tmp_path / "model")
    assert st.load(tmp_path / "model").class_weight is None


class Mine(LinearRegressor):
    pass


def test_what_cannot_be_saved(tmp_path):
    X, y = samples("number")
    with pytest.raises(NotFittedError):
        LinearRegressor().save(tmp_path / "model")
    with pytest.raises(ValueError, match="Mine is a class of your own, whose code no file has"):
        Mine().fit(X, y).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_metadata_of_a_model_are_its_own(tmp_path):
    st.Sequential(st.Linear(2, 1)).save(tmp_path / "model", metadata={"estimator": "the third"})
    assert type(st.load(tmp_path / "model")) is st.Sequential


DAMAGE = {
    "the fields are not those of an estimator": {"more": 1},
    "it was written by another release": {"version": 2, "more": 1},
    "its kind is 'OneHotEncoder', but must be one of": {"kind": "OneHotEncoder"},
    "it has classes without labels": {"labels": None},
    "labels without classes": {"kind": "LinearRegressor"},
    "has no parameter 'n_jobs'": {"parameters": {"n_jobs": 2}},
    "has no parameter 'loss', or its network says it": {"parameters": {"loss": "hinge"}},
    "The 'max_iter' parameter of LinearClassifier must be": {"parameters": {"max_iter": -1}},
    "'eval' is no way to write a value": {"parameters": {"max_iter": {"eval": "1"}}},
    "'number' is no way to write a value": {"parameters": {"max_iter": {"number": "nan"}}},
    "'eval'": {"parameters": {"learning_rate_schedule": {"schedule": {"name": "eval"}}}},
    "missing 1 required positional argument: 'steps'": {
        "parameters": {"learning_rate_schedule": {"schedule": {"name": "Warmup", "after": 0.1}}}
    },
    "only a LinearRegressor of one output": {"column": True},
    "labels take 6000000 characters": {"labels": {"dtype": "U", "values": ["a", "b", "c" * 2000000]}},
    "labels are not of dtype O": {"labels": {"dtype": "O", "values": ["a", "b", 1]}},
    "labels are not of dtype <f4": {"labels": {"dtype": "<f4", "values": [1, 2, 1e300]}},
    "Unknown label type: continuous": {"labels": {"dtype": "<f8", "values": [1.0, 2.0, 1e308]}},
    "labels are of dtype 'f8,f8'": {"labels": {"dtype": "f8,f8", "values": [1, 2, 3]}},
    "labels are of dtype None": {"labels": {"dtype": None, "values": [1, 2, 3]}},
    "labels are of dtype 'U99999'": {"labels": {"dtype": "U99999", "values": ["a", "b", "c"]}},
    "labels are not of dtype |i1": {"labels": {"dtype": "|i1", "values": [0.5, 1, 2]}},
    "classes has 2 different labels": {"labels": {"dtype": "O", "values": ["a", "b", "b"]}},
    "the model has 3 classes": {"labels": {"dtype": "O", "values": ["a"]}},
    "feature_names has 1 names": {"names": ["a"]},
    "its description of the estimator is damaged": {"names": 7},
    "the fields are not those of labels": {"labels": []},
    "not hashable": {"parameters": {"class_weight": {"pairs": [[[1], 2]]}}},
}


@pytest.mark.parametrize("fault", DAMAGE)
def test_damaged_descriptions_are_refused(tmp_path, fault):
    X, y = samples()
    estimator, path = LinearClassifier().fit(X, y), tmp_path / "model"
    estimator.save(path)
    model = estimator.to_sequential()
    described = json.loads(_text(path)) | DAMAGE[fault]
    model.save(path, metadata={ESTIMATOR_KEY: json.dumps(described)})
    with pytest.raises(st.ModelFileError) as error:
        st.load(path)
    message = str(error.value)
    assert "its description of the estimator is damaged" in message and len(message) < 400
    assert fault in message or fault == "not hashable"


def test_it_needs_a_network_that_the_kind_can_have(tmp_path):
    X, y = samples()
    LinearClassifier().fit(X, y).save(tmp_path / "linear")
    model = st.Sequential(st.Linear(6, 4), st.ReLU(), st.Linear(4, 3))
    model.save(tmp_path / "model", metadata={ESTIMATOR_KEY: _text(tmp_path / "linear")})
    with pytest.raises(st.ModelFileError, match="LinearClassifier has one Linear and no other layer"):
        st.load(tmp_path / "model")


def test_without_scikit_learn_it_says_what_is_missing(tmp_path):
    X, y = samples()
    LinearClassifier().fit(X, y).save(tmp_path / "model")
    program = "import sys\nsys.modules['sklearn'] = None\nimport steepest as st\nst.load(sys.argv[1])"
    arguments = [sys.executable, "-c", program, str(tmp_path / "model")]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert "ImportError: steepest.sklearn needs scikit-learn: pip install 'steepest[sklearn]'" in done.stderr


@pytest.mark.parametrize("command", ["info", "predict", "evaluate"])
def test_the_command_line_says_what_it_is(tmp_path, capsys, command):
    X, y = samples()
    path = tmp_path / "model.safetensors"
    LinearClassifier().fit(X, y).save(path)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    table = [] if command == "info" else [str(tmp_path / "t.csv")]
    assert main([command, str(path), *table]) == 2
    assert "has a LinearClassifier, for arrays: steepest.load(path).predict(X)" in capsys.readouterr().err


def _text(path):
    """The description of the estimator in a file."""
    return storage.read(path)[0].metadata[ESTIMATOR_KEY]
