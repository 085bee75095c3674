"""Fitted estimators of steepest made scikit-learn's. Below the estimators, which ask it for their own."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import linear_model, svm
from sklearn.base import is_classifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from ..._checks import Array
from ...compile.folding import folded
from ...layers import BatchNorm, Linear
from .._fitting.solver import Solver

_THEIR_SOLVERS = ("lbfgs", "sgd", "adam")
_THEIR_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_THEIR_LOSSES = ("log_loss", "squared_error", "poisson")
_PRIVATE = ("_label_binarizer", "_no_improvement_count")  # what both call so
_OURS_ALONE = ("batch_norms_", "validation_loss_curve_")
_SHARED = ("fit_intercept", "class_weight", "random_state", "warm_start", "verbose")  # mean the same
_FITTED = ("classes_", "n_features_in_", "feature_names_in_")


def perceptron_to_sklearn(estimator: Any, kind: Any) -> Any:
    """One of scikit-learn's kind that predicts the same."""
    made = copied(estimator, kind, activation=_their_activation(estimator))
    if estimator.solver not in _THEIR_SOLVERS:
        raise ValueError(f"solver={estimator.solver!r} has no counterpart in scikit-learn")
    if estimator.loss not in _THEIR_LOSSES:
        raise ValueError(f"loss={estimator.loss!r} has no counterpart in scikit-learn")
    if estimator.penalty is None:
        made.alpha = 0.0
    if estimator.batch_norm:
        _fold(estimator, made)
    if not hasattr(estimator, "loss_curve_"):  # of L-BFGS
        return made
    coefs = len(made.coefs_)
    best = estimator._best
    if best is None or estimator.batch_norm:
        best = [*made.coefs_, *made.intercepts_]
    made._best_coefs, made._best_intercepts = (copy.deepcopy(part) for part in (best[:coefs], best[coefs:]))
    if not estimator.batch_norm:
        made._optimizer = _their_optimizer(made, estimator._optimizer)
    return made


def _their_activation(estimator: Any) -> str:
    """The one of all hidden layers, if scikit-learn has it."""
    given = estimator.activation
    names = {given} if isinstance(given, str) else set(given) or {"relu"}
    if len(names) > 1 or not names <= set(_THEIR_ACTIVATIONS):
        raise ValueError(f"activation={given!r} has no counterpart in scikit-learn")
    return str(names.pop())


def _their_optimizer(made: Any, ours: Solver) -> Any:
    """scikit-learn's, with the state of ours."""
    params = [*made.coefs_, *made.intercepts_]
    rate, state = float(made.learning_rate_init), ours.state
    if made.solver == "adam":
        adam = AdamOptimizer(params, rate, made.beta_1, made.beta_2, made.epsilon)
        adam.ms, adam.vs = _flat(state.slots["mean"]), _flat(state.slots["mean_square"])
        adam.t = int(state.steps[0])
        return adam
    sgd = SGDOptimizer(params, rate, made.learning_rate, made.momentum, made.nesterovs_momentum, made.power_t)
    sgd.learning_rate = ours.learning_rate
    if state.slots:
        sgd.velocities = _flat(state.slots["velocity"])
    return sgd


def _fold(estimator: Any, made: Any) -> None:
    """Make each normalization a part of the layer before it."""
    norms = zip(made.coefs_, made.intercepts_, estimator.batch_norms_, strict=False)
    for place, (coef, intercept, norm) in enumerate(norms):
        keys = ("1.weight", "1.bias", "1.running_mean", "1.running_var")
        state = {"0.weight": coef, "0.bias": intercept} | dict(zip(keys, norm, strict=True))
        _, new = folded([Linear(*coef.shape), BatchNorm(coef.shape[1])], state)
        made.coefs_[place] = new["0.weight"].astype(coef.dtype)
        made.intercepts_[place] = new["0.bias"].astype(coef.dtype)


def linear_to_sklearn(estimator: Any) -> Any:
    """LogisticRegression, LinearSVC, LinearRegression or PoissonRegressor, by the loss."""
    loss = estimator.loss
    coef = estimator.coef_.toarray() if sparse.issparse(estimator.coef_) else estimator.coef_.copy()
    made: Any
    if loss == "softmax":
        made = linear_model.LogisticRegression()
    elif is_classifier(estimator):
        made = svm.LinearSVC(loss=loss, multi_class="crammer_singer")
    elif loss == "poisson":
        if coef.ndim == 2:
            raise ValueError(f"loss='poisson' with {len(coef)} targets has no counterpart in scikit-learn")
        made = linear_model.PoissonRegressor()
        made._base_loss = made._get_loss()
    else:
        made = linear_model.LinearRegression()
    copy_shared(estimator, made)
    made.coef_, made.intercept_ = coef, copy.copy(estimator.intercept_)
    made.n_iter_ = np.array([estimator.n_iter_]) if loss == "softmax" else estimator.n_iter_
    return made


# ---- both ways ------------------------------------------------------------------------------------------


def copied(source: Any, kind: Any, **changed: Any) -> Any:
    """One of that kind with the parameters and attributes that both know."""
    given, known = source.get_params(deep=False), kind().get_params(deep=False)
    parameters = {name: copy.deepcopy(value) for name, value in given.items() if name in known}
    made = kind(**parameters | changed)
    for name, value in vars(source).items():
        shown = name.endswith("_") and not name.startswith("_") and name not in _OURS_ALONE
        if shown or name in _PRIVATE:
            setattr(made, name, copy.deepcopy(value))
    return made


def copy_shared(source: Any, made: Any) -> None:
    """Parameters and attributes of the same meaning."""
    given, taken = (one.get_params(deep=False) for one in (source, made))
    made.set_params(**{key: copy.deepcopy(given[key]) for key in _SHARED if key in given and key in taken})
    for name in _FITTED:
        if hasattr(source, name):
            setattr(made, name, copy.deepcopy(getattr(source, name)))


def arrays_of(layers: Any) -> list[Array]:
    """All weights and then all biases."""
    return [layer.weight for layer in layers] + [layer.bias for layer in layers]


def _flat(layers: Any) -> list[Array]:
    """Copies of them."""
    return [array.copy() for array in arrays_of(layers)]
