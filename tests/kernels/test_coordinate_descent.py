"""Coordinate descent: the lowest point of a quadratic and an l1 penalty, alike on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from support.implementations import FUSED, REFERENCE, Implementation, needs_native
from support.tolerances import assert_close, assert_same_bits

from steepest.backends import active


def problem(weights=9, samples=30, seed=0):
    """Products, a slope and penalties, of which one weight has none."""
    random = np.random.default_rng(seed)
    rows = random.standard_normal((samples, weights)) + random.standard_normal((samples, 1))
    slope = -rows.T @ (rows[:, 0] - 2 * rows[:, -1]) / samples
    l1 = random.uniform(0.01, 0.3, weights)
    l1[-1] = 0
    return (
        rows.T @ rows / samples,
        slope,
        l1,
        random.standard_normal(weights) * (random.random(weights) < 0.5),
    )


def descended(implementation, products, slope, l1, start, sweeps=1000, tol=0.0):
    point, slope = start.copy(), slope.copy()
    with implementation.computing():
        gain = active().coordinate_descent(products, slope, l1, point, sweeps, tol)
    return point, slope, gain


def value(products, slope, l1, start, point):
    d = point - start
    return slope @ d + d @ products @ d / 2 + l1 @ np.abs(point)


def test_it_ends_where_no_weight_gains(implementation):
    products, slope, l1, start = problem()
    point, there, gain = descended(implementation, products, slope, l1, start)
    assert_close(there, slope + products @ (point - start), 100, np.abs(slope) + 10, np.float64)
    assert gain < 1e-25 and (point == 0).any() and point[-1] != 0
    np.testing.assert_allclose(there[point != 0], -(l1 * np.sign(point))[point != 0], atol=1e-12)
    assert (np.abs(there) <= l1 + 1e-12).all()


def test_each_sweep_gains_what_it_says_or_more(implementation):
    data = problem(weights=40)
    *_, start = data
    before = value(*data, start)
    for sweeps in range(1, 6):
        point, _, gain = descended(implementation, *data, sweeps=sweeps)
        after = value(*data, point)
        assert 0 < gain <= before - after + 1e-12
        before = after
    assert descended(implementation, *data, tol=gain)[2] <= gain  # ends early


def test_weights_that_nothing_bounds_stay(implementation):
    products, slope, l1, start = problem()
    products[3], products[:, 3] = 0, 0
    point, _, _ = descended(implementation, products, slope, l1, start, sweeps=3)
    assert point[3] == start[3]
    assert (point != start).any()


@needs_native
def test_the_extension_goes_as_the_reference_does():
    for weights in (1, 7, 8, 9, 33):
        data = problem(weights, seed=weights)
        expected, _, gain = descended(REFERENCE, *data, sweeps=4)
        ways = [descended(Implementation("native", isa, 1), *data, sweeps=4) for isa in FUSED]
        for point, slope, own in ways:
            assert_close(point, expected, 4 * weights + 20, np.abs(expected) + 1, np.float64)
            assert own == pytest.approx(gain, rel=1e-9)
            assert_same_bits(point, ways[0][0])
            assert_same_bits(slope, ways[0][1])


@needs_native
@pytest.mark.parametrize("wrong", ["products", "slope", "l1", "point", "dtype", "none"])
def test_arrays_of_other_sizes_are_refused(wrong):
    from steepest import _core

    products, slope, l1, point = problem()
    arrays = {"products": products, "slope": slope, "l1": l1, "point": point}
    if wrong == "dtype":
        arrays["point"] = point.astype(np.float32)
    elif wrong == "none":
        arrays["l1"] = None
    else:
        arrays[wrong] = arrays[wrong][:-1]
    with pytest.raises(ValueError):
        _core.coordinate_descent(*arrays.values(), 1, 0.0, "")
