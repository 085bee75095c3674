"""Every mistake gets one clear message, with both numbers and the rule, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models

import steepest as st
from steepest import functional


def test_bad_data_is_named_and_nothing_changes(backend, data):
    X, y = data
    model, bad, targets = small_model(), X.copy(), np.eye(3)[y]
    bad[17, 2] = np.nan
    targets[3, 1] = -np.inf
    four = np.where(np.arange(300) == 4, 3, y)
    cases = [
        (X[:, :5], y, "softmax", ValueError, "X has 5 features, but the first layer takes 6"),
        (X[0], y, "softmax", ValueError, r"shape \(6,\), but must be \(samples, features\); a single sample"),
        (X, y[1:], "softmax", ValueError, "X has 300 samples, but y has 299"),
        (X, four, "hinge", ValueError, r"label 3 of sample 4 is not one of the 3 classes 0\.\.2"),
        (X, y - 1, "hinge", ValueError, "label -1 of sample"),
        (X, y * 1.0, "softmax", TypeError, r"y has dtype float64.*labels are integers 0\.\.2.*astype"),
        (X, y[:, None], "softmax", ValueError, r"y has shape \(300, 1\).*use y.ravel\(\)"),
        (X, targets, "softmax", ValueError, r"y has shape \(300, 3\).*use y.argmax"),
        (X, y, "squared_error", ValueError, r"one integer per sample.*np.eye\(3\)"),
        (X, targets[:, :2], "squared_error", ValueError, r"y has shape \(300, 2\).*\(samples, 3\)"),
        (X, targets, "squared_error", ValueError, "row 3 of y holds NaN or an infinity"),
        (X.astype(object), y, "softmax", TypeError, "X has dtype object, but must hold real numbers"),
        (X, y.astype(str), "softmax", TypeError, r"y has dtype <U.*, but must hold .*use np.unique"),
        (X, y.astype(str).astype(object), "softmax", TypeError, "y has dtype object.*use np.unique"),
        (X, np.where(y == 1, np.nan, y), "hinge", TypeError, "y has dtype float64.*drop the samples without"),
        (X[:0], y[:0], "softmax", ValueError, "X has 0 samples, but at least 1 is needed"),
        (bad, y, "softmax", ValueError, "row 17 of X holds NaN or an infinity"),
        (np.full((300, 6), 1e300), y, "softmax", ValueError, "row 0 of X .*too large for float32"),
        (np.ma.masked_array(X), y, "softmax", TypeError, "X is a masked array"),
    ]
    with backend.computing():
        for a, b, loss, error, message in cases:
            trainer = st.Trainer(model, loss)
            for learn in (trainer.step, trainer.fit, lambda a, b, loss=loss: model.fit(a, b, loss=loss)):
                with pytest.raises(error, match=message):
                    learn(a, b)
        for weight in (-np.ones(300), np.zeros(300), np.full(300, np.inf), np.ones(2), np.ones((300, 1))):
            with pytest.raises(ValueError, match="sample_weight"):
                model.fit(X, y, sample_weight=weight)
        for a, message in [(bad, "row 17 of X"), (X[:, 1:], "X has 5 features")]:
            with pytest.raises(ValueError, match=message):
                model(a)
    assert_equal_models(model, small_model())


def test_bad_settings_are_named(data):
    trainer = st.Trainer(small_model())
    for options, error, message in [
        ({"epochs": -1}, ValueError, "epochs is -1, but must be at least 0"),
        ({"epochs": 1.5}, TypeError, r"epochs must be an integer, not 1\.5"),
        ({"batch_size": 0}, ValueError, "batch_size is 0, but must be at least 1"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False, not 1"),
        ({"progress": "yes"}, ValueError, "progress must be True, False, 'bar' or 'lines', not 'yes'"),
        ({"progress": 1}, TypeError, "progress must be True, False, 'bar' or 'lines', not 1"),
        ({"seed": -1}, ValueError, "seed is -1, but must be at least 0"),
        ({"seed": 2**64}, ValueError, "seed is 18446744073709551616, but must be at most"),
        ({"callbacks": 1}, TypeError, "callbacks must be callables, not 1"),
        ({"callbacks": [st.EarlyStopping]}, TypeError, r"EarlyStopping, .* write st\.EarlyStopping\(\)"),
        ({"callbacks": st.EarlyStopping}, TypeError, r"write st\.EarlyStopping\(\)"),
        ({"batch_callbacks": [dict]}, TypeError, r"the class dict, .* write dict\(\)"),
        ({"callbacks": [1]}, TypeError, "a callback must be callable, not 1"),
    ]:
        with pytest.raises(error, match=message):
            trainer.fit(*data, **options)
    for optimizer, loss, penalty, message in [
        (0.1, "softmax", None, "optimizer must be an optimizer such as st.SGD"),
        (st.SGD(), 3, None, "loss must be a name"),
        (st.SGD(), "softmax", 1e-4, "penalty must be None or a penalty such as st.L2"),
    ]:
        with pytest.raises(TypeError, match=message):
            st.Trainer(small_model(), loss, optimizer, penalty)
    with pytest.raises(ValueError, match="loss is 'cross', but must be one of 'softmax', 'hinge'"):
        st.Trainer(small_model(), "cross")
    assert trainer.fit(*data, epochs=0).loss == [] and trainer.epochs_done == 0


def test_targets_that_are_no_numbers_are_named_by_all(backend):
    model, X = small_model(), numbers((20, 6))
    direction = {"0.bias": np.ones(8)}
    with backend.computing():
        model(X)
        for bad in (np.nan, np.inf, -np.inf, 1e39):
            y = np.where(np.arange(20)[:, None] == 13, [1, bad, 1], 0.5)
            for loss in ("squared_error", "absolute_error", "huber", lambda s, t: (0.0, 0 * s)):
                for ask in (
                    lambda y=y, loss=loss: model.loss_and_gradients(X, y, loss=loss),
                    lambda y=y, loss=loss: model.directional_derivative(X, y, direction, loss=loss),
                    lambda y=y, loss=loss: st.Trainer(model, loss).step(X, y),
                    lambda y=y, loss=loss: st.Trainer(model, loss).fit(X, y),
                    lambda y=y, loss=loss: st.Trainer(model, loss).fit(
                        X, 0 * X[:, :3], validation_data=(X, y)
                    ),
                ):
                    with pytest.raises(
                        ValueError, match=r"row 13 of y (of validation_data )?holds NaN or an inf"
                    ):
                        ask()


def test_misfits_of_products_are_named(implementation):
    x, weight, bias, grad = (numbers(shape) for shape in [(2, 3), (3, 4), 4, (2, 4)])
    cases = [
        (functional.linear, (x, weight.T), "weight has 4 rows, but there are 3 features of x"),
        (functional.linear, (x[0], weight), r"x has shape \(3,\), but must be 2-D"),
        (functional.linear, (x, weight, bias[1:]), r"bias has shape \(3,\), but weight has 4 columns"),
        (
            functional.linear_backward,
            (x, weight, grad.T),
            r"grad has shape \(4, 2\), but the output has \(2, 4\)",
        ),
    ]
    with implementation.computing():
        functional.linear(x, weight)  # for the proof, which asks what computed last
        for function, arguments, message in cases:
            with pytest.raises(ValueError, match=message):
                function(*arguments)
        for wrong in (x.astype(complex), x.astype(object), x.astype(np.float16), np.array([["1"] * 3] * 2)):
            with pytest.raises(TypeError, match=rf"x has dtype {wrong.dtype}"):
                functional.linear(wrong, weight)
        assert functional.linear(x.astype(np.float32), weight).dtype == np.float64
        assert functional.linear(np.ones((2, 3), np.int8), weight.astype(np.float32)).dtype == np.float64


def test_misfits_of_functions_are_named(implementation):
    s = np.ones((3, 4))
    cases = [
        (functional.softmax, ([1.0, 2.0],), ValueError, r"scores has shape \(2,\), but must be 2-D"),
        (functional.softmax, (np.ones((2, 0)),), ValueError, "scores has 0 classes, but at least 1"),
        (functional.softmax_cross_entropy, (s[:0], []), ValueError, "scores has 0 samples, but at least 1"),
        (functional.softmax_cross_entropy, (s, [0, 1]), ValueError, "X has 3 samples, but labels has 2"),
        (functional.softmax_cross_entropy, (s, [0, 4, 0]), ValueError, r"label 4 of sample 1 .* 0\.\.3"),
        (
            functional.multiclass_hinge,
            (s, [0, 0, -1]),
            ValueError,
            "label -1 of sample 2 is not one of the 4",
        ),
        (functional.multiclass_hinge, (s[:, :1], [0] * 3), ValueError, "at least 2 scores, but there is 1"),
        (functional.multiclass_hinge, (s, [0] * 3, -1.0), ValueError, "margin is -1.0, but must be finite"),
        (functional.multiclass_hinge, (s, [0] * 3, 1.0, 1), TypeError, "squared must be True or False"),
        (functional.softmax_cross_entropy, (s, [0.0] * 3), TypeError, "labels has dtype float64"),
        (functional.squared_error, (s, s.T), ValueError, r"targets has shape \(4, 3\).*\(samples, 4\)"),
        (
            functional.squared_error,
            (s, s, "max"),
            ValueError,
            "reduction is 'max', but must be one of 'mean'",
        ),
        (functional.relu_backward, (s, s.T), ValueError, r"grad has shape \(4, 3\), but y has \(3, 4\)"),
        (functional.gelu_backward, (s, s.T), ValueError, r"grad has shape \(4, 3\), but x has \(3, 4\)"),
        (functional.leaky_relu, (s, -1.0), ValueError, r"negative_slope is -1.0, but must be finite"),
        (functional.leaky_relu_backward, (s, s, "1"), TypeError, "negative_slope must be a real number"),
        (functional.elu, (s, 0.0), ValueError, r"alpha is 0.0, but must be finite and greater than 0"),
        (functional.elu_backward, (s, s, np.inf), ValueError, "alpha is inf, but must be finite"),
    ]
    with implementation.computing():
        for function, arguments, error, message in cases:
            with pytest.raises(error, match=message):
                function(*arguments)
        for weight, message in [
            ([1, -1, 1], "of sample 1 is -1"),
            ([0, 0, 0], "zero for all 3"),
            ([1], "has 1"),
        ]:
            with pytest.raises(ValueError, match=message):
                functional.softmax_cross_entropy(s, [0, 1, 2], sample_weight=weight)
        functional.exp(s)  # for the proof, which asks what computed last
