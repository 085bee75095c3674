"""ONNX files: what a runtime of others makes of them is what the model computes."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import numbers

import steepest as st
from steepest.layers import LAYERS
from steepest.layers import Activation as Base

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

X = numbers((53, 5)).astype(np.float32)
Y = np.arange(53) % 3
L = st.Linear
ACTIVATIONS = [
    *(st.ReLU(), st.Sigmoid(), st.Tanh(), st.LeakyReLU(0.2), st.ELU(0.7), st.SELU(), st.LeCunTanh()),
    *(st.Softplus(), st.GELU(), st.SiLU(), st.Mish(), st.Identity()),
]
MODELS = {type(each).__name__: [L(5, 7), each, L(7, 3)] for each in ACTIVATIONS} | {
    "Linear": [L(5, 3, bias=False)],
    "Maxout": [st.Maxout(5, 4, 3), L(4, 3)],
    "Dropout": [L(5, 6), st.Dropout(0.4), L(6, 3)],
    "BatchNorm": [L(5, 6), st.BatchNorm(6, epsilon=1e-3), st.ReLU(), L(6, 3)],
    "LayerNorm": [st.LayerNorm(5), L(5, 6), st.LayerNorm(6, epsilon=1e-2), L(6, 3)],
    "Scale": [st.Scale(5), L(5, 6), st.Scale(6), L(6, 3)],
    "Residual": [
        L(5, 4),
        st.Residual(L(4, 4), st.Residual(st.Tanh(), L(4, 4)), survival_probability=0.6),
        L(4, 3),
    ],
    "Standardize": [st.Standardize(5), L(5, 3)],
    "PiecewiseLinear": [st.PiecewiseLinear(5, [3, 0, 8, 1, 2]), L(15, 3)],
    "PiecewiseLinear, all": [st.PiecewiseLinear(5, 4, keep_features=True), L(25, 3)],
    "PiecewiseLinear, not for a product": [st.PiecewiseLinear(5, 4), st.ReLU(), L(20, 3)],
    "PeriodicEmbedding": [st.PeriodicEmbedding(5, 6, 3, std=2.0), L(15, 3)],
    "PeriodicEmbedding, some": [L(5, 4), st.PeriodicEmbedding(4, 3, 4, columns=[1, 3]), L(10, 3)],
}


def exported(model, folder):
    path = folder / "model.onnx"
    st.to_onnx(model, path)
    return runtime.InferenceSession(path, providers=["CPUExecutionProvider"])


def assert_agrees(session, model, x):
    (scores,) = session.run(["scores"], {"X": x})
    expected = model(x)
    assert scores.shape == expected.shape and scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max(initial=1))


def trained(layers, rows=X, dtype="float32", loss="softmax", y=Y, **settings):
    model = st.Sequential(*layers, dtype=dtype, seed=2)
    model.fit(rows, y, loss=loss, epochs=3, batch_size=16, progress=False, **settings)
    return model


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", MODELS)
def test_each_layer(tmp_path, layers, dtype):
    model = trained(MODELS[layers], dtype=dtype)
    session = exported(model, tmp_path)
    for rows in (X, X[:1], np.concatenate([X * 30, np.zeros((2, 5), np.float32)])):
        assert_agrees(session, model, rows)


def test_every_layer_is_here():
    named = {name.partition(",")[0] for name in MODELS}
    assert named == LAYERS.keys() - {"FractionalMaxPool2d"}
    assert {type(each) for each in ACTIVATIONS} == {
        kind for kind in LAYERS.values() if issubclass(kind, Base)
    }


def test_knots_and_large_numbers(tmp_path):
    """Equal knots are steps, and means of a million are taken away in float64."""
    x = np.round(X, 0)
    model = trained([st.PiecewiseLinear(5, 8, keep_features=True), L(45, 3)], x)
    assert_agrees(exported(model, tmp_path), model, np.concatenate([x, x + np.float32(1e-3), x * 1e6]))
    far = X + np.float32(1e6)
    model = trained([st.Standardize(5), L(5, 3)], far)
    assert_agrees(exported(model, tmp_path), model, far)


ANSWERS = {
    "softmax": ("softmax", Y, 3, {"scores", "probabilities", "classes"}),
    "binary": ("bce", (Y > 0)[:, None], 1, {"scores", "probabilities", "classes"}),
    "several": ("bce", np.eye(3)[Y], 3, {"scores", "probabilities", "classes"}),
    "hinge": ("hinge", Y, 3, {"scores", "classes"}),
    "numbers": ("mse", X[:, :2], 2, {"scores"}),
}


@pytest.mark.parametrize("answers", ANSWERS)
def test_answers_by_loss(tmp_path, answers):
    loss, y, outputs, names = ANSWERS[answers]
    model = trained([L(5, 6), st.ReLU(), L(6, outputs)], loss=loss, y=y)
    session = exported(model, tmp_path)
    assert {one.name for one in session.get_outputs()} == names
    if "probabilities" in names:
        (found,) = session.run(["probabilities"], {"X": X})
        np.testing.assert_allclose(found, model.predict_proba(X), rtol=1e-5, atol=1e-6)
    if "classes" in names:
        (found,) = session.run(["classes"], {"X": X})
        assert found.dtype == np.int64 and (found == model.predict(X)).all()


def test_a_sigmoid_at_the_end(tmp_path):
    model = trained([L(5, 1), st.Sigmoid()], loss="mse", y=(Y > 0)[:, None])
    assert [one.name for one in exported(model, tmp_path).get_outputs()] == ["scores"]


def test_what_the_file_says(tmp_path):
    exported(st.Sequential(L(5, 3)), tmp_path)
    made = onnx.load(tmp_path / "model.onnx")
    assert (made.producer_name, made.producer_version) == ("steepest", st.__version__)
    onnx.checker.check_model(made, full_check=True)


def test_what_has_no_form_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"FractionalMaxPool2d\(.*has no form in ONNX"):
        st.to_onnx(st.Sequential(st.FractionalMaxPool2d(4, 4, 1, 1.5), L(4, 2)), tmp_path / "m")
    with pytest.raises(ValueError, match=r"layer 0 is Standardize.*whose mean and scale are not set"):
        st.to_onnx(st.Sequential(st.Standardize(3), L(3, 2)), tmp_path / "m")
    with pytest.raises(TypeError, match=r"model must be a st\.Sequential, not 3"):
        st.to_onnx(3, tmp_path / "m")
    with pytest.raises(OSError, match="no/m"):
        st.to_onnx(st.Sequential(L(3, 2)), tmp_path / "no/m")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(
        ImportError, match=r"to_onnx needs onnx, which is missing: pip install 'steepest\[onnx\]'"
    ):
        st.to_onnx(st.Sequential(L(3, 2)), tmp_path / "m")


def test_a_layer_of_a_derived_class_is_not_taken_for_its_base(tmp_path):
    """It may compute something else."""

    class Rectified(st.Linear):
        def compile(self, plan):
            super().compile(plan)
            st.ReLU().compile(plan)

    model = st.Sequential(Rectified(3, 2))
    with pytest.raises(ValueError, match=r"Linear\(3, 2\) is of class Rectified, which has no form in C"):
        st.to_c(model, tmp_path / "m")
    with pytest.raises(ValueError, match=r"Linear\(3, 2\) is of class Rectified, which has no form in ONNX"):
        st.to_onnx(model, tmp_path / "m")
