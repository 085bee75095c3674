"""Weights of classes: those of their samples, in steps, gradients and validation."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st
from steepest import functional


def test_class_weights_are_sample_weights(backend, data):
    X, y = data
    by_class, own = (0.25, 2.0, 0.0), np.random.default_rng(2).integers(1, 4, 300)
    for weight, product in [(None, np.array(by_class)[y]), (own, own * np.array(by_class)[y])]:
        how = {"optimizer": st.SGD(0.05, 0.9), "penalty": st.L2(1e-3), "epochs": 3, "progress": False}
        classes, samples = small_model(), small_model()
        with backend.computing():
            loss = st.SoftmaxCrossEntropy(0.1, by_class)
            history = classes.fit(X, y, loss=loss, sample_weight=weight, **how)
            expected = samples.fit(X, y, loss=st.SoftmaxCrossEntropy(0.1), sample_weight=product, **how)
            scores = samples(X)
            a = functional.softmax_cross_entropy(scores, y, class_weight=by_class, sample_weight=weight)
            b = functional.softmax_cross_entropy(scores, y, sample_weight=product)
            first = classes.loss_and_gradients(X, y, loss=loss, sample_weight=weight)
            second = samples.loss_and_gradients(X, y, loss=st.SoftmaxCrossEntropy(0.1), sample_weight=product)
        assert history.loss == expected.loss and a[0] == b[0] and first[0] == second[0]
        assert_same_bits(a[1], b[1])
        assert_equal_models(classes, samples)


def test_a_step_weighs_classes(backend, data):
    """Also one that could be quick: labels and rows as kernels read them, and no sample weights."""
    X, y = data
    by_class = [1.0, 0.5, 3.0]
    weighted, plain = (
        st.Trainer(small_model(), st.SoftmaxCrossEntropy(0.0, by_class)),
        st.Trainer(small_model()),
    )
    with backend.computing():
        assert weighted.step(X, y) == plain.step(X, y, np.array(by_class)[y])
    assert_equal_models(weighted.model, plain.model)


def test_validation_weighs_classes_too(backend):
    """Over parts of 8192 samples, one of them of a class that does not count."""
    X, y = numbers((9000, 6), np.float32), np.r_[np.zeros(8192, int), np.arange(808) % 3]
    loss, model = st.SoftmaxCrossEntropy(0.2, (0, 1, 3)), small_model()
    with backend.computing():
        history = model.fit(X, y, loss=loss, epochs=1, validation_data=(X, y), progress=False)
        expected, _ = model.loss_and_gradients(X, y, loss=loss)
    assert history.validation_loss[0] == pytest.approx(expected, rel=1e-5)


def test_class_weights_are_kept_as_numbers():
    loss = st.SoftmaxCrossEntropy(0.1, np.array([1, 2, 0]))
    assert loss.class_weight == (1.0, 2.0, 0.0) and all(type(w) is float for w in loss.class_weight)
    assert loss == st.SoftmaxCrossEntropy(0.1, [1, 2, 0]) and hash(loss)
    assert repr(loss) == "SoftmaxCrossEntropy(label_smoothing=0.1, class_weight=(1.0, 2.0, 0.0))"
