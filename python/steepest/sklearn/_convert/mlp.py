"""Fitted estimators of scikit-learn made steepest's, and back."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from sklearn import neural_network
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer
from sklearn.utils.validation import check_is_fitted

from ..._checks import Array
from ...backends.data import Parameters
from .._fitting.solver import Solver
from .._linear.base import LinearModel
from .._mlp.base import MultilayerPerceptron
from .._mlp.classifier import MLPClassifier
from .._mlp.regressor import MLPRegressor
from .linear import LINEAR_MODELS, linear_from_sklearn
from .to_sklearn import arrays_of, copied


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
    if isinstance(estimator, MultilayerPerceptron | LinearModel):
        return estimator.to_sklearn()
    raise TypeError(f"estimator must be one of steepest.sklearn, not {estimator!r:.80}")


_PERCEPTRONS = (
    (neural_network.MLPClassifier, MLPClassifier),
    (neural_network.MLPRegressor, MLPRegressor),
)


def _perceptron_from(estimator: Any, kind: Any) -> MultilayerPerceptron:
    made: MultilayerPerceptron = copied(estimator, kind)
    if not hasattr(estimator, "loss_curve_"):  # of L-BFGS
        return made
    made.validation_loss_curve_ = []
    best = [*estimator._best_coefs, *estimator._best_intercepts]
    made._best = copy.deepcopy(best) if estimator.early_stopping else None
    params = [*made.coefs_, *made.intercepts_]
    made._optimizer = Solver.of(made, _layers(params), float(estimator.learning_rate_init))
    state, theirs = made._optimizer.state, vars(estimator).get("_optimizer")
    if theirs is None:  # of an estimator whose batch norms were made part of its weights
        return made
    if isinstance(theirs, AdamOptimizer):
        kept = {"mean": theirs.ms, "mean_square": theirs.vs}
        state.steps[0] = theirs.t
    else:
        kept = {"velocity": theirs.velocities}
        made._optimizer.learning_rate = float(theirs.learning_rate)
    for name, ours in state.slots.items():
        for array, new in zip(arrays_of(ours), kept[name], strict=False):
            array[:] = new
    return made


def _layers(flat: Sequence[Array]) -> list[Parameters]:
    """All weights and then all biases, layer by layer."""
    half = len(flat) // 2
    return [Parameters(weight, bias) for weight, bias in zip(flat[:half], flat[half:], strict=True)]
