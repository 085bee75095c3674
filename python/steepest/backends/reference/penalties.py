"""The specification of penalties and of limits: of gradients, weights and norms. sign(0) = 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ..._checks import Array
from ...constraints import MaxNorm
from ...penalties import Penalty
from .quiet import quiet


@quiet
def penalty_value(penalty: Penalty, weight: Array) -> float:
    """l2 * sum(W**2) + l1 * sum|W|."""
    wide = weight.astype(np.float64)
    squares = penalty.l2 * float(np.square(wide).sum()) if penalty.l2 else 0.0
    return squares + (penalty.l1 * float(np.abs(wide).sum()) if penalty.l1 else 0.0)


@quiet
def penalty_gradient(penalty: Penalty, weight: Array) -> Array:
    """2 * l2 * W + l1 * sign(W), the latter unless the penalty is proximal."""
    real = weight.dtype.type
    gradient: Array = real(2 * penalty.l2) * weight
    return gradient if penalty.proximal else gradient + real(penalty.l1) * np.sign(weight)


@quiet
def shrunk(weight: Array, penalty: Penalty | None, rate: float) -> Array:
    """sign(W) * max(|W| - rate * l1, 0) if the penalty is proximal."""
    if penalty is None or not penalty.proximal:
        return weight
    smaller: Array = np.sign(weight) * np.maximum(np.abs(weight) - weight.dtype.type(rate * penalty.l1), 0)
    return smaller


@quiet
def constrained(weight: Array, constraint: MaxNorm | None) -> Array:
    """Columns whose 2-norm is beyond the limit, scaled back to it."""
    if constraint is None:
        return weight
    norms = np.sqrt(np.square(weight, dtype=np.float64).sum(axis=0))
    factors = np.where(norms > constraint.limit, constraint.limit / norms, 1)
    smaller: Array = weight * factors.astype(weight.dtype)
    return smaller


@quiet
def norm_scale(gradients: Sequence[Array], clip_norm: float | None) -> float:
    """min(1, clip_norm / the 2-norm of all gradients together)."""
    if clip_norm is None:
        return 1.0
    norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in gradients))
    return clip_norm / norm if norm > clip_norm else 1.0


@quiet
def limited(grad: Array, value: Array, penalty: Penalty | None, clip: float | None) -> Array:
    """The gradient of the objective from that of the data loss, each component within [-clip, clip]."""
    if penalty is not None:
        grad = grad + penalty_gradient(penalty, value)
    return grad if clip is None else np.clip(grad, -value.dtype.type(clip), value.dtype.type(clip))
