"""Of one batch: its samples, its part of a penalty, and the rows of a weight that it touches."""

from __future__ import annotations

from dataclasses import replace

from ..._checks import Array
from ...optimizers import is_lazy
from ...penalties import scaled
from ..data import Batch, TrainConfig
from ..sparse import SparseRows
from .losses import batch_size


def config_for(config: TrainConfig, batch: Batch) -> TrainConfig:
    """The config with the batch's part of a penalty of all."""
    if not config.penalty_by_batch:
        return config
    size = batch_size(config.loss, len(batch.x), batch.weight)
    parts = (scaled(penalty, 1 / size if size else 0.0) for penalty in config.penalties)
    return replace(config, penalties=tuple(parts))


def touched_rows(batch: Batch, config: TrainConfig) -> Array | None:
    """The rows of the first weight that a lazy optimizer updates, (features, 1): those of the entries."""
    if not isinstance(batch.x, SparseRows) or not is_lazy(config.optimizer):
        return None
    return batch.x.features()[:, None]


def taken(batch: Batch, part: slice, order: Array | None) -> Batch:
    """The samples at positions `part` of `order`; targets are copied, so they cannot change after a check."""
    where = part if order is None else order[part]
    weight = None if batch.weight is None else batch.weight[where]
    return Batch(batch.x[where], batch.targets[where].copy(), weight)
