"""Declare: the parameters of linear models that are not those of all estimators."""

from __future__ import annotations

from dataclasses import dataclass

from .._common.parameters import BELOW_1, COUNT, POSITIVE, Names, parameter
from .._estimator.base import Estimator
from .._fitting.solver import STOCHASTIC_SOLVERS


@dataclass(eq=False, repr=False, kw_only=True)
class LinearParameters(Estimator):
    """What linear models are told."""

    solver: str = parameter(
        "sgd",
        [Names(*STOCHASTIC_SOLVERS)],
        'The optimizer. Each uses those of momentum, beta_1, beta_2 and epsilon that it has; "adamw" decays '
        "weights by its default, 0.01.",
    )
    learning_rate_init: float | str = parameter(
        "auto",
        [Names("auto"), POSITIVE],
        'The first learning rate. "auto" is 0.01, but for "sgd" p / (mean of x @ x + 1) over the first '
        "samples, with the p above.",
        'float or "auto"',
    )
    max_iter: int = parameter(1000, [COUNT], "Maximum number of epochs.")
    momentum: float = parameter(0.0, [BELOW_1], 'Momentum of "sgd".')
    fit_intercept: bool = parameter(True, ["boolean"], "Whether to fit intercepts; otherwise they are 0.")
