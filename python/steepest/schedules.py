"""Learning rate schedules: functions of the step or, with ``by="epoch"``, of the epoch.

Both count from 0 over all fits of a `Trainer`: see `Trainer.steps_done` and `Trainer.epochs_done`. A step by
itself, `Trainer.step`, belongs to epoch `epochs_done`, which a loop of your own may increase.

Every optimizer takes one of these, or any other function of one number, as its learning rate. A function
whose parameter is named `epoch` is called with the epoch, and any other with the step; once for each, in
order, but some steps ahead: it should depend on that number alone. A rate may be 0, but must be finite and
not negative.

A schedule is called with a step (or an epoch), an integer of at least 0, and returns the rate as a float. It
raises ValueError or TypeError for any other step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from . import _checks
from ._description import Description, Rule

__all__ = ["Constant", "Cosine", "CosineLog", "Exponential", "FlatCosine", "InverseScaling", "Step", "Warmup"]

Rate: TypeAlias = float | Callable[[int], float]
Unit: TypeAlias = Literal["step", "epoch"]

_steps = partial(_checks.integer, minimum=1)
_NAMED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_POSITIONAL = _NAMED[:2]
_by = partial(_checks.one_of, allowed=("step", "epoch"))


class _Schedule(Description):
    """A schedule that checks its step."""

    @property
    def by(self) -> Unit:
        """What is counted."""
        return "step"

    def __call__(self, step: int) -> float:
        """The learning rate of a step (by="epoch": of an epoch), counted from 0."""
        if type(step) is not int or not 0 <= step <= _checks.LARGEST_INTEGER:  # asked for in every step
            step = _checks.integer(step, self.by, minimum=0)
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

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> st.schedules.Constant(0.1)(7)
    0.1
    """

    rate: float
    _rules: ClassVar[Mapping[str, Rule]] = {"rate": _checks.non_negative}

    def _rate(self, step: int) -> float:
        return self.rate


@dataclass(frozen=True)
class Step(_Schedule):
    """Multiply the rate by a factor at regular intervals: rate * factor**(step // every).

    Parameters
    ----------
    rate : float
        The rate of the first `every` steps; finite and not negative.
    every : int
        Steps (or epochs) between two reductions, at least 1.
    factor : float, default 0.1
        In (0, 1].
    by : {"step", "epoch"}, default "step"
        What is counted: updates, or passes over the samples.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> schedule = st.schedules.Step(0.1, every=1000, factor=0.5)
    >>> schedule(999), schedule(1000), schedule(2000)
    (0.1, 0.05, 0.025)
    >>> st.schedules.Step(0.1, every=10, factor=0.5, by="epoch")(25)  # of the epoch with number 25
    0.025
    """

    rate: float
    every: int
    factor: float = 0.1
    by: Literal["step", "epoch"] = "step"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "every": _steps,
        "factor": _checks.probability,
        "by": _by,
    }

    def _rate(self, step: int) -> float:
        return self.rate * self.factor ** (step // self.every)


@dataclass(frozen=True)
class Exponential(_Schedule):
    """Multiply the rate by a factor in each step: rate * decay**step.

    Parameters
    ----------
    rate : float
        The rate of the first step; finite and not negative.
    decay : float
        In (0, 1].
    by : {"step", "epoch"}, default "step"
        What is counted: updates, or passes over the samples.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> st.schedules.Exponential(0.1, decay=0.5)(2)
    0.025
    """

    rate: float
    decay: float
    by: Literal["step", "epoch"] = "step"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "decay": _checks.probability,
        "by": _by,
    }

    def _rate(self, step: int) -> float:
        return self.rate * self.decay**step


@dataclass(frozen=True)
class InverseScaling(_Schedule):
    """Divide the rate by a power of the step: rate / (step + 1)**power.

    Parameters
    ----------
    rate : float
        The rate of the first step; finite and not negative.
    power : float, default 0.5
        Finite and not negative.
    by : {"step", "epoch"}, default "step"
        What is counted: updates, or passes over the samples.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    Stochastic gradient descent converges with powers above 1/2 and up to 1: Robbins and Monro, "A stochastic
    approximation method", Annals of Mathematical Statistics 22, 1951. scikit-learn calls this schedule
    "invscaling".

    Examples
    --------
    >>> import steepest as st
    >>> st.schedules.InverseScaling(0.1)(3)
    0.05
    """

    rate: float
    power: float = 0.5
    by: Literal["step", "epoch"] = "step"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "power": _checks.non_negative,
        "by": _by,
    }

    def _rate(self, step: int) -> float:
        try:
            return self.rate / math.pow(step + 1, self.power)
        except OverflowError:  # the power is beyond all floats
            return 0.0


@dataclass(frozen=True)
class Cosine(_Schedule):
    """Decrease from `rate` to `final` along half a cosine, then stay there.

    Until then the rate is ``final + (rate - final) * (1 + cos(pi * step / steps)) / 2``.

    Parameters
    ----------
    rate : float
        The rate of the first step; finite and not negative.
    steps : int
        Steps (or epochs) until `final` is reached, at least 1.
    final : float, default 0.0
        Finite and not negative.
    by : {"step", "epoch"}, default "step"
        What is counted: updates, or passes over the samples.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    After Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, without
    restarts.

    Examples
    --------
    >>> import steepest as st
    >>> schedule = st.schedules.Cosine(0.1, steps=1000)
    >>> schedule(0), schedule(500), schedule(1000)
    (0.1, 0.05, 0.0)
    """

    rate: float
    steps: int
    final: float = 0.0
    by: Literal["step", "epoch"] = "step"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "steps": _steps,
        "final": _checks.non_negative,
        "by": _by,
    }

    def _rate(self, step: int) -> float:
        if step >= self.steps:
            return self.final
        return self.final + (self.rate - self.final) * ((1 + math.cos(math.pi * step / self.steps)) / 2)


@dataclass(frozen=True)
class CosineLog(_Schedule):
    """Waves from 0 to `rate` and back, each twice as long as the one before, then stay at 0.

    The rate is ``rate * (0.5 - 0.5 * cos(2 * pi * log2(1 + (2**cycles - 1) * t)))`` with t = step / steps.

    Parameters
    ----------
    rate : float
        The largest rate; finite and not negative.
    steps : int
        Steps (or epochs) until the last wave ends, at least 1.
    cycles : int, default 4
        Number of waves, from 1 to 1023, so that 2**cycles is a float.
    by : {"step", "epoch"}, default "step"
        What is counted: updates, or passes over the samples. The first rate is 0, at which an epoch learns
        nothing.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    The "coslog4" of Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024.

    Examples
    --------
    >>> import steepest as st
    >>> schedule = st.schedules.CosineLog(0.5, steps=150, cycles=4)
    >>> [round(schedule(step), 3) for step in (0, 10, 30, 70, 150)]  # between two waves
    [0.0, 0.0, 0.0, 0.0, 0.0]
    >>> [round(schedule(step), 3) for step in (4, 18)]  # near the tops of the first two
    [0.499, 0.499]
    """

    rate: float
    steps: int
    cycles: int = 4
    by: Literal["step", "epoch"] = "step"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "steps": _steps,
        "cycles": partial(_checks.integer, minimum=1, maximum=1023),
        "by": _by,
    }

    def _rate(self, step: int) -> float:
        if step >= self.steps:
            return 0.0
        waves = math.log2(1 + (2**self.cycles - 1) * (step / self.steps))
        return self.rate * (0.5 - 0.5 * math.cos(2 * math.pi * waves))


@dataclass(frozen=True)
class FlatCosine(_Schedule):
    """Stay at `rate`, then decrease to `final` along half a cosine, and stay there.

    With t = step / steps, the rate beyond t = flat is
    ``final + (rate - final) * (1 + cos(pi * (t - flat) / (1 - flat))) / 2``.

    Parameters
    ----------
    rate : float
        The rate of the first steps; finite and not negative.
    steps : int
        Steps (or epochs) until `final` is reached, at least 1.
    flat : float, default 0.5
        The fraction of `steps` at `rate`, in [0, 1). With 0, it is `Cosine`.
    final : float, default 0.0
        Finite and not negative.
    by : {"step", "epoch"}, default "step"
        What is counted: updates, or passes over the samples.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    The "flat_cos" of Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024.

    Examples
    --------
    >>> import steepest as st
    >>> schedule = st.schedules.FlatCosine(0.1, steps=1000)
    >>> schedule(0), schedule(500), schedule(750), schedule(1000)
    (0.1, 0.1, 0.05, 0.0)
    """

    rate: float
    steps: int
    flat: float = 0.5
    final: float = 0.0
    by: Literal["step", "epoch"] = "step"
    _rules: ClassVar[Mapping[str, Rule]] = {
        "rate": _checks.non_negative,
        "steps": _steps,
        "flat": _checks.fraction,
        "final": _checks.non_negative,
        "by": _by,
    }

    def _rate(self, step: int) -> float:
        if step >= self.steps:
            return self.final
        bent = max(0.0, step / self.steps - self.flat) / (1 - self.flat)
        return self.final + (self.rate - self.final) * ((1 + math.cos(math.pi * bent)) / 2)


def _after(value: object, name: str) -> Any:
    return value if callable(value) else _checks.non_negative(value, name)


@dataclass(frozen=True)
class Warmup(_Schedule):
    """Increase linearly to the first rate of `after`, then follow `after`.

    Parameters
    ----------
    steps : int
        Length of the warm-up in steps (or epochs), at least 1. The rates of steps begin with 0; those of
        epochs with 1 / (steps + 1) of `after`, as an epoch at rate 0 would learn nothing.
    after : float or schedule
        The rate after the warm-up. A schedule counts from the end of the warm-up.
    by : {"step", "epoch"}, default "step"
        What is counted: updates, or passes over the samples. A schedule in `after` must count the same.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type, or `after` counts something else.

    Notes
    -----
    After Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 2.2.

    Examples
    --------
    >>> import steepest as st
    >>> schedule = st.schedules.Warmup(100, after=st.schedules.Cosine(0.1, steps=1000))
    >>> schedule(0), schedule(50), schedule(100), schedule(600)
    (0.0, 0.05, 0.1, 0.05)
    >>> [round(st.schedules.Warmup(3, after=0.8, by="epoch")(epoch), 3) for epoch in range(5)]
    [0.2, 0.4, 0.6, 0.8, 0.8]
    """

    steps: int
    after: Rate
    by: Literal["step", "epoch"] = "step"
    _rules: ClassVar[Mapping[str, Rule]] = {"steps": _steps, "after": _after, "by": _by}

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.after, float | Constant) and unit_of(self.after) != self.by:
            raise ValueError(
                f"the warm-up counts {self.by}s, but after={self.after!r:.80} counts {unit_of(self.after)}s: "
                "give both the same `by` (a function whose parameter is named epoch counts epochs)"
            )

    def _rate(self, step: int) -> float:
        later = max(0, step - self.steps)
        rate = rate_of(self.after, later, unit=self.by)
        if step >= self.steps:
            return rate
        return rate * step / self.steps if self.by == "step" else rate * (step + 1) / (self.steps + 1)


def unit_of(rule: Rate) -> Unit:
    """What a learning rate is a function of: the epoch if it says so, or else the step.

    Raises
    ------
    TypeError
        If it is a function of more than that.
    """
    if isinstance(rule, _Schedule):
        return rule.by
    if not callable(rule):
        return "step"
    try:
        first, *others = signature(rule).parameters.values()
    except (ValueError, TypeError):  # no parameter, or a function that does not tell
        return "step"
    if needed := [p.name for p in others if p.default is p.empty and p.kind in _NAMED]:
        raise TypeError(
            f"a learning rate is a function of one number, the step or the epoch, but {rule!r:.80} "
            f"also needs {', '.join(needed)}"
        )
    return "epoch" if first.name == "epoch" and first.kind in _POSITIONAL else "step"


def rate_of(rule: Rate, step: int, dtype: np.dtype[Any] | None = None, unit: Unit = "step") -> float:
    """The learning rate of a step, or another unit, checked against a dtype if one is given.

    Raises
    ------
    TypeError, ValueError
        If the rate is not a number, or is negative or not finite, also after conversion to the dtype.
    """
    if not callable(rule):
        return float(rule)
    answer = rule(step)
    if type(answer) is float and 0 <= answer <= 1:  # nearly always, and in any dtype
        return answer
    what = f"the learning rate of {unit} {step}"
    if isinstance(answer, bool | np.bool_) or not isinstance(answer, int | float | np.integer | np.floating):
        raise TypeError(f"{what} is {answer!r:.80}, but must be a real number; it comes from {rule!r:.80}")
    try:
        rate = _checks.non_negative(answer, what)
        if dtype is not None:
            _checks.representable(rate, what, dtype)
    except ValueError as error:
        raise ValueError(f"{error}; it comes from {rule!r:.80}") from None
    return rate
