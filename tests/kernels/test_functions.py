"""Activations, softmax and losses of each instruction set against the reference, by property."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies
from support.implementations import ISAS, REFERENCE, Implementation, needs_native, on_each_isa
from support.loss_functions import LOSSES, takes_labels
from support.strategies import LAYOUTS, bounded, columns, dtypes, kinds, numbers, rows, seeds
from support.tolerances import FUNCTION, assert_close, assert_same_bits

from steepest import functional, layers

ACTIVATIONS = [name for name in layers.ACTIVATIONS if name != "identity"]  # which is no function
ACTIVATIONS += ["leaky_relu 0.0", "leaky_relu 1.5", "elu 2.5"]


def named(name, suffix=""):
    """A function of `functional`, with the parameter behind its name if there is one."""
    function, *parameter = name.split()
    return lambda *arrays: getattr(functional, function + suffix)(*arrays, *map(float, parameter))


FORWARD = {name: named(name) for name in (*ACTIVATIONS, "exp", "log")}
BACKWARD = {name: named(name, "_backward") for name in ACTIVATIONS}
sizes = strategies.integers(1, 70)


@needs_native
@pytest.mark.parametrize("name", FORWARD)
@bounded
@given(sizes, dtypes, seeds, kinds)
def test_activations_are_the_reference(name, size, dtype, seed, kind):
    x = numbers(size, dtype, seed, kind)
    results = on_each_isa(FORWARD[name], np.abs(x) if name == "log" else x)
    expected = results.pop("")
    depth = forward_depth(name, x)
    for result in results.values():
        assert_close(result, expected, depth, np.abs(np.where(np.isfinite(expected), expected, 0)))
    if "relu" in name:
        assert_same_bits(np.abs(results[ISAS[0]]), np.abs(expected))


def forward_depth(name, x):
    """How many roundings follow each other in an activation."""
    if name == "softplus":
        return 2 * FUNCTION  # of exp, and of log1p
    if name == "gelu":  # erfc multiplies the rounding of its argument, x / sqrt(2), by x**2 until it is 0
        return FUNCTION + np.minimum(np.abs(x), 40.0) ** 2
    if name == "mish":  # of exp, log1p and tanh; and x multiplies what an exp loses that underflows
        return 3 * FUNCTION + np.where(x < -80, np.minimum(np.abs(x), 1000), 0)
    return FUNCTION + 4 * (name in ("elu 2.5", "selu", "lecun_tanh"))  # a product before or behind


@needs_native
@pytest.mark.parametrize("name", BACKWARD)
@bounded
@given(sizes, dtypes, seeds, kinds)
def test_activation_gradients_are_the_reference(name, size, dtype, seed, kind):
    y = numbers(size, dtype, seed, kind)
    if not layers.ACTIVATIONS[name.split()[0]].reads_input:
        with REFERENCE.computing():
            y = FORWARD[name](y)
    grad = numbers(size, dtype, seed + 1, kind)
    results = on_each_isa(BACKWARD[name], y, grad)
    expected = results.pop("")
    depth, steepest = BACKWARD_BOUNDS.get(name, (5, 1))
    for result in results.values():
        assert_close(result, expected, depth, steepest * np.abs(grad))


# How many roundings follow each other in a gradient, and how large its terms are together, if not 5 and 1.
# GELU's Phi(x) is off by x**2 * Phi(-|x|) < 0.35 roundings more where x < 0.
BACKWARD_BOUNDS = {
    "leaky_relu 1.5": (5, 1.5),
    "elu": (5, 2),
    "elu 2.5": (5, 5),
    "selu": (6, 3.6),
    "lecun_tanh": (6, 2.3),
    "softplus": (FUNCTION + 1, 1),
    "gelu": (FUNCTION + 3, 1.3),
    "mish": (3 * FUNCTION, 1.5),
}


SELU_SCALE, SELU_FLOOR = 1.0507009873554805, 1.7580993408473768  # s, and s * a


def test_functions_at_their_edges(implementation):
    inf, nan, tiny = np.inf, np.nan, 1e-310
    x = np.array([-inf, -1e308, -800, -0.0, 0.0, tiny, 800, 1e308, inf, nan])
    edges = {
        "relu": [0, 0, 0, 0, 0, tiny, 800, 1e308, inf, nan],
        "sigmoid": [0, 0, 0, 0.5, 0.5, 0.5, 1, 1, 1, nan],
        "tanh": [-1, -1, -1, -0.0, 0, tiny, 1, 1, 1, nan],
        "leaky_relu": [-inf, -1e306, -8, -0.0, 0, tiny, 800, 1e308, inf, nan],
        "leaky_relu 1.5": [-inf, -1.5e308, -1200, -0.0, 0, tiny, 800, 1e308, inf, nan],
        "elu": [-1, -1, -1, -0.0, 0, tiny, 800, 1e308, inf, nan],
        "elu 2.5": [-2.5, -2.5, -2.5, -0.0, 0, tiny, 800, 1e308, inf, nan],
        "selu": [-SELU_FLOOR] * 3 + [-0.0, *(SELU_SCALE * np.array([0, tiny, 800, 1e308])), inf, nan],
        "mish": [-0.0, -0.0, -0.0, -0.0, 0, 0.6 * tiny, 800, 1e308, inf, nan],
        "lecun_tanh": [-1.7159] * 3 + [-0.0, 0, 1.7159 * 2 / 3 * tiny] + [1.7159] * 3 + [nan],
        "softplus": [0, 0, 0, np.log(2), np.log(2), np.log(2), 800, 1e308, inf, nan],
        "gelu": [-0.0, -0.0, -0.0, -0.0, 0, tiny / 2, 800, 1e308, inf, nan],
        "exp": [0, 0, 0, 1, 1, 1, inf, inf, inf, nan],
        "log": [nan, nan, nan, -inf, -inf, np.log(tiny), np.log(800), np.log(1e308), inf, nan],
    }
    for name, expected in edges.items():
        with implementation.computing():
            result = FORWARD[name](x)
            empty = FORWARD[name](np.zeros((3, 0)))
            scalar = FORWARD[name](np.float32(1))
            cube = FORWARD[name](np.ones((2, 1, 3)))
        finite = np.where(np.isfinite(expected), expected, 0)
        assert_close(result, np.array(expected), FUNCTION, np.abs(finite))
        if np.signbit(expected[3]):
            known = ~np.isnan(expected)  # the sign of a NaN is nobody's promise
            assert np.signbit(result[known]).tolist() == np.signbit(expected)[known].tolist(), name
        assert (empty.shape, scalar.shape, scalar.dtype, cube.shape) == ((3, 0), (), np.float32, (2, 1, 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_slopes_at_their_edges(implementation, dtype):
    """From the outputs at both ends and at 0; from the inputs for GELU and Mish."""
    inf, tiny = np.inf, np.finfo(dtype).smallest_subnormal
    edges = {
        "relu": ([0.0, -0.0, tiny, inf], [0, 0, 1, 1]),
        "sigmoid": ([0.0, 0.5, 1], [0, 0.25, 0]),
        "tanh": ([-1.0, -0.0, 0, 1], [0, 1, 1, 0]),
        "leaky_relu": ([-inf, -tiny, -0.0, 0, tiny, inf], [0.01, 0.01, 0.01, 0.01, 1, 1]),
        "leaky_relu 0.0": ([-0.0, 0, tiny], [0, 0, 1]),
        "elu 2.5": ([-2.5, -tiny, -0.0, 0, tiny, inf], [0, 2.5, 2.5, 2.5, 1, 1]),
        "selu": ([-SELU_FLOOR, -tiny, 0, tiny, inf], [0, SELU_FLOOR, SELU_FLOOR, SELU_SCALE, SELU_SCALE]),
        "mish": ([-inf, -1e30, -tiny, 0, tiny, 1e30, inf], [0, 0, 0.6, 0.6, 0.6, 1, 1]),
        "lecun_tanh": ([-1.7159, -0.0, 0, 1.7159], [0, 1.7159 * 2 / 3, 1.7159 * 2 / 3, 0]),
        "softplus": ([0, tiny, np.log(2), 800, inf], [0, tiny, 0.5, 1, 1]),
        "gelu": ([-inf, -1e30, -tiny, 0, tiny, 1e30, inf], [0, 0, 0.5, 0.5, 0.5, 1, 1]),
    }
    for name, (y, slopes) in edges.items():
        with implementation.computing():
            result = BACKWARD[name](np.array(y, dtype), np.full(len(y), 8.0, dtype))
        assert_close(result, 8 * np.array(slopes, dtype), FUNCTION, np.full(len(y), 8.0))


def test_gelu_is_the_published_one(implementation):
    """x * Phi(x) with Phi from a table of 20 digits (Abramowitz and Stegun, 26.2), far into its tail."""
    phi = {0.5: 0.69146246127401310364, 1: 0.84134474606854294859, 2: 0.97724986805182079280}
    phi |= {-1: 0.15865525393145705142, -5: 2.8665157187919391167e-7, -10: 7.6198530241605260660e-24}
    x = np.array(list(phi), float)
    with implementation.computing():
        y = functional.gelu(x)
    expected = x * np.array(list(phi.values()))
    assert_close(y, expected, forward_depth("gelu", x), np.abs(expected))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_silu_is_x_times_sigmoid(backend, dtype):
    x = np.linspace(-30, 30, 601).astype(dtype)
    sigmoid = 1 / (1 + np.exp(-x.astype(np.float64)))
    slope = sigmoid * (1 + x * (1 - sigmoid))
    with backend.computing():
        assert_close(functional.silu(x), (x * sigmoid).astype(dtype), 8, np.abs(x))
        assert_close(functional.silu_backward(x, np.ones_like(x)), slope.astype(dtype), 8, 1 + np.abs(x))


def test_silu_of_far_arguments(backend):
    far = np.array([-np.inf, -1e30, -1000.0, 0.0, 1000.0, 1e30, np.inf])
    with backend.computing():
        values, slopes = functional.silu(far), functional.silu_backward(far, np.ones(7))
        assert np.isnan(functional.silu([np.nan]))
    assert values.tolist() == [0, 0, 0, 0, 1000, 1e30, np.inf]
    assert slopes.tolist() == [0, 0, 0, 0.5, 1, 1, 1]


def test_selu_keeps_mean_0_and_variance_1(backend):
    """Its constants are chosen so (Klambauer et al., 2017): moments of normal x, by the trapezoidal rule."""
    x = np.linspace(-40, 40, 160_001)
    share = np.exp(-np.square(x) / 2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    with backend.computing():
        y = functional.selu(x)
    assert [(share * y).sum(), (share * y * y).sum()] == pytest.approx([0, 1], abs=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mish_is_x_times_tanh_of_softplus(backend, dtype):
    x = np.linspace(-30, 30, 601).astype(dtype)
    wide = x.astype(np.longdouble)
    soft = np.log1p(np.exp(wide))
    slope = np.tanh(soft) + wide / np.cosh(soft) ** 2 / (1 + np.exp(-wide))
    with backend.computing():
        y, slopes = functional.mish(x), functional.mish_backward(x, np.ones_like(x))
    expected = (wide * np.tanh(soft)).astype(dtype)
    assert_close(y, expected, 8, np.abs(expected))  # relative, far into its tail too
    assert_close(slopes, slope.astype(dtype), 8, 1 + np.abs(slope.astype(dtype)))


def test_mish_of_known_and_far_arguments(backend):
    far = np.array([-np.inf, -1e30, -1000.0, 0.0, 1000.0, 1e30, np.inf])
    with backend.computing():
        values, slopes = functional.mish(far), functional.mish_backward(far, np.ones(7))
        assert np.isnan(functional.mish([np.nan]))
        known = functional.mish([1.0, -1.0])
    assert values.tolist() == [0, 0, 0, 0, 1000, 1e30, np.inf]
    assert slopes.tolist() == pytest.approx([0, 0, 0, 0.6, 1, 1, 1], abs=1e-15)
    assert known.tolist() == pytest.approx([0.8650983882673103, -0.30340146137410895], abs=1e-15)


def test_nan_is_never_lost(implementation):
    """Neither in a whole vector, nor in the rest of a row; and it does not spread."""
    for place in (0, 3, 18):
        x = np.ones(19)
        x[place] = np.nan
        for function in FORWARD.values():
            with implementation.computing():
                assert np.flatnonzero(np.isnan(function(x))).tolist() == [place]
        for function in BACKWARD.values():
            with implementation.computing():
                assert np.flatnonzero(np.isnan(function(np.full(19, 0.5), x))).tolist() == [place]
        scores = np.ones((5, 19))
        scores[2, place] = np.nan
        with implementation.computing():
            assert np.isnan(functional.softmax(scores)).all(axis=1).tolist() == [i == 2 for i in range(5)]
        for name, loss in LOSSES.items():
            y = np.full(5, 7) if takes_labels(name) else np.zeros((5, 19))
            for width in (19, 8):  # wide, and narrow
                with implementation.computing():
                    value, _ = loss(scores[:, :width], y[:, :width] if y.ndim == 2 else y)
                assert np.isnan(value) == (place < width), name


@needs_native
@bounded
@given(rows, columns, dtypes, seeds, kinds, strategies.booleans())
def test_softmax_is_the_reference(rows, columns, dtype, seed, kind, ties):
    scores = numbers((rows, columns), dtype, seed, kind)
    if ties:
        scores[:, :: max(1, columns // 2)] = scores.max()
    results = on_each_isa(functional.softmax, scores)
    expected = results.pop("")
    order = np.random.default_rng(seed).permutation(rows)
    for isa, result in results.items():
        assert_close(result, expected, columns + FUNCTION + 2, expected)
        assert_close(result.sum(axis=1), np.ones(rows, dtype), columns + FUNCTION, 1)
        with Implementation("native", isa, 1).computing():
            assert_same_bits(functional.softmax(scores[order]), result[order])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layout_changes_no_bit_and_inputs_are_only_read(isa, dtype, layout):
    implementation = Implementation("native", isa, 3)
    scores = LAYOUTS[layout](numbers((13, 11), dtype))
    fractions = LAYOUTS[layout](numbers((13, 11), dtype, 1) % 1)
    y, weight = np.arange(13) % 11, LAYOUTS[layout](numbers((1, 13), dtype, 2) ** 2)[0]
    before = [a.tobytes() for a in (scores, fractions, weight)]
    for name, loss in LOSSES.items():
        target = y if takes_labels(name) else fractions
        with implementation.computing():
            value, gradient = loss(scores, target, sample_weight=weight)
            plain = loss(scores.astype(dtype), target.copy(), sample_weight=weight.astype(dtype))
        assert value == plain[0], name
        assert_same_bits(gradient, plain[1], name)
    for function in (functional.softmax, *FORWARD.values()):
        with implementation.computing():
            assert_same_bits(function(scores), function(scores.astype(dtype)))
    for function in BACKWARD.values():
        with implementation.computing():
            plain = function(scores.astype(dtype), fractions.astype(dtype))
            assert_same_bits(function(scores, fractions), plain)
    assert [a.tobytes() for a in (scores, fractions, weight)] == before
