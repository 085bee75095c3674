"""Averages of the parameters over the updates. These classes describe them; a `Trainer` holds the values.

Both backends read `start`, the first update that counts; `uniform`, whether all count alike; and `decay`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, TypeAlias

from . import _checks
from ._description import Description, Rule

__all__ = ["ExponentialAverage", "PolyakAverage"]


@dataclass(frozen=True)
class PolyakAverage(Description):
    """The mean of the parameters over the updates, all with equal weight.

    Parameters
    ----------
    start : int, default 0
        The first update that is averaged, counted from 0. Choose it so that the fit is near its minimum by
        then: early parameters never leave the average.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    After Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", SIAM Journal on
    Control and Optimization 30, 1992.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[0.0]]})
    >>> trainer = st.Trainer(model, "squared_error", st.SGD(0.25), averaging=st.PolyakAverage())
    >>> objectives = [trainer.step([[1.0]], [1.0]) for _ in range(2)]  # weights 0.5 and 0.75
    >>> trainer.averaged().state_dict()["0.weight"].item()
    0.625
    """

    start: int = 0
    uniform: ClassVar[bool] = True
    decay: ClassVar[float] = 0.0
    _rules: ClassVar[Mapping[str, Rule]] = {"start": partial(_checks.integer, minimum=0)}


@dataclass(frozen=True)
class ExponentialAverage(Description):
    """An exponential moving average: average = decay * average + (1 - decay) * parameters after each update.

    The average starts with the parameters after the first update, so it needs no bias correction.

    Parameters
    ----------
    decay : float, default 0.999
        In [0, 1). About the last 1 / (1 - decay) updates count.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Notes
    -----
    Used for the parameters of networks by Tarvainen and Valpola, "Mean teachers are better role models", NIPS
    2017, and before them in Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR
    2016.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(1, 1, bias=False))
    >>> model.load_state_dict({"0.weight": [[0.0]]})
    >>> trainer = st.Trainer(model, "squared_error", st.SGD(0.25), averaging=st.ExponentialAverage(0.5))
    >>> objectives = [trainer.step([[1.0]], [1.0]) for _ in range(3)]  # weights 0.5, 0.75 and 0.875
    >>> trainer.averaged().state_dict()["0.weight"].item()
    0.75
    """

    decay: float = 0.999
    start: ClassVar[int] = 0
    uniform: ClassVar[bool] = False
    _rules: ClassVar[Mapping[str, Rule]] = {"decay": _checks.fraction}


Averaging: TypeAlias = PolyakAverage | ExponentialAverage


def as_averaging(averaging: Averaging | None) -> Averaging | None:
    """`averaging` itself; a TypeError if it is not an average or None."""
    _checks.instance(averaging, "averaging")
    if averaging is not None and not isinstance(averaging, Averaging):
        raise TypeError(
            f"averaging must be None or an average such as st.PolyakAverage() or st.ExponentialAverage(), "
            f"not {averaging!r:.80}"
        )
    return averaging
