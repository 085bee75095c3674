"""How far two computations of the same number may lie apart: the one bound behind every comparison."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import steepest as st

# Roundings of an elementary function: exp, log, sigmoid and their like are within 3 ULP here and 4 in NumPy,
# GELU within 4 here and, but for its argument, 3 there.
FUNCTION = 8


def tolerance(dtype: DTypeLike, depth: float, magnitude: ArrayLike) -> ArrayLike:
    """Largest difference of two values of one sum, each computed in `dtype` in an order of its own.

    A sum of k products, rounded k times to u = eps / 2, is within k * u * sum|a||b| of the exact one, to
    first order (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), so two of them
    are within k * eps * sum|a||b|; a tenth more covers the second order for k * eps < 0.1. Where a product
    underflows, it loses up to the smallest subnormal number instead.

    Parameters
    ----------
    dtype
        The precision of the computation.
    depth
        How many roundings follow each other: products of a sum, plus `FUNCTION` for a function of it.
    magnitude
        The sum of the absolute values of the terms, as np.abs(x) @ np.abs(w).
    """
    numbers = np.finfo(dtype)
    return 1.1 * depth * (numbers.eps * np.asarray(magnitude, np.float64) + numbers.smallest_subnormal)


def assert_close(
    actual: ArrayLike, expected: ArrayLike, depth: float, magnitude: ArrayLike, dtype: DTypeLike = None
) -> None:
    """Assert equal shapes and dtypes and, within `tolerance`, equal values; NaN and infinities must agree."""
    a, e = np.asarray(actual), np.asarray(expected)
    assert a.shape == e.shape and a.dtype == e.dtype
    dtype = dtype or e.dtype
    with np.errstate(invalid="ignore"):
        difference = np.abs(a.astype(np.float64) - e.astype(np.float64))
    allowed = np.broadcast_to(tolerance(dtype, depth, magnitude), a.shape)
    good = (difference <= allowed) | (a == e) | (np.isnan(a) & np.isnan(e))
    if not good.all():
        worst = np.unravel_index(np.argmax(np.where(good, 0, difference / allowed)), a.shape)
        raise AssertionError(
            f"{a[worst]} differs from {e[worst]} at {worst} by {difference[worst]:.3g}, "
            f"but {allowed[worst]:.3g} is allowed; {np.sum(~good)} of {a.size} differ"
        )


def assert_same_bits(actual: ArrayLike, expected: ArrayLike, what: str = "") -> None:
    """Assert equal shapes, dtypes and bits; the sign of a zero counts, and one NaN is as good as another.

    Which NaN an operation returns is left open: compilers swap the operands of a sum, and processors, NumPy's
    versions and its instruction sets differ in the sign of log(-1).
    """
    a, e = _with_one_nan(actual), _with_one_nan(expected)
    assert a.shape == e.shape and a.dtype == e.dtype, what
    different = np.frombuffer(a.tobytes(), np.uint8) != np.frombuffer(e.tobytes(), np.uint8)
    assert not different.any(), (
        f"{(different.any() and what) or 'arrays'}: {np.sum(a != e)} of {a.size} differ"
    )


def _with_one_nan(values: ArrayLike) -> np.ndarray:
    a = np.ascontiguousarray(values)
    return np.where(np.isnan(a), a.dtype.type(np.nan), a) if a.dtype.kind == "f" else a


def assert_equal_models(a: st.Sequential, b: st.Sequential) -> None:
    """Assert that all parameters are equal to the bit."""
    other = b.state_dict()
    for key, value in a.state_dict().items():
        assert_same_bits(value, other[key], key)
