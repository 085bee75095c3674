"""Check: the values of a model's arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array


def checked_state(
    state: Mapping[str, ArrayLike], shapes: Mapping[str, tuple[int, ...]], dtype: np.dtype[Any]
) -> dict[str, Array]:
    """The arrays of a state in the model's dtype, which has the keys and shapes of `shapes`.

    Raises
    ------
    ValueError
        If keys are missing or unexpected, a shape differs, or a value is not finite.
    TypeError
        If a value does not hold real numbers.
    """
    new = _checks.named_arrays(state, shapes, dtype, "state", complete=True)
    for key, value in new.items():
        if key.endswith("running_var") and (value < 0).any():
            raise ValueError(f"{key} holds {value.min()}, but a variance is not negative")
        if key.endswith(".scale") and value.any() and (value <= 0).any():
            raise ValueError(f"{key} holds {value.min()}, but a scale is positive")
    return new
