"""What a fit reports: one value per epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = ["History"]


@dataclass(repr=False)
class History:
    """The record of one fit; every list has one value per epoch.

    Attributes
    ----------
    loss : list of float
        The objective (data loss + penalty) before each update, averaged over the samples of the epoch (over
        its batches if the loss is a sum over samples).
    validation_loss : list of float
        The data loss, without penalty, on the validation data after each epoch; empty without such data.
    metrics : dict of list of float
        By name: the value of each metric after each epoch, on the validation data or, without such, on the
        samples that were learned from.
    seconds : list of float
        Wall-clock time of each epoch's training in seconds, without validation and callbacks.
    samples_per_second : list of float
        Training speed in each epoch.
    status : {"finished", "cancelled", "stopped"}
        "finished" if all epochs ran, "cancelled" if `Trainer.cancel` ended them, "stopped" if a callback did.
    best_epoch : int or None
        The best epoch, counted from 0, as found by `EarlyStopping` or by a fit that went back to it because
        the loss rose, or is above that before the first step; None otherwise.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=3, progress=False)
    >>> history.epochs, history.status, len(history.seconds), history.validation_loss
    (3, 'finished', 3, [])
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
