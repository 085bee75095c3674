"""Advice where features of very different scales may be why a fit failed."""

from __future__ import annotations

import math
import warnings

import numpy as np

from .. import _checks
from .._checks import Array
from ..backends.data import Batch
from ..backends.sparse import SparseRows
from ..losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy, SquaredError
from .rise import Rise

_LARGE = 100.0  # of a mean or a standard deviation
_NUMBERS, _ROWS = 2**17, 2**13  # of features and of targets that are looked at
_EPOCHS, _STEPS = 3, 30  # before a loss can be said to stand still
_LITTLE = 0.95  # of the loss of a constant answer


def advice(x: Array | SparseRows, remedy: str = "let the model begin with st.Standardize()") -> str:
    """What to do about a feature of large numbers; empty if there is none.

    Deviations that differ are no reason: those of rare features do, in data that are learned well.
    """
    if isinstance(x, SparseRows):
        return ""
    some = _some(x, max(1, _NUMBERS // x.shape[1])).astype(np.float64)
    scale = max(1.0, float(np.abs(some).max()))  # the squares of numbers beyond 1e154 are infinite
    mean, deviation = scale * (some / scale).mean(axis=0), scale * (some / scale).std(axis=0)
    size = np.maximum(np.abs(mean), deviation)
    worst = int(size.argmax())
    if not size[worst] > _LARGE:
        return ""
    return (
        f"feature {worst} has mean {mean[worst]:.3g} and standard deviation {deviation[worst]:.3g}: {remedy}"
    )


def stands_still(batch: Batch, loss: Loss, losses: list[float], batches: int) -> bool:
    """Whether a fit learned hardly more than the best constant answer; False where that is not known."""
    if len(losses) < _EPOCHS or len(losses) * batches < _STEPS:
        return False
    constant = _constant(batch, loss)
    return constant is not None and min(losses) > _LITTLE * constant > 0


def _constant(batch: Batch, loss: Loss) -> float | None:
    """The loss of the best constant answer."""
    if batch.weight is not None:
        return None
    if isinstance(loss, SoftmaxCrossEntropy) and loss.class_weight is None and not loss.label_smoothing:
        counts = np.bincount(_some(batch.targets, _ROWS))
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * np.log(shares)).sum())
    if isinstance(loss, BinaryCrossEntropy) and batch.targets.shape[1] == 1:
        share = float(_some(batch.targets, _ROWS).mean())
        return -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
    if isinstance(loss, SquaredError) and loss.reduction == "mean":
        return float(loss.factor * _some(batch.targets, _ROWS).astype(np.float64).var(axis=0).sum())
    return None


def _some(x: Array, rows: int) -> Array:
    """At most so many rows, from all parts."""
    return x[:: -(-len(x) // rows)]


def warn_of_rise(rise: Rise, x: Array | SparseRows) -> None:
    """That a fit has gone back, and what may help."""
    told = "Scale the features, or use a smaller learning rate."
    if large := advice(x):
        told = f"{large[0].upper()}{large[1:]}, or use a smaller learning rate."
    warnings.warn(rise.warning(told), RuntimeWarning, stacklevel=_checks.caller_level())


def warn_of_constant(batch: Batch, loss: Loss, losses: list[float], batches: int) -> None:
    """That a model has learned next to nothing, where features of large scales may be why."""
    if stands_still(batch, loss, losses, batches) and (large := advice(batch.x)):
        warnings.warn(
            f"the model learned hardly more than a constant answer: {large}",
            RuntimeWarning,
            stacklevel=_checks.caller_level(),
        )
