"""Check: what a loss compares the scores with, and how much each sample counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _checks
from ._checks import Array
from .backends.protocol import Backend
from .losses import BinaryCrossEntropy, CustomLoss, Loss, SoftmaxCrossEntropy


def targets_and_weight(
    loss: Loss,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    scores: tuple[int, int],
    dtype: np.dtype[Any],
    backend: Backend,
    name: str = "y",
) -> tuple[Array, Array | None]:
    """`y` and the weights as `Batch` holds them, for scores of a shape; that `y` is finite is not checked."""
    samples, outputs = scores
    if isinstance(loss, CustomLoss):
        if sample_weight is not None:
            raise ValueError(f"sample_weight cannot be given with {loss!r:.80}: weigh the samples in it")
        return _checks.any_targets(y, samples, dtype, name), None
    if loss.takes_labels:
        targets = _checks.labels(y, samples, outputs, backend.first_bad_label, name)
    else:
        targets = _checks.targets(y, samples, outputs, dtype, name)
    if isinstance(loss, BinaryCrossEntropy):
        _checks.fractions(targets, name)
    weight = None if sample_weight is None else _checks.weights(sample_weight, samples, dtype)
    if isinstance(loss, SoftmaxCrossEntropy) and loss.class_weight is not None:
        weight = _checks.weights_by_class(loss.class_weight, targets, outputs, weight, dtype)
    return targets, weight
