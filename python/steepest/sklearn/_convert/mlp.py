"""Fitted estimators of scikit-learn made steepest's, and back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sklearn import neural_network
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.utils.validation import check_is_fitted

from ..._checks import Array
from ...backends.data import Parameters
from ...compile.folding import folded
from ...layers import BatchNorm, Linear
from .._fitting.solver import Solver
from .._linear.base import LinearModel
from .._mlp.base import MultilayerPerceptron
from .._mlp.classifier import MLPClassifier
from .._mlp.regressor import MLPRegressor
from .linear import LINEAR_MODELS, linear_from_sklearn, linear_to_sklearn

_THEIR_SOLVERS = ("lbfgs", "sgd", "adam")
_THEIR_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_THEIR_LOSSES = ("log_loss", "squared_error", "poisson")
_PRIVATE = ("_label_binarizer", "_no_improvement_count")  # what both call so
_OURS_ALONE = ("batch_norms_", "validation_loss_curve_")


def from_sklearn(estimator: Any) -> MultilayerPerceptron | LinearModel:
    """Convert a fitted estimator of scikit-learn to one of steepest that predicts the same.

    Parameters
    ----------
    estimator : estimator instance
        Fitted: MLPClassifier, MLPRegressor, or one of LogisticRegression, SGDClassifier (with the loss
        "log_loss", "hinge" or "squared_hinge"), RidgeClassifier, LinearSVC, LinearRegression, Ridge, Lasso,
        ElasticNet, HuberRegressor, PoissonRegressor and SGDRegressor (with "squared_error" or "huber"). It is
        not changed, and the new estimator shares no arrays with it.

    Returns
    -------
    MLPClassifier, MLPRegressor, LinearClassifier or LinearRegressor
        A multilayer perceptron gets all parameters and attributes and the optimizer's state, so that
        `partial_fit` continues as scikit-learn's would. A linear model has the weights and the loss, for
        RidgeClassifier "squared_hinge"; its penalty is steepest's default, since those of scikit-learn depend
        on the number of samples.

    Raises
    ------
    TypeError
        For another estimator.
    ValueError
        If no estimator of steepest predicts like this one: SGDClassifier with other losses, or with
        "log_loss" and more than two classes, whose probabilities are not a softmax; RidgeClassifier of
        multilabel targets.
    NotFittedError
        If it is not fitted.
    """
    for theirs, ours in _PERCEPTRONS:
        if isinstance(estimator, theirs):
            check_is_fitted(estimator)
            return _perceptron_from(estimator, ours)
    if isinstance(estimator, LINEAR_MODELS):
        check_is_fitted(estimator)
        return linear_from_sklearn(estimator)
    raise TypeError(
        f"estimator must be a multilayer perceptron or linear model of scikit-learn, not {estimator!r:.80}"
    )


def to_sklearn(estimator: MultilayerPerceptron | LinearModel) -> Any:
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
        If scikit-learn has none that predicts like this one, because of an activation or a loss.
    NotFittedError
        If it is not fitted.
    """
    if isinstance(estimator, LinearModel):
        check_is_fitted(estimator)
        return linear_to_sklearn(estimator)
    for theirs, ours in _PERCEPTRONS:
        if isinstance(estimator, ours):
            check_is_fitted(estimator)
            return _perceptron_to(estimator, theirs)
    raise TypeError(f"estimator must be one of steepest.sklearn, not {estimator!r:.80}")


_PERCEPTRONS = (
    (neural_network.MLPClassifier, MLPClassifier),
    (neural_network.MLPRegressor, MLPRegressor),
)


def _perceptron_from(estimator: Any, kind: Any) -> MultilayerPerceptron:
    made: MultilayerPerceptron = _copied(estimator, kind)
    if not hasattr(estimator, "loss_curve_"):  # of L-BFGS
        return made
    made.validation_loss_curve_ = []
    best = [*estimator._best_coefs, *estimator._best_intercepts]
    made._best = copy.deepcopy(best) if estimator.early_stopping else None
    theirs = estimator._optimizer
    params = [*made.coefs_, *made.intercepts_]
    made._optimizer = Solver.of(made, _layers(params), float(estimator.learning_rate_init))
    state = made._optimizer.state
    if isinstance(theirs, AdamOptimizer):
        kept = {"mean": theirs.ms, "mean_square": theirs.vs}
        state.steps[0] = theirs.t
    else:
        kept = {"velocity": theirs.velocities}
        made._optimizer.learning_rate = float(theirs.learning_rate)
    for name, ours in state.slots.items():
        for array, new in zip(_arrays(ours), kept[name], strict=False):
            array[:] = new
    return made


def _perceptron_to(estimator: Any, kind: Any) -> Any:
    made = _copied(estimator, kind, activation=_their_activation(estimator))
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


def _copied(source: Any, kind: Any, **changed: Any) -> Any:
    """One of that kind with the parameters and attributes that both know."""
    given, known = source.get_params(deep=False), kind().get_params(deep=False)
    parameters = {name: copy.deepcopy(value) for name, value in given.items() if name in known}
    made = kind(**parameters | changed)
    for name, value in vars(source).items():
        shown = name.endswith("_") and not name.startswith("_") and name not in _OURS_ALONE
        if shown or name in _PRIVATE:
            setattr(made, name, copy.deepcopy(value))
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


def _layers(flat: Sequence[Array]) -> list[Parameters]:
    """All weights and then all biases, layer by layer."""
    half = len(flat) // 2
    return [Parameters(weight, bias) for weight, bias in zip(flat[:half], flat[half:], strict=True)]


def _arrays(layers: Any) -> list[Array]:
    """All weights and then all biases."""
    return [layer.weight for layer in layers] + [layer.bias for layer in layers]


def _flat(layers: Any) -> list[Array]:
    """Copies of them."""
    return [array.copy() for array in _arrays(layers)]


def _fold(estimator: Any, made: Any) -> None:
    """Make each normalization a part of the layer before it."""
    norms = zip(made.coefs_, made.intercepts_, estimator.batch_norms_, strict=False)
    for place, (coef, intercept, norm) in enumerate(norms):
        keys = ("1.weight", "1.bias", "1.running_mean", "1.running_var")
        state = {"0.weight": coef, "0.bias": intercept} | dict(zip(keys, norm, strict=True))
        _, new = folded([Linear(*coef.shape), BatchNorm(coef.shape[1])], state)
        made.coefs_[place] = new["0.weight"].astype(coef.dtype)
        made.intercepts_[place] = new["0.bias"].astype(coef.dtype)
