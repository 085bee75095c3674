"""Streams: what weights count for in `partial_fit`, what the first rows decide, and the progressive loss."""

from __future__ import annotations

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse

from steepest.sklearn import LinearClassifier, LinearRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

random = np.random.default_rng(3)
X = random.standard_normal((60, 3))
Y = X @ [1.0, -2.0, 3.0] + 1
ROW = np.array([[1.0, -2.0, 0.5]])
WEIGHTS = (0.1, 1.0, 5.0, 100.0, 1e9)


def begun(**options):
    return LinearRegressor(penalty=None, **options).partial_fit(X, Y)


def same(one, other):
    np.testing.assert_array_equal(one.coef_, other.coef_)
    np.testing.assert_array_equal(one.intercept_, other.intercept_)


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("rate", [1e-3, 0.05, 3.0])
def test_a_weight_is_infinitely_many_short_steps(weight, rate):
    """Equation 6 of Karampatziakis and Langford, for squared errors."""
    model = begun(learning_rate_init=0.01)
    before, other = model.predict(ROW), copy.deepcopy(model)
    for each in (model, other):
        each._optimizer.learning_rate = rate
    model.partial_fit(ROW, [7.0], sample_weight=[weight])
    share = 1 - np.exp(-weight * rate * (np.sum(ROW**2) + 1))
    np.testing.assert_allclose(model.predict(ROW), before + (7 - before) * share, rtol=1e-9)
    for _ in range(2):  # two halves are the whole
        other.partial_fit(sparse.csr_matrix(ROW), [7.0], sample_weight=[weight / 2])
    np.testing.assert_allclose(other.predict(ROW), model.predict(ROW), rtol=1e-9)


@pytest.mark.parametrize("rows", [1, 2, 20])
@pytest.mark.parametrize("repeated", [False, True])
def test_steps_are_longer_for_larger_weights_and_do_not_overshoot(rows, repeated):
    """The error of a batch gets smaller by each weight more; that of equal rows keeps its sign."""
    data = np.repeat(X[:1], rows, axis=0) if repeated else X[:rows]
    start, errors = begun(learning_rate_init=0.01), []
    target = start.predict(data) + (1.0 if repeated else random.standard_normal(rows))
    for weight in WEIGHTS:
        model = copy.deepcopy(start).partial_fit(data, target, sample_weight=np.full(rows, weight))
        errors.append(target - model.predict(data))
    sizes = np.sum(np.square(errors), axis=1)
    assert (np.diff(sizes) < 1e-12).all() and (np.diff(sizes[:4]) < 0).all()
    if repeated:
        assert (np.array(errors) > -1e-9).all()


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_classes_weigh_too(loss):
    labels, scores = (Y > 0).astype(int), []
    start = LinearClassifier(loss, learning_rate_init=0.01).partial_fit(X, labels, classes=[0, 1])
    for weight in WEIGHTS:
        model = copy.deepcopy(start).partial_fit(ROW, [0], sample_weight=[weight])
        scores.append(model.decision_function(ROW)[0])
    assert (np.diff(scores[:4]) < 0).all() and scores[4] <= scores[3] and abs(scores[-1]) < 20
    weighted = LinearClassifier(loss, learning_rate_init=0.01, class_weight={0: 100.0, 1: 1.0})
    weighted.partial_fit(X, labels, classes=[0, 1])
    plain = LinearClassifier(loss, learning_rate_init=0.01)
    plain.partial_fit(X, labels, classes=[0, 1], sample_weight=np.where(labels, 1.0, 100.0))
    np.testing.assert_allclose(weighted.coef_, plain.coef_, rtol=1e-12)


@pytest.mark.parametrize("weights", [(9.0, 1.0), (1.0, 0.0), (3.0, 1e-9)])
@pytest.mark.parametrize("stream", [False, True])
def test_batches_of_one_row_learn_the_weighted_mean(weights, stream):
    targets = np.repeat([1.0, 9.0], 5)
    weight, nothing = np.repeat(weights, 5), np.zeros((10, 1))
    model = LinearRegressor(batch_size=1, learning_rate_init=0.002, penalty=None, random_state=0)
    if stream:
        for _ in range(600):
            model.partial_fit(nothing, targets, sample_weight=weight)
    else:
        model.set_params(max_iter=600, tol=0.0).fit(nothing, targets, weight)
    assert model.intercept_ == pytest.approx(np.average(targets, weights=weight), abs=0.15)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"solver": "adam"}], ids=str)
def test_rows_that_weigh_nothing_change_nothing(options):
    model = begun(**options)
    known = copy.deepcopy(model)
    for zero in (0.0, np.zeros(60)):
        same(model.partial_fit(10 * X, Y, sample_weight=zero), known)
    assert model.progressive_loss_ == known.progressive_loss_
    half = np.arange(60) % 2 == 0
    model.set_params(shuffle=False).partial_fit(X, Y, sample_weight=half)
    same(model, known.set_params(shuffle=False).partial_fit(X[half], Y[half], sample_weight=np.ones(30)))
    fresh = LinearRegressor(**options).partial_fit(X, Y, sample_weight=0)
    assert not fresh.coef_.any() and not hasattr(fresh, "progressive_loss_")
    fresh.set_params(random_state=0).partial_fit(X, Y)
    np.testing.assert_allclose(
        fresh.coef_, LinearRegressor(random_state=0, **options).partial_fit(X, Y).coef_, rtol=1e-12
    )


@pytest.mark.parametrize("options", [{}, {"solver": "adam"}, {"learning_rate": "invscaling"}], ids=str)
@pytest.mark.parametrize("size", [1, 16, "auto"])
def test_ones_are_no_weights(options, size):
    options = {"batch_size": size, "random_state": 0} | options
    one, other = (LinearRegressor(**options).partial_fit(X, Y, sample_weight=w) for w in (None, np.ones(60)))
    np.testing.assert_allclose(one.coef_, other.coef_, rtol=1e-12)


def stream_of(rows, model=None):
    model = LinearRegressor(penalty=None) if model is None else model
    for row in rows:
        model.partial_fit(row[None], [row @ [1.0, -2.0, 3.0] + 1])
    return model


def test_the_first_row_decides_nothing_for_ever():
    """Neither one far out, nor one without size; and no target the intercept."""
    rows = random.standard_normal((1500, 3))
    for first in (1e4 * ROW, 0 * ROW):
        model = LinearRegressor(penalty=None).partial_fit(first, [1e4])
        np.testing.assert_allclose(stream_of(rows, model).coef_, [1, -2, 3], atol=1e-2)
    slow = LinearRegressor(learning_rate_init=1e-6, penalty=None).partial_fit(0 * ROW, [1000.0])
    assert abs(stream_of(rows[:50], slow).intercept_) < 150


def test_a_new_scale_of_a_feature_does_no_harm():
    rows = random.standard_normal((400, 3))
    model = stream_of(rows)
    for scale in (1e3, 1e-3, 1.0):
        scaled = rows * [1, scale, 1]
        stream_of(scaled, model)
        assert np.isfinite(model.coef_).all()
    np.testing.assert_allclose(model.coef_, [1, -2, 3], atol=1e-2)


@pytest.mark.parametrize(("size", "times"), [(1, 20), (5, 30), (60, 60)])
def test_rows_may_come_in_any_groups(size, times):
    """As mini-batches, they come to the same."""
    model = LinearRegressor(penalty=None)
    for _ in range(times):
        for first in range(0, 60, size):
            model.partial_fit(X[first : first + size], Y[first : first + size])
    np.testing.assert_allclose([*model.coef_, model.intercept_], [1, -2, 3, 1], atol=1e-2)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_progressive_loss_is_measured_before_learning(weighted):
    weight = random.uniform(0.0, 3.0, 60) * (np.arange(60) % 7 > 0) if weighted else np.ones(60)
    model, losses = LinearRegressor(), []
    for first in range(0, 60, 9):
        part = slice(first, first + 9)
        known = model.predict(X[part]) if first else 0.0
        losses += list((Y[part] - known) ** 2 / 2)
        model.partial_fit(X[part], Y[part], sample_weight=weight[part] if weighted else None)
        assert model.progressive_loss_ == pytest.approx(
            np.average(losses, weights=weight[: len(losses)]), rel=1e-9
        )
    assert not hasattr(model.fit(X, Y), "progressive_loss_")


def test_the_progressive_loss_of_classes():
    labels = (Y > 0).astype(int)
    model = LinearClassifier().partial_fit(X[:30], labels[:30], classes=[0, 1])
    assert model.progressive_loss_ == pytest.approx(np.log(2))
    probable = model.predict_proba(X[30:])[np.arange(30), labels[30:]]
    model.partial_fit(X[30:], labels[30:])
    assert model.progressive_loss_ == pytest.approx((np.log(2) - np.log(probable).mean()) / 2)


def test_a_penalty_does_not_take_weights_beyond_0():
    """With small numbers and no intercept, the rate of the samples is that of no penalty."""
    X = 1e-3 * np.random.default_rng(0).standard_normal((60, 3))
    model = LinearClassifier(alpha=1e-4, fit_intercept=False)
    for i in range(60):
        model.partial_fit(X[i : i + 1], [int(X[i, 0] > 0)], classes=[0, 1], sample_weight=[1 + i % 3])
    assert np.abs(model.coef_).max() < 1e3
