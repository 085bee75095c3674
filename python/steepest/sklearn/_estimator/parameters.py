"""Declare: the parameters that all estimators take, each with its default, constraints and meaning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Options, StrOptions

from ... import _checks
from ...penalties import L1, L2, ElasticNet, Penalty
from .._common.parameters import BELOW_1, COUNT, NON_NEGATIVE, POSITIVE, UP_TO_1, Names, parameter


@dataclass(eq=False, repr=False)
class FitParameters(BaseEstimator):
    """What a penalty and mini-batches are told by; those without a default are declared by each estimator."""

    loss: str
    _: KW_ONLY
    solver: str
    penalty: str | None = parameter(
        "l2",
        [Names("l2", "l1", "elasticnet"), None],
        'Penalty on the weights W: alpha * (l1_ratio * sum|W| + (1 - l1_ratio) / 2 * sum(W**2)). "l2" means '
        'l1_ratio = 0, "l1" means 1. Intercepts have none.',
    )
    alpha: float | str
    l1_ratio: float = parameter(0.15, [UP_TO_1], 'Share of "l1" in "elasticnet".')
    batch_size: int | str = parameter(
        "auto",
        [Names("auto"), COUNT],
        'Samples per step of the stochastic solvers; "auto" is min(200, n_samples).',
        'int or "auto"',
    )
    learning_rate: str = parameter(
        "constant",
        [Names("constant", "invscaling", "adaptive")],
        'How the learning rate of "sgd" changes: not at all; to learning_rate_init / (t_ + 1)**power_t after '
        "each epoch; or divided by 5, down to 1e-6, whenever the loss (the score, with early_stopping) has "
        "not improved by tol for more than n_iter_no_change epochs.",
    )
    learning_rate_init: float | str
    power_t: float = parameter(0.5, [NON_NEGATIVE], 'Exponent of "invscaling".')
    max_iter: int
    shuffle: bool = parameter(True, ["boolean"], "Shuffle the samples in each epoch.")
    random_state: Any = parameter(
        None,
        ["random_state"],
        "Seed of all draws: initial weights of a network, the split for early_stopping, the order of the "
        "samples, and what dropout drops.",
    )
    tol: float = parameter(
        1e-4,
        [NON_NEGATIVE],
        "A smaller improvement of the loss (of the score, with early_stopping) does not count.",
    )
    verbose: bool = parameter(False, ["verbose"], "Print the loss of each epoch.")
    warm_start: bool = parameter(False, ["boolean"], "Let `fit` continue from the previous solution.")
    momentum: float
    nesterovs_momentum: bool = parameter(True, ["boolean"], "Use Nesterov's form of momentum.")
    early_stopping: bool = parameter(
        False,
        ["boolean"],
        "Hold out some samples, stop when the score on them no longer improves, and restore the parameters "
        "of the best epoch. Only for the stochastic solvers.",
    )
    validation_fraction: float = parameter(
        0.1, [BELOW_1], "Fraction of the samples to hold out for early_stopping."
    )
    beta_1: float = parameter(
        0.9, [BELOW_1], "Decay rate of the mean of gradients, for solvers that have one."
    )
    beta_2: float = parameter(0.999, [BELOW_1], "Decay rate of Adam's mean of squared gradients.")
    epsilon: float = parameter(
        1e-8, [POSITIVE], "Small number in denominators, which keeps divisions finite."
    )
    n_iter_no_change: int = parameter(
        10,
        [COUNT, Options(Real, {np.inf})],
        "Number of epochs in a row without an improvement after which the fit ends.",
        "int or inf",
    )
    clip_value: float | None = parameter(
        None, [POSITIVE, None], "Clip each component of the gradient to [-clip_value, clip_value]."
    )
    clip_norm: float | None = parameter(
        None, [POSITIVE, None], "After that, scale the gradient down to this 2-norm if it is larger."
    )
    learning_rate_schedule: Callable[[int], float] | None = parameter(
        None,
        [callable, None],
        "A function of the step, counted from 0, that returns the learning rate, such as those in "
        "`steepest.schedules`; or of the epoch, if its parameter is named epoch. It replaces learning_rate "
        "and learning_rate_init. partial_fit continues counting; each call is an epoch.",
    )
    callbacks: Sequence[Callable[[Any], bool | None]] | Callable[[Any], bool | None] | None = parameter(
        None,
        [list, tuple, callable, None],
        "Each is called with the estimator after each epoch of the stochastic solvers; if one returns True, "
        "the fit ends. `steepest.CSVLog`, `ReduceOnPlateau`, `TerminateOnTime` and other `EpochCallback` are "
        "called with an `EpochState` whose model is the estimator. For the callbacks of scikit-learn 1.9 use "
        "`set_callbacks`.",
        "sequence of callable, or callable",
    )
    progress: bool | str = parameter(
        False,
        ["boolean", StrOptions({"bar", "lines"})],
        "With True, show a progress bar if stderr is a terminal, in a notebook a line that is updated. "
        '"bar" shows the bar everywhere, "lines" writes one line per epoch to stderr.',
        'bool, "bar" or "lines"',
    )
    n_threads: int | None = parameter(
        None,
        [COUNT, None],
        "Maximum number of threads; by default `steepest.get_num_threads()`. It does not change the result.",
    )

    # ---- what they say ----------------------------------------------------------------------------------

    @property
    def _batch_solver(self) -> str:
        """The solver of fits by mini-batches, if there are any."""
        return self.solver

    def _check_numbers(self) -> None:
        """Refuse integers that are larger than any float; the constraints have the other rules."""
        for name, value in self.get_params(deep=False).items():
            if isinstance(value, int) and math.isinf(_checks.real_number(int(value), name)):
                raise ValueError(f"{name} has {value.bit_length()} bits, but must be at most 1.8e308")

    def _refuse_without_batches(self, used: Mapping[str, bool]) -> None:
        """Refuse the first parameter that is used, where the solver takes all samples at once."""
        for name, is_used in used.items():
            if is_used:
                raise ValueError(
                    f"{name} needs a stochastic solver such as 'sgd' or 'adam', but solver is {self.solver!r}"
                )

    def _clips(self) -> tuple[float | None, float | None]:
        """clip_value and clip_norm; NumPy's scalars would have numbers computed in their precision."""
        value, norm = (None if clip is None else float(clip) for clip in (self.clip_value, self.clip_norm))
        return value, norm

    def _strength(self) -> float:
        """Alpha, as it is used."""
        return float(self.alpha)

    def _penalty(self) -> Penalty | None:
        """Alpha * (l1_ratio * sum|W| + (1 - l1_ratio) / 2 * sum(W**2))."""
        ratios = {"l2": 0.0, "l1": 1.0}
        alpha, ratio = self._strength(), ratios.get(self.penalty or "", float(self.l1_ratio))
        if self.penalty is None or alpha == 0:
            return None
        if ratio == 1:
            return L1(alpha)
        absolute, squares = alpha * ratio, alpha * (1 - ratio) / 2
        share = squares / absolute if absolute else math.inf
        return L2(squares) if share == math.inf else ElasticNet(absolute, share)
