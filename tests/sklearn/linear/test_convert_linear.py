"""Conversions of linear models: equal predictions, weights and losses, and every refusal."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn import linear_model, neural_network, svm
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.naive_bayes import GaussianNB
from support.conversions import assert_alike, samples

from steepest.sklearn import (
    LinearClassifier,
    LinearRegressor,
    MLPClassifier,
    from_sklearn,
    to_sklearn,
)

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
CLASSIFIERS = [
    (linear_model.LogisticRegression(C=0.1, fit_intercept=False), "softmax"),
    (linear_model.SGDClassifier(loss="hinge", class_weight="balanced", random_state=3), "hinge"),
    (linear_model.SGDClassifier(loss="squared_hinge", random_state=3), "squared_hinge"),
    (linear_model.RidgeClassifier(), "squared_hinge"),
    (svm.LinearSVC(fit_intercept=False), "squared_hinge"),
    (svm.LinearSVC(loss="hinge", multi_class="crammer_singer"), "hinge"),
]
REGRESSORS = [
    (linear_model.LinearRegression(), "squared_error"),
    (linear_model.LinearRegression(fit_intercept=False), "squared_error"),
    (linear_model.Ridge(), "squared_error"),
    (linear_model.Lasso(alpha=0.1), "squared_error"),
    (linear_model.ElasticNet(alpha=0.1), "squared_error"),
    (linear_model.HuberRegressor(), "huber"),
    (linear_model.SGDRegressor(random_state=3), "squared_error"),
    (linear_model.PoissonRegressor(), "poisson"),
]


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize(("theirs", "loss"), CLASSIFIERS, ids=str)
def test_linear_classifiers_convert_both_ways(theirs, loss, kind):
    X, y = samples(kind)
    theirs = clone(theirs).fit(X, y)
    ours = from_sklearn(theirs)
    assert type(ours) is LinearClassifier and ours.loss == loss
    for name in ("fit_intercept", "class_weight", "random_state"):
        if name in theirs.get_params():
            assert getattr(ours, name) == getattr(theirs, name)
    for converted in (ours, to_sklearn(ours), pickle.loads(pickle.dumps(ours))):
        assert_alike(theirs, converted, X)
    ours.set_params(class_weight=None).partial_fit(X, y)


@pytest.mark.parametrize(("theirs", "loss"), REGRESSORS, ids=str)
def test_linear_regressors_convert_both_ways(theirs, loss):
    X, y = samples("counts")
    theirs = clone(theirs).fit(X, y)
    ours = from_sklearn(theirs)
    assert type(ours) is LinearRegressor and ours.loss == loss
    for converted in (ours, to_sklearn(ours), pickle.loads(pickle.dumps(ours))):
        assert_alike(theirs, converted, X)
    ours.partial_fit(X, y)


def test_several_targets_and_sparse_weights_convert():
    X, y = samples("numbers")
    theirs = linear_model.LinearRegression().fit(X, y)
    assert_alike(theirs, to_sklearn(from_sklearn(theirs)), X)
    X, y = samples()
    theirs = linear_model.SGDClassifier(random_state=0).fit(X, y).sparsify()
    ours = from_sklearn(theirs)
    assert isinstance(ours.coef_, np.ndarray)
    assert_alike(theirs, ours, X)
    assert_alike(ours, ours.sparsify().to_sklearn(), X)


@pytest.mark.parametrize("loss", ["softmax", "hinge", "squared_hinge"])
def test_fitted_linear_classifiers_convert(loss):
    for kind in ("binary", "multiclass"):
        X, y = samples(kind)
        ours = LinearClassifier(loss, max_iter=20).fit(X, y)
        theirs = ours.to_sklearn()
        assert type(theirs) is (linear_model.LogisticRegression if loss == "softmax" else svm.LinearSVC)
        assert_alike(ours, theirs, X)
        assert np.max(theirs.n_iter_) == ours.n_iter_
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs.fit(X, y)


def test_two_classes_of_stochastic_logistic_regression_convert_and_more_do_not():
    theirs = linear_model.SGDClassifier(loss="log_loss", random_state=0)
    X, y = samples("binary")
    assert_alike(theirs.fit(X, y), from_sklearn(theirs), X)
    with pytest.raises(ValueError, match="probabilities of each of its 3 classes against the rest"):
        from_sklearn(theirs.fit(*samples()))


def test_models_are_refused():
    X, y = samples()
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        from_sklearn(neural_network.MLPClassifier())
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        from_sklearn(linear_model.Ridge())
    for estimator in (MLPClassifier(), LinearRegressor()):
        with pytest.raises(NotFittedError, match="is not fitted yet"):
            estimator.to_sklearn()
    with pytest.raises(
        TypeError, match="a multilayer perceptron or linear model of scikit-learn, not GaussianNB"
    ):
        from_sklearn(GaussianNB().fit(X, y))
    with pytest.raises(TypeError, match=r"must be one of steepest\.sklearn, not GaussianNB"):
        to_sklearn(GaussianNB())
    with pytest.raises(
        ValueError, match="SGDClassifier with loss='modified_huber' has no counterpart among the losses"
    ):
        from_sklearn(linear_model.SGDClassifier(loss="modified_huber").fit(X, y))
    with pytest.raises(ValueError, match="RidgeClassifier was fitted to several labels per sample"):
        from_sklearn(linear_model.RidgeClassifier().fit(*samples("multilabel")))
    several = LinearRegressor("poisson", max_iter=2).fit(X, np.abs(samples("numbers")[1]))
    with pytest.raises(ValueError, match="loss='poisson' with 3 targets has no counterpart in scikit-learn"):
        several.to_sklearn()
