"""C files: compiled, they compute to the last bit what they say, and within roundings what the model does."""

from __future__ import annotations

import contextlib
import io
import math
import re
import runpy
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.exchange.compiling import STRICT, Compiled, built, compiled, compiler, needs_compiler
from support.exchange.scalar_order import bound, scores_of, sigmoid
from support.strategies import numbers
from support.tolerances import FUNCTION, assert_close, assert_same_bits

import steepest as st
from steepest.layers import LAYERS
from steepest.layers import Activation as Base
from steepest.layers import Layer as AnyLayer

X = numbers((53, 5)).astype(np.float32)
Y = np.arange(53) % 3
L = st.Linear
ACTIVATIONS = [
    *(st.ReLU(), st.Sigmoid(), st.Tanh(), st.LeakyReLU(0.2), st.ELU(0.7), st.SELU(), st.LeCunTanh()),
    *(st.Softplus(), st.GELU(), st.SiLU(), st.Mish(), st.Identity()),
]
MODELS = {type(each).__name__: [L(5, 7), each, L(7, 3)] for each in ACTIVATIONS} | {
    "ELU, two": [L(5, 4), st.ELU(0.7), L(4, 3), st.ELU(0.3)],
    "Linear": [L(5, 3, bias=False)],
    "Maxout": [st.Maxout(5, 4, 3), L(4, 3)],
    "Dropout": [st.Dropout(0.4), L(5, 3), st.Dropout(0.4)],
    "BatchNorm": [L(5, 6), st.BatchNorm(6, epsilon=1e-3), st.ReLU(), L(6, 3)],
    "LayerNorm": [st.LayerNorm(5, epsilon=0.1), L(5, 3)],
    "LayerNorm, of layers": [L(5, 6), st.LayerNorm(6, epsilon=0.5), L(6, 3)],
    "Scale": [st.Scale(5), L(5, 6), st.Scale(6), L(6, 3)],
    "Residual": [
        L(5, 4),
        st.Residual(L(4, 4), st.Residual(st.Tanh(), L(4, 4)), survival_probability=0.6),
        st.Residual(L(4, 9), L(9, 4)),
        L(4, 3),
    ],
    "Residual, of inputs": [st.Residual(st.ReLU(), st.Residual(st.Dropout(0.1))), L(5, 3)],
    "Standardize": [st.Standardize(5), L(5, 3)],
    "PiecewiseLinear": [st.PiecewiseLinear(5, [3, 0, 8, 1, 2]), L(15, 3)],
    "PiecewiseLinear, all": [st.PiecewiseLinear(5, 4, keep_features=True), L(25, 3)],
    "PiecewiseLinear, not for a product": [st.PiecewiseLinear(5, 4), st.ReLU(), L(20, 3)],
    "PeriodicEmbedding": [st.PeriodicEmbedding(5, 6, 3, std=2.0), L(15, 3)],
    "PeriodicEmbedding, some": [L(5, 4), st.PeriodicEmbedding(4, 30, 4, columns=[1, 3]), L(10, 3)],
    "FractionalMaxPool2d": [L(5, 70), st.FractionalMaxPool2d(7, 5, 2, 1.5), L(24, 3)],
}


def trained(layers, rows=X, dtype="float32", loss="softmax", y=Y, **settings):
    model = st.Sequential(*layers, dtype=dtype, seed=2)
    model.fit(rows, y, loss=loss, epochs=3, batch_size=16, progress=False, **settings)
    return model


def assert_agrees(made, x):
    """To the bit with the order that the file states, and within roundings with the model."""
    model, scores = made.model, made.scores(x)
    expected = [scores_of(model, row) for row in x]
    assert_same_bits(scores, np.array(expected, model.dtype), "scores")
    assert_close(scores, model(x), *bound(model, x))


@pytest.fixture(scope="module")
def each(tmp_path_factory):
    """All models, by layers and dtype, compiled as one file that includes theirs."""
    folder, made = tmp_path_factory.mktemp("each"), {}
    for dtype in ("float32", "float64"):
        for name, layers in MODELS.items():
            made[name, dtype] = trained(layers, dtype=dtype)
            st.to_c(made[name, dtype], folder / f"m{len(made)}.c", name=f"m{len(made)}")
    (folder / "all.c").write_text("".join(f'#include "m{i + 1}.c"\n' for i in range(len(made))))
    library = built(folder / "all.c", folder / "all.so")
    return {key: Compiled(library, model, f"m{i + 1}") for i, (key, model) in enumerate(made.items())}


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layers", MODELS)
def test_each_layer(each, layers, dtype):
    wide = X.astype(dtype) * np.dtype(dtype).type(1 / 3)
    assert_agrees(each[layers, dtype], np.concatenate([wide, wide[:9] * 30, np.zeros((2, 5), dtype)]))


def test_every_layer_is_here():
    assert {name.partition(",")[0] for name in MODELS} == LAYERS.keys()
    assert {type(each) for each in ACTIVATIONS} == {
        kind for kind in LAYERS.values() if issubclass(kind, Base)
    }


@needs_compiler
def test_knots_and_large_numbers(tmp_path):
    """Equal knots are steps, and means of a million are taken away in double."""
    x = np.round(X, 0)
    model = trained([st.PiecewiseLinear(5, 8, keep_features=True), L(45, 3)], x)
    assert_agrees(compiled(model, tmp_path), np.concatenate([x, x + np.float32(1e-3), x * 1e6]))
    far = X + np.float32(1e6)
    assert_agrees(compiled(trained([st.Standardize(5), L(5, 3)], far), tmp_path), far)
    huge = trained([st.LayerNorm(5), L(5, 3)], X.astype(float), dtype="float64")
    scores = compiled(huge, tmp_path).scores(X.astype(float) * 1e200)
    np.testing.assert_allclose(scores, huge(X.astype(float) * 1e200), rtol=1e-12)


ANSWERS = {
    "softmax": ("softmax", Y, 3),
    "binary": ("bce", (Y > 0)[:, None], 1),
    "several": ("bce", np.eye(3)[Y], 3),
    "hinge": ("hinge", Y, 3),
    "numbers": ("mse", X[:, :2], 2),
}


def probabilities_of(scores, kind):
    """In the stated order, of numbers of their dtype."""
    real = type(scores[0])
    if kind == "softmax":
        powers = [real(math.exp(float(s) - float(max(scores)))) for s in scores]  # NumPy's has other bits
        total = real(0)
        for power in powers:
            total = total + power
        return [power / total for power in powers]
    made = [real(sigmoid(float(s))) for s in scores]
    return made if kind == "several" else [real(1) - made[0], made[0]]


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("answers", ANSWERS)
def test_answers_by_loss(tmp_path, answers, dtype):
    loss, y, outputs = ANSWERS[answers]
    model = trained([L(5, 6), st.ReLU(), L(6, outputs)], loss=loss, y=y, dtype=dtype)
    made = compiled(model, tmp_path)
    assert hasattr(made.library, "model_probabilities") == (answers in ("softmax", "binary", "several"))
    assert hasattr(made.library, "model_class") == (answers != "numbers")
    if answers != "numbers":
        assert made.classes(X) == model.predict(X).tolist()
    if hasattr(made.library, "model_probabilities"):
        found = made.rows("probabilities", X, max(outputs, 2))
        stated = [probabilities_of(list(row), answers) for row in made.scores(X)]
        assert_same_bits(found, np.array(stated, dtype), "probabilities")
        depth, size = bound(model, X)
        assert_close(found, model.predict_proba(X), depth + FUNCTION, 1 + size.max())


@needs_compiler
def test_a_sigmoid_at_the_end(tmp_path):
    """Without a loss there are scores alone, and with one of numbers too."""
    for model in (
        st.Sequential(L(5, 1), st.Sigmoid()),
        trained([L(5, 1), st.Sigmoid()], loss="mse", y=(Y > 0)[:, None]),
    ):
        assert not hasattr(compiled(model, tmp_path).library, "model_class")


@needs_compiler
def test_declarations_alone(tmp_path):
    """Two models in one program, which includes their files for what they declare; results go over inputs."""
    model = trained([st.PiecewiseLinear(5, 3), L(15, 5)])
    st.to_c(model, tmp_path / "one.c", name="one")
    st.to_c(model, tmp_path / "Two_2.c", name="Two_2")
    (tmp_path / "main.c").write_text("""
        #define ONE_DECLARATIONS_ONLY
        #define TWO_2_DECLARATIONS_ONLY
        #include "one.c"
        #include "Two_2.c"
        int main(void)
        {
            float x[ONE_IN_FEATURES] = {1, 2, 3, 4, 5}, p[TWO_2_CLASSES];
            const int expected = one_class(x);
            Two_2_probabilities(x, p);
            one_scores(x, x);
            for (int i = 0; i < ONE_OUT_FEATURES; ++i)
                if (x[i] > x[expected] || p[i] > p[expected]) return 1;
            return 0;
        }
    """)
    sources = [tmp_path / name for name in ("main.c", "one.c", "Two_2.c")]
    subprocess.run([compiler, *STRICT, *sources, "-o", tmp_path / "main", "-lm"], check=True)
    subprocess.run([tmp_path / "main"], check=True)


@needs_compiler
def test_what_the_file_says(tmp_path):
    """Version, layers, names, and the bytes that its buffers take; no text of a layer ends the comment."""

    class Sly(st.initializers.Normal):
        def __repr__(self):
            return "*/ int é; /*\n#error"

    model = trained([L(5, 8, initializer=Sly()), st.ReLU(), L(8, 3)], dtype="float64")
    compiled(model, tmp_path, name="net")
    text = (tmp_path / "model.c").read_text("ascii")
    assert f"steepest {st.__version__}" in text and " *   1: ReLU()\n" in text
    assert "#define NET_IN_FEATURES 5\n#define NET_OUT_FEATURES 3\n#define NET_CLASSES 3\n" in text
    assert f"take {(8 + 8 + 3) * 8} bytes" in text and "rounded to double" in text
    assert "float" not in text.replace("<float.h>", "")


@needs_compiler
def test_the_page_about_it(tmp_path, monkeypatch):
    """Its model, its program and its command print what stands beside them."""
    page = (Path(__file__).parents[2] / "docs" / "c.md").read_text(encoding="utf-8")
    python, program, shell = re.findall(r"```\w+\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("main.c").write_text(program, encoding="utf-8")
    Path("page.py").write_text(python, encoding="utf-8")
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        runpy.run_path("page.py")
    assert [output.getvalue().strip()] == re.findall(r"^print.*  # (.*)$", python, re.MULTILINE)
    command, promised = shell.strip().split("  # ")
    assert subprocess.check_output(command, shell=True, text=True).strip() == promised


def test_what_has_no_form_is_named(tmp_path):
    class Own(AnyLayer):
        def compile(self, plan):
            pass

    model, path = st.Sequential(L(3, 2)), tmp_path / "m"
    with pytest.raises(ValueError, match=r"Own object at .* is of class Own, which has no form in C"):
        st.to_c(st.Sequential(L(3, 2), Own()), path)
    with pytest.raises(ValueError, match=r"layer 0 is Standardize.*whose mean and scale are not set"):
        st.to_c(st.Sequential(st.Standardize(3), L(3, 2)), path)
    with pytest.raises(TypeError, match=r"model must be a st\.Sequential, not 3"):
        st.to_c(3, path)
    with pytest.raises(TypeError, match="name must be a text, not 3"):
        st.to_c(model, path, name=3)
    for name in ("", "2d", "a-b", "_x", "é", "a\n"):
        with pytest.raises(ValueError, match=r"name is .*, but must be an identifier of C"):
            st.to_c(model, path, name=name)
    with pytest.raises(OSError, match="no/m"):
        st.to_c(model, tmp_path / "no/m")
    model.compiled.parameters[0].weight[1, 0] = np.inf
    with pytest.raises(
        ValueError, match=r"0\.weight holds inf at \(1, 0\), one of 1 numbers that are not finite"
    ):
        st.to_c(model, path)
    assert list(tmp_path.iterdir()) == []
