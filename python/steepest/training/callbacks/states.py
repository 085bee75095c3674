"""What callbacks are given, and what a callback may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from ...metrics import Metric
from ...optimizers import Optimizer
from ..history import History
from ..learning import Learning
from ..model import Model

__all__ = ["BatchState", "EpochCallback", "EpochState"]


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
    """Base class of callbacks that are also called at the beginning and the end of a fit, and in between.

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

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint of the fit keeps of this object, for `resume`; by default nothing.

        A fit with checkpoints calls it before each epoch, too, and copies what it returns: for the last
        checkpoint, if something ends the fit within that epoch.

        Returns
        -------
        dict
            Of numbers, strings, None, float arrays, and lists and dicts of them.
        """
        return {}

    def resume(
        self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None], state: Mapping[str, Any]
    ) -> None:
        """Called in place of `begin` by a fit that goes on from a checkpoint; by default `begin`.

        Parameters
        ----------
        trainer : Trainer
        monitored : mapping of str to callable or None
            As for `begin`.
        state : mapping
            What `state_dict` gave when the checkpoint was written.
        """
        self.begin(trainer, monitored)

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

    def interrupts(self) -> bool:
        """Called about every 20 ms during an epoch; True ends the fit after the current batch.

        The parameters are those after that batch. By default, this is False.

        Returns
        -------
        bool
        """
        return False

    def end(self, trainer: RunningTrainer, history: History) -> None:
        """Called after the last epoch, unless an exception ended the fit.

        Parameters
        ----------
        trainer : Trainer
        history : History
            The record of the fit; its `status` says what ended it.
        """


def interrupts(callback: object) -> bool:
    """Whether a callback ends the fit from outside, as time does, so that another fit may go on."""
    return isinstance(callback, EpochCallback) and callback.interrupts()


def checked_callbacks(callbacks: Sequence[_Kind] | _Kind | None, name: str) -> tuple[_Kind, ...]:
    """`callbacks`, a sequence of callables, a single one or None, as a tuple."""
    if callbacks is None:
        return ()
    if callable(callbacks):
        callbacks = (callbacks,)
    try:
        result = tuple(callbacks)
    except TypeError:
        raise TypeError(f"{name} must be callables, not {callbacks!r:.80}") from None
    for callback in result:
        checked_callback(callback)
    return result


def checked_callback(callback: Any) -> None:
    """A TypeError if it is not callable, or is a class whose object is meant."""
    if isinstance(callback, type):
        where = "st." if callback.__module__.partition(".")[0] == "steepest" else ""
        kind, needed = callback.__name__, [f.name for f in _fields(callback) if f.default is MISSING]
        made = f"{where}{kind}({', '.join(needed)})"
        raise TypeError(f"a callback is the class {kind}, but must be an object of it: write {made}")
    if not callable(callback):
        raise TypeError(f"a callback must be callable, not {callback!r:.80}")


def _fields(kind: type) -> list[Field[Any]]:
    """What an object of the class is made with, as far as it says so."""
    return [field for field in fields(kind) if field.init] if is_dataclass(kind) else []
