"""Callbacks: what is called after each epoch, or after some batches, of a fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal, Protocol, TypeAlias, TypeVar

from .. import _checks
from .._checks import Array
from .._description import Description, Rule
from ..backends.reference.formulas import write
from ..metrics import Metric, mode_of
from ..optimizers import Optimizer
from .history import History
from .learning import Learning
from .model import Model


class RunningTrainer(Protocol):
    """What callbacks may use of a `Trainer`."""

    model: Model
    learning: Learning
    epochs_done: int
    optimizer: Optimizer

    @property
    def steps_done(self) -> int:
        """See `Trainer.steps_done`."""

    def averaged(self) -> Model:
        """See `Trainer.averaged`."""

    def cancel(self) -> None:
        """See `Trainer.cancel`."""


@dataclass(frozen=True)
class EpochState:
    """What a callback is given.

    Attributes
    ----------
    epoch : int
        Index of the epoch just finished, counted from 0 in this fit.
    loss : float
        Its objective.
    validation_loss : float or None
        Its validation loss, None without validation data.
    model : Sequential
        The model, with this epoch's parameters.
    trainer : Trainer
        The trainer; its `optimizer` may be replaced, for the epochs to come.
    history : History
        The record so far, this epoch included.
    """

    epoch: int
    loss: float
    validation_loss: float | None
    model: Model
    trainer: RunningTrainer
    history: History


@dataclass(frozen=True)
class BatchState:
    """What a callback after a group of batches is given.

    Attributes
    ----------
    epoch : int
        Index of the epoch that these batches belong to, counted from 0 in this fit.
    step : int
        Updates done in this fit.
    loss : float
        The objective before each update of the group, averaged as `History.loss` is.
    model : Sequential
        The model, with the parameters after the last update.
    trainer : Trainer
        The trainer; its `optimizer` may be replaced, for the batches to come.
    history : History
        The record so far, this epoch included only if these were its last batches.
    """

    epoch: int
    step: int
    loss: float
    model: Model
    trainer: RunningTrainer
    history: History


# Returning True stops the fit. An exception ends it too, and leaves the parameters as they are.
Callback: TypeAlias = Callable[[EpochState], bool | None]
BatchCallback: TypeAlias = Callable[[BatchState], bool | None]
_Kind = TypeVar("_Kind", Callback, BatchCallback)


class EpochCallback:
    """A callback that is also told of the beginning and the end of a fit: to be derived from."""

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Before the first epoch; may raise, and nothing was changed then.

        Parameters
        ----------
        trainer : Trainer
        monitored : mapping of str to callable or None
            What this fit computes for each epoch: "loss" and maybe "validation_loss", which map to None, and
            its metrics, which map to their functions.
        """

    def __call__(self, state: EpochState) -> bool | None:
        """After each epoch; True stops the fit."""
        raise NotImplementedError

    def end(self, trainer: RunningTrainer, history: History) -> None:
        """After the last epoch, whatever ended the fit but an exception."""


@dataclass
class EarlyStopping(Description, EpochCallback):
    """Stops a fit that no longer improves, and goes back to its best epoch.

    `History.best_epoch` tells which that was. One object may serve several fits, one after the other.

    Parameters
    ----------
    patience : int, default 10
        Epochs without an improvement after which the fit stops, at least 1.
    min_delta : float, default 0.0
        What an improvement must be larger than; finite and not negative.
    monitor : str, default "validation_loss"
        "loss", "validation_loss" or the name of one of the fit's metrics.
    mode : {"auto", "min", "max"}, default "auto"
        Whether it should become small or large. "auto": losses small, and a metric as its function's
        attribute `greater_is_better`, True or False, says; or else its name, if that is a usual one, as
        "accuracy", "f1" and "r2" or "mse", "error_rate" and "log_loss".
    restore_best : bool, default True
        Leave the model with everything it had learned after its best epoch, also if the fit ended for
        another reason. The trainer's average of parameters, if it has one, goes back too; the optimizer's
        state does not.

    Raises
    ------
    ValueError, TypeError
        For values other than these. A fit that does not compute what is monitored, or a metric of which
        nothing tells whether it should become small or large, raises ValueError before it begins.
    """

    patience: int = 10
    min_delta: float = 0.0
    monitor: str = "validation_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    restore_best: bool = True
    _sign: int = field(default=1, init=False, repr=False, compare=False)  # -1 for what should become large
    _best: float = field(default=math.inf, init=False, repr=False, compare=False)
    _waited: int = field(default=0, init=False, repr=False, compare=False)
    _saved: _Saved | None = field(default=None, init=False, repr=False, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {
        "patience": partial(_checks.integer, minimum=1),
        "min_delta": _checks.non_negative,
        "mode": partial(_checks.one_of, allowed=("auto", "min", "max")),
        "restore_best": _checks.flag,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.monitor, str):
            raise TypeError(f"monitor must be a name like 'validation_loss', not {self.monitor!r:.80}")
        self.monitor = str(self.monitor)

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Forget the fit before."""
        if self.monitor not in monitored:
            raise ValueError(
                f"monitor is {self.monitor!r}, but this fit computes {', '.join(monitored)}"
                + ("" if "validation_loss" in monitored else ": it has no validation_data")
            )
        mode = mode_of(self.monitor, monitored[self.monitor]) if self.mode == "auto" else self.mode
        self._sign = -1 if mode == "max" else 1
        self._best, self._waited, self._saved = math.inf, 0, None

    def __call__(self, state: EpochState) -> bool:
        """Compare the epoch with the best one."""
        history = state.history
        values = history.metrics.get(self.monitor) or getattr(history, self.monitor)
        value = self._sign * values[-1]
        if value < self._best - self.min_delta:  # NaN never is
            self._best, self._waited = value, 0
            history.best_epoch = state.epoch
            if self.restore_best:
                self._saved = _Saved(state.model.state_dict(), state.trainer.learning.average_copies())
        else:
            self._waited += 1
        return self._waited >= self.patience

    def end(self, trainer: RunningTrainer, history: History) -> None:
        """Go back to the best epoch, unless none was better than an infinity."""
        if self._saved is not None:
            trainer.model.load_state_dict(self._saved.state)
            write(self._saved.average)
        self._saved = None


@dataclass(frozen=True)
class _Saved:
    """What an epoch had learned: the model's state, and the arrays of the average with copies of them."""

    state: dict[str, Array]
    average: list[tuple[Array, Array]]


def checked_callbacks(callbacks: Sequence[_Kind], name: str) -> tuple[_Kind, ...]:
    """`callbacks` as a tuple, if they are a sequence of callables."""
    if callable(callbacks):
        raise TypeError(f"{name} must be a sequence of callables: write [callback] for a single one")
    for callback in (result := tuple(callbacks)):
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r:.80}")
    return result
