"""What a fit reports: one value an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(repr=False)
class History:
    """The record of one fit.

    Attributes
    ----------
    loss : list of float
        The objective (data loss + penalty) seen before each update, averaged over the epoch's samples
        (over its batches for a loss that sums).
    validation_loss : list of float
        The data loss, without penalty, on the validation data after each epoch; empty without such data.
    metrics : dict of list of float
        Each metric on the validation data after each epoch, by its name.
    seconds : list of float
        Duration of the training of each epoch.
    samples_per_second : list of float
        Training speed of each epoch.
    status : {"finished", "cancelled", "stopped"}
        Whether all epochs ran, `Trainer.cancel` ended them, or a callback did.
    best_epoch : int or None
        The epoch, counted from 0, that `EarlyStopping` found best; None without it.
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    samples_per_second: list[float] = field(default_factory=list)
    status: Literal["finished", "cancelled", "stopped"] = "finished"
    best_epoch: int | None = None

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.loss)

    def __repr__(self) -> str:
        course = f", loss {self.loss[0]:.4g} -> {self.loss[-1]:.4g}" if self.loss else ""
        return f"History({self.epochs} epochs{course}, {self.status})"
