"""`validation_split` and `class_weight`: which rows are held out, and how much each class counts."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st
from steepest.datasets import stratified_split

FIT = {"epochs": 2, "progress": False, "batch_size": 32}


def binary():
    return st.Sequential(st.Linear(6, 1), seed=1)


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, "csr_array"])
def test_a_split_is_that_of_its_seed(backend, data, kind):
    """The same bits as with the two parts given: stratified for labels, whatever X is."""
    X, y = data
    if kind == "csr_array":
        kind = pytest.importorskip("scipy.sparse").csr_array
    weight = np.arange(300) % 5 + 1.0
    train, held = stratified_split(y, 0.2, seed=7)
    with backend.computing():
        split, parts = small_model(), small_model()
        history = split.fit(
            kind(X), y, **FIT, seed=7, validation_split=0.2, sample_weight=weight, metrics=["accuracy"]
        )
        expected = parts.fit(
            *(kind(X[train]), y[train]),
            **FIT,
            seed=7,
            sample_weight=weight[train],
            metrics=["accuracy"],
            validation_data=(kind(X[held]), y[held], weight[held]),
        )
    assert_equal_models(split, parts)
    assert history.validation_loss == expected.validation_loss and history.metrics == expected.metrics


def test_a_split_of_targets_is_random(data):
    X, y = data[0], data[0] @ np.ones((6, 3))
    train, held = stratified_split(np.zeros(300), 0.25, seed=3)
    split, parts = small_model(), small_model()
    history = split.fit(X, y, **FIT, loss="mse", validation_split=0.25)
    expected = parts.fit(X[train], y[train], **FIT, loss="mse", validation_data=(X[held], y[held]))
    assert_equal_models(split, parts)
    assert history.validation_loss == expected.validation_loss


def test_a_split_of_one_output_has_both_classes(data):
    X, y = data[0], (np.arange(300) < 10).astype(float)
    seen = []

    def shares(labels, scores):
        seen.append(labels.sum())
        return 0.0

    binary().fit(X, y, **FIT, loss="bce", validation_split=0.2, metrics=[shares])
    assert seen == [2.0, 2.0]


def test_a_class_of_one_sample_is_learned_from(data):
    X, y = data[0][:20], np.array([0] * 10 + [1] * 9 + [2])
    labels = []
    small_model().fit(
        X, y, **FIT, validation_split=0.1, metrics={"m": lambda y, s: labels.append(set(y.tolist())) or 0.0}
    )
    assert labels == [{0, 1}, {0, 1}]
    with pytest.raises(ValueError, match=r"validation_split is 0\.5, but no class has 2 samples"):
        small_model().fit(X[:3], [0, 1, 2], validation_split=0.5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"validation_split": 1.0}, ValueError, r"validation_split is 1\.0, but must be in \[0, 1\)"),
        ({"validation_split": "a"}, TypeError, "validation_split must be a real number"),
        ({"class_weight": "even"}, ValueError, "class_weight is 'even', but must be one of 'balanced'"),
        ({"class_weight": 3}, TypeError, "class_weight must be 'balanced', a mapping of classes to numbers"),
        ({"class_weight": {3: 1.0}}, ValueError, "class_weight has class 3, but there are 3 classes"),
        ({"class_weight": {"a": 1.0}}, TypeError, "a class of class_weight must be an integer"),
        ({"class_weight": {-1: 1.0}}, ValueError, "a class of class_weight is -1"),
        ({"class_weight": {1: -1.0}}, ValueError, r"class_weight\[1\] is -1\.0"),
        ({"class_weight": [1, 2]}, ValueError, "class_weight has 2 numbers, but there are 3 classes"),
        ({"class_weight": {0: 0, 1: 0, 2: 0}}, ValueError, "class_weight is zero for all 300 samples"),
    ],
)
def test_what_is_refused(data, options, error, message):
    model = small_model()
    with pytest.raises(error, match=message):
        model.fit(*data, **options)
    assert_equal_models(model, small_model())


def test_what_excludes_each_other(data):
    X, y = data
    with pytest.raises(ValueError, match="give validation_data or validation_split, not both"):
        small_model().fit(X, y, validation_data=data, validation_split=0.1)
    loss = st.SoftmaxCrossEntropy(class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight is given to fit and to the loss"):
        small_model().fit(X, y, loss=loss, class_weight="balanced")
    with pytest.raises(ValueError, match=r"class_weight is given, but SquaredError.* compares numbers"):
        small_model().fit(X, np.eye(3)[y], loss="mse", class_weight="balanced")
    with pytest.raises(ValueError, match="class_weight is 'balanced', but a step has a part of the samples"):
        st.Trainer(small_model(), loss).step(X, y)
    with pytest.raises(ValueError, match="class_weight is given, but targets of validation_data are not 0"):
        binary().fit(
            X, y > 0, loss="bce", class_weight="balanced", validation_data=(X, np.full(300, 0.5, "f"))
        )
    with pytest.raises(ValueError, match="sample_weight of a part that validation_split makes is zero"):
        small_model().fit(X, y, validation_split=0.1, sample_weight=np.arange(300) == 0)


def test_balanced_classes_are_those_of_scikit_learn(backend, data):
    """In the loss and in `fit` alike; the validation data has the weights of the training data."""
    weights_of = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    X = data[0]
    y = np.array([0] * 200 + [1] * 70 + [2] * 30)
    weights = weights_of("balanced", classes=np.arange(3), y=y)
    options = {**FIT, "validation_data": (X[100:], y[100:])}
    ways = [
        {"loss": st.SoftmaxCrossEntropy(class_weight=weights)},
        {"loss": st.SoftmaxCrossEntropy(class_weight="balanced")},
        {"class_weight": "balanced"},
        {"class_weight": dict(enumerate(weights))},
        {"class_weight": {np.int64(0): weights[0], 2: weights[2], 1: weights[1]}},
        {"sample_weight": weights[y], "validation_data": (X[100:], y[100:], weights[y[100:]])},
    ]
    with backend.computing():
        models = [small_model() for _ in ways]
        fits = [model.fit(X, y, **(options | way)) for model, way in zip(models, ways, strict=True)]
    for model, history in zip(models, fits, strict=True):
        assert_equal_models(model, models[0])
        assert history.validation_loss == fits[0].validation_loss


def test_balanced_counts_the_classes_that_are_there(data):
    X, y = data[0], np.arange(300) % 2 * 2  # classes 0 and 2 of three
    balanced, plain = small_model(), small_model()
    balanced.fit(X, y, **FIT, class_weight="balanced")
    plain.fit(X, y, **FIT, class_weight=[1, 1, 1])
    assert_equal_models(balanced, plain)


def test_a_mapping_is_1_where_it_has_nothing(data):
    by_dict, by_list = small_model(), small_model()
    by_dict.fit(*data, **FIT, class_weight={1: 3.0})
    by_list.fit(*data, **FIT, class_weight=(1, 3, 1))
    assert_equal_models(by_dict, by_list)
    assert st.SoftmaxCrossEntropy(class_weight={1: 3}).class_weight == {1: 3.0}


def test_classes_of_other_losses_are_weighted(backend, data):
    X, y = data
    yes = y > 0
    with backend.computing():
        for loss, targets, make, labels in [
            ("svm", y, small_model, y),
            ("bce", yes[:, None], binary, yes.astype(int)),
        ]:
            weighted, plain = make(), make()
            weighted.fit(X, targets, **FIT, loss=loss, class_weight={1: 5.0})
            plain.fit(X, targets, **FIT, loss=loss, sample_weight=np.where(labels == 1, 5.0, 1.0))
            assert_equal_models(weighted, plain)


def test_metrics_are_not_weighted_by_class(data):
    history = small_model().fit(*data, **FIT, class_weight={1: 50.0}, metrics=["accuracy"])
    model = small_model()
    model.fit(*data, **FIT, class_weight={1: 50.0})
    assert history.metrics["accuracy"][-1] == st.accuracy(data[1], model(data[0]))
