"""`evaluate`, `predict`, `predict_proba`, `score`; a loop of fits that goes on."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st

FIT = {"epochs": 1, "progress": False, "batch_size": 32}


def single(*more):
    return st.Sequential(st.Linear(6, 1), *more, seed=1)


def test_evaluate(backend, data):
    X, y = data
    weight = np.arange(300) % 3
    with backend.computing():
        model = small_model()
        with pytest.raises(ValueError, match="the model has not been fitted, so give its loss"):
            model.evaluate(X, y)
        history = model.fit(X, y, **FIT, validation_data=data, metrics=["f1"])
        assert model.evaluate(X, y, metrics=["f1"]) == {
            "loss": history.validation_loss[0],
            "f1": history.metrics["f1"][0],
        }
        hinge = model.loss_and_gradients(X, y, loss="svm", sample_weight=weight)[0]
        found = model.evaluate(X, y, loss="svm", sample_weight=weight, metrics=["accuracy"])
        assert found == {
            "loss": pytest.approx(hinge, rel=1e-5),
            "accuracy": st.accuracy(y, model(X), weight),
        }
        assert pickle.loads(pickle.dumps(model)).evaluate(X, y) == model.evaluate(X, y)
    with pytest.raises(ValueError, match="metric 'acuracy' is not known"):
        model.evaluate(X, y, metrics=["acuracy"])


def test_answers_of_one_output(backend, data):
    X, y = data[0], data[0][:, 0] > 0
    with backend.computing():
        model = single()
        model.fit(X, y, **FIT, loss="bce")
        scores = model(X)[:, 0]
        assert model.predict(X).tolist() == (scores > 0).tolist() and model.predict(X).dtype == np.int64
        p = model.predict_proba(X)
        np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-5)
        assert p.shape == (300, 2) and np.allclose(p.sum(axis=1), 1)
        assert model.score(X, y) == np.mean(model.predict(X) == y)
        bounded = single(st.Sigmoid())
        assert bounded.predict(X).tolist() == (bounded(X)[:, 0] > 0.5).tolist()
        assert bounded.score(X, y) == np.mean(bounded.predict(X) == y)
        model.fit(X, X[:, :1], **FIT, loss="mse")
        assert model.score(X, X[:, :1]) == st.metrics.r2(X[:, :1], model(X))
        with pytest.raises(ValueError, match=r"fitted with SquaredError\(.*: use model\(X\)"):
            model.predict(X)


def test_probabilities_of_several_outputs(backend, data):
    X, y = data
    with backend.computing():
        model = small_model()
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
        model.fit(X, np.eye(3)[y], **FIT, loss="bce")
        np.testing.assert_allclose(model.predict_proba(X), 1 / (1 + np.exp(-model(X))), rtol=1e-4)
        model.fit(X, y, **FIT, loss="svm")
        with pytest.raises(ValueError, match="whose scores are no probabilities: fit it with loss="):
            model.predict_proba(X)
    with pytest.raises(ValueError, match=r"the model ends with Sigmoid\(\)"):
        single(st.Sigmoid()).predict_proba(X)
    model.fit(X, np.ones((300, 3)), **FIT, loss="poisson")
    with pytest.raises(ValueError, match="scores of PoissonDeviance are logarithms"):
        model.score(X, np.ones((300, 3)))


def test_parameters_are_read_only_views(data):
    model = small_model()
    views = model.parameters()
    assert len(model) == 3 and [view.shape for view in views] == [(6, 8), (8,), (8, 3), (3,)]
    model.fit(*data, **FIT)
    for view, array in zip(views, model.state_dict().values(), strict=True):
        assert (view == array).all() and not view.flags.writeable


def test_a_loop_of_fits_goes_on(backend, data):
    def losses(seed=None, fits=2):
        model = st.Sequential(st.Linear(6, 8), st.Dropout(0.5), st.Linear(8, 3), seed=3)
        start = model.state_dict()
        found = []
        for _ in range(fits):
            model.load_state_dict(start)
            model.fit(*data, **FIT, seed=seed)
            found.append(model.state_dict()["0.weight"].tolist())
        return found

    with backend.computing():
        first, second = losses()
        assert first != second and losses() == [first, second]
        assert losses(seed=3) == [first, first]
        one = small_model()
        one.fit(*data, epochs=0)
        one.fit(*data, **FIT)
        two = small_model()
        two.fit(*data, **FIT)
        assert_equal_models(one, two)
        for twin in (copy.copy(one), pickle.loads(pickle.dumps(one))):
            twin.fit(*data, **FIT)
            assert twin.fits_done == 2
        two.fit(*data, **FIT)
        assert_equal_models(twin, two)


def test_a_loop_of_fits_holds_the_same_rows_out(data):
    model, seen = small_model(), []
    for _ in range(2):
        model.fit(
            *data,
            **FIT,
            validation_split=0.2,
            metrics={"m": lambda y, scores: seen.append(y.tolist()) or 0.0},
        )
    assert seen[0] == seen[1]


def test_a_layer_of_a_model_has_its_arrays(data):
    model = st.Sequential(st.Linear(6, 8, bias=False), st.BatchNorm(8), st.ReLU(), st.Linear(8, 3))
    weight = model[0].weight
    model.fit(*data, **FIT)
    state = model.state_dict()
    assert (weight == state["0.weight"]).all() and not weight.flags.writeable and model[0].bias is None
    assert (model[-1].bias == state["3.bias"]).all() and model[0].out_features == 8
    assert (model[1].running_mean == state["1.running_mean"]).all()
    assert [layer.layer for layer in model] == list(model.layers) and repr(model[2]) == "ReLU()"
    with pytest.raises(IndexError, match="there is no layer 4: the model has 4 layers"):
        model[4]
    with pytest.raises(AttributeError, match="weight"):
        model[2].weight  # noqa: B018


@pytest.mark.parametrize("number", [slice(0, 2), 0.5, "0.weight"])
def test_layers_by_anything_but_their_numbers(number: object) -> None:
    model = st.Sequential(st.Linear(2, 2), st.ReLU())
    with pytest.raises(TypeError, match=r"takes the number of one layer, not .*: model\.layers has all"):
        model[number]  # type: ignore[index]
