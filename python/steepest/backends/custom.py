"""A loss of the caller's own: its call, and the check of what it returns."""

from __future__ import annotations

import math

import numpy as np

from .. import _checks
from .._checks import Array
from ..losses import CustomLoss


def evaluate(loss: CustomLoss, scores: Array, targets: Array) -> tuple[float, Array]:
    """The loss of a batch, and its gradient in the dtype of the scores.

    Raises
    ------
    TypeError, ValueError
        If the function returns something else, or a finite loss with a gradient that is not.
    """
    result = loss.function(_read_only(scores), _read_only(targets))
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise TypeError(f"{loss!r:.80} must return a pair (loss, gradient), not {result!r:.80}")
    value = _checks.real_number(result[0], f"the loss of {loss!r:.80}")
    gradient = _checks.real_array(result[1], f"the gradient of {loss!r:.80}")
    if gradient.shape != scores.shape:
        raise ValueError(
            f"the gradient of {loss!r:.80} has shape {gradient.shape}, but the scores have {scores.shape}"
        )
    gradient = _checks.packed(gradient, scores.dtype)
    if math.isfinite(value) and not np.isfinite(gradient).all():
        row = int(np.isfinite(gradient).all(axis=1).argmin())
        raise ValueError(f"the gradient of {loss!r:.80} holds NaN or an infinity in row {row}")
    return value, gradient


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view
