"""Check: what a loss compares the scores with, and how much each sample counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..backends.protocol import Backend
from ..losses import ClassWeight, CustomLoss, Loss, SoftmaxCrossEntropy, TargetRange
from .pool import POOL, Pool


def targets_and_weight(
    loss: Loss,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    scores: tuple[int, int],
    dtype: np.dtype[Any],
    backend: Backend,
    name: str = "y",
    weight_name: str = "sample_weight",
) -> tuple[Array, Array | None]:
    """`y` and the weights as `Batch` holds them, for scores of a shape; that `y` is finite is not checked."""
    samples, outputs = scores
    if isinstance(loss, CustomLoss):
        if sample_weight is not None:
            raise ValueError(
                f"sample_weight cannot be given with {loss!r:.80}: apply the weights in the loss"
            )
        return _any_targets(y, samples, dtype, name), None
    if loss.takes_labels:
        targets = _checks.labels(y, samples, outputs, backend.first_bad_label, name)
    else:
        targets = _checks.targets(y, samples, outputs, dtype, name)
    if loss.target_range is not None:
        _check_range(targets, loss.target_range, name)
    weight = None if sample_weight is None else _checks.weights(sample_weight, samples, dtype, weight_name)
    if isinstance(loss, SoftmaxCrossEntropy) and loss.class_weight is not None:
        weight = weighted_by_class(by_class(loss.class_weight, targets, outputs), targets, weight, dtype)
    return targets, weight


def _check_range(targets: Array, allowed: TargetRange, name: str) -> None:
    """Refuse targets outside the range, naming the first sample."""
    least, most, rule = allowed
    if targets.size and not (targets.min() >= least and targets.max() <= most):  # those of NaN are NaN
        good = (targets >= least) & (targets <= most)
        sample, output = divmod(int(good.argmin()), targets.shape[1])
        raise ValueError(f"{name} of sample {sample} is {targets[sample, output]}, but targets {rule}")


def _any_targets(y: object, samples: int, dtype: np.dtype[Any], name: str) -> Array:
    """`y` for a loss of the caller's own: (samples,) int64 if it is such, else (samples, k) in `dtype`."""
    array = _checks.real_array(y, name)
    if array.ndim not in (1, 2) or (array.ndim == 2 and array.shape[1] == 0):
        raise ValueError(f"{name} has shape {array.shape}, but must be (samples,) or (samples, k)")
    if array.shape[0] != samples:
        raise ValueError(f"X has {samples} samples, but {name} has {array.shape[0]}")
    if array.ndim == 2 or array.dtype.kind == "f":
        return _checks.packed(array if array.ndim == 2 else array[:, None], dtype)
    if array.dtype == np.uint64 and samples and array.max() > np.iinfo(np.int64).max:
        raise ValueError(f"{name} holds {array.max()}, but integers must fit into 64 bits with their sign")
    return _checks.packed(array, np.dtype(np.int64))


def by_class(class_weight: ClassWeight, labels: Array, classes: int, pool: Pool = POOL) -> tuple[float, ...]:
    """One number a class: 1 where a mapping has none; "balanced" gives all classes of a pool the same sum."""
    if isinstance(class_weight, str):
        counts = pool.summed(partial(np.bincount, minlength=classes), labels)
        samples, there = counts.sum(), np.count_nonzero(counts)
        return tuple(float(samples / (there * count)) if count else 1.0 for count in counts)
    if isinstance(class_weight, Mapping):
        if unknown := [label for label in class_weight if label >= classes]:
            raise ValueError(f"class_weight has class {unknown[0]}, but there are {classes} classes")
        return tuple(class_weight.get(label, 1.0) for label in range(classes))
    if len(class_weight) != classes:
        raise ValueError(f"class_weight has {len(class_weight)} numbers, but there are {classes} classes")
    return tuple(class_weight)


def weighted_by_class(
    weights: Sequence[float], labels: Array, sample_weight: Array | None, dtype: np.dtype[Any]
) -> Array:
    """The weight of each sample's class, times its own if it has one, as `weights` has it."""
    weight = np.array(weights, np.float64)[labels]
    if sample_weight is None:
        return _checks.weights(weight, len(labels), dtype, "class_weight")
    with np.errstate(over="ignore"):  # an infinity is refused
        product = weight * sample_weight
    return _checks.weights(product, len(labels), dtype, "class_weight times sample_weight")
