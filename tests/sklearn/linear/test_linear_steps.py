"""solver="lbfgs" of linear models: the metrics of its steps, and where the steps end."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn.datasets import load_digits, load_wine

import steepest as st
from steepest.sklearn import LinearClassifier
from steepest.sklearn._linear import curvature, metric, problem
from steepest.sklearn._linear.minimize import LBFGS

pytestmark = pytest.mark.usefixtures("on_backend")
random = np.random.default_rng(5)


@pytest.mark.parametrize("classes", [3, 12])
@pytest.mark.parametrize("features", [8, 60])
def test_the_end_takes_few_evaluations(classes, features):
    """Where the digits of the value tell no steps apart any more, those of the slope do."""
    calls, noise = 0, np.random.default_rng(0)
    bends = np.logspace(0, 2, features)[:, None] * np.ones(classes)

    def function(point):
        nonlocal calls
        calls += 1
        value = 1 + (bends * np.square(point) / 2 + point**4).sum()
        return value * (1 + 1e-15 * noise.uniform(-16, 16)), bends * point + 4 * point**3

    best = LBFGS(function, lambda point, left: (lambda slope: slope / bends, 10)).run(bends / 100, 1e-6, 1000)
    assert best.converged and np.abs(best.point).max() < 1e-8
    assert calls <= len(best.values) + 10


@pytest.mark.parametrize("loss", [st.SoftmaxCrossEntropy(), st.MulticlassHinge(squared=True)])
def test_one_sum_of_products_stands_for_the_hessian(loss):
    """Its size by samples and by pairs of scores; all of it where samples have the same scores."""
    X, y = load_wine(return_X_y=True)
    X, share = (X - X.mean(axis=0)) / X.std(axis=0), random.uniform(0.5, 1, len(X)) / len(X)
    scores = random.standard_normal((len(X), 3))
    bends, pairs = curvature.shared_curvature(loss, scores, y, share)
    mixed = curvature.mixed_curvatures(loss, scores, y) * share[:, None, None]
    np.testing.assert_allclose(pairs, mixed.sum(axis=0), rtol=1e-12, atol=1e-15)
    traces = np.trace(mixed, axis1=1, axis2=2)
    # A sample that bends no loss counts for a thousandth of the mean.
    np.testing.assert_allclose(bends, traces / traces.sum(), rtol=1e-3, atol=1.1e-3 / len(X))
    if isinstance(loss, st.MulticlassHinge):  # whose pairs are other ones for each label
        return
    scores = np.zeros_like(scores) + [0.0, 1.0, -2.0]
    squares = np.full((14, 3), 1e-3)
    own = metric.Curvature(X, intercept=True)
    mixed = curvature.mixed_curvatures(loss, scores, y) * share[:, None, None]
    slope = random.standard_normal((14, 3))
    slope -= slope.mean(axis=1, keepdims=True)
    shared = own.shared(*curvature.shared_curvature(loss, scores, y, share), squares[:, 0])
    np.testing.assert_allclose(shared(slope), own.mixed(mixed, squares)(slope), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("loss", ["softmax", "squared_hinge"])
def test_a_cheaper_metric_ends_at_the_same_minimum(loss, monkeypatch):
    """The Hessian of all scores together comes first where it is nearly free, and else late."""
    X, y = load_digits(return_X_y=True)
    made, found = [], []
    for name in ("shared", "mixed"):
        plain = getattr(metric.Curvature, name)
        monkeypatch.setattr(
            metric.Curvature, name, lambda *given, name=name, plain=plain: made.append(name) or plain(*given)
        )
    for nearly_free in (1e99, 1e7):
        monkeypatch.setattr(problem, "_MIXED_AT_ONCE", nearly_free)
        found.append(LinearClassifier(loss, alpha=1e-2, max_iter=1000).fit(X, y))
        assert made[0] == ("mixed" if nearly_free == 1e99 else "shared") and "mixed" in made
        made.clear()
    assert found[1].loss_ == pytest.approx(found[0].loss_, rel=1e-8)
