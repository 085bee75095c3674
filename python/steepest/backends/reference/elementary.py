"""The specification of exponentials and logarithms."""

from __future__ import annotations

import numpy as np

from ..._checks import Array
from .quiet import quiet


@quiet
def exp(x: Array) -> Array:
    """Exponential, element by element."""
    return np.exp(x)


@quiet
def log(x: Array) -> Array:
    """Natural logarithm: -inf at 0, NaN below."""
    return np.log(x)


@quiet
def softmax(scores: Array) -> Array:
    """Row-wise exp(s) / sum(exp(s)), shifted by the largest score so that nothing overflows."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities
