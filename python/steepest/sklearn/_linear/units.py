"""Plan: units of targets, in which dual coordinate ascent meets numbers near 1."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._checks import Array
from ...losses import Huber, Loss


@dataclass(frozen=True, kw_only=True)
class Units:
    """A score is start + size * that in these units, and an objective is `value` times that in them.

    Attributes
    ----------
    targets, loss
        In these units.
    start : float or ndarray
        The scores that are 0.
    size, value : float
        Powers of two, so that no digit is lost on the way back.
    bias : float or ndarray
        Intercepts to begin with.
    unit : float
        How far scores lie apart.
    bend : float
        By how much slopes of the mean loss differ within `unit`, divided by that.
    digits : bool
        Whether losses are as exact as the scores: those near 0, too.
    """

    targets: Array
    loss: Loss
    start: Any = 0.0
    size: float = 1.0
    value: float = 1.0
    bias: Any = 0.0
    unit: float = 1.0
    bend: float = 1.0
    digits: bool = False

    @property
    def penalty(self) -> float:
        """The strength of a penalty in these units, as a part of what it is."""
        return self.size / self.value * self.size


def units_of(loss: Loss, targets: Array, share: Array, start: Any) -> Units:
    """Those that suit targets with these shares of the mean loss, or labels; `start` has intercepts."""
    if loss.takes_labels:
        return Units(targets=targets, loss=loss, unit=max(1.0, float(getattr(loss, "margin", 1.0))))
    counts = (share > 0)[:, None]
    if loss.kernel == "poisson":
        mean = _power(float(np.exp(np.max(start))))
        first = start - math.log(mean)
        return Units(
            targets=np.where(counts, targets, 0) / mean,
            loss=loss,
            start=start - first,
            value=mean,
            bias=first,
        )
    centered = np.where(counts, targets, start) - start
    deviation = _power(float((share @ np.abs(centered)).max()))
    units = Units(targets=centered, loss=loss, start=start, digits=True)
    if loss.kernel == "log_cosh":
        return replace(units, unit=deviation, bend=1 / max(1.0, deviation))
    units = replace(units, targets=centered / deviation, size=deviation)
    if loss.kernel == "absolute_error":
        return replace(units, value=deviation)
    units = replace(units, value=deviation**2)
    if isinstance(loss, Huber):
        delta = max(np.finfo(np.float64).tiny, min(loss.delta / deviation, np.finfo(np.float64).max))
        return replace(units, loss=Huber(float(delta)), bend=min(1.0, delta))
    return units


def _power(size: float) -> float:
    """The power of two next to it, or 1 of nothing."""
    return 2.0 ** min(max(round(math.log2(size)), -500), 500) if 0 < size < math.inf else 1.0
