"""Metrics: what they are given, what becomes of their results, what is refused; `accuracy`."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.terminal import Terminal
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st

FIT = {"batch_size": 32, "progress": False}


@pytest.mark.parametrize("loss", ["softmax", "squared_error"])
def test_metrics_see_labels_and_scores_after_each_epoch(backend, data, loss):
    X, y = data[0][:100], data[1][:100]
    targets = y if loss == "softmax" else np.eye(3)[y]
    seen, states = [], []

    def metric(labels, scores):
        seen.append((labels, scores))
        return np.float32(len(seen))

    with backend.computing():
        model, plain = small_model(), small_model()
        history = model.fit(
            *(X, targets),
            **FIT,
            loss=loss,
            epochs=3,
            validation_data=(X.tolist(), targets),
            metrics={"count": metric, "largest": lambda labels, scores: scores.max()},
            callbacks=[lambda state: states.append(state.model(X))],
        )
        expected = plain.fit(X, targets, **FIT, loss=loss, epochs=3, validation_data=(X, targets))
    assert list(history.metrics) == ["count", "largest"]
    assert history.metrics["count"] == [1.0, 2.0, 3.0] and type(history.metrics["count"][0]) is float
    assert history.metrics["largest"] == [scores.max() for scores in states]
    for (labels, scores), after in zip(seen, states, strict=True):
        assert_same_bits(labels, targets.astype(np.int64 if loss == "softmax" else np.float32))
        assert_same_bits(scores, after)
        assert not labels.flags.writeable and not scores.flags.writeable
    assert history.validation_loss == expected.validation_loss and expected.metrics == {}
    assert_equal_models(model, plain)


def test_scores_of_much_validation_data_are_put_together(backend):
    """They are computed 8192 samples at a time."""
    X, y = numbers((20_000, 6), np.float32), np.arange(20_000) % 3
    model = small_model()
    with backend.computing():
        history = model.fit(
            *(X[:50], y[:50]),
            **FIT,
            epochs=1,
            validation_data=(X, y),
            metrics={"accuracy": st.accuracy, "sum": lambda labels, scores: scores.sum(dtype=float)},
        )
        expected = model(X)
    assert history.metrics["accuracy"] == [(expected.argmax(axis=1) == y).mean()]
    assert history.metrics["sum"] == [pytest.approx(expected.sum(dtype=float), rel=1e-6)]


@pytest.mark.parametrize("result", ["0.5", None, True, 1j, np.ones(1), np.array(1.0)])
def test_a_result_that_is_no_real_number_is_refused(data, result):
    with pytest.raises(TypeError, match="metric 'odd' must be a real number, not"):
        small_model().fit(*data, **FIT, validation_data=data, metrics={"odd": lambda labels, scores: result})


@pytest.mark.parametrize("result", [3, np.int8(3), np.float32(3), float("nan"), -np.inf])
def test_a_result_that_is_one_is_recorded(data, result):
    history = small_model().fit(
        *data, **FIT, epochs=1, validation_data=data, metrics={"m": lambda labels, scores: result}
    )
    assert_same_bits(np.array(history.metrics["m"]), np.array([float(result)]))


@pytest.mark.parametrize(
    ("metrics", "validation", "error", "message"),
    [
        (
            {"loss": st.accuracy},
            True,
            ValueError,
            "a metric is named 'loss', but these names are taken: lo",
        ),
        ({"validation_loss": st.accuracy}, True, ValueError, "named 'validation_loss', but these names"),
        ({"epochs": st.accuracy}, True, ValueError, "named 'epochs', but these names"),
        ({"best_epoch": st.accuracy}, True, ValueError, "named 'best_epoch', but these names"),
        ({"m": 0.5}, True, TypeError, "metrics must be names or functions, but have 'm': 0.5"),
        ({1: st.accuracy}, True, TypeError, "metrics must be names or functions, but have 1"),
        (st.accuracy, True, TypeError, r"metrics must be a list, as in metrics=\['accuracy'\], but got <fun"),
        ("accuracy", False, TypeError, r"metrics must be a list, as in .*, but got 'accuracy'"),
        (3, False, TypeError, "metrics must be a list of names or functions, not 3"),
        ([0.5], False, TypeError, "metrics must be names or functions, but have '0.5': 0.5"),
        (["acuracy"], False, ValueError, "metric 'acuracy' is not known: did you mean 'accuracy'?"),
        (["F1"], False, ValueError, "metric 'F1' is not known: did you mean 'f1'?"),
        (["xyz"], False, ValueError, "metric 'xyz' is not known: known are accuracy, "),
        (["f1", "f1"], False, ValueError, "two metrics are named 'f1': give a mapping"),
    ],
)
def test_metrics_are_checked_before_training(data, metrics, validation, error, message):
    model = small_model()
    with pytest.raises(error, match=message):
        model.fit(*data, metrics=metrics, validation_data=data if validation else None)
    assert_equal_models(model, small_model())
    assert small_model().fit(*data, **FIT, epochs=1, metrics={}).metrics == {}


def test_accuracy():
    scores = [[0.1, 0.9], [0.8, 0.2], [0.5, 0.5], [-1, -2]]
    assert st.accuracy([1, 0, 0, 0], scores) == 1.0
    assert st.accuracy(np.array([1, 1, 1, 0], np.uint8), np.array(scores)) == 0.5
    assert type(st.accuracy([0], [[1, 0]])) is float
    for labels, values, error, message in [
        ([0, 1], 1.0, ValueError, r"scores have shape \(\), but accuracy takes \(samples, classes\)"),
        ([0, 0.5], [1.0, 0.0], TypeError, "labels have dtype float64, but must be integers"),
        ([0, 1, -1, 0], scores, ValueError, "labels of sample 2 is -1, but classes are counted from 0"),
        ([0, 1, 2, 0], scores, ValueError, r"label 2 of sample 2 is not one of the 2 classes 0\.\.1"),
        ([], np.ones((0, 3)), ValueError, r"scores have shape \(0, 3\)"),
        ([0], scores, ValueError, r"labels have shape \(1,\), but must be \(4,\)"),
        (np.eye(4)[:, :2], scores, ValueError, r"\(4, 2\), but row 2 is not one-hot"),
        (np.eye(4)[:, :3], scores, ValueError, r"labels have shape \(4, 3\), but must be \(4,\)"),
        ([0.0, 1, 0, 1], scores, TypeError, "labels have dtype float64, but must be integers"),
        (["a"] * 4, scores, TypeError, "labels has dtype <U1, but must hold real numbers"),
    ]:
        with pytest.raises(error, match=message):
            st.accuracy(labels, values)


def test_the_progress_bar_shows_metrics(data, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    small_model().fit(*data, epochs=2, validation_data=data, metrics={"accuracy": st.accuracy})
    assert "accuracy=" in sys.stderr.getvalue()
