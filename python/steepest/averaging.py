"""Averages of the parameters over the updates, as descriptions; the values live in a `Trainer`.

Both backends read `start`, the first update that counts; `uniform`, whether all count alike; and `decay`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeAlias

from . import _checks
from ._description import Description, Rule


@dataclass(frozen=True)
class PolyakAverage(Description):
    """The uniform mean of the parameters after each update.

    Parameters
    ----------
    start : int, default 0
        The first update whose parameters count, counted from 0; best one after which the fit is near its
        goal, as the way there counts for good.

    Notes
    -----
    After Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal on
    Control and Optimization 30, 1992.
    """

    start: int = 0
    uniform: ClassVar[bool] = True
    decay: ClassVar[float] = 0.0
    _rules: ClassVar[Mapping[str, Rule]] = {"start": partial(_checks.integer, minimum=0)}


@dataclass(frozen=True)
class ExponentialAverage(Description):
    """A mean that forgets: average = decay * average + (1 - decay) * parameters after each update.

    It begins with the parameters after the first update, and so needs no correction for its beginning.

    Parameters
    ----------
    decay : float, default 0.999
        In [0, 1): the last 1 / (1 - decay) updates or so count.
    """

    decay: float = 0.999
    start: ClassVar[int] = 0
    uniform: ClassVar[bool] = False
    _rules: ClassVar[Mapping[str, Rule]] = {"decay": _checks.fraction}


Averaging: TypeAlias = PolyakAverage | ExponentialAverage


def as_averaging(averaging: Averaging | None) -> Averaging | None:
    """The averaging itself, or None.

    Raises
    ------
    TypeError
        For anything else.
    """
    if averaging is not None and not isinstance(averaging, Averaging):
        raise TypeError(
            f"averaging must be None or one like st.PolyakAverage() or st.ExponentialAverage(), "
            f"not {averaging!r:.80}"
        )
    return averaging
