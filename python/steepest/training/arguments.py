"""Check: the arguments of a fit that are not its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from .. import _checks
from ..metrics import Metric, Metrics
from .callbacks import BatchCallback, Callback, checked_callbacks
from .progress import Wanted, checked_progress
from .validation import checked_metrics


class Arguments(NamedTuple):
    """See `Trainer.fit`."""

    epochs: int
    batch_size: int | None
    shuffle: bool
    metrics: Mapping[str, Metric]
    callbacks: Sequence[Callback]
    batch_callbacks: Sequence[BatchCallback]
    batch_group: int
    progress: Wanted
    seed: int  # of rows that are held out

    @property
    def called(self) -> list[Callback | BatchCallback]:
        """All callbacks."""
        return [*self.callbacks, *self.batch_callbacks]


def checked_arguments(
    epochs: int,
    batch_size: int | None,
    shuffle: bool,
    metrics: Metrics | None,
    callbacks: Sequence[Callback] | Callback,
    batch_callbacks: Sequence[BatchCallback] | BatchCallback,
    batch_group: int,
    progress: bool | Literal["bar", "lines"],
    seed: int,
) -> Arguments:
    """As they are used.

    Raises
    ------
    ValueError, TypeError
        If they cannot be.
    """
    return Arguments(
        _checks.integer(epochs, "epochs", minimum=0),
        None if batch_size is None else _checks.integer(batch_size, "batch_size", minimum=1),
        _checks.flag(shuffle, "shuffle"),
        checked_metrics(metrics),
        checked_callbacks(callbacks, "callbacks"),
        checked_callbacks(batch_callbacks, "batch_callbacks"),
        _checks.integer(batch_group, "batch_group", minimum=1),
        checked_progress(progress),
        _checks.seed(seed),
    )
