"""`Ensemble`: the mean of several models, its file, and models that do not fit together."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.tolerances import assert_same_bits

import steepest as st
from steepest import storage

X, Y, LABELS = numbers((12, 6)), numbers((12, 3), seed=1), np.arange(12) % 3
FIT = {"epochs": 3, "progress": False}


def fitted(loss="softmax", outputs=3, *, layers=(), count=3, dtype=np.float32):
    """Models of different sizes, fitted with one loss."""
    models = []
    for i in range(count):
        parts = [st.Linear(6, 4 + i), st.Tanh(), st.Linear(4 + i, outputs), *layers]
        model = st.Sequential(*parts, seed=i, dtype=dtype)
        y = (
            LABELS
            if loss in ("softmax", "hinge")
            else Y[:, :outputs] > 0
            if loss == "bce"
            else Y[:, :outputs]
        )
        model.fit(X, y, loss=loss, optimizer="adam", **FIT)
        models.append(model)
    return models


def mean(answers, dtype=np.float32):
    return np.mean(np.array(answers, dtype=np.float64), axis=0).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_are_the_mean(implementation, dtype):
    models = fitted("mse", 2, dtype=dtype)
    with implementation.computing():
        scores = st.Ensemble(models)(X)
        assert_same_bits(scores, mean([model(X) for model in models], dtype))
    assert scores.dtype == dtype and scores.shape == (12, 2)


def test_probabilities_are_the_mean_and_the_largest_is_the_class():
    models = fitted()
    ensemble = st.Ensemble(models)
    expected = mean([model.predict_proba(X) for model in models])
    assert_same_bits(ensemble.predict_proba(X), expected)
    np.testing.assert_array_equal(ensemble.predict(X), expected.argmax(axis=1))
    assert ensemble.predict(X).dtype == np.int64


def test_one_output():
    models = fitted("bce", 1)
    p = st.Ensemble(models).predict_proba(X)
    assert_same_bits(p, mean([model.predict_proba(X) for model in models]))
    np.testing.assert_array_equal(st.Ensemble(models).predict(X), p[:, 1] > p[:, 0])


def test_several_labels():
    models = fitted("bce")
    assert_same_bits(
        st.Ensemble(models).predict_proba(X), mean([st.functional.sigmoid(m(X)) for m in models])
    )


def test_classes_without_probabilities():
    models = fitted("hinge")
    ensemble = st.Ensemble(models)
    np.testing.assert_array_equal(ensemble.predict(X), mean([m(X) for m in models]).argmax(axis=1))
    with pytest.raises(ValueError, match=r"fitted with MulticlassHinge.* no probabilities"):
        ensemble.predict_proba(X)
    with pytest.raises(ValueError, match=r"predict gives classes, but .* SquaredError"):
        st.Ensemble(fitted("mse", 1)).predict(X)


def test_sigmoids_are_probabilities():
    models = fitted("mse", 1, layers=(st.Sigmoid(),))
    for model in models:
        model.loss = None
    ensemble = st.Ensemble(models)
    np.testing.assert_array_equal(ensemble.predict(X), mean([m(X) for m in models])[:, 0] > 0.5)
    with pytest.raises(ValueError, match=r"the model ends with Sigmoid\(\)"):
        ensemble.predict_proba(X)


def test_of_one_model_it_is_that_model():
    (model,) = fitted(count=1)
    ensemble = st.Ensemble([model])
    assert_same_bits(ensemble(X), model(X))
    assert_same_bits(ensemble.predict_proba(X), model.predict_proba(X))
    assert ensemble.models == (model,)


def test_no_rows():
    ensemble = st.Ensemble(fitted())
    assert ensemble(X[:0]).shape == ensemble.predict_proba(X[:0]).shape == (0, 3)
    assert ensemble.predict(X[:0]).shape == (0,)


def test_models_are_not_copied():
    models = fitted()
    ensemble = st.Ensemble(models)
    before = ensemble(X)
    models[0].load_state_dict({key: 0 * value for key, value in models[0].state_dict().items()})
    assert not np.array_equal(ensemble(X), before)


@pytest.mark.parametrize("loss", ["softmax", "bce", "mse"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_files(tmp_path, loss, dtype):
    ensemble = st.Ensemble(fitted(loss, dtype=dtype))
    ensemble.save(tmp_path / "m.safetensors", metadata={"note": "three"})
    again = st.load(tmp_path / "m.safetensors")
    assert isinstance(again, st.Ensemble) and repr(again) == repr(ensemble)
    assert_same_bits(again(X), ensemble(X))
    assert type(again.loss) is type(ensemble.loss) is type(again.models[2].loss)
    assert storage.read(tmp_path / "m.safetensors")[0].metadata["note"] == "three"


def test_pickles():
    ensemble = st.Ensemble(fitted())
    assert_same_bits(pickle.loads(pickle.dumps(ensemble)).predict_proba(X), ensemble.predict_proba(X))


UNFIT = [
    (
        lambda: st.Sequential(st.Linear(5, 3)),
        "takes 5 features and has 3 outputs, but models[0] takes 6 features and has 3 outputs",
    ),
    (
        lambda: st.Sequential(st.Linear(6, 2)),
        "takes 6 features and has 2 outputs, but models[0] takes 6 features and has 3 outputs",
    ),
    (lambda: small_model(np.float64), "is of float64, but models[0] is of float32"),
    (
        lambda: fitted("hinge", count=1)[0],
        "was fitted with MulticlassHinge, but models[0] was not fitted",
    ),
    (
        lambda: st.Sequential(st.Linear(6, 3), st.Sigmoid()),
        "ends with Sigmoid(), but models[0] does not end with Sigmoid()",
    ),
]


@pytest.mark.parametrize(("other", "message"), UNFIT)
def test_models_that_do_not_fit_together(other, message):
    with pytest.raises(ValueError) as refused:
        st.Ensemble([small_model(), small_model(), other()])
    assert str(refused.value) == f"models[2] {message}"


@pytest.mark.parametrize(
    ("models", "kind", "message"),
    [
        ([], ValueError, "models has 0 models, but at least 1 is needed"),
        (None, TypeError, "models must be a sequence of st.Sequential, not None"),
        (small_model(), TypeError, "models must be a sequence of st.Sequential, not Sequential("),
        ([small_model(), "m"], TypeError, "models[1] must be a st.Sequential, not 'm'"),
        (["m"], TypeError, "models[0] must be a st.Sequential, not 'm'"),
    ],
)
def test_what_is_no_model(models, kind, message):
    with pytest.raises(kind) as refused:
        st.Ensemble(models)
    assert str(refused.value).startswith(message)


def test_files_of_models_that_do_not_fit_together(tmp_path):
    path = tmp_path / "m.safetensors"
    models = [small_model(), st.Sequential(st.Linear(5, 3))]
    layers = [model.layers for model in models]
    state = {f"{i}/{key}": v for i, model in enumerate(models) for key, v in model.state_dict().items()}
    storage.write(path, storage.Description((), np.dtype(np.float32), 0, {}, layers), state)
    with pytest.raises(st.ModelFileError, match=r"is not a steepest .*: models\[1\] takes 5 features"):
        st.load(path)
