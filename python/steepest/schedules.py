"""Learning rates that change: functions of the step, counted from 0 over all of a `Trainer`'s steps.

Every optimizer takes one of these, or any other function of the step, as its learning rate. It is asked
once for each step, in order and some steps ahead, so it should depend on nothing but the step. A rate may be
0, but must be finite and not negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, TypeAlias

import numpy as np

from . import _checks
from ._description import Description, Rule

__all__ = ["Constant", "Cosine", "Exponential", "InverseScaling", "Step", "Warmup"]

Rate: TypeAlias = float | Callable[[int], float]

_steps = partial(_checks.integer, minimum=1)


class _Schedule(Description):
    """A function of the step that checks it."""

    def __call__(self, step: int) -> float:
        """The rate of a step, which is at least 0."""
        if type(step) is not int or not 0 <= step <= _checks.LARGEST_INTEGER:  # asked for in every step
            step = _checks.integer(step, "step", minimum=0)
        return self._rate(step)

    def _rate(self, step: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(_Schedule):
    """The same rate in each step.

    Parameters
    ----------
    rate : float
        Finite and not negative.
    """

    rate: float
    _rules: ClassVar[Mapping[str, Rule]] = {"rate": _checks.non_negative}

    def _rate(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class Step(_Schedule):
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
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "every": _steps,
        "factor": _checks.probability,
    }

    def _rate(self, step: int) -> float:
        return self.rate * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Exponential(_Schedule):
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
    _rules: ClassVar[Mapping[str, Rule]] = {"rate": _checks.non_negative, "decay": _checks.probability}

    def _rate(self, step: int) -> float:
        return self.rate * self.decay**step


@dataclass(frozen=True)
class InverseScaling(_Schedule):
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
    _rules: ClassVar[Mapping[str, Rule]] = {"rate": _checks.non_negative, "power": _checks.non_negative}

    def _rate(self, step: int) -> float:
        try:
            return self.rate / math.pow(step + 1, self.power)
        except OverflowError:  # the power is beyond all floats
            return 0.0


@dataclass(frozen=True)
class Cosine(_Schedule):
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
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "steps": _steps,
        "final": _checks.non_negative,
    }

    def _rate(self, step: int) -> float:
        if step >= self.steps:
            return self.final
        return self.final + (self.rate - self.final) * ((1 + math.cos(math.pi * step / self.steps)) / 2)


def _after(value: object, name: str) -> Any:
    return value if callable(value) else _checks.non_negative(value, name)


@dataclass(frozen=True)
class Warmup(_Schedule):
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
    _rules: ClassVar[Mapping[str, Rule]] = {"steps": _steps, "after": _after}

    def _rate(self, step: int) -> float:
        later = max(0, step - self.steps)
        rate = rate_of(self.after, later)
        return rate if step >= self.steps else rate * step / self.steps


def rate_of(rule: Rate, step: int, dtype: np.dtype[Any] | None = None) -> float:
    """The learning rate of one step, for a model of the dtype if there is one.

    Raises
    ------
    TypeError, ValueError
        If it is no number, or negative or not finite (also in the dtype).
    """
    if not callable(rule):
        return float(rule)
    answer = rule(step)
    if type(answer) is float and 0 <= answer <= 1:  # nearly always, and in any dtype
        return answer
    if isinstance(answer, bool | np.bool_) or not isinstance(answer, int | float | np.integer | np.floating):
        raise TypeError(
            f"the learning rate of step {step} is {answer!r:.80}, but must be a real number; "
            f"it is of {rule!r:.80}"
        )
    try:
        rate = _checks.non_negative(answer, f"the learning rate of step {step}")
        if dtype is not None:
            _checks.representable(rate, f"the learning rate of step {step}", dtype)
    except ValueError as error:
        raise ValueError(f"{error}; it is of {rule!r:.80}") from None
    return rate
