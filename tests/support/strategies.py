"""What the tests compute with: sizes around the tiles, values at the edges, layouts of memory, a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from hypothesis import settings, strategies
from numpy.typing import DTypeLike, NDArray

import steepest as st

Array = NDArray[Any]

# Derandomized: a failure on one machine is a failure on every machine.
bounded = settings(derandomize=True, deadline=None, max_examples=50, database=None)

# Register tiles have 4, 6 or 8 rows, and vectors of 2 to 16 lanes by one to three in a row.
rows = strategies.sampled_from([1, 3, 4, 5, 6, 7, 8, 9, 13, 17, 33])
columns = strategies.sampled_from(
    [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 97]
)
# A chain is parked in memory after 2048 terms.
depths = strategies.sampled_from([1, 2, 7, 8, 9, 64, 65, 2047, 2048, 2049, 2100])
dtypes = strategies.sampled_from([np.float32, np.float64])
seeds = strategies.integers(0, 2**32 - 1)
kinds = strategies.sampled_from(["ordinary", "zeros", "subnormal", "huge", "mixed"])


def numbers(
    shape: int | tuple[int, ...], dtype: DTypeLike = np.float64, seed: int = 0, kind: str = "ordinary"
) -> Array:
    """Numbers of one kind; sums of a few thousand products of the huge do not overflow yet."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    limits = np.finfo(dtype)
    if kind == "zeros":
        values *= rng.integers(0, 2, shape)
    elif kind == "subnormal":
        values *= float(limits.smallest_normal)
    elif kind == "huge":
        values *= 2.0 ** (limits.maxexp // 2 - 10)
    elif kind == "mixed":
        values *= 2.0 ** rng.integers(-30, 30, shape)
    return values.astype(dtype)


def small_model(dtype: DTypeLike = np.float32, seed: int = 3) -> st.Sequential:
    return st.Sequential(st.Linear(6, 8), st.ReLU(), st.Linear(8, 3), dtype=dtype, seed=seed)


def _inside(a: Array, shape: tuple[int, ...], where: tuple[slice, ...]) -> Array:
    """A view equal to `a` in a larger array of NaN, or of -1 among integers."""
    larger = np.full(shape, np.nan if a.dtype.kind == "f" else -1, a.dtype)
    larger[where] = a
    return larger[where]


def _read_only(a: Array) -> Array:
    copy = a.copy()
    copy.flags.writeable = False
    return copy


# Views of 2-D arrays that are equal to their argument and lie in memory as they say.
LAYOUTS: Mapping[str, Callable[[Array], Array]] = {
    "columns of a wider array": lambda a: _inside(
        a, (a.shape[0], a.shape[1] + 5), np.s_[:, 2 : a.shape[1] + 2]
    ),
    "rows 4096 bytes apart": lambda a: _inside(a, (a.shape[0], 4096 // a.itemsize), np.s_[:, : a.shape[1]]),
    "every other row": lambda a: _inside(a, (2 * a.shape[0], a.shape[1]), np.s_[::2]),
    "every other column": lambda a: _inside(a, (a.shape[0], 2 * a.shape[1]), np.s_[:, ::2]),
    "reversed rows": lambda a: a[::-1].copy()[::-1],
    "reversed columns": lambda a: a[:, ::-1].copy()[:, ::-1],
    "transposed": np.asfortranarray,
    "read-only": _read_only,
    "misaligned": lambda a: np.frombuffer(b"." + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}

# What the release before checksums wrote for Sequential(Linear(2, 1), dtype=float64, seed=1).
EARLIER_FILE = (
    b'@\x01\0\0\0\0\0\0{"__metadata__":{"steepest":"{\\"version\\": 1, \\"layers\\": [{\\"layer\\": '
    b'\\"Linear\\", \\"in_features\\": 2, \\"out_features\\": 1, \\"bias\\": true}], \\"dtype\\": '
    b'\\"float64\\", \\"seed\\": 1, \\"metadata\\": {}}"},'
    b'"0.bias":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},'
    b'"0.weight":{"dtype":"F64","shape":[2,1],"data_offsets":[8,24]}}'
    b"\0\0\0\0\0\0\0\0V\xd3\n\x92YG\xcf?\xf5F\x13\x17R\x97\xe2?"
)


def numbers_begin(content: bytes) -> int:
    """Where the header of a model file ends."""
    return 8 + int.from_bytes(content[:8], "little")
