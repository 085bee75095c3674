"""Random numbers from counters: Philox 4x32-10, so that neither threads nor order of use change a draw.

Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_SHUFFLE = 0x73687566  # "shuf": what the draws are for is a part of the counter
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def philox(
    counter: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], key: tuple[int, int]
) -> tuple[NDArray[np.uint64], ...]:
    """Four random 32-bit words (as uint64) for each counter of four 32-bit words, which broadcast."""
    c0, c1, c2, c3 = (np.asarray(word, dtype=np.uint64) for word in counter)
    k0, k1 = key
    for _ in range(10):
        product0 = c0 * np.uint64(0xD2511F53)  # 32 x 32 bits: never overflows
        product1 = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (product1 >> _HALF) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _HALF) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def key_of(seed: int) -> tuple[int, int]:
    """The generator's key, of a seed in [0, 2**64)."""
    return seed & 0xFFFFFFFF, seed >> 32


def shuffle_order(samples: int, seed: int, epoch: int) -> NDArray[Any]:
    """The order in which an epoch visits its samples, as indices; samples < 2**32.

    Fisher-Yates from the top: for i = samples-1 .. 1, swap order[i] with order[j] for
    j = (draw_i * (i+1)) >> 64.
    """
    i = np.arange(1, samples, dtype=np.uint64)
    low, high, _, _ = philox((i & _LOW, i >> _HALF, epoch & 0xFFFFFFFF, _SHUFFLE), key_of(seed))
    # (draw * (i+1)) >> 64 for draw = high << 32 | low, in 64-bit pieces that cannot overflow as i+1 <= 2**32.
    bound = i + np.uint64(1)
    targets = (high * bound + (low * bound >> _HALF)) >> _HALF
    order = list(range(samples))
    for top, j in zip(range(samples - 1, 0, -1), targets[::-1].tolist(), strict=True):
        order[top], order[j] = order[j], order[top]
    return np.array(order, dtype=np.intp)
