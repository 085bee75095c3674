"""A value of each epoch that a callback watches: its name, and whether it has become better."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Literal

from ... import _checks
from ...metrics import Metric, mode_of
from ..history import History

MODES = partial(_checks.one_of, allowed=("auto", "min", "max"))


def monitor_name(value: object, name: str) -> str:
    """`value` as the name of a loss or a metric."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a name such as 'validation_loss', not {value!r:.80}")
    return str(value)


class Watch:
    """Over one fit: `monitored` has what it computes. See `EarlyStopping` for the parameters.

    Raises
    ------
    ValueError
        If the fit does not compute the value, or "auto" cannot decide what is better.
    """

    def __init__(
        self,
        monitor: str,
        mode: Literal["auto", "min", "max"],
        min_delta: float,
        monitored: Mapping[str, Metric | None],
    ) -> None:
        if monitor not in monitored:
            advice = ""
            if "validation_loss" not in monitored:
                advice = (
                    ": it has no validation data; give validation_split=0.2 to fit, or monitor='loss' here"
                )
            raise ValueError(f"monitor is {monitor!r}, but this fit computes {', '.join(monitored)}{advice}")
        kind = mode_of(monitor, monitored[monitor]) if mode == "auto" else mode
        self._monitor = monitor
        self._sign = -1 if kind == "max" else 1  # -1 for what should become large
        self._min_delta = min_delta
        self.best = math.inf  # times the sign

    def improves(self, history: History) -> bool:
        """Whether the last epoch is better than the best one before."""
        value = self._sign * history[self._monitor][-1]
        better = value < self.best - self._min_delta  # NaN never is
        if better:
            self.best = value
        return better
