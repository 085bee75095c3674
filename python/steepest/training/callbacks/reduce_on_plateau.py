"""`ReduceOnPlateau`: smaller steps where a fit no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np

from ... import _checks
from ..._description import Description, Rule
from ...metrics import Metric
from .monitoring import MODES, Watch, monitor_name
from .states import EpochCallback, EpochState, RunningTrainer

__all__ = ["ReduceOnPlateau"]


@dataclass
class ReduceOnPlateau(Description, EpochCallback):
    """Multiply the learning rate by a factor whenever a fit no longer improves.

    The rate must be a number, not a schedule. A `Trainer` keeps the reduced one for its next fit;
    `Sequential.fit` begins with that of its `optimizer` each time. The attribute `reductions` lists the
    epochs of the last fit, counted from 0, after which the rate was reduced.

    Parameters
    ----------
    factor : float, default 0.1
        In (0, 1).
    patience : int, default 10
        Reduce after this many epochs without an improvement, at least 1, and then wait as long again.
    min_rate : float, default 0.0
        The rate is never reduced below this; finite and not negative.
    min_delta : float, default 0.0
        A smaller change does not count as an improvement; finite and not negative.
    monitor : str, default "validation_loss"
        "loss", "validation_loss" or the name of one of the fit's metrics.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the monitored value should be minimized or maximized; see `EarlyStopping`.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type. A fit raises ValueError before it begins if
        it does not compute the monitored value, if "auto" cannot decide, or if its learning rate is a
        schedule.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> trainer = st.Trainer(st.Sequential(st.Linear(2, 2)), optimizer=st.SGD(0.5))
    >>> slower = st.ReduceOnPlateau(0.5, patience=3, min_delta=1.0, monitor="loss")
    >>> history = trainer.fit(X, y, epochs=8, callbacks=[slower], progress=False)
    >>> slower.reductions, trainer.optimizer.learning_rate
    ([3, 6], 0.125)
    """

    factor: float = 0.1
    patience: int = 10
    min_rate: float = 0.0
    min_delta: float = 0.0
    monitor: str = "validation_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    reductions: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    _watch: Watch | None = field(default=None, init=False, repr=False, compare=False)
    _waited: int = field(default=0, init=False, repr=False, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {
        "factor": _checks.inside,
        "patience": partial(_checks.integer, minimum=1),
        "min_rate": _checks.non_negative,
        "min_delta": _checks.non_negative,
        "monitor": monitor_name,
        "mode": MODES,
    }

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Forget the previous fit."""
        _rate_of(trainer)
        self._watch = Watch(self.monitor, self.mode, self.min_delta, monitored)
        self._waited, self.reductions = 0, []

    def state_dict(self) -> dict[str, Any]:
        """The best value so far, how long it is ago, and the reductions; the optimizer has the rate."""
        best = math.inf if self._watch is None else self._watch.best
        return {"best": best, "waited": self._waited, "reductions": self.reductions}

    def resume(
        self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None], state: Mapping[str, Any]
    ) -> None:
        """Go on with them."""
        self.begin(trainer, monitored)
        self._waited, self.reductions = state["waited"], state["reductions"]
        if self._watch is not None:
            self._watch.best = state["best"]

    def __call__(self, state: EpochState) -> None:
        """Compare the epoch with the best one."""
        if self._watch is not None and self._watch.improves(state.history):
            self._waited = 0
            return
        self._waited += 1
        if self._waited >= self.patience:
            self._waited = 0
            self._reduce(state)

    def _reduce(self, state: EpochState) -> None:
        trainer = state.trainer
        rate = _rate_of(trainer)
        # Not below what the model's dtype can hold, where the optimizer would refuse it.
        smallest = float(np.finfo(trainer.learning.compiled.dtype).smallest_normal)
        reduced = max(rate * self.factor, self.min_rate, smallest)
        if reduced < rate:
            trainer.optimizer = replace(trainer.optimizer, learning_rate=reduced)
            self.reductions.append(state.epoch)


def _rate_of(trainer: RunningTrainer) -> float:
    rate = trainer.optimizer.learning_rate
    if callable(rate):
        raise ValueError(
            f"ReduceOnPlateau multiplies a learning rate that is a number, but that of the optimizer is "
            f"{rate!r:.80}: leave out one of the two"
        )
    return rate
