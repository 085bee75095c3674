"""The specification of coordinate descent, after Friedman, Hastie and Tibshirani, J. Stat. Software 33, 2010.

Of a quadratic with the second derivative h and the slope g at w, the sum with l1 * abs(w) is lowest at
soft(w - g / h, l1 / h), where soft takes the second number off the size of the first, down to 0.
"""

from __future__ import annotations

import numpy as np

from ..._checks import Array


def coordinate_descent(
    products: Array, slope: Array, l1: Array, point: Array, sweeps: int, tol: float
) -> float:
    """Lower slope @ d + d @ products @ d / 2 + l1 @ abs(point), for moves d of the point; see `Backend`."""
    gain = 0.0
    for _ in range(sweeps):
        gain = 0.0
        for j in np.flatnonzero(products.diagonal() > 0):
            second = products[j, j]
            target = point[j] - slope[j] / second
            move = np.sign(target) * max(abs(target) - l1[j] / second, 0.0) - point[j]
            point[j] += move
            slope += move * products[j]
            gain += second * move**2 / 2
        if gain <= tol:
            break
    return float(gain)
