"""Check: the samples of a fit: what it learns from, and what it is measured on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..backends.data import Batch
from ..backends.sparse import Samples
from ..compile.compiled import Compiled
from ..compile.inputs import wide_rows
from ..compile.objective import batch_of, check_finite
from ..compile.pool import Pool
from ..compile.targets import by_class, weighted_by_class
from ..datasets import stratified_split
from ..losses import BinaryCrossEntropy, ClassWeight, Loss, SoftmaxCrossEntropy
from .validation import Measured, ValidationData, measured

Weights: TypeAlias = tuple[float, ...]


class Given(NamedTuple):
    """What a fit learns from and is measured on, and whether these are other samples.

    targets: of all samples, where validation_split has made these two of them.
    """

    batch: Batch
    measured: Measured
    validated: bool
    targets: Array | None = None


def given(
    compiled: Compiled,
    loss: Loss,
    pool: Pool,
    X: Samples,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    class_weight: ClassWeight | None,
    validation_data: ValidationData | None,
    validation_split: float,
    seed: int,
) -> Given:
    """Checked and converted; see `Trainer.fit`. `seed` chooses the rows that are held out.

    A model that begins with `Standardize` learns its mean and scale, unless it has them. All samples of the
    pool count for that, for weights of classes, and for what is held out.
    """
    split = _checks.fraction(validation_split, "validation_split")
    if split and validation_data is not None:
        raise ValueError("give validation_data or validation_split, not both")
    loss, class_weight = _apart(loss, class_weight)

    def checked() -> Batch:
        batch = batch_of(compiled, X, y, sample_weight, loss)
        check_finite(batch)
        return batch

    batch = pool.together(checked)
    train, held = _rows(batch, loss, pool, split, seed) if split else (None, None)
    if compiled.inputs is not None and not compiled.inputs.known:
        learned = pool.together(lambda: _taken(wide_rows(X, compiled.in_features), train))
        compiled.turns.compute(partial(compiled.inputs.learn, learned, pool))
        batch = pool.together(lambda: batch_of(compiled, X, y, sample_weight, loss))

    targets = batch.targets if split else None

    def parts() -> tuple[Batch, Measured]:
        if train is not None and held is not None:
            other = _some(batch, held)
            return _some(batch, train), Measured(other, other.weight)
        if validation_data is not None:
            return batch, measured(compiled, validation_data, loss)
        return batch, Measured(batch, sample_weight)

    batch, on = pool.together(parts)
    for part in (batch, on.batch) if split else ():
        if not pool.some(part.weight is None or bool(part.weight.any())):
            raise ValueError(
                "sample_weight of a part that validation_split makes is zero for all its samples, but at "
                "least one must be greater than 0"
            )
    if class_weight is not None:
        labels = pool.together(lambda: _classes(batch, loss))
        weights = by_class(class_weight, labels, max(compiled.out_features, 2), pool)
        batch, on = pool.together(lambda: _weighted_both(batch, on, loss, weights))
    return Given(batch, on, on.batch is not batch, targets)


def check_whole(loss: Loss) -> None:
    """Refuse a loss that counts all samples, where a single step has some of them."""
    if isinstance(loss, SoftmaxCrossEntropy) and isinstance(loss.class_weight, str):
        raise ValueError(
            f"class_weight is {loss.class_weight!r}, but a step has a part of the samples: give one number "
            "per class"
        )


def _apart(loss: Loss, class_weight: ClassWeight | None) -> tuple[Loss, ClassWeight | None]:
    """The loss without weights of classes, and these."""
    if class_weight is not None:
        class_weight = _checks.class_weight(class_weight)
    if not isinstance(loss, SoftmaxCrossEntropy) or loss.class_weight is None:
        return loss, class_weight
    if class_weight is not None:
        raise ValueError("class_weight is given to fit and to the loss: leave one of them out")
    return replace(loss, class_weight=None), loss.class_weight


def _labels(batch: Batch, loss: Loss) -> Array | None:
    """The class of each sample; None if there are no classes."""
    targets = batch.targets
    if loss.takes_labels:
        return targets
    if not isinstance(loss, BinaryCrossEntropy) or targets.shape[1] > 1 or not np.isin(targets, (0, 1)).all():
        return None
    return targets[:, 0].astype(np.int64)


def _classes(batch: Batch, loss: Loss) -> Array:
    """The class of each sample."""
    if (labels := _labels(batch, loss)) is None:
        raise ValueError(
            f"class_weight is given, but {loss!r:.80} compares numbers: it needs a loss of labels, or "
            "binary cross-entropy with targets 0 and 1 of one output"
        )
    return labels


def _weighted_both(batch: Batch, on: Measured, loss: Loss, weights: Weights) -> tuple[Batch, Measured]:
    """What is learned from and measured, which may be the same, with the weights of classes."""
    own = _weighted(batch, loss, weights)
    return own, replace(on, batch=own if on.batch is batch else _weighted(on.batch, loss, weights))


def _weighted(batch: Batch, loss: Loss, weights: Weights) -> Batch:
    labels = _labels(batch, loss)
    if labels is None:
        raise ValueError("class_weight is given, but targets of validation_data are not 0 and 1 alone")
    return replace(batch, weight=weighted_by_class(weights, labels, batch.weight, batch.x.dtype))


def _rows(batch: Batch, loss: Loss, pool: Pool, split: float, seed: int) -> tuple[Array, Array]:
    """The numbers of the rows to learn from and of those held out."""
    labels = pool.together(lambda: _labels(batch, loss))
    unknown = pool.some(labels is None)
    of_all = np.zeros(len(batch.x), np.int64) if unknown or labels is None else labels
    return pool.split(partial(_held, split=split, seed=seed), of_all)


def _held(labels: Array, split: float, seed: int) -> Array:
    """The numbers of the rows to hold out: of each class its share."""
    _, place, counts = np.unique(labels, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[place] > 1)  # a class of one sample is learned from
    if not len(several):
        raise ValueError(f"validation_split is {split}, but no class has 2 samples, one of them to hold out")
    return np.asarray(several[stratified_split(labels[several], split, seed)[1]])


def _taken(rows: Array, numbers: Array | None) -> Array:
    return rows if numbers is None else np.asarray(rows[numbers])


def _some(batch: Batch, rows: Array) -> Batch:
    weight = None if batch.weight is None else batch.weight[rows]
    return Batch(batch.x[rows], batch.targets[rows], weight)
