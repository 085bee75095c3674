"""What the layers that are no Linear and no activation refuse, and what of them is kept in files."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest.layers import ACTIVATIONS, LAYERS, Activation, Layer, to_config


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: st.Dropout(1.0), ValueError, r"p is 1\.0, but must be in \[0, 1\)"),
        (lambda: st.Dropout(-0.1), ValueError, r"p is -0\.1, but must be in \[0, 1\)"),
        (lambda: st.Dropout("a"), TypeError, "p must be a real number"),
        (lambda: st.Dropout(0.5, mask=[1, 2]), ValueError, "mask holds other values than 0 and 1"),
        (lambda: st.Dropout(0.5, mask=1), ValueError, r"mask has shape \(\), but must be \(features,\)"),
        (lambda: st.BatchNorm(0), ValueError, "features is 0, but must be at least 1"),
        (lambda: st.BatchNorm(3, momentum=1), ValueError, r"momentum is 1, but must be in \[0, 1\)"),
        (
            lambda: st.BatchNorm(3, epsilon=0),
            ValueError,
            "epsilon is 0, but must be finite and greater than 0",
        ),
        (lambda: st.Maxout(3, 2, 1), ValueError, "pieces is 1, but must be at least 2"),
        (lambda: st.Residual(), ValueError, "Residual has 0 layers, but needs at least 1"),
        (
            lambda: st.Residual(st.ReLU(), survival_probability=0),
            ValueError,
            r"survival_probability is 0, but must be in \(0, 1\]",
        ),
        (lambda: st.FractionalMaxPool2d(4, 4, 1, 0.5), ValueError, "ratio is 0.5, but must be finite and at"),
        (lambda: st.FractionalMaxPool2d(4, 3, 1, 3.5), ValueError, r"ratio is 3\.5, but must be at most 3"),
        (lambda: st.FractionalMaxPool2d(0, 3, 1, 1), ValueError, "height is 0, but must be at least 1"),
        (
            lambda: st.Sequential(st.Linear(3, 4), st.BatchNorm(5)),
            ValueError,
            r"layer 1 is BatchNorm\(features=5.*, but the layer before gives 4 features",
        ),
        (
            lambda: st.Sequential(st.Linear(3, 4), st.Residual(st.Linear(4, 5), st.Linear(6, 4))),
            ValueError,
            r"layer 1\.1 is Linear\(6, 4\), but the layer before gives 5 features",
        ),
        (
            lambda: st.Sequential(st.Linear(3, 4), st.Residual(st.Linear(4, 5))),
            ValueError,
            r"layer 1 is Residual\(Linear\(4, 5\)\), whose layers have 5 features of 4",
        ),
        (
            lambda: st.Sequential(st.Linear(3, 4), st.Residual(7)),
            TypeError,
            r"layer 1\.0 is 7, but must be a layer",
        ),
        (lambda: st.Sequential(st.BatchNorm(3)), ValueError, "needs at least one Linear"),
        (
            lambda: st.Sequential(st.Linear(3, 8), st.FractionalMaxPool2d(2, 2, 1, 1)),
            ValueError,
            "layer 1 is FractionalMaxPool2d.*, but the layer before gives 8 features",
        ),
    ],
)
def test_bad_layers_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_mask_of_too_few_samples_is_refused(backend):
    model = st.Sequential(st.Linear(2, 3), st.Dropout(0.5, mask=np.ones((4, 3))), st.Linear(3, 2))
    X, y = np.ones((5, 2)), [0, 1, 0, 1, 0]
    with backend.computing():
        model.fit(X, y, batch_size=4, epochs=1, progress=False)
        for call in (
            lambda: model.fit(X, y, epochs=1, progress=False),
            lambda: st.Trainer(model).step(X, y),
            lambda: model.loss_and_gradients(X, y, loss="softmax"),
        ):
            with pytest.raises(ValueError, match="a batch has 5 samples, but the mask of layer 1 has 4"):
                call()


def test_state_names_what_each_layer_learns():
    model = st.Sequential(
        st.Linear(3, 4),
        st.BatchNorm(4),
        st.Residual(st.Linear(4, 4, bias=False), st.BatchNorm(4)),
        st.Maxout(4, 2),
    )
    assert {key: value.shape for key, value in model.state_dict().items()} == {
        "0.weight": (3, 4),
        "0.bias": (4,),
        "1.weight": (4,),
        "1.bias": (4,),
        "2.0.weight": (4, 4),
        "2.1.weight": (4,),
        "2.1.bias": (4,),
        "3.weight": (4, 4),
        "3.bias": (4,),
        "1.running_mean": (4,),
        "1.running_var": (4,),
        "2.1.running_mean": (4,),
        "2.1.running_var": (4,),
    }
    with pytest.raises(ValueError, match=r"1\.running_var holds -1\.0, but a variance is not negative"):
        model.load_state_dict(model.state_dict() | {"1.running_var": [-1.0, 1, 1, 1]})


def test_files_keep_every_layer(tmp_path):
    layers = [
        st.Dropout(0.125),
        st.Linear(12, 12),
        st.BatchNorm(12, momentum=0.75, epsilon=1e-3),
        st.Residual(st.Maxout(12, 12, pieces=3), st.Residual(st.Tanh()), survival_probability=0.7),
        st.FractionalMaxPool2d(2, 3, 2, 1.25),
    ]
    model = st.Sequential(*layers, st.Linear(4, 3), seed=5)
    X = numbers((30, 12), np.float32)
    model.fit(X, np.arange(30) % 3, epochs=2, batch_size=7, progress=False)
    model.save(tmp_path / "model.safetensors")
    again = st.load(tmp_path / "model.safetensors")
    assert again.layers == model.layers and again.seed == 5
    assert_equal_models(again, model)
    assert_same_bits(again(X), model(X))


def test_the_summary_shows_what_each_layer_gives():
    model = st.Sequential(
        st.Linear(4, 18), st.FractionalMaxPool2d(3, 3, 2, 1.5), st.Linear(8, 6), st.Maxout(6, 2)
    )
    widths = [line.split("(n, ")[1].split(")")[0] for line in model.summary().splitlines() if "(n, " in line]
    assert widths == ["4", "18", "8", "6", "2"]


def test_layers_are_not_nested_beyond_all_depth():
    block = st.Linear(2, 2)
    for _ in range(sys.getrecursionlimit()):
        block = st.Residual(block)
    with pytest.raises(ValueError, match="layers are nested too deeply"):
        st.Sequential(block)


def test_layers_of_others_work_but_no_file_names_them():
    """What a caller derives compiles to stages that there are, and stays out of the package's lists."""
    known, named = dict(LAYERS), dict(ACTIVATIONS)

    @dataclass(frozen=True)
    class Gate(Activation):
        name = "sigmoid"

    @dataclass(frozen=True)
    class Block(Layer):
        width: int

        @property
        def features_in(self):
            return self.width

        @property
        def inner(self):
            return st.Linear(self.width, self.width), Gate()

        def compile(self, plan):
            plan.add(self.inner)

    assert known == LAYERS and named == ACTIVATIONS and set(known) <= set(st.__all__)
    x = numbers((5, 3), np.float32)
    model, same = (st.Sequential(*layers) for layers in [[Block(3)], [st.Linear(3, 3), st.Sigmoid()]])
    same.load_state_dict({key.removeprefix("0."): value for key, value in model.state_dict().items()})
    assert list(model.state_dict()) == ["0.0.weight", "0.0.bias"]
    assert_same_bits(model(x), same(x))
    for layer in Gate(), Block(3):
        with pytest.raises(ValueError, match="cannot be described"):
            to_config(layer)
    with pytest.raises(ValueError, match=r"layer 1 is .*Block.*, but the layer before gives 4 features"):
        st.Sequential(st.Linear(3, 4), Block(3))
