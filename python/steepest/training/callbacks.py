"""Callbacks: functions that a fit calls after each epoch, or after some batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal, Protocol, TypeAlias, TypeVar

from .. import _checks
from .._checks import Array
from .._description import Description, Rule
from ..backends.memory import write
from ..metrics import Metric, mode_of
from ..optimizers import Optimizer
from .history import History
from .learning import Learning
from .model import Model

__all__ = ["BatchState", "EarlyStopping", "EpochCallback", "EpochState"]


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
    """What a callback receives after an epoch.

    Attributes
    ----------
    epoch : int
        Index of the epoch just finished, counted from 0 in this fit.
    loss : float
        Its objective (data loss + penalty), as in `History.loss`.
    validation_loss : float or None
        Its validation loss; None without validation data.
    model : Sequential
        The model, with this epoch's parameters.
    trainer : Trainer
        The trainer. A callback may replace its `optimizer`, from the next epoch on.
    history : History
        The record so far, this epoch included.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> def three_epochs(state):
    ...     return state.epoch == 2  # True stops the fit
    >>> model = st.Sequential(st.Linear(2, 2))
    >>> model.fit(X, y, epochs=10, callbacks=[three_epochs], progress=False).epochs
    3
    """

    epoch: int
    loss: float
    validation_loss: float | None
    model: Model
    trainer: RunningTrainer
    history: History


@dataclass(frozen=True)
class BatchState:
    """What a callback receives after a group of batches.

    Attributes
    ----------
    epoch : int
        Index of the epoch that these batches belong to, counted from 0 in this fit.
    step : int
        Number of updates done in this fit.
    loss : float
        The objective before each update of the group, averaged in the same way as `History.loss`.
    model : Sequential
        The model, with the parameters after the last update.
    trainer : Trainer
        The trainer. A callback may replace its `optimizer`, from the next batch on.
    history : History
        The record so far; it includes this epoch only if these were its last batches.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons(100)
    >>> steps = []
    >>> model = st.Sequential(st.Linear(2, 2))
    >>> history = model.fit(
    ...     X, y, epochs=1, batch_size=10, progress=False,
    ...     batch_callbacks=[lambda state: steps.append(state.step)], batch_group=5,
    ... )
    >>> steps
    [5, 10]
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
    """Base class of callbacks that are also called at the beginning and the end of a fit.

    Examples
    --------
    >>> import steepest as st
    >>> class Report(st.EpochCallback):
    ...     def begin(self, trainer, monitored):
    ...         print("begin:", *monitored)
    ...     def __call__(self, state):
    ...         print("epoch", state.epoch)
    ...     def end(self, trainer, history):
    ...         print("end:", history.status)
    >>> X, y = st.datasets.two_moons()
    >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=2, callbacks=[Report()], progress=False)
    begin: loss
    epoch 0
    epoch 1
    end: finished
    """

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Called before the first epoch. If it raises, the fit ends before anything has changed.

        Parameters
        ----------
        trainer : Trainer
            The trainer that is about to fit.
        monitored : mapping of str to callable or None
            The values that this fit computes for each epoch: "loss" and, with validation data,
            "validation_loss", which map to None, and its metrics, which map to their functions.
        """

    def __call__(self, state: EpochState) -> bool | None:
        """Called after each epoch.

        Parameters
        ----------
        state : EpochState

        Returns
        -------
        bool or None
            True stops the fit.
        """
        raise NotImplementedError

    def end(self, trainer: RunningTrainer, history: History) -> None:
        """Called after the last epoch, unless an exception ended the fit.

        Parameters
        ----------
        trainer : Trainer
        history : History
            The record of the fit; its `status` says what ended it.
        """


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
            raise TypeError(f"monitor must be a name such as 'validation_loss', not {self.monitor!r:.80}")
        self.monitor = str(self.monitor)

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Forget the previous fit."""
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
        """Restore the best epoch, unless no epoch had a finite value."""
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
