"""Check: the messages a user can get about values and arrays. Everything behind this edge is trusted."""

from .arrays import Array, float_dtype, mask, named_arrays, packed, readable, real_array
from .numbers import (
    LARGEST_INTEGER,
    at_least,
    flag,
    fraction,
    inside,
    integer,
    non_negative,
    one_of,
    positive,
    probability,
    rate,
    real_number,
    representable,
    seed,
    shown,
)
from .samples import class_weight, finite_rows, labels, not_empty, rows, targets
from .weights import weights

__all__ = [
    "LARGEST_INTEGER",
    "Array",
    "at_least",
    "class_weight",
    "finite_rows",
    "flag",
    "float_dtype",
    "fraction",
    "inside",
    "integer",
    "labels",
    "mask",
    "named_arrays",
    "non_negative",
    "not_empty",
    "one_of",
    "packed",
    "positive",
    "probability",
    "rate",
    "readable",
    "real_array",
    "real_number",
    "representable",
    "rows",
    "seed",
    "shown",
    "targets",
    "weights",
]
