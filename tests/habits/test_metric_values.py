"""`st.metrics`: equal to scikit-learn's, for ties, absent classes, one class, weights."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from support.tolerances import assert_equal_models

import steepest as st

theirs = pytest.importorskip("sklearn.metrics")
SEEDS = range(30)
REGRESSION = {
    "mae": theirs.mean_absolute_error,
    "mse": theirs.mean_squared_error,
    "rmse": theirs.root_mean_squared_error,
    "r2": theirs.r2_score,
}


def case(seed, outputs):
    """Labels, scores with ties and weights, some of them 0; often classes are absent."""
    rng = np.random.default_rng(seed)
    samples, classes = rng.integers(2, 30), max(outputs, 2)
    present = rng.integers(1, classes + 1)
    labels = rng.permutation(classes)[:present][rng.integers(0, present, samples)]
    scores = rng.integers(-2, 3, (samples, outputs)).astype(np.float32)
    weight = rng.integers(0, 4, samples) + (np.arange(samples) == 0)
    return labels, scores, [None, weight][seed % 2]


def decided(scores):
    return (scores[:, 0] > 0).astype(int) if scores.shape[1] == 1 else scores.argmax(axis=1)


@pytest.mark.parametrize("outputs", [1, 2, 3, 6])
@pytest.mark.parametrize("seed", SEEDS)
def test_metrics_of_classes_are_those_of_scikit_learn(seed, outputs):
    labels, scores, weight = case(seed, outputs)
    predicted, options = decided(scores), {"sample_weight": weight}
    assert st.accuracy(labels, scores, weight) == pytest.approx(
        theirs.accuracy_score(labels, predicted, **options)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = theirs.balanced_accuracy_score(labels, predicted, **options)
    assert st.metrics.balanced_accuracy(labels, scores, weight) == pytest.approx(expected)
    for ours, other in [
        (st.metrics.precision, theirs.precision_score),
        (st.metrics.recall, theirs.recall_score),
        (st.metrics.f1, theirs.f1_score),
    ]:
        for average in ["macro", *(["binary"] if outputs < 3 else [])]:
            expected = other(labels, predicted, average=average, zero_division=0, **options)
            assert ours(labels, scores, weight, average=average) == pytest.approx(expected), average
        assert ours(labels, scores, weight) == ours(
            labels, scores, weight, average="binary" if outputs < 3 else "macro"
        )
    classes = max(outputs, 2)
    matrix = theirs.confusion_matrix(labels, predicted, labels=range(classes), **options)
    ours = st.metrics.confusion_matrix(labels, scores, sample_weight=weight)
    assert ours.tolist() == matrix.tolist() and ours.dtype == (np.int64 if weight is None else float)
    report = st.metrics.per_class(labels, predicted, classes, sample_weight=weight)
    expected = theirs.precision_recall_fscore_support(
        labels, predicted, labels=range(classes), zero_division=0, **options
    )
    np.testing.assert_allclose(report[:4], expected)
    assert report.predicted.tolist() == matrix.sum(axis=0).tolist()


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("seed", SEEDS)
def test_auc_and_log_loss_are_those_of_scikit_learn(seed, outputs):
    labels, scores, weight = case(seed, outputs)
    margin = (scores[:, -1] - (0 if outputs == 1 else scores[:, 0])).astype(float)
    ours = st.metrics.auc(labels, scores, weight)
    there = labels if weight is None else labels[weight > 0]
    if len(set(there)) == 1:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(theirs.roc_auc_score(labels, margin, sample_weight=weight))
    probability = 1 / (1 + np.exp(-margin))
    expected = theirs.log_loss(labels, probability, sample_weight=weight, labels=[0, 1])
    assert st.metrics.log_loss(labels, scores, weight) == pytest.approx(expected)


def test_log_loss_of_many_classes_and_large_scores():
    labels, scores, _ = case(3, 6)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = theirs.log_loss(labels, p.astype(float) / p.sum(axis=1, dtype=float)[:, None], labels=range(6))
    assert st.metrics.log_loss(labels, scores) == pytest.approx(expected)
    assert st.metrics.log_loss([0, 1], [[1e4, 0], [1e4, 0]]) == 5000.0


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_metrics_of_numbers_are_those_of_scikit_learn(seed, outputs):
    rng = np.random.default_rng(seed)
    targets = rng.standard_normal((rng.integers(2, 20), outputs))
    if seed % 5 == 0:
        targets[:, 0] = 2
    predictions = targets + rng.standard_normal(targets.shape) * (seed % 3)
    weight = [None, rng.random(len(targets))][seed % 2]
    for name, other in REGRESSION.items():
        ours = st.metrics._names.METRICS[name](targets, predictions, weight)
        assert ours == pytest.approx(other(targets, predictions, sample_weight=weight), rel=1e-9), name
    if outputs == 1:
        assert st.metrics.r2(targets[:, 0], predictions) == st.metrics.r2(targets, predictions[:, 0])


def test_r2_at_its_ends():
    assert st.metrics.r2([2.0, 2.0], [2.0, 2.0]) == 1.0 and st.metrics.r2([2.0, 2.0], [2.0, 3.0]) == 0.0
    assert math.isnan(st.metrics.r2([1.0], [1.0]))


def test_labels_that_are_taken_for_what_they_are():
    scores = np.array([[0.2, 0.1, 0.0], [0, 0, 1]])
    assert st.accuracy(np.eye(3)[[0, 2]], scores) == 1.0 == st.accuracy([0, 2], [0, 2])
    assert st.accuracy(np.float32([[0], [1]]), np.float32([[-1], [1]])) == 1.0
    assert st.metrics.f1([True, False], [True, False]) == 1.0
    assert st.metrics.confusion_matrix([0], [0]).shape == (2, 2)
    assert st.metrics.confusion_matrix([0], [0], classes=5).shape == (5, 5)


def test_every_metric_says_what_is_better():
    for name, metric in st.metrics._names.METRICS.items():
        small = name == "log_loss" or "error" in name or name in ("mae", "mse", "rmse")
        assert metric.greater_is_better is not small


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.f1([0, 1], [0, 1], average="micro"), ValueError, "average is 'micro', but must be one"),
        (lambda m: m.f1([0, 2], [0, 1], average="binary"), ValueError, "'binary', but there are 3 classes"),
        (lambda m: m.auc([0, 1], np.ones((2, 3))), ValueError, r"\(2, 3\), but auc is for two classes"),
        (lambda m: m.confusion_matrix([0, 4], [0, 1], 3), ValueError, "classes is 3, but there is a class 4"),
        (lambda m: m.accuracy([0, 1], [0, -1]), ValueError, "scores of sample 1 is -1, but classes are"),
        (lambda m: m.accuracy(["a"], [0]), TypeError, r"use np\.unique\(y, return_inverse=True\)\[1\]"),
        (lambda m: m.accuracy([0], [0], [0.0]), ValueError, "sample_weight is zero for all 1 samples"),
        (lambda m: m.r2([0.0], [[[0.0]]]), ValueError, r"predictions have shape \(1, 1, 1\), but r2 takes"),
        (lambda m: m.r2([0.0], [0.0, 1]), ValueError, r"labels have shape \(1,\), but must be \(2,\)"),
        (lambda m: m.r2(np.ones(2), np.ones((2, 2))), ValueError, r"but must be \(2, 2\), as the predic"),
        (lambda m: m.mean_squared_error([1.0], [1j]), TypeError, "predictions has dtype complex128"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(st.metrics)


def test_metrics_by_name_in_a_fit(backend, data):
    """Without validation data they are of the samples that are learned from, after each epoch."""
    X, y = data
    fit = {"epochs": 3, "progress": False}

    def model():
        return st.Sequential(st.Linear(6, 8), st.ReLU(), st.Linear(8, 3))

    with backend.computing():
        own, with_data, plain = model(), model(), model()
        names = ["accuracy", "f1", st.metrics.recall]
        history = own.fit(X, y, **fit, metrics=names)
        validated = with_data.fit(X, y, **fit, metrics={"accuracy": "accuracy"}, validation_data=(X, y))
        assert plain.fit(X, y, **fit).metrics == {}
        assert list(history.metrics) == ["accuracy", "f1", "recall"]
        assert history.metrics["accuracy"][-1] == st.accuracy(y, own(X))
        assert history.metrics["f1"][-1] == st.metrics.f1(y, own(X))
    assert history.validation_loss == [] and history.metrics["accuracy"] == validated.metrics["accuracy"]
    assert_equal_models(own, plain)
    assert_equal_models(own, with_data)


def test_weights_of_samples_reach_metrics_that_take_them(backend, data):
    X, y = data
    weight = np.arange(len(y)) % 4
    model = st.Sequential(st.Linear(6, 3))

    def plain(labels, scores):
        return st.accuracy(labels, scores)

    with backend.computing():
        fit = {"epochs": 1, "progress": False, "metrics": ["accuracy", plain]}
        training = model.fit(X, y, **fit, sample_weight=weight).metrics
        assert training["accuracy"] == [st.accuracy(y, model(X), weight)] != training["plain"]
        history = model.fit(X, y, **fit, validation_data=(X, y, weight.tolist()))
        assert history.metrics["accuracy"] == [st.accuracy(y, model(X), weight)]
        loss, _ = model.loss_and_gradients(X, y, loss="softmax", sample_weight=weight)
        assert history.validation_loss == [pytest.approx(loss, rel=1e-5)]
        for bad, message in [
            (
                (X, y, weight[1:]),
                "X has 300 samples, but sample_weight of validation_data has 299",
            ),
            ((X, y, -weight), "sample_weight of validation_data of sample 1 is -1, but must be"),
        ]:
            with pytest.raises(ValueError, match=message):
                model.fit(X, y, validation_data=bad)
        with pytest.raises(TypeError, match=r"validation_data must be \(X, y\) or \(X, y, sample_weight\)"):
            model.fit(X, y, validation_data=(X,))
