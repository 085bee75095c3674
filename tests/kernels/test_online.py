"""Learning from rows as they come: steps are those of the reference, go not too far, and keep their bits."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from support.implementations import FUSED, ISAS, REFERENCE, THREADS, Implementation, needs_native
from support.tolerances import assert_close, assert_same_bits

import steepest as st
from steepest.backends import active
from steepest.backends.online import OnlinePoint, OnlineRows
from steepest.backends.sparse import sparse_rows

LOSSES = [st.SoftmaxCrossEntropy(), st.MulticlassHinge(1.5), st.MulticlassHinge(0.5, squared=True)]
CLASSES = [2, 3, 15, 16, 17, 100]


def rows(loss, dtype=np.float64, samples=30, features=20, classes=5, seed=0):
    random = np.random.default_rng(seed)
    X = sparse.random_array((samples, features), density=0.2, format="csr", rng=random, dtype=np.float64)
    X.data = random.standard_normal(X.nnz)
    weight = random.choice([0.0, 0.5, 1.0, 30.0], samples).astype(dtype)
    return OnlineRows(
        sparse_rows(X, np.dtype(dtype)), random.integers(0, classes, samples), weight, loss, classes
    )


def start(rows, bias=True):
    columns, dtype = rows.classes if rows.classes > 2 else 1, rows.weight.dtype
    features = rows.x.shape[1]
    return OnlinePoint(
        np.zeros((features, columns), dtype),
        np.zeros(columns, dtype) if bias else None,
        np.zeros(features + 1),
        rate=2.0,
        floor=0.01,
        unit=0.7,
    )


def learned(rows, bias=True, passes=2):
    point, learner = start(rows, bias), active().online(rows)
    losses = [learner.learn(point, np.arange(len(rows.x))[::-1]) for _ in range(passes)]
    return point, losses


@cache  # the same for all implementations
def of_the_reference(loss, classes, bias):
    with REFERENCE.computing():
        return learned(rows(loss, np.float64, classes=classes), bias)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("bias", [True, False])
def test_passes_are_those_of_the_reference(implementation, loss, classes, bias, dtype):
    data = rows(loss, dtype, classes=classes)
    expected, values = of_the_reference(loss, classes, bias)
    with implementation.computing():
        point, losses = learned(data, bias)
    size = float(np.abs(expected.weight).max() + 1)
    for name in ("weight", "bias") if bias else ("weight",):
        assert_close(getattr(point, name), getattr(expected, name).astype(dtype), 60 * 60, size)
    assert_close(point.sums, expected.sums, 60 * 60, expected.sums.max(), dtype)
    assert_close(np.array(losses), np.array(values), 60 * 60, max(values), dtype)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("classes", [2, 6])
def test_a_step_is_the_gradient_where_it_leads_to(implementation, loss, classes):
    """Of one row, from anywhere: its weights move against x by the gradient at the new scores."""
    random = np.random.default_rng(1)
    x, weight = np.array([[0.5, -2.0, 0.0, 1.0]]), 3.0
    data = OnlineRows(
        sparse_rows(sparse.csr_array(x), np.dtype(float)), np.array([1]), np.array([weight]), loss, classes
    )
    point = start(data)
    point.weight[...] = random.standard_normal(point.weight.shape)
    point.sums[...] = random.uniform(0.1, 2, 5)
    before = copy.deepcopy(point)
    scores = x @ before.weight + before.bias
    both = (lambda s: np.hstack([-s, s]) / 2) if classes == 2 else (lambda s: s)
    with implementation.computing():
        active().online(data).learn(point, np.array([0]))
    with st.config("reference"):
        gradient = active().loss(loss, both(scores), data.labels, None)[1][0]
        led_to = active().loss(loss, both(x @ point.weight + point.bias), data.labels, None)[1][0]
    if classes == 2:
        gradient, led_to = gradient[1:], led_to[1:]
    assert np.abs(gradient).max() > 0.01
    features = np.append(x[0], point.unit)
    sums = before.sums + weight * features**2 * (gradient**2).sum()
    steps = weight * point.rate / np.sqrt(point.floor + sums) * features
    assert_close(point.sums, sums, 20, sums.max())
    moved = point.weight - before.weight
    if isinstance(loss, st.MulticlassHinge) and not loss.squared:
        led_to = moved[1] / -steps[1]  # of a kink any slope: the same for all features
        assert (np.abs(led_to) <= np.abs(gradient).max() + 1e-9).all()
    assert_close(moved, -np.outer(steps[:-1], led_to), 4000, np.abs(moved).max() + 1)
    assert_close(point.bias - before.bias, -steps[-1] * point.unit * led_to, 4000, 1 + np.abs(moved).max())


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("weight", [1e-3, 1.0, 1e3, 1e9])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_step_lowers_the_loss_of_its_row(implementation, loss, classes, weight, size):
    """However large its weight and its numbers are."""
    x = sparse.csr_array(size * np.array([[0.5, -2.0, 1.0], [1.0, 1.0, -1.0]]))
    data = OnlineRows(
        sparse_rows(x, np.dtype(float)), np.array([0, 1]), np.array([1.0, weight]), loss, classes
    )
    with implementation.computing():
        point, learner = start(data), active().online(data)
        learner.learn(point, np.array([0]))
        before = copy.deepcopy(point)
        first = learner.learn(point, np.array([1]))
        again = learner.learn(copy.deepcopy(point), np.array([1]))
    assert again < first
    assert not np.array_equal(point.weight, before.weight)


def test_a_row_of_weight_0_changes_nothing(implementation):
    data = rows(LOSSES[0])
    none = OnlineRows(data.x, data.labels, np.zeros_like(data.weight), data.loss, data.classes)
    with implementation.computing():
        point, losses = learned(none)
    assert losses == [0, 0]
    assert not point.weight.any() and not point.bias.any() and not point.sums.any()


@needs_native
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("classes", [2, 20])
def test_bits_do_not_depend_on_threads(loss, classes, dtype):
    data = rows(loss, dtype, samples=500, classes=classes)
    for isas in (FUSED, tuple(isa for isa in ISAS if isa not in FUSED)):
        results = []
        for isa in isas:
            for threads in THREADS:
                with Implementation("native", isa, threads).computing():
                    results.append(learned(data))
        for other, losses in results[1:]:
            for name in ("weight", "bias", "sums"):
                assert_same_bits(getattr(other, name), getattr(results[0][0], name), name)
            assert losses == results[0][1]


@needs_native
def test_the_extension_checks_its_arguments():
    data = rows(LOSSES[0])
    learner, point = active().online(data), start(data)
    for order in (np.array([30]), np.array([-1])):
        with pytest.raises(ValueError, match="order holds an index out of range"):
            learner.learn(point, order)
    for name in ("weight", "bias", "sums"):
        bad = copy.deepcopy(point)
        object.__setattr__(bad, name, getattr(point, name)[1:])
        with pytest.raises(ValueError, match=f"{name} has another shape"):
            learner.learn(bad, np.array([0]))
    for labels in (data.labels - 1, data.labels + 1):
        with pytest.raises(ValueError, match="labels holds an index out of range"):
            active().online(OnlineRows(data.x, labels, data.weight, data.loss, data.classes))
    with pytest.raises(ValueError, match="weight has another shape"):
        active().online(OnlineRows(data.x, data.labels, data.weight[1:], data.loss, data.classes))
    with pytest.raises(ValueError, match="the loss takes no labels"):
        active().online(OnlineRows(data.x, data.labels, data.weight, st.SquaredError(), data.classes))
