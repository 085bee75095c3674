"""Every function and layer on sides of 0, 1 and more: a division by a side would end the process."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_close

import steepest as st
from steepest import functional as F
from steepest.backends.reference import BACKEND as EXPECTED
from steepest.layers import ACTIVATIONS

SIDES = (0, 1, 3, 17, 33)
TARGET_LOSSES = (F.squared_error, F.absolute_error, F.huber, F.binary_cross_entropy, F.poisson_deviance)


@pytest.mark.parametrize("outputs", SIDES)
@pytest.mark.parametrize("inputs", SIDES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products(implementation, dtype, inputs, outputs):
    weight, bias = numbers((inputs, outputs), dtype, 1), numbers(outputs, dtype, 2)
    with implementation.computing():
        for rows in SIDES:
            x, grad = numbers((rows, inputs), dtype, 3), numbers((rows, outputs), dtype, 4)
            assert_close(F.linear(x, weight, bias), x @ weight + bias, 40, np.abs(x) @ np.abs(weight) + 5)
            assert_close(F.linear(x, weight), x @ weight, 40, np.abs(x) @ np.abs(weight) + 5)
            expected = grad @ weight.T, x.T @ grad, grad.sum(axis=0)
            sizes = np.abs(grad) @ np.abs(weight.T), np.abs(x.T) @ np.abs(grad), np.abs(grad).sum(axis=0)
            for got, value, size in zip(F.linear_backward(x, weight, grad), expected, sizes, strict=True):
                assert_close(got, value, 40, size + 5)


@pytest.mark.parametrize("columns", SIDES)
@pytest.mark.parametrize("rows", SIDES)
def test_functions_of_elements(implementation, rows, columns):
    x, grad = numbers((rows, columns), np.float32), numbers((rows, columns), np.float32, 1)
    with implementation.computing():
        for name, kind in ACTIVATIONS.items():
            if name == "identity":  # is no function
                continue
            extra = (0.5,) if fields(kind) else ()
            slope = kind(*extra).slope
            y = getattr(F, name)(x, *extra)
            seen = x if kind.reads_input else y
            assert_close(y, EXPECTED.activation(name, x, slope), 20, 4)
            backward = getattr(F, f"{name}_backward")(seen, grad, *extra)
            assert_close(backward, EXPECTED.activation_backward(name, seen, grad, slope), 20, 8)
        assert_close(F.exp(x), np.exp(x), 20, np.exp(x))
        assert_close(F.log(np.abs(x)), np.log(np.abs(x)), 20, 16)


@pytest.mark.parametrize("columns", SIDES[1:])
@pytest.mark.parametrize("rows", SIDES[1:])
def test_losses_and_softmax(implementation, rows, columns):
    scores = numbers((rows, columns), np.float64)
    labels = np.arange(rows) % columns
    with implementation.computing():
        assert_close(F.softmax(scores).sum(axis=1), np.ones(rows), 40, 1)
        assert F.softmax(scores[:0]).shape == (0, columns)
        if columns > 1:
            for loss in (F.softmax_cross_entropy, F.multiclass_hinge):
                value, grad = loss(scores, labels)
                assert np.isfinite(value) and grad.shape == scores.shape
        for loss in TARGET_LOSSES:
            value, grad = loss(scores, np.full((rows, columns), 0.5))
            assert np.isfinite(value) and grad.shape == scores.shape


def test_no_samples_or_no_classes_are_refused(backend):
    with st.config(backend.backend):
        with pytest.raises(ValueError, match="scores has 0 classes, but at least 1 is needed"):
            F.softmax(np.ones((3, 0)))
        with pytest.raises(ValueError, match="scores has 0 samples, but at least 1 is needed"):
            F.softmax_cross_entropy(np.ones((0, 3)), [])
        with pytest.raises(ValueError, match="predictions has 0 samples, but at least 1 is needed"):
            F.squared_error(np.ones((0, 3)), np.ones((0, 3)))


@pytest.mark.parametrize("columns", SIDES)
@pytest.mark.parametrize("rows", SIDES)
def test_updates(implementation, rows, columns):
    with implementation.computing():
        for step, kept in (
            (lambda w, g, v: F.sgd_step(w, g, 0.1, momentum=0.9, velocity=v), -0.1),
            (lambda w, g, v: F.adagrad_step(w, g, 0.1, squares=v), 1.0),
            (lambda w, g, v: F.rmsprop_step(w, g, 0.1, mean_square=v, decay=0.9), 0.1),
            (lambda w, g, v: F.adam_step(w, g, 0.1, mean=v, mean_square=v.copy(), step=0), 0.1),
        ):
            weight, gradient = np.zeros((rows, columns), np.float32), np.ones((rows, columns), np.float32)
            state = np.zeros_like(weight)
            step(weight, gradient, state)
            assert (weight < 0).all()
            assert_close(state, np.full_like(state, kept), 4, 1)


@pytest.mark.parametrize("features", SIDES[1:])
@pytest.mark.parametrize("hidden", SIDES[1:])
def test_layers(implementation, features, hidden):
    layers = (
        st.Linear(features, hidden),
        st.BatchNorm(hidden),
        st.GELU(),
        st.Residual(st.Maxout(hidden, hidden, 2), st.Dropout(0.2)),
        st.FractionalMaxPool2d(hidden, 1, 1, 1.0),
        st.Linear(hidden, 1, bias=False),
    )
    model = st.Sequential(*layers, dtype=np.float64, seed=1)
    with implementation.computing():
        for rows in SIDES:
            assert model(np.ones((rows, features))).shape == (rows, 1)
            if rows:
                trainer = st.Trainer(model, "squared_error", st.SGD(1e-3))
                assert np.isfinite(trainer.step(numbers((rows, features)), numbers((rows, 1))))
