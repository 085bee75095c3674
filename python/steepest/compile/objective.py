"""Check: what a model is to minimize, and the samples to do it on, as a backend takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._description import check_dtype
from ..backends import active
from ..backends.data import Batch
from ..backends.sparse import Samples
from ..losses import Loss, LossFunction, as_loss
from ..penalties import Penalties, Penalty
from .compiled import Compiled
from .output import check_output
from .penalties import per_layer
from .samples import check_finite_rows, rows_of
from .targets import targets_and_weight


def objective_of(
    compiled: Compiled, loss: str | Loss | LossFunction, penalty: Penalties
) -> tuple[Loss, tuple[Penalty | None, ...]]:
    """Loss, and the penalty of each layer with parameters, if this model can have them."""
    checked, penalties = as_loss(loss), per_layer(penalty, compiled.layers)
    check_output(compiled.layers, checked)
    for description in (checked, *penalties):
        check_dtype(description, compiled.dtype)
    return checked, penalties


def check_clipping(clip_value: float | None, clip_norm: float | None, dtype: np.dtype[Any]) -> None:
    """Refuse bounds of gradients that `dtype` cannot hold: as zeros they would stop all learning."""
    for bound, name in ((clip_value, "clip_value"), (clip_norm, "clip_norm")):
        if bound is not None:
            _checks.representable(bound, name, dtype, normal=True)


def batch_of(
    compiled: Compiled,
    X: Samples,
    y: ArrayLike,
    sample_weight: ArrayLike | None,
    loss: Loss,
    where: str = "",
) -> Batch:
    """Checked and converted samples, which `check_finite` has not seen yet.

    where: behind "X" and "y" in messages, as in " of validation_data".
    """
    x = rows_of(compiled, X, f"X{where}")
    _checks.not_empty(x, f"X{where}")
    scores, dtype = (len(x), compiled.out_features), compiled.dtype
    names = (f"y{where}", f"sample_weight{where}")
    return Batch(x, *targets_and_weight(loss, y, sample_weight, scores, dtype, active(), *names))


def check_finite(batch: Batch, where: str = "") -> None:
    """Refuse samples, or targets, that are not finite."""
    check_finite_rows(batch.x, f"X{where}")
    if batch.targets.ndim == 2:
        check_finite_rows(batch.targets, f"y{where}")
