"""Data loss and metrics on samples that are not learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..backends import active
from ..backends.data import Batch
from ..backends.reference.losses import batch_size
from ..backends.sparse import Samples
from ..compile.compiled import Compiled
from ..compile.objective import batch_of, check_finite
from ..losses import Loss
from ..metrics import Metric
from .history import History

_EVALUATED_AT_ONCE = 8192  # samples


def checked_metrics(metrics: Mapping[str, Metric] | None, validated: bool) -> Mapping[str, Metric]:
    """The metrics of a fit as a dict; `validated` says whether the fit has validation data.

    Raises
    ------
    ValueError
        If a name is reserved for a field of `History`, or there is no validation data.
    TypeError
        If this is not a mapping of names to functions.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise TypeError(
            f"metrics must map names to functions, as in {{'accuracy': st.accuracy}}, but got {metrics!r:.80}"
        )
    reserved = [field.name for field in fields(History)] + ["epochs"]
    for name, metric in metrics.items():
        if not isinstance(name, str) or not callable(metric):
            raise TypeError(f"metrics must map names to functions, but have {name!r:.80}: {metric!r:.80}")
        if name in reserved:
            raise ValueError(f"a metric is named {name!r}, but these names are taken: {', '.join(reserved)}")
    if metrics and not validated:
        raise ValueError("metrics are evaluated on validation data, but validation_data is None")
    return dict(metrics)


def validation_batch(
    compiled: Compiled, data: tuple[Samples, ArrayLike], loss: Loss, name: str = "validation_data"
) -> Batch:
    """A pair of samples and targets, checked and converted."""
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"{name} must be a pair (X, y)")
    where = f" of {name}"
    batch = batch_of(compiled, data[0], data[1], None, loss, where)
    check_finite(batch, where)
    return batch


def validate(
    compiled: Compiled, loss: Loss, batch: Batch, metrics: Mapping[str, Metric], history: History
) -> None:
    """Add data loss and metrics to a history. Scores are kept only where metrics need them."""
    kept = np.empty((len(batch.x) if metrics else 0, compiled.out_features), compiled.dtype)
    history.validation_loss.append(data_loss(compiled, loss, batch, kept))
    for name, metric in metrics.items():
        result = metric(_read_only(batch.targets), _read_only(kept))
        history.metrics[name].append(_checks.real_number(result, f"metric {name!r}"))


def data_loss(compiled: Compiled, loss: Loss, batch: Batch, kept: Array | None = None) -> float:
    """The loss of samples, some at a time: there may be more than memory has room for scores.

    Those are written to `kept`, unless that has no rows.
    """
    samples, network, backend, total = len(batch.x), compiled.network(), active(), 0.0
    for start in range(0, samples, _EVALUATED_AT_ONCE):
        part = slice(start, start + _EVALUATED_AT_ONCE)
        scores = network.forward(batch.x[part])
        weight = None if batch.weight is None else batch.weight[part]
        value = backend.loss(loss, scores, batch.targets[part], weight)[0]
        total += value * batch_size(loss, len(scores), weight)
        if kept is not None and len(kept):
            kept[part] = scores
    return total / batch_size(loss, samples, batch.weight)


def _read_only(array: Array) -> Array:
    """A view that functions of the user's cannot write to."""
    view = array.view()
    view.flags.writeable = False
    return view
