"""Dual coordinate ascent: its steps solve their equation, and no bit depends on threads."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from support.dual import LABEL_LOSSES, LOSSES, ascended, rows, slope, start
from support.implementations import FUSED, ISAS, REFERENCE, THREADS, Implementation, needs_native
from support.tolerances import FUNCTION, assert_close, assert_same_bits

import steepest as st
from steepest.backends import active
from steepest.backends.dual import DualRows
from steepest.backends.sparse import sparse_rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LABEL_LOSSES, ids=str)
@pytest.mark.parametrize("pull", [1e-6, 1e-2, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("classes", [2, 3, 16, 17, 100, 300, 1000])
def test_a_step_solves_its_equation(implementation, loss, pull, classes, dtype):
    """u' = l'(t), t = s - pull (u' - u), from any u that was a gradient elsewhere."""
    random = np.random.default_rng(classes)
    one = sparse.csr_array(np.ones((1, 1)))
    for scale in (1e-3, 0.1, 1.0, 10.0):
        scores, elsewhere = scale * random.standard_normal((2, classes)).astype(dtype).astype(float)
        label = int(random.integers(classes))
        data = DualRows(
            sparse_rows(one, np.dtype(dtype)),
            np.array([label]),
            np.array([pull], dtype),
            np.ones(1, dtype),
            loss,
            classes,
        )
        point = start(data, bias=False)
        point.weight[0], point.gradients[0] = scores, slope(loss, elsewhere, label)
        before = point.gradients[0].astype(float)
        with implementation.computing():
            active().dual_ascent(data).ascend(point, np.array([0]))
        u = point.gradients[0].astype(float)
        moved = scores - pull * (u - before)
        assert_close(point.weight[0].astype(float), moved, 8, np.abs(scores) + pull * 40, dtype)
        size = np.abs(scores).max() + loss_size(loss) + 2 * pull * np.abs([u, before]).max()
        if isinstance(loss, st.MulticlassHinge) and not loss.squared:
            # Of a kink any slope is a gradient: t is on the right side of it, or the slope is between.
            margins = np.delete(moved - moved[label] + loss.margin, label)
            a, error = np.delete(u, label), 40 * classes * np.finfo(dtype).eps * size
            assert ((a >= 0) & (a <= 1)).all()
            assert (margins[a > 1e-6] > -error).all() and (margins[a < 1 - 1e-6] < error).all()
        else:
            expected = slope(loss, moved, label)
            assert_close(
                u, expected, 8 * classes + 20 * FUNCTION, 1 + size + 4 * size * np.abs(u).max(), dtype
            )
        assert abs(u.sum()) <= 8 * classes * np.finfo(dtype).eps * np.abs(u).max()


@needs_native
@pytest.mark.parametrize("loss", LABEL_LOSSES, ids=str)
@pytest.mark.parametrize("pull", [1e-3, 1.0, 30.0, 1e3])
@pytest.mark.parametrize("classes", [2, 20, 300, 1000])
def test_steps_are_those_of_the_reference(loss, pull, classes):
    """To the roundings of scores that a pull moves; small probabilities by themselves, too."""
    random = np.random.default_rng(classes)
    one, label = sparse.csr_array(np.ones((1, 1))), 1
    for scale in (1e-3, 1.0):
        scores, elsewhere = scale * random.standard_normal((2, classes)).astype(np.float32)
        results = {}
        for dtype, backend in ((np.float64, "reference"), (np.float64, "native"), (np.float32, "native")):
            pulls, squares = np.array([pull], dtype), np.ones(1, dtype)
            x = sparse_rows(one, np.dtype(dtype))
            data = DualRows(x, np.array([label]), pulls, squares, loss, classes)
            point = start(data, bias=False)
            point.weight[0], point.gradients[0] = scores, slope(loss, elsewhere, label)
            with st.config(backend):
                active().dual_ascent(data).ascend(point, np.array([0]))
            results[dtype, backend] = point.gradients[0]
        expected = results[np.float64, "reference"]
        for (dtype, _), u in results.items():
            near = (40 + classes / 4) * np.finfo(dtype).eps * (1 + pull)
            size = np.abs(expected) if isinstance(loss, st.SoftmaxCrossEntropy) else np.abs(expected).max()
            assert (np.abs(u - expected) <= near * size).all(), (dtype, scale)


def loss_size(loss):
    return getattr(loss, "margin", 0.0)


@cache  # the same for all implementations
def of_the_reference(loss, bias, dtype):
    with REFERENCE.computing():
        return ascended(rows(loss, dtype), bias=bias)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_epochs_are_those_of_the_reference(implementation, loss, bias, dtype):
    data, expected = rows(loss, dtype), of_the_reference(loss, bias, dtype)
    with implementation.computing():
        point = ascended(data, bias=bias)
    depth, size = 120 * 40, float(np.abs(expected.weight).max() + 1)
    assert_close(point.weight, expected.weight, depth, size)
    assert_close(point.gradients, expected.gradients, depth, size)
    if bias:
        assert_close(point.bias, expected.bias, depth, size)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_weights_are_the_sum_of_the_rows(implementation, loss):
    data = rows(loss)
    with implementation.computing():
        point, ascent = start(data), active().dual_ascent(data)
        growth = sum(ascent.ascend(point, np.arange(len(data.x))) for _ in range(3))
    change = -data.shares[:, None] * point.gradients
    entries = data.x.dense()
    size = np.abs(entries).T @ np.abs(change) + 1
    assert_close(point.weight, entries.T @ change, 500, size)
    assert_close(point.bias, 0.5 * change.sum(axis=0), 500, np.abs(change).sum(axis=0) + 1)
    assert_close(np.float64(growth), np.square(point.weight).sum(), 2000, np.square(size).sum())


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_the_gap_falls_to_0_and_bounds_what_is_left(implementation, loss):
    """With shares c / strength: primal - dual = sum of c * gap, as the biases are part of the penalty."""
    data, strength = rows(loss), 1e-2
    share = data.shares * strength
    with implementation.computing():
        point, ascent = start(data), active().dual_ascent(data)
        values, gaps = [], []
        for _ in range(200):
            ascent.ascend(point, np.arange(len(data.x)))
            ascent.measure(point)
            squares = np.square(point.weight).sum() + np.square(point.bias).sum() / point.bias_square
            values.append(share @ point.losses + strength / 2 * squares)
            gaps.append(share @ point.gaps)
        assert (point.gaps >= 0).all()
    assert gaps[-1] < 1e-4 * values[-1] and gaps[-1] < 1e-2 * gaps[0]
    for value, gap in zip(values, gaps, strict=True):
        assert value - gap <= values[-1] + 1e-12


def test_measuring_moves_nothing(implementation):
    data = rows(LOSSES[0])
    with implementation.computing():
        point = ascended(data)
        before = copy.deepcopy(point)
        active().dual_ascent(data).measure(point)
    for name in ("weight", "bias", "gradients"):
        assert_same_bits(getattr(point, name), getattr(before, name), name)
    assert (point.losses != before.losses).any()


@needs_native
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("outputs", [20, 100])
def test_bits_do_not_depend_on_threads(loss, outputs, dtype):
    data = rows(loss, dtype, samples=2500, outputs=outputs)
    with Implementation("native", FUSED[0], 2).computing(all_threads=True):
        active().dual_ascent(data).measure(start(data))
    for isas in (FUSED, tuple(isa for isa in ISAS if isa not in FUSED)):
        results = []
        for isa in isas:
            for threads in THREADS:
                with Implementation("native", isa, threads).computing():
                    point = ascended(data, epochs=2)
                    active().dual_ascent(data).measure(point)
                results.append(point)
        for other in results[1:]:
            for name in ("weight", "bias", "gradients", "losses", "gaps"):
                assert_same_bits(getattr(other, name), getattr(results[0], name), name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("outputs", [1, 3, 16, 100])
def test_products_of_sparse_rows(implementation, outputs, dtype):
    random = np.random.default_rng(outputs)
    X = sparse.random_array((200, 50), density=0.1, format="csr", rng=random).astype(dtype)
    weight, bias = random.standard_normal((50, outputs)).astype(dtype), np.ones(outputs, dtype)
    x = sparse_rows(X, np.dtype(dtype))
    with implementation.computing():
        y, plain = active().sparse_linear(x, weight, bias), active().sparse_linear(x, weight, None)
        some = active().sparse_linear(sparse_rows(X[40:43], np.dtype(dtype)), weight, bias)
    assert_close(y, X.toarray() @ weight + bias, 52, abs(X.toarray()) @ np.abs(weight) + 1)
    assert_close(plain, X.toarray() @ weight, 51, abs(X.toarray()) @ np.abs(weight))
    assert_same_bits(some, y[40:43])


@needs_native
def test_the_extension_checks_its_arguments():
    data = rows(LOSSES[0])
    ascent, point = active().dual_ascent(data), start(data)
    for order in (np.array([40]), np.array([-1])):
        with pytest.raises(ValueError, match="order holds an index out of range"):
            ascent.ascend(point, order)
    for name in ("weight", "gradients", "losses", "gaps", "bias"):
        bad = copy.deepcopy(point)
        object.__setattr__(bad, name, getattr(point, name)[1:])
        with pytest.raises(ValueError, match=f"{name} has another shape"):
            ascent.ascend(bad, np.array([0]))
    for targets, loss, message in (
        (data.targets - 1, data.loss, "labels holds an index out of range"),
        (data.targets + 1, data.loss, "labels holds an index out of range"),
        (data.targets, st.BinaryCrossEntropy(), "the loss has no dual"),
        (data.targets, st.SquaredError(), "targets has another dtype"),
        (np.ones((40, 4)), st.SquaredError(), "targets has another shape"),
    ):
        with pytest.raises(ValueError, match=message):
            active().dual_ascent(replace(data, targets=targets, loss=loss))
