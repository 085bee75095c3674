"""Fitted linear models of scikit-learn made steepest's, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from sklearn import linear_model, svm

from ..._checks import Array
from .._fitting.record import begin
from .._linear.base import LinearModel
from .._linear.classifier import LinearClassifier
from .._linear.regressor import LinearRegressor
from .to_sklearn import copy_shared

# The loss of ours that predicts by the same formula, for each of theirs; None where they have no choice.
_CLASSIFIERS: dict[type, dict[str | None, str]] = {
    linear_model.LogisticRegression: {None: "softmax"},
    linear_model.SGDClassifier: {"log_loss": "softmax", "hinge": "hinge", "squared_hinge": "squared_hinge"},
    linear_model.RidgeClassifier: {None: "squared_hinge"},
    svm.LinearSVC: {"hinge": "hinge", "squared_hinge": "squared_hinge"},
}
_REGRESSORS: dict[type, dict[str | None, str]] = {
    linear_model.LinearRegression: {None: "squared_error"},
    linear_model.Ridge: {None: "squared_error"},
    linear_model.ElasticNet: {None: "squared_error"},
    linear_model.HuberRegressor: {None: "huber"},
    linear_model.PoissonRegressor: {None: "poisson"},
    linear_model.SGDRegressor: {"squared_error": "squared_error", "huber": "huber"},
}
_LOSSES = _CLASSIFIERS | _REGRESSORS
LINEAR_MODELS = tuple(_LOSSES)


def linear_from_sklearn(estimator: Any) -> LinearModel:
    """One of steepest's with the same weights."""
    kind = next(kind for kind in LINEAR_MODELS if isinstance(estimator, kind))
    name, losses = type(estimator).__name__, _LOSSES[kind]
    loss = None if None in losses else estimator.loss
    if loss not in losses:
        raise ValueError(f"{name} with loss={loss!r} has no counterpart among the losses of steepest")
    made: Any
    if kind in _CLASSIFIERS:
        _check_classifier(estimator, losses[loss])
        made = LinearClassifier(losses[loss])
    else:
        made = LinearRegressor(losses[loss])
    copy_shared(estimator, made)
    coef = estimator.coef_.toarray() if sparse.issparse(estimator.coef_) else estimator.coef_
    begin(made)  # so that partial_fit can go on
    made.coef_ = np.array(np.atleast_2d(coef) if kind in _CLASSIFIERS else coef)
    made.intercept_ = _intercept(estimator.intercept_, made.coef_)
    return made


def _check_classifier(estimator: Any, loss: str) -> None:
    """Refuse probabilities that are not a softmax, and several labels per sample."""
    name = type(estimator).__name__
    one_against_rest = isinstance(estimator, linear_model.SGDClassifier) or "ovr" in (
        getattr(estimator, "multi_class", None),
        {"liblinear": "ovr"}.get(getattr(estimator, "solver", "")),
    )
    if loss == "softmax" and one_against_rest and len(estimator.classes_) > 2:
        raise ValueError(
            f"{name} gives probabilities of each of its {len(estimator.classes_)} classes against the rest, "
            "but those of LinearClassifier are a softmax"
        )
    kind = getattr(getattr(estimator, "_label_binarizer", None), "y_type_", "")
    if kind.startswith("multilabel"):
        raise ValueError(f"{name} was fitted to several labels per sample, but LinearClassifier predicts one")


def _intercept(intercept: Any, coef: Array) -> Any:
    """One a row of `coef`, a number where that has one dimension."""
    if coef.ndim == 1:
        return np.ravel(intercept)[0]
    return np.array(np.broadcast_to(np.asarray(intercept, coef.dtype), len(coef)))
