"""Fitted estimators of scikit-learn made steepest's, and back; how is known by each family of estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from ..layers import Standardize
from ..model import Sequential, restored
from ._estimator.base import Estimator
from ._linear.classifier import LinearClassifier
from ._linear.regressor import LinearRegressor
from ._mlp.classifier import MLPClassifier
from ._mlp.regressor import MLPRegressor

_OURS = (MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor)


def from_sklearn(estimator: Any) -> Any:
    """Convert a fitted estimator of scikit-learn to a model of steepest that predicts the same.

    Parameters
    ----------
    estimator : estimator instance
        Fitted: MLPClassifier, MLPRegressor, or one of LogisticRegression, SGDClassifier (with the loss
        "log_loss", "hinge" or "squared_hinge"), RidgeClassifier, LinearSVC, LinearRegression, Ridge, Lasso,
        ElasticNet, HuberRegressor, PoissonRegressor and SGDRegressor (with "squared_error" or "huber"). Or a
        Pipeline of a StandardScaler and one of these, or one of steepest. It is not changed, and what is
        returned shares no arrays with it.

    Returns
    -------
    MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor or Sequential
        A multilayer perceptron gets all parameters and attributes and the optimizer's state, so that
        `partial_fit` continues as scikit-learn's would. A linear model has the weights and the loss, for
        RidgeClassifier "squared_hinge"; its penalty is steepest's default, since those of scikit-learn depend
        on the number of samples.

        A Pipeline becomes a `steepest.Sequential` that begins with `steepest.Standardize`, as estimators have
        no such layer, and goes on as `to_sequential` of the last step. It is of float64, in which a scaler
        computes, takes raw rows, sparse ones only after `Sequential.folded`, and says the numbers of classes:
        ``pipeline.classes_[model.predict(X)]`` are the labels.

    Raises
    ------
    TypeError
        For another estimator, or a step of a Pipeline that is neither.
    ValueError
        If no estimator of steepest predicts like this one: SGDClassifier with other losses, or with
        "log_loss" and more than two classes, whose probabilities are not a softmax; RidgeClassifier of
        multilabel targets.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from steepest.sklearn import from_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> theirs = LogisticRegression(max_iter=1000).fit(X, y)
    >>> ours = from_sklearn(theirs)
    >>> type(ours).__name__, ours.loss, bool((ours.predict(X) == theirs.predict(X)).all())
    ('LinearClassifier', 'softmax', True)

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    >>> model = from_sklearn(pipeline)
    >>> model.layers, bool((model.predict(X) == pipeline.predict(X)).all())
    ((Standardize(features=4), Linear(4, 3)), True)
    """
    if isinstance(estimator, Pipeline):
        return _from_pipeline(estimator)
    return _converted(estimator)


def to_sklearn(estimator: Estimator) -> Any:
    """Convert a fitted estimator of steepest to one of scikit-learn that predicts the same.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, LinearClassifier or LinearRegressor
        A fitted estimator. It is not changed, and the new estimator shares no arrays with it.

    Returns
    -------
    estimator instance
        A perceptron has the parameters that scikit-learn knows too, all attributes, and what the optimizer
        has kept. Those that only say how to learn, such as dropout, are left out; batch_norm becomes a part
        of the weights. Of a linear model the weights are kept: it becomes a LogisticRegression for "softmax",
        a LinearSVC for hinges, a PoissonRegressor for "poisson", and else a LinearRegression.

    Raises
    ------
    TypeError
        For another estimator.
    ValueError
        If scikit-learn has none like this one, because of an activation or a loss, or a perceptron's solver;
        or if a parameter is invalid, or `batch_norm` was changed since the fit.
    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from steepest.sklearn import MLPClassifier, to_sklearn
    >>> X, y = load_iris(return_X_y=True)
    >>> ours = MLPClassifier((10,), random_state=0, tol=0.01).fit(X, y)
    >>> theirs = to_sklearn(ours)
    >>> type(theirs).__module__.partition(".")[0], bool((ours.predict(X) == theirs.predict(X)).all())
    ('sklearn', True)
    """
    if not isinstance(estimator, Estimator):
        raise TypeError(f"estimator must be one of steepest.sklearn, not {estimator!r:.80}")
    return estimator.to_sklearn()


def _converted(estimator: Any) -> Any:
    """The estimator of steepest."""
    for ours in _OURS:
        if isinstance(estimator, tuple(ours._counterparts)):
            check_is_fitted(estimator)
            return ours._from_sklearn(estimator)
    raise TypeError(
        f"estimator must be a multilayer perceptron or linear model of scikit-learn, not {estimator!r:.80}"
    )


def _from_pipeline(pipeline: Pipeline) -> Sequential:
    """Standardize, if there is a scaler, and the layers of the last step."""
    *before, (_, last) = pipeline.steps
    before = [(name, step) for name, step in before if step not in (None, "passthrough")]
    for place, (name, step) in enumerate(before):
        if place or not isinstance(step, StandardScaler):
            raise TypeError(
                f"step {name!r} of the pipeline is {step!r:.80}, but only one StandardScaler can be before "
                "the last step"
            )
        check_is_fitted(step)
    converted = last if isinstance(last, Estimator) else _converted(last)
    model: Sequential = converted.to_sequential()
    if not before:
        return model
    scaler = before[0][1]
    state = {"0.mean": np.zeros(model.in_features), "0.scale": np.ones(model.in_features)}
    if scaler.with_mean:
        state["0.mean"] = scaler.mean_
    if scaler.with_std:
        state["0.scale"] = scaler.scale_
    for key, array in model.state_dict().items():
        number, _, name = key.partition(".")
        state[f"{int(number) + 1}.{name}"] = array
    made = restored([Standardize(model.in_features), *model.layers], state, np.float64)
    made.loss = model.loss
    return made
