"""Learning rates that change: functions of the step, counted from 0 over all of a `Trainer`'s steps.

Every optimizer takes one of these, or any other function of the step, as its learning rate. It is asked
once for each step, in order and some steps ahead, so it should depend on nothing but the step. A rate may be
0, but must be finite and not negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from . import _checks

__all__ = ["Constant", "Cosine", "Exponential", "InverseScaling", "Step", "Warmup"]

Rate: TypeAlias = float | Callable[[int], float]


@dataclass(frozen=True)
class Constant:
    """The same rate in each step.

    Parameters
    ----------
    rate : float
        Finite and not negative.
    """

    rate: float

    def __post_init__(self) -> None:
        _checks.non_negative(self.rate, "rate")

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return self.rate


@dataclass(frozen=True)
class Step:
    """rate * factor**(step // every): lower by a factor every so many steps.

    Parameters
    ----------
    rate : float
        Of the first steps; finite and not negative.
    every : int
        At least 1.
    factor : float, default 0.1
        In (0, 1].
    """

    rate: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        _checks.non_negative(self.rate, "rate")
        _checks.integer(self.every, "every", minimum=1)
        _checks.probability(self.factor, "factor")

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return self.rate * float(self.factor) ** (step // self.every)


@dataclass(frozen=True)
class Exponential:
    """rate * decay**step.

    Parameters
    ----------
    rate : float
        Of the first step; finite and not negative.
    decay : float
        In (0, 1].
    """

    rate: float
    decay: float

    def __post_init__(self) -> None:
        _checks.non_negative(self.rate, "rate")
        _checks.probability(self.decay, "decay")

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return self.rate * float(self.decay) ** step


@dataclass(frozen=True)
class InverseScaling:
    """rate / (step + 1)**power.

    Parameters
    ----------
    rate : float
        Of the first step; finite and not negative.
    power : float, default 0.5
        Finite and not negative.
    """

    rate: float
    power: float = 0.5

    def __post_init__(self) -> None:
        _checks.non_negative(self.rate, "rate")
        _checks.non_negative(self.power, "power")

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        return self.rate / math.pow(step + 1, self.power)


@dataclass(frozen=True)
class Cosine:
    """From `rate` down to `final` along half a cosine, then `final`.

    final + (rate - final) * (1 + cos(pi * step / steps)) / 2, after Loshchilov and Hutter, "SGDR: stochastic
    gradient descent with warm restarts", ICLR 2017, without restarts.

    Parameters
    ----------
    rate : float
        Of the first step; finite and not negative.
    steps : int
        How long it takes; at least 1.
    final : float, default 0.0
        Finite and not negative.
    """

    rate: float
    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        _checks.non_negative(self.rate, "rate")
        _checks.integer(self.steps, "steps", minimum=1)
        _checks.non_negative(self.final, "final")

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        if step >= self.steps:
            return self.final
        return self.final + (self.rate - self.final) * (1 + math.cos(math.pi * step / self.steps)) / 2


@dataclass(frozen=True)
class Warmup:
    """Linearly from 0, in so many steps, to the rate with which `after` begins; then `after`.

    Parameters
    ----------
    steps : int
        At least 1. The first has the rate 0.
    after : float or schedule
        A schedule counts its steps from the end of the warm-up.

    Notes
    -----
    After Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2.
    """

    steps: int
    after: Rate

    def __post_init__(self) -> None:
        _checks.integer(self.steps, "steps", minimum=1)
        if not callable(self.after):
            _checks.non_negative(self.after, "after")

    def __call__(self, step: int) -> float:
        """The rate of a step."""
        later = max(0, step - self.steps)
        rate = rate_of(self.after, later)
        return rate if step >= self.steps else rate * step / self.steps


def rate_of(rule: Rate, step: int) -> float:
    """The learning rate of one step.

    Raises
    ------
    TypeError, ValueError
        If it is no number, or negative or not finite.
    """
    if not callable(rule):
        return float(rule)
    rate = rule(step)
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating):
        raise TypeError(
            f"the learning rate of step {step} is {rate!r:.80}, but must be a real number; "
            f"it is of {rule!r:.80}"
        )
    if not (math.isfinite(rate) and rate >= 0):
        raise ValueError(
            f"the learning rate of step {step} is {rate}, but must be finite and not negative; "
            f"it is of {rule!r:.80}"
        )
    return float(rate)
