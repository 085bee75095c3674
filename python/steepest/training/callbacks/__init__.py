"""Callbacks: functions that a fit calls after each epoch, or after some batches."""

from __future__ import annotations

from .csv_log import CSVLog
from .early_stopping import EarlyStopping
from .model_checkpoint import ModelCheckpoint
from .reduce_on_plateau import ReduceOnPlateau
from .states import BatchCallback as BatchCallback
from .states import BatchState, EpochCallback, EpochState
from .states import Callback as Callback
from .states import RunningTrainer as RunningTrainer
from .states import checked_callback as checked_callback
from .states import checked_callbacks as checked_callbacks
from .states import interrupts as interrupts
from .terminate_on_time import TerminateOnTime

__all__ = [
    "BatchState",
    "CSVLog",
    "EarlyStopping",
    "EpochCallback",
    "EpochState",
    "ModelCheckpoint",
    "ReduceOnPlateau",
    "TerminateOnTime",
]
