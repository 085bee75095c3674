"""Data loss and metrics on samples that are not learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from inspect import signature
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..backends import active
from ..backends.data import Batch
from ..backends.reference.losses import batch_size
from ..backends.sparse import Samples, SparseRows
from ..compile.compiled import Compiled
from ..compile.objective import batch_of, check_finite
from ..losses import Loss
from ..metrics import Metric, Metrics, metrics_named
from .history import History

_EVALUATED_AT_ONCE = 8192  # samples
ValidationData: TypeAlias = tuple[Samples, ArrayLike] | tuple[Samples, ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Measured:
    """Samples that a loss and metrics are measured on, and their own weights, without those of classes."""

    batch: Batch
    weight: ArrayLike | None = None


def checked_metrics(metrics: Metrics | None) -> Mapping[str, Metric]:
    """The metrics of a fit by name.

    Raises
    ------
    ValueError
        If a name is reserved for a field of `History`, or is not known.
    TypeError
        If these are not names or functions.
    """
    found = metrics_named(metrics)
    reserved = [field.name for field in fields(History)] + ["epochs"]
    for name in found:
        if name in reserved:
            raise ValueError(f"a metric is named {name!r}, but these names are taken: {', '.join(reserved)}")
    return found


def measured(
    compiled: Compiled,
    data: ValidationData,
    loss: Loss,
    name: str = "validation_data",
) -> Measured:
    """Samples, targets and perhaps weights, checked and converted."""
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise TypeError(f"{name} must be (X, y) or (X, y, sample_weight)")
    X, y, weight = (*data, None)[:3]
    where = f" of {name}" if name else ""
    batch = batch_of(compiled, X, y, weight, loss, where)
    check_finite(batch, where)
    return Measured(batch, weight)


def measure(
    compiled: Compiled, loss: Loss, on: Measured, metrics: Mapping[str, Metric]
) -> tuple[float, dict[str, float]]:
    """Data loss and metrics. Scores are kept only where metrics need them."""
    batch = on.batch
    kept = np.empty((len(batch.x) if metrics else 0, compiled.out_features), compiled.dtype)
    return data_loss(compiled, loss, batch, kept), metrics_of(metrics, batch.targets, kept, on.weight)


def metrics_of(
    metrics: Mapping[str, Metric], targets: Array, scores: Array, weight: ArrayLike | None
) -> dict[str, float]:
    """The value of each."""
    values = {}
    for name, metric in metrics.items():
        named = {"sample_weight": weight} if weight is not None and _takes_weight(metric) else {}
        result = metric(_read_only(targets), _read_only(scores), **named)
        values[name] = _checks.real_number(result, f"metric {name!r}")
    return values


def _takes_weight(metric: Metric) -> bool:
    try:
        return "sample_weight" in signature(metric).parameters
    except ValueError:  # of a compiled function
        return False


def data_loss(compiled: Compiled, loss: Loss, batch: Batch, kept: Array | None = None) -> float:
    """The loss of samples, some at a time: there may be more than memory has room for scores.

    Those are written to `kept`, unless that has no rows.
    """
    network = compiled.network()

    def scores(part: slice) -> Array:
        own = network.forward(batch.x[part])
        if kept is not None and len(kept):
            kept[part] = own
        return own

    return loss_of_scores(loss, scores, batch.targets, batch.weight)


def scores_of(compiled: Compiled, x: Array | SparseRows) -> Array:
    """The scores of all samples."""
    network, scores = compiled.network(), np.empty((len(x), compiled.out_features), compiled.dtype)
    for part in _parts(len(x)):
        scores[part] = network.forward(x[part])
    return scores


def loss_of_scores(
    loss: Loss, scores: Callable[[slice], Array], targets: Array, weight: Array | None
) -> float:
    """The loss of samples whose scores come some at a time."""
    samples, backend, total = len(targets), active(), 0.0
    for part in _parts(samples):
        own, weights = scores(part), None if weight is None else weight[part]
        value = backend.loss(loss, own, targets[part], weights)[0]
        total += value * batch_size(loss, len(own), weights)
    size = batch_size(loss, samples, weight)
    return total / size if size else 0.0  # a rank of several may have none of the samples


def _parts(samples: int) -> list[slice]:
    starts = range(0, samples, _EVALUATED_AT_ONCE)
    return [slice(start, start + _EVALUATED_AT_ONCE) for start in starts]


def _read_only(array: Array) -> Array:
    """A view that functions of the user's cannot write to."""
    view = array.view()
    view.flags.writeable = False
    return view
