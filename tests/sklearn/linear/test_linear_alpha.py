"""Linear models: alpha="auto", a penalty that suits the size and number of the samples."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from support.linear_models import classes, numbers, texts

from steepest.sklearn import LinearClassifier, LinearRegressor

on_backends = pytest.mark.usefixtures("on_backend")


@on_backends
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_alpha_is_1_by_the_samples_or_the_usual_one(make):
    X, y = classes(3, samples=60)
    X = X * (np.abs(X) > 0.5)
    weight = np.random.default_rng(0).uniform(0, 3, 60)
    for scale in (1e-2, 1e-1, 10):
        model = LinearClassifier().fit(make(scale * X), y, weight)
        square = np.average(np.square(scale * X)[X != 0], weights=np.repeat(weight, (X != 0).sum(axis=1)))
        np.testing.assert_allclose(model.alpha_, min(1e-4, square / weight.sum()), rtol=1e-12)
        model = LinearClassifier("squared_hinge").fit(make(scale * X), y, weight)
        square = np.average(np.square(scale * X).sum(axis=1), weights=weight)
        np.testing.assert_allclose(model.alpha_, min(1e-4, square / weight.sum()), rtol=1e-12)
    assert LinearClassifier(alpha=0.5).fit(X, y).alpha_ == 0.5
    assert LinearClassifier(penalty="l1").fit(1e-3 * X, y).alpha_ == 1e-4
    assert LinearClassifier().fit(0 * X, y).alpha_ == 1e-4


def test_alpha_makes_small_numbers_as_good_as_large_ones():
    X, y = texts(4)
    model = LinearClassifier(solver="sdca", random_state=0)
    answers = [model.fit(scale * X, y).decision_function(scale * X) for scale in (2.0**-4, 2.0**-20)]
    answers += [model.fit(tiny, y).decision_function(tiny) for tiny in [(2.0**-80 * X).astype(np.float32)]]
    assert model.alpha_ < 1e-40
    np.testing.assert_allclose(answers[0], answers[1], rtol=1e-9)
    np.testing.assert_allclose(answers[0], answers[2], rtol=0.05, atol=0.05)  # float32, in its own order


def test_rows_of_weight_0_say_nothing_of_alpha():
    X, y = classes(3, samples=60)
    weight = np.r_[0, np.ones(59)]
    X[0] = 1e200
    assert LinearClassifier().fit(X, y, weight).alpha_ == LinearClassifier().fit(X[1:], y[1:]).alpha_
    model = LinearClassifier().partial_fit(X[1:], y[1:], classes=range(3))
    model.partial_fit(X[:1], y[:1], sample_weight=[0])
    assert model.alpha_ == LinearClassifier().fit(X[1:], y[1:]).alpha_


def test_alpha_of_a_stream_is_that_of_all_that_has_come():
    X, y = numbers(90)
    model = LinearRegressor()
    for first in (0, 30, 60):
        model.partial_fit(1e-2 * X[first : first + 30], y[first : first + 30])
    np.testing.assert_allclose(model.alpha_, LinearRegressor().fit(1e-2 * X, y).alpha_)
    assert model.alpha_ < 1e-4
    model.fit(1e-2 * X[:30], y[:30])  # begins anew
    np.testing.assert_allclose(model.alpha_, min(1e-4, np.square(1e-2 * X[:30]).mean() / 30))
