"""`EarlyStopping`: ends a fit that no longer improves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, Literal

from ... import _checks
from ..._checks import Array
from ..._description import Description, Rule
from ...backends.memory import write
from ...metrics import Metric
from ..history import History
from .monitoring import MODES, Watch, monitor_name
from .states import EpochCallback, EpochState, RunningTrainer

__all__ = ["EarlyStopping"]


@dataclass
class EarlyStopping(Description, EpochCallback):
    """Stop a fit that no longer improves, and restore the parameters of its best epoch.

    `History.best_epoch` has the number of that epoch. One object may be used for several fits, one after the
    other.

    Parameters
    ----------
    patience : int, default 10
        Stop after this many epochs without an improvement, at least 1.
    min_delta : float, default 0.0
        A smaller change does not count as an improvement; finite and not negative.
    monitor : str, default "validation_loss"
        "loss", "validation_loss" or the name of one of the fit's metrics.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the monitored value should be minimized or maximized. With "auto", losses are minimized; for a
        metric, its function's attribute `greater_is_better`, True or False, decides, or else its name, if
        that is a usual one such as "accuracy", "f1" and "r2", or "mse", "error_rate" and "log_loss".
    restore_best : bool, default True
        At the end of the fit, whatever the reason, give the model back the parameters and running statistics
        that it had after its best epoch. The trainer's average of parameters, if it has one, is restored
        too; the optimizer's state is not.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type. A fit raises ValueError before it begins if
        it does not compute the monitored value, or if "auto" cannot decide.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 2))
    >>> stop = st.EarlyStopping(patience=3, min_delta=1.0, monitor="loss")
    >>> history = model.fit(X, y, epochs=100, callbacks=[stop], progress=False)
    >>> history.epochs, history.best_epoch, history.status
    (4, 0, 'stopped')
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "validation_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    restore_best: bool = True
    _watch: Watch | None = field(default=None, init=False, repr=False, compare=False)
    _waited: int = field(default=0, init=False, repr=False, compare=False)
    _saved: _Saved | None = field(default=None, init=False, repr=False, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {
        "patience": partial(_checks.integer, minimum=1),
        "min_delta": _checks.non_negative,
        "monitor": monitor_name,
        "mode": MODES,
        "restore_best": _checks.flag,
    }

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Forget the previous fit."""
        self._watch = Watch(self.monitor, self.mode, self.min_delta, monitored)
        self._waited, self._saved = 0, None

    def state_dict(self) -> dict[str, Any]:
        """The best value so far, how long it is ago, and what was saved of that epoch."""
        saved = None
        if self._saved is not None:
            saved = {"state": self._saved.state, "average": [copy for _, copy in self._saved.average]}
        best = math.inf if self._watch is None else self._watch.best
        return {"best": best, "waited": self._waited, "saved": saved}

    def resume(
        self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None], state: Mapping[str, Any]
    ) -> None:
        """Go on with them."""
        self.begin(trainer, monitored)
        self._waited, saved = state["waited"], state["saved"]
        if self._watch is not None:
            self._watch.best = state["best"]
        if saved is not None:
            average = zip(trainer.learning.average_arrays(), saved["average"], strict=True)
            self._saved = _Saved(saved["state"], list(average))

    def __call__(self, state: EpochState) -> bool:
        """Compare the epoch with the best one."""
        if self._watch is not None and self._watch.improves(state.history):
            self._waited = 0
            state.history.best_epoch = state.epoch
            if self.restore_best:
                self._saved = _Saved(state.model.state_dict(), state.trainer.learning.average_copies())
        else:
            self._waited += 1
        return self._waited >= self.patience

    def end(self, trainer: RunningTrainer, history: History) -> None:
        """Restore the best epoch, unless no epoch had a finite value."""
        if self._saved is not None:
            trainer.model.load_state_dict(self._saved.state)
            trainer.learning.compiled.turns.compute(partial(write, self._saved.average))
        self._saved = None


@dataclass(frozen=True)
class _Saved:
    """What an epoch had learned: the model's state, and the arrays of the average with copies of them."""

    state: dict[str, Array]
    average: list[tuple[Array, Array]]
