"""Loss functions: the reference within rounding, and the same bits for any threads and order of rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, strategies
from support.implementations import Implementation, needs_native, on_each_isa
from support.loss_functions import LOSSES, takes_labels, targets
from support.strategies import bounded, columns, dtypes, kinds, numbers, rows, seeds
from support.tolerances import FUNCTION, assert_close, assert_same_bits

from steepest import functional

classes = columns.filter(lambda n: n > 1)


def loss_bounds(name, scores, y):
    """For the value and for the gradient of a row: how many roundings, and of what size."""
    n, wide, own = scores.shape[1], scores.astype(np.float64), np.arange(len(scores))
    if "softmax" in name:
        below = wide.max(axis=1) - wide[own, y]
        if name.startswith("smooth"):
            below = 0.8 * below + 0.2 / n * (wide.max(axis=1, keepdims=True) - wide).sum(axis=1)
        return (2 * n + FUNCTION, 1 + np.log(n) + below), (n + FUNCTION + 6, np.ones(scores.shape))
    if name == "binary":
        size = np.abs(wide) * (1 + y) + 1
        return (n + FUNCTION + 4, size.sum(axis=1)), (FUNCTION + 4, np.ones(scores.shape))
    if name == "poisson":
        with np.errstate(over="ignore"):
            means, logs = np.exp(wide), np.log(np.where(y > 0, y, 1).astype(np.float64))
        size = means + np.abs(wide * y) + np.abs(y * logs) + y
        return (n + FUNCTION + 4, size.sum(axis=1)), (FUNCTION + 4, means + y)
    if not takes_labels(name):
        size = np.abs(wide - y)
        if "squared" in name:
            return (n + 4, (size**2).sum(axis=1)), (4, 2 * size)
        if "absolute" in name:
            return (n + 4, size.sum(axis=1)), (0, np.ones(scores.shape))
        clipped = np.minimum(size, 0.25 if "0.25" in name else 1)
        return (n + 6, (clipped * size).sum(axis=1)), (4, clipped)
    margin, squared = {"hinge": (1, 0), "hinge, margin 2.5": (2.5, 0), "hinge, margin 0": (0, 0)}.get(
        name, (0.5, 1)
    )
    over = np.maximum(wide - wide[own, y][:, None] + margin, 0)
    over[own, y] = 0
    value, slope = (over**2, 2 * over) if squared else (over, (over > 0) * 1.0)
    slope[own, y] = slope.sum(axis=1)
    return (n + 4, value.sum(axis=1)), (n + 4, slope)


@needs_native
@pytest.mark.parametrize("name", LOSSES)
@bounded
@given(rows, classes, dtypes, seeds, kinds, strategies.booleans())
@example(9, 7, np.float32, 0, "zeros", True)  # ties for the largest score
def test_losses_are_the_reference(name, rows, classes, dtype, seed, kind, weighted):
    rng = np.random.default_rng(seed)
    scores = numbers((rows, classes), dtype, seed, kind)
    y = targets(name, (rows, classes), dtype, seed + 1, kind)
    weight = rng.integers(0, 3, rows).astype(dtype) if weighted else np.ones(rows, dtype)
    weight[-1] = 1
    results = on_each_loss(LOSSES[name], scores, y, sample_weight=weight if weighted else None)
    share = weight.astype(np.float64) / (1 if name.startswith("sum") else weight.sum())
    (depth, values), (grad_depth, sizes) = loss_bounds(name, scores, y)
    values, sizes = np.where(share > 0, values, 0), np.where(share[:, None] > 0, sizes, 0)  # inf * 0 is NaN
    expected = results.pop("")
    for value, gradient in results.values():
        assert_close(value, expected[0], depth + 2, share @ values, dtype)
        assert_close(gradient, expected[1], grad_depth + 3, share[:, None] * sizes)


def on_each_loss(loss, *arguments, **options):
    values = on_each_isa(lambda: np.float64(loss(*arguments, **options)[0]))
    gradients = on_each_isa(lambda: loss(*arguments, **options)[1])
    return {isa: (values[isa], gradients[isa]) for isa in values}


@pytest.mark.parametrize("name", LOSSES)
def test_threads_and_the_order_of_rows_change_no_bit(native, name):
    rng = np.random.default_rng(0)
    scores, weight = numbers((1153, 97)), rng.random(1153)
    y = targets(name, (1153, 97))
    with Implementation("native", native.isa, 1).computing():
        value, gradient = LOSSES[name](scores, y, sample_weight=weight)
        probabilities = functional.softmax(scores)
    with native.computing(all_threads=True):
        result = LOSSES[name](scores, y, sample_weight=weight)
    assert value == result[0]
    assert_same_bits(result[1], gradient)
    with native.computing(all_threads=True):
        assert_same_bits(functional.softmax(scores), probabilities)
    order = rng.permutation(1153)
    with native.computing(all_threads=True):
        _, permuted = LOSSES[name](scores[order], y[order], sample_weight=np.ones(1153))
        _, ordered = LOSSES[name](scores, y, sample_weight=np.ones(1153))
    assert_same_bits(permuted, ordered[order])


def test_targets_of_one_output_may_be_a_vector(implementation):
    with implementation.computing():
        value, gradient = functional.squared_error([[1.0], [2.0]], [0, 0], "sum")
        mean, _ = functional.squared_error([[1.0], [2.0]], [[0], [0]])
    assert value == 5 and mean == 2.5 and gradient.tolist() == [[2], [4]]
