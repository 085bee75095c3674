"""Dual coordinate ascent of losses that take targets: their steps and gaps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from support.dual import TARGET_LOSSES, slope, start, targets_of
from support.implementations import REFERENCE
from support.tolerances import FUNCTION, assert_close

from steepest.backends import active
from steepest.backends.dual import DualRows
from steepest.backends.sparse import sparse_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", TARGET_LOSSES, ids=str)
@pytest.mark.parametrize("pull", [1e-6, 1.0, 1e4])
@pytest.mark.parametrize("outputs", [1, 5, 100])
def test_a_step_of_outputs_solves_their_equations(implementation, loss, pull, outputs, dtype):
    random = np.random.default_rng(outputs)
    one = sparse.csr_array(np.ones((1, 1)))
    for scale in (1e-3, 0.1, 1.0, 10.0):
        scores, elsewhere = np.minimum(scale * random.standard_normal((2, outputs)), 5).astype(dtype)
        targets = scale * targets_of(loss, random, 1, outputs, dtype)
        x, ones = sparse_rows(one, np.dtype(dtype)), np.ones(1, dtype)
        data = DualRows(x, targets, ones * dtype(pull), ones, loss, outputs)
        point = start(data, bias=False)
        point.weight[0], point.gradients[0] = scores, slope(loss, elsewhere.astype(float), targets[0])
        before = point.gradients[0].astype(float)
        with implementation.computing():
            active().dual_ascent(data).ascend(point, np.array([0]))
        u = point.gradients[0].astype(float)
        moved, ulp = scores.astype(float) - pull * (u - before), np.finfo(dtype).eps
        held = np.abs(targets[0]) if loss.kernel == "poisson" else 0
        size = np.abs(scores) + np.abs(targets[0]) + pull * (np.abs(u) + np.abs(before) + held) + 1
        assert_close(point.weight[0].astype(float), moved, 8, size, dtype)
        errors = moved - targets[0]
        if loss.kernel == "absolute_error":  # whose kink has all slopes
            assert (np.abs(u) <= 1).all()
            assert (errors[u > -1 + 1e-6] > -20 * ulp * size.max()).all()
            assert (errors[u < 1 - 1e-6] < 20 * ulp * size.max()).all()
        else:
            expected = slope(loss, moved, targets[0])
            bend = 2.0 if loss.kernel == "squared_error" else 1 + np.abs(expected)
            assert_close(u, expected, 20 * FUNCTION, bend * size + np.abs(targets[0]), dtype)


@pytest.mark.parametrize("loss", TARGET_LOSSES, ids=str)
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 30.0])
def test_gaps_of_outputs_are_0_at_their_gradient_and_those_of_the_reference(implementation, loss, scale):
    """Small losses have gaps with digits, but for counts, whose mean is 1."""
    random = np.random.default_rng(0)
    X = sparse.csr_array(np.eye(50))
    for dtype in (np.float32, np.float64):
        targets = scale * targets_of(loss, random, 50, 4, dtype)
        scores = (scale * random.standard_normal((50, 4))).astype(dtype)
        scores = np.clip(scores, -5, 5)
        ones, x = np.ones(50, dtype), sparse_rows(X, np.dtype(dtype))
        data = DualRows(x, targets, ones, ones, loss, 4)
        points = [start(data, bias=False) for _ in range(3)]
        for k, point in enumerate(points):
            point.weight[...] = scores
            for i in range(50):
                away = scores[i] if k == 0 else scores[i] + scale * random.standard_normal(4)
                point.gradients[i] = slope(loss, np.minimum(away, 5).astype(float), targets[i])
        points[2].gradients[...] = points[1].gradients
        with implementation.computing():
            active().dual_ascent(data).measure(points[0])
            active().dual_ascent(data).measure(points[1])
        with REFERENCE.computing():
            active().dual_ascent(data).measure(points[2])
        size = np.abs(points[2].losses) + np.abs(points[2].gaps)
        if loss.kernel == "poisson":
            size = size + (np.exp(np.abs(scores)) * (1 + 8 * np.abs(targets))).sum(axis=1)
        assert_close(points[1].losses, points[2].losses, 20 + 4 * FUNCTION, size)
        assert_close(points[1].gaps, points[2].gaps, 20 + 4 * FUNCTION, size)
        assert (points[0].gaps <= (20 + 4 * FUNCTION) * np.finfo(dtype).eps * size).all()
