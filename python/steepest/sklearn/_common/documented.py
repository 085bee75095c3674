"""What is said of each parameter that several estimators have: once, for the docstrings of all of them.

A class's docstring has ``{alpha}`` where the entry of `alpha` stands here; a parameter of one class alone is
described there. Entries are as numpydoc has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T", bound=type)

EVERY: Mapping[str, str] = {
    "power_t": """\
    power_t : float, default=0.5
        Exponent of "invscaling".""",
    "shuffle": """\
    shuffle : bool, default=True
        Shuffle the samples in each epoch.""",
    "warm_start": """\
    warm_start : bool, default=False
        Let `fit` continue from the previous solution.""",
    "nesterovs_momentum": """\
    nesterovs_momentum : bool, default=True
        Use Nesterov's form of momentum.""",
    "beta_1": """\
    beta_1 : float, default=0.9
        Decay rate of the mean of gradients, for solvers that have one.""",
    "beta_2": """\
    beta_2 : float, default=0.999
        Decay rate of Adam's mean of squared gradients.""",
    "epsilon": """\
    epsilon : float, default=1e-8
        Small number in denominators, which keeps divisions finite.""",
    "clip_value": """\
    clip_value : float, default=None
        Clip each component of the gradient to [-clip_value, clip_value].""",
    "clip_norm": """\
    clip_norm : float, default=None
        After that, scale the gradient down to this 2-norm if it is larger.""",
    "progress": """\
    progress : bool, default=False
        Show a progress bar if stderr is a terminal.""",
    "n_threads": """\
    n_threads : int, default=None
        Maximum number of threads; by default `steepest.get_num_threads()`. It does not change the result.""",
    "huber_delta": """\
    huber_delta : float, default=1.0
        The loss "huber" is linear for errors larger than this.""",
}

PERCEPTRONS: Mapping[str, str] = {
    **EVERY,
    "hidden_layer_sizes": """\
    hidden_layer_sizes : int or array-like of int of shape (n_layers - 2,), default=(100,)
        Number of units in each hidden layer.""",
    "activation": """\
    activation : str or sequence of str, default="relu"
        Activation of the hidden layers, or a list with one for each: "identity", "logistic", "tanh", "relu"
        and, as extensions, those of `steepest.layers` by their names, such as "leaky_relu",
        "elu", "gelu" and "silu".""",
    "solver": """\
    solver : {"lbfgs", "sgd", "adam", "adamw", "nadam", "lion", "adagrad", "rmsprop"}, default="adam"
        L-BFGS on all samples at once, or mini-batch gradient descent; those after "adam" are extensions. Each
        takes of `momentum`, `beta_1`, `beta_2` and `epsilon` what it has; "adamw" also decays weights by its
        default, 0.01.""",
    "alpha": """\
    alpha : float, default=0.0001
        Strength of the penalty; see `penalty`.""",
    "batch_size": """\
    batch_size : int or "auto", default="auto"
        Samples per step, without "lbfgs"; "auto" is min(200, n_samples).""",
    "learning_rate": """\
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        How the learning rate of "sgd" changes: not at all; to learning_rate_init / (t_ + 1)**power_t after
        each epoch; or divided by 5, down to 1e-6, whenever the loss (the score, with early_stopping) has not
        improved by tol for more than n_iter_no_change epochs.""",
    "learning_rate_init": """\
    learning_rate_init : float, default=0.001
        The first learning rate, without "lbfgs".""",
    "max_iter": """\
    max_iter : int, default=200
        Maximum number of epochs, or of iterations of "lbfgs".""",
    "random_state": """\
    random_state : int, RandomState instance or None, default=None
        Seed of the initial weights, the split for early_stopping and the order of the samples, in
        scikit-learn's order of draws.""",
    "tol": """\
    tol : float, default=1e-4
        A smaller improvement of the loss, or of the score, does not count.""",
    "verbose": """\
    verbose : bool, default=False
        Print each epoch's loss.""",
    "momentum": """\
    momentum : float, default=0.9
        Momentum of "sgd", in [0, 1).""",
    "early_stopping": """\
    early_stopping : bool, default=False
        Stop when the score on held-out samples no longer improves, and restore the parameters of the best
        epoch. Only for "sgd" and "adam".""",
    "validation_fraction": """\
    validation_fraction : float, default=0.1
        Fraction of the samples to hold out for early_stopping.""",
    "n_iter_no_change": """\
    n_iter_no_change : int, default=10
        Maximum number of epochs in a row without an improvement.""",
    "max_fun": """\
    max_fun : int, default=15000
        Maximum number of evaluations of the objective by "lbfgs".""",
    "dropout": """\
    dropout : float or sequence of float, default=0.0
        Dropout rate of the hidden layers, or a list with one for each: the probability that a unit is dropped
        in a step.""",
    "batch_norm": """\
    batch_norm : bool, default=False
        Apply batch normalization before the activation of each hidden layer.""",
    "penalty": """\
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        Penalty on the weights W of all layers: alpha * (l1_ratio * sum|W| + (1 - l1_ratio) / 2 * sum(W**2)),
        divided by the number of samples in the batch, or by their total weight. "l2" means l1_ratio = 0, "l1"
        means 1.""",
    "l1_ratio": """\
    l1_ratio : float, default=0.15
        Of "elasticnet".""",
    "learning_rate_schedule": """\
    learning_rate_schedule : callable, default=None
        A function of the step, counted from 0, that returns the learning rate of "sgd" and "adam", such as
        those in `steepest.schedules`. It replaces learning_rate and learning_rate_init. partial_fit continues
        counting.""",
    "callbacks": """\
    callbacks : sequence of callable, default=None
        Each is called with the estimator after each epoch of "sgd" and "adam"; if one returns True, the fit
        ends. For the callbacks of scikit-learn 1.9 use `set_callbacks`.""",
}

LINEAR: Mapping[str, str] = {
    **EVERY,
    "penalty": """\
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
        "l1" makes many weights exactly 0, with "sgd" without momentum.""",
    "alpha": """\
    alpha : float, default=1e-4
        Strength of the penalty. It is not divided by the number of samples.""",
    "l1_ratio": """\
    l1_ratio : float, default=0.15
        Share of "l1" in "elasticnet".""",
    "fit_intercept": """\
    fit_intercept : bool, default=True
        Whether to fit intercepts; otherwise they are 0.""",
    "solver": """\
    solver : {"sgd", "adam", "adamw", "nadam", "lion", "adagrad", "rmsprop"}, default="sgd"
        The optimizer. Each takes of `momentum`, `beta_1`, `beta_2` and `epsilon` what it has; "adamw" also
        decays weights by its default, 0.01.""",
    "batch_size": """\
    batch_size : int or "auto", default="auto"
        Samples per step; "auto" is min(200, n_samples).""",
    "learning_rate": """\
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        How the learning rate of "sgd" changes: not at all; to learning_rate_init / (samples seen +
        1)**power_t; or divided by 5 whenever the loss did not improve by `tol` for `n_iter_no_change`
        epochs.""",
    "max_iter": """\
    max_iter : int, default=1000
        Maximum number of epochs.""",
    "tol": """\
    tol : float, default=1e-4
        A smaller improvement of the loss (of the score, with `early_stopping`) does not count.""",
    "verbose": """\
    verbose : bool, default=False
        Print the loss of each epoch.""",
    "momentum": """\
    momentum : float, default=0.0
        Of "sgd".""",
    "early_stopping": """\
    early_stopping : bool, default=False
        Hold out some samples, stop when the score on them no longer improves, and restore the best
        weights.""",
    "validation_fraction": """\
    validation_fraction : float, default=0.1
        Fraction of the samples to hold out.""",
    "n_iter_no_change": """\
    n_iter_no_change : int, default=10
        Number of epochs without an improvement after which the fit ends.""",
    "learning_rate_schedule": """\
    learning_rate_schedule : callable, default=None
        A function of the step, counted from 0, that returns the learning rate, such as those in
        `steepest.schedules`. It replaces learning_rate and learning_rate_init. partial_fit continues
        counting.""",
    "callbacks": """\
    callbacks : sequence of callable, default=None
        Each is called with the estimator after each epoch; if one returns True, the fit ends. For the
        callbacks of scikit-learn 1.9 use `set_callbacks`.""",
}


def documented(entries: Mapping[str, str]) -> Callable[[T], T]:
    """Fill the entries into the docstring of a class."""

    def fill(kind: T) -> T:
        text = kind.__doc__ or ""  # none where Python runs without docstrings
        for name, entry in entries.items():
            text = text.replace(f"    {{{name}}}\n", f"{entry}\n")
        kind.__doc__ = text or None
        return kind

    return fill
