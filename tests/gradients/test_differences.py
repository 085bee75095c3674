"""Numerical gradients: exact where they should be, of the stated order elsewhere, at the stated cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies
from support.strategies import bounded, numbers, seeds
from support.tolerances import assert_close

from steepest import functional
from steepest.gradients import directional_derivative, numerical_gradient

SHAPES = [(), (1,), (5,), (2, 3), (2, 1, 4), (0,), (3, 0)]
steps = strategies.sampled_from([2.0**-k for k in (0, 3, 10)])


def quadratic(shape, seed):
    """A polynomial of degree 2, a point, gradient and curvature there, and the size of the terms nearby."""
    a, b, point = (numbers(shape, seed=seed + i) for i in range(3))
    reach = np.abs(point) + 1
    size = np.sum(np.abs(a) * reach**2 + np.abs(b) * reach)
    return lambda x: (a * x * x + b * x).sum(), point, 2 * a * point + b, 2 * a, size


@pytest.mark.parametrize("shape", SHAPES)
@bounded
@given(steps, seeds)
def test_differences_of_a_quadratic_are_exact(shape, h, seed):
    """But for the rounding of its values, which is divided by h; forward ones add h / 2 of the curvature."""
    function, point, gradient, curvature, size = quadratic(shape, seed)
    depth = np.prod(shape) + 4
    assert_close(numerical_gradient(function, point, h), gradient, depth, size / h)
    forward = numerical_gradient(function, point, h, method="forward")
    assert_close(forward, gradient + h / 2 * curvature, depth, 2 * size / h)


@bounded
@given(steps, seeds)
def test_directional_derivatives_are_gradient_times_direction(h, seed):
    function, point, gradient, curvature, size = quadratic((2, 3), seed)
    for scale in (1, -2, 0):
        direction = scale * numbers((2, 3), seed=seed + 3)
        allowed = (1 + np.abs(direction).max()) ** 2 * size / h
        slope = directional_derivative(function, point, direction, h)
        expected = (gradient * direction).sum()
        assert_close(np.float64(slope), expected, 10, allowed)
        forward = directional_derivative(function, point, direction, h, method="forward")
        bent = h / 2 * (curvature * direction**2).sum()
        assert_close(np.float64(forward), expected + bent, 10, 2 * allowed)


@pytest.mark.parametrize(("method", "order"), [("forward", 1), ("central", 2)])
def test_the_error_shrinks_by_the_stated_order(method, order):
    """For exp, it is e**x times h / 2 and h**2 / 6, and 1 + h as much at most."""
    x = numbers((3, 2))
    direction = numbers((3, 2), seed=1)
    for h in (2.0**-4, 2.0**-6, 2.0**-8):
        leading = np.exp(x) * (h / 2 if order == 1 else h**2 / 6)
        error = numerical_gradient(lambda x: np.exp(x).sum(), x, h, method=method) - np.exp(x)
        assert ((error > leading) & (error < (1 + h) * leading)).all()
        along = directional_derivative(lambda x: np.exp(x).sum(), x, direction, h, method=method)
        power = direction ** (order + 1)
        expected = (leading * power).sum()
        assert abs(along - (np.exp(x) * direction).sum() - expected) < h * np.abs(leading * power).sum() * 3


def test_known_gradients(backend):
    x, y = numbers((4, 3)), np.array([0, 2, 1, 1])
    cases = [
        (lambda x: np.abs(x).sum(), np.sign(x)),
        (lambda x: np.linalg.norm(x), x / np.linalg.norm(x)),
        (lambda x: x[0, 0] * x[1, 1], np.array([[x[1, 1], 0, 0], [0, x[0, 0], 0], [0] * 3, [0] * 3])),
    ]
    for function, gradient in cases:
        np.testing.assert_allclose(numerical_gradient(function, x), gradient, rtol=1e-9, atol=1e-10)
    with backend.computing():
        for loss in (functional.softmax_cross_entropy, functional.multiclass_hinge):
            numerical = numerical_gradient(lambda scores, loss=loss: loss(scores, y)[0], x)
            np.testing.assert_allclose(numerical, loss(x, y)[1], rtol=1e-8, atol=1e-9)


def test_the_point_stays_and_each_evaluation_has_its_own():
    """2 n evaluations for central differences, n + 1 for forward; 2 along a direction."""
    point, kept = np.arange(6).reshape(2, 3), []

    def function(x):
        assert x.shape == (2, 3) and x.dtype == np.float64
        kept.append(x)
        value = (x**2).sum()
        x[:] = np.nan  # it is ours to change
        return value

    for method, cost in (("central", 12), ("forward", 7)):
        gradient = numerical_gradient(function, point, method=method)
        assert gradient.dtype == np.float64
        np.testing.assert_allclose(gradient, 2 * point, atol=2e-5)
        assert len(kept) == cost
        kept.clear()
        directional_derivative(function, point, np.ones((2, 3)), method=method)
        assert len(kept) == 2
        kept.clear()
    assert point.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_step_is_the_one_that_was_made():
    """h = 0.1 moves 2**53 / 64 by 0.125, and that is what the difference is divided by."""
    point = np.array([2.0**47])
    for method in ("central", "forward"):
        assert numerical_gradient(lambda x: x[0] - point[0], point, 0.1, method=method) == [1.0]


def test_every_real_number_is_a_value():
    for value in (True, 3, 3.0, np.float32(3), np.int8(3), np.array(3.0)):
        assert numerical_gradient(lambda x, value=value: value, [1.0, 2.0]).tolist() == [0, 0]


@pytest.mark.parametrize("method", ["central", "forward"])
@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda x: x, ValueError, r"value of the function has shape \(2,\), but must be one number"),
        (lambda x: x[:1], ValueError, r"value of the function has shape \(1,\), but must be one number"),
        (lambda x: None, TypeError, "value of the function has dtype object, but must hold real numbers"),
        (lambda x: 1j, TypeError, "value of the function has dtype complex128, but must hold real"),
        (lambda x: np.nan, ValueError, "the function is nan .*, but must be finite"),
    ],
)
def test_what_is_no_value_is_refused(function, error, message, method):
    with pytest.raises(error, match=message):
        numerical_gradient(function, [1.0, 2.0], method=method)
    with pytest.raises(error, match=message):
        directional_derivative(function, [1.0, 2.0], [0, 1], method=method)


def test_misuse_is_named():
    def function(x):
        return np.inf if x[1] > 2 else 1.0

    cases = [
        (
            [1, 2],
            {},
            ValueError,
            r"function is inf with coordinate \(1,\) moved by 1e-05, but must be finite",
        ),
        ([1, 3], {"method": "forward"}, ValueError, "the function is inf at the point, but must be finite"),
        ([1, np.nan], {}, ValueError, "point holds NaN or an infinity"),
        (["a"], {}, TypeError, "point has dtype <U1, but must hold real numbers"),
        ([1, 2j], {}, TypeError, "point has dtype complex128"),
        ([1, 1], {"h": 0}, ValueError, "h is 0, but must be finite and greater than 0"),
        ([1, 1], {"h": "1"}, TypeError, "h must be a real number"),
        ([1, 1], {"method": "backward"}, ValueError, "method is 'backward', but must be one of 'central'"),
        ([0, -1e300], {}, ValueError, r"h is 1e-05, too small to move coordinate \(1,\), which is -1e\+300"),
    ]
    for point, options, error, message in cases:
        with pytest.raises(error, match=message):
            numerical_gradient(function, point, **options)
    cases = [
        ([1, 2], [0, 1], {}, ValueError, "the function is inf a step along the direction"),
        ([1, 2], [0, -1], {}, ValueError, "the function is inf a step against the direction"),
        ([1, 2], [0], {}, ValueError, r"direction has shape \(1,\), but point has \(2,\)"),
        ([1, 2], [0, np.inf], {}, ValueError, "direction holds NaN or an infinity"),
        ([1, 2], [0, 1], {"h": -1}, ValueError, "h is -1, but must be"),
        ([1, 2], [0, 1], {"method": ""}, ValueError, "method is ''"),
    ]
    for point, direction, options, error, message in cases:
        with pytest.raises(error, match=message):
            directional_derivative(function, point, direction, **options)
