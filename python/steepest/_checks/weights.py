"""Check: how much each sample counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Array, packed, real_array

_NORMAL = float(np.finfo(np.float64).smallest_normal)


def weights(sample_weight: object, samples: int, dtype: np.dtype[Any], name: str = "sample_weight") -> Array:
    """`sample_weight` as (samples,) in `dtype`: finite, not negative, not all zero."""
    array = real_array(sample_weight, name)
    if array.ndim != 1:
        raise ValueError(f"{name} has shape {array.shape}, but must be (samples,)")
    if array.shape[0] != samples:
        raise ValueError(f"X has {samples} samples, but {name} has {array.shape[0]}")
    converted = packed(array, dtype)
    if samples:
        _check_weights(converted, array, name)
    return converted


def some_count(weight: Array, name: str) -> None:
    """Refuse weights, none of them negative, that are zero for all samples."""
    if not weight.any():
        raise ValueError(
            f"{name} is zero for all {len(weight)} samples, but at least one must be greater than 0"
        )


def _check_weights(converted: Array, given: Array, name: str) -> None:
    """Refuse weights, converted to a model's dtype, that nothing can be divided by the sum of, in float64."""
    # The extremes tell without memory of the size of the data; those of NaN are NaN.
    limits, dtype = np.finfo(converted.dtype), converted.dtype
    if not (converted.min() >= 0 and converted.max() <= limits.max):
        bad = int((np.isfinite(converted) & (converted >= 0)).argmin())
        too_large = np.isfinite(given[bad]) and given[bad] > 0
        rule = f"at most {limits.max}, the largest number of {dtype}"
        raise ValueError(
            f"{name} of sample {bad} is {given[bad]}, but must be "
            f"{rule if too_large else 'finite and not negative'}"
        )
    some_count(given, name)
    if not (largest := converted.max()) >= (least := max(limits.smallest_subnormal, _NORMAL)):
        raise ValueError(
            f"the largest {name} is {largest if largest else given.max()}, but must be at least {least}, "
            f"the smallest {'normal ' if least == _NORMAL else ''}number of {dtype}"
        )
    with np.errstate(over="ignore"):
        total = converted.sum(dtype=np.float64)
    if not np.isfinite(total):
        raise ValueError(
            f"the {len(given)} numbers of {name} have the sum {total}, but it must be at most "
            f"{np.finfo(np.float64).max}, the largest number of float64"
        )
