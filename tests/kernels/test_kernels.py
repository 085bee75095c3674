"""The matrix products of each instruction set against the reference, by property."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, strategies
from support.implementations import FUSED, ISAS, REFERENCE, Implementation, needs_native
from support.strategies import LAYOUTS, bounded, columns, depths, dtypes, kinds, numbers, rows, seeds
from support.tolerances import assert_close, assert_same_bits

import steepest as st
from steepest import functional
from steepest.backends import active
from steepest.backends.data import Batch, Parameters, TrainConfig
from steepest.compile.stage import Stage
from steepest.layers import ACTIVATIONS


def on_each_isa(function, *arguments):
    """The results of one call on each instruction set, one thread; equal to the bit where they must be."""
    results = {}
    for isa in ISAS:
        with Implementation("native", isa, 1).computing():
            results[isa] = function(*arguments)
    for isa in FUSED[1:]:
        for a, b in zip(arrays(results[isa]), arrays(results[FUSED[0]]), strict=True):
            assert_same_bits(a, b, f"{isa} and {FUSED[0]}")
    return results


def arrays(result):
    return result if isinstance(result, tuple) else (result,)


def operands(rows, depth, columns, dtype=np.float64, seed=0, kind="ordinary"):
    shapes = (rows, depth), (depth, columns), (columns,), (rows, columns)
    return [numbers(shape, dtype, seed + i, kind) for i, shape in enumerate(shapes)]


@needs_native
@bounded
@given(rows, depths, columns, dtypes, seeds, kinds, strategies.booleans())
@example(33, 2100, 512, np.float32, 0, "ordinary", True)  # packed panels, in two blocks
def test_linear_is_the_reference(rows, depth, columns, dtype, seed, kind, with_bias):
    x, weight, bias, _ = operands(rows, depth, columns, dtype, seed, kind)
    magnitude = np.abs(x).astype(np.float64) @ np.abs(weight) + np.abs(bias) * with_bias
    bias = bias if with_bias else None
    with REFERENCE.computing():
        expected = functional.linear(x, weight, bias)
    for result in on_each_isa(functional.linear, x, weight, bias).values():
        assert_close(result, expected, depth + 1, magnitude)


@needs_native
@bounded
@given(depths, rows, columns, dtypes, seeds, kinds)
@example(7, 33, 2100, np.float64, 0, "ordinary")  # the input gradient's chain in two blocks
def test_linear_backward_is_the_reference(samples, features, columns, dtype, seed, kind):
    x, weight, _, grad = operands(samples, features, columns, dtype, seed, kind)
    with REFERENCE.computing():
        expected = functional.linear_backward(x, weight, grad)
    sizes = [np.abs(a).astype(np.float64) for a in (x, weight, grad)]
    bounds = [
        (columns, sizes[2] @ sizes[1].T),
        (samples, sizes[0].T @ sizes[2]),
        (samples, sizes[2].sum(axis=0)),
    ]
    for results in on_each_isa(functional.linear_backward, x, weight, grad).values():
        for result, wanted, (depth, magnitude) in zip(results, expected, bounds, strict=True):
            assert_close(result, wanted, depth, magnitude)


@needs_native
@bounded
@given(rows, depths, columns, dtypes, seeds)
def test_rows_and_columns_are_computed_alone(rows, depth, columns, dtype, seed):
    """Permuting them permutes the result, to the bit: no element depends on its neighbors or its place."""
    x, weight, bias, grad = operands(rows, depth, columns, dtype, seed)
    rng = np.random.default_rng(seed)
    row, column, feature = (rng.permutation(n) for n in (rows, columns, depth))
    whole = on_each_isa(functional.linear, x, weight, bias)
    backward = on_each_isa(functional.linear_backward, x, weight, grad)
    by_rows = on_each_isa(functional.linear, x[row], weight, bias)
    by_columns = on_each_isa(functional.linear, x, weight[:, column], bias[column])
    by_features = on_each_isa(functional.linear_backward, x[:, feature], weight[feature], grad)
    for isa in ISAS:
        assert_same_bits(by_rows[isa], whole[isa][row])
        assert_same_bits(by_columns[isa], whole[isa][:, column])
        assert_same_bits(by_features[isa][0], backward[isa][0][:, feature])
        assert_same_bits(by_features[isa][1], backward[isa][1][feature])


@needs_native
@bounded
@given(rows, depths, columns, strategies.sampled_from([1, 7, 2048]), dtypes, seeds)
def test_zeros_appended_change_nothing(rows, depth, columns, zeros, dtype, seed):
    x, weight, bias, grad = operands(rows, depth, columns, dtype, seed)
    longer = np.hstack([x, np.zeros((rows, zeros), dtype)])
    taller = np.vstack([weight, numbers((zeros, columns), dtype, seed + 9)])
    more_samples = (np.vstack([a, np.zeros((zeros, a.shape[1]), dtype)]) for a in (x, grad))
    x_more, grad_more = more_samples
    plain = on_each_isa(functional.linear, x, weight, bias)
    padded = on_each_isa(functional.linear, longer, taller, bias)
    gradients = on_each_isa(functional.linear_backward, x, weight, grad)
    of_more = on_each_isa(functional.linear_backward, x_more, weight, grad_more)
    for isa in ISAS:
        assert_same_bits(padded[isa], plain[isa])
        for a, b in zip(of_more[isa][1:], gradients[isa][1:], strict=True):
            assert_same_bits(a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_threads_change_no_bit(native, dtype):
    one = Implementation("native", native.isa, 1)
    x, weight, bias, grad = operands(151, 199, 97, dtype)
    for function, arguments in [
        (functional.linear, (x, weight, bias)),
        (functional.linear_backward, (x, weight, grad)),
    ]:
        with one.computing():
            expected = function(*arguments)
        with native.computing(all_threads=True):
            results = function(*arguments)
        for a, b in zip(arrays(results), arrays(expected), strict=True):
            assert_same_bits(a, b)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_changes_no_bit_and_inputs_are_only_read(isa, dtype, layout):
    x, weight, bias, grad = operands(37, 21, 19, dtype)
    moved = [LAYOUTS[layout](a) for a in (x, weight, grad, bias[None, :])]
    before = [a.tobytes() for a in moved]
    with Implementation("native", isa, 3).computing():
        plain = functional.linear(x, weight, bias), *functional.linear_backward(x, weight, grad)
        results = (
            functional.linear(moved[0], moved[1], moved[3][0]),
            *functional.linear_backward(*moved[:3]),
        )
    assert [a.tobytes() for a in moved] == before
    for a, b in zip(results, plain, strict=True):
        assert_same_bits(a, b)


def test_empty_sides(implementation):
    for shape in itertools.product((0, 1, 3), repeat=3):
        x, weight, bias, grad = operands(*shape)
        with implementation.computing():
            assert functional.linear(x, weight).shape == grad.shape
            y = functional.linear(x, weight, bias)
            dx, dw, db = functional.linear_backward(x, weight, grad)
        sizes = [np.abs(a) for a in (x, weight, bias, grad)]
        assert_close(y, x @ weight + bias, 4, sizes[0] @ sizes[1] + sizes[2])
        assert_close(dx, grad @ weight.T, 3, sizes[3] @ sizes[1].T)
        assert_close(dw, x.T @ grad, 3, sizes[0].T @ sizes[3])
        assert_close(db, grad.sum(axis=0), 3, sizes[3].sum(axis=0))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_row(implementation, bad):
    x, weight, bias, grad = operands(19, 33, 17)
    x[4, 30] = bad
    grad[5, 16] = bad
    with implementation.computing():
        y = functional.linear(x, weight, bias)
        dx, dw, db = functional.linear_backward(x, weight, grad)
    assert (~np.isfinite(y)).all(axis=1).tolist() == [i == 4 for i in range(19)]
    if np.isnan(bad):
        assert np.isnan(y[4]).all() and np.isnan(dx[5]).all()
        assert np.isnan(dw[30]).all() and np.isnan(db[16])
    assert np.isfinite(np.delete(y, 4, axis=0)).all()
    assert not np.isfinite(dx[5]).any() and np.isfinite(np.delete(dx, 5, axis=0)).all()
    assert not np.isfinite(dw[30]).any() and not np.isfinite(dw[:, 16]).any()
    assert np.isfinite(np.delete(np.delete(dw, 30, axis=0), 16, axis=1)).all()
    assert [not np.isfinite(value) for value in db] == [j == 16 for j in range(17)]


SLOPES = {name: {"leaky_relu": 0.3, "elu": 1.5}.get(name, kind().slope) for name, kind in ACTIVATIONS.items()}


def stages_of(inputs, outputs, activation):
    """A product and an activation, fused if they can be."""
    slope = SLOPES[activation]
    if ACTIVATIONS[activation].reads_input:
        alone = Stage(outputs, outputs, activation, "elementwise", slope, parameters="none")
        return [Stage(inputs, outputs, "identity"), alone]
    return [Stage(inputs, outputs, activation, slope=slope)]


@pytest.mark.parametrize("columns", [7, 17, 70])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_fused_activations_are_those_of_functional_and_pass_nan(implementation, activation, columns):
    x, weight, bias, _ = operands(19, 33, columns)
    x[4, 30] = np.nan
    with implementation.computing():
        network = active().network(stages_of(33, columns, activation), [Parameters(weight, bias)])
        y, alone = network.forward(x), network.forward(x[7:8])
        sums = functional.linear(x, weight, bias)
        expected = active().activation(activation, sums, SLOPES[activation])
    assert np.isnan(y).all(axis=1).tolist() == [i == 4 for i in range(19)]
    assert_close(y, expected, 0, 0)
    if implementation is not REFERENCE:  # whose products round by the shape of the whole
        assert_same_bits(alone[0], y[7])


@pytest.mark.one_of(5)
@pytest.mark.parametrize("shape", [(33, 97, 70), (5, 40, 2100), (40, 9, 5)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_fused_gradients_are_those_of_functional(implementation, activation, shape):
    """Of the layer below an activation: to the bit the functions applied one after the other."""
    samples, hidden, outputs = shape
    for dtype in (np.float32, np.float64):
        x, w1, b1, _ = operands(samples, 21, hidden, dtype)
        _, w2, b2, y = operands(samples, hidden, outputs, dtype, seed=5)
        below = [Parameters(w1, b1)]
        top = Stage(hidden, outputs, "identity")
        with implementation.computing():
            backend = active()
            h = backend.network(stages_of(21, hidden, activation), below).forward(x)
            seen = functional.linear(x, w1, b1) if ACTIVATIONS[activation].reads_input else h
            _, grad = functional.squared_error(functional.linear(h, w2, b2), y)
            grad = functional.linear_backward(h, w2, grad)[0]
            grad = backend.activation_backward(activation, seen, grad, SLOPES[activation])
            _, *expected = functional.linear_backward(x, w1, grad)
            network = backend.network([*stages_of(21, hidden, activation), top], [*below, Parameters(w2, b2)])
            batch, loss = Batch(x, y), st.SquaredError()
            _, (gradients, _) = network.loss_and_gradients(batch, TrainConfig(loss, (None, None)))
        assert_same_bits(gradients.weight, expected[0])
        assert_same_bits(gradients.bias, expected[1])
