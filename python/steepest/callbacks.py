"""Callbacks: functions called after each epoch of a fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .history import History
    from .model import Sequential
    from .training import Trainer


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
    model: Sequential
    trainer: Trainer
    history: History


# Returning True stops the fit. An exception ends it too, and leaves the parameters of the finished epoch.
Callback: TypeAlias = Callable[[EpochState], bool | None]
