"""Polynomial features, and polynomial regression against its closed-form solution."""

from __future__ import annotations

import numpy as np
import pytest
from support.tolerances import assert_close, tolerance

import steepest as st

x, y = st.datasets.lecture_polynomial()


def closed_form(features, y, strength):
    """The weights and bias that minimize mean((A w + b - y)**2) + strength * sum(w**2).

    The derivative to b is 0 at b = mean(y) - mean(A) w. With centered A the rest is (A'A / n + strength) w =
    A'y / n, the normal equations of least squares with rows sqrt(n * strength) I and targets 0 appended.
    """
    n, degree = features.shape
    center = features.mean(axis=0)
    stacked = np.vstack([features - center, np.sqrt(n * strength) * np.eye(degree)])
    targets = np.concatenate([y - y.mean(), np.zeros(degree)])
    weight = np.linalg.lstsq(stacked, targets, rcond=None)[0]
    return weight, y.mean() - center @ weight


def curvatures(features, strength):
    """Smallest and largest of the objective, in the weights and in the bias, where it is 2."""
    centered = features - features.mean(axis=0)
    values = 2 * (np.linalg.eigvalsh(centered.T @ centered / len(features)) + strength)
    return min(values[0], 2.0), max(values[-1], 2.0)


@pytest.mark.parametrize("strength", [0.0, 1e-3, 0.1])
@pytest.mark.parametrize("degree", range(1, 8))
def test_descent_reaches_the_closed_form(degree, strength):
    """To what rounding leaves: each step at the best constants shrinks the error by (r - 1) / (r + 1).

    r is the root of high / low (Polyak, "Some methods of speeding up the convergence of iteration methods",
    1964); after 25 r steps that is e**-50, times a polynomial in the steps. What remains is a gradient that
    is lost in its own roundings, or whose steps are lost in the weights: momentum adds up a gradient g to
    rate / (1 - momentum) * g, which changes a weight w only if above eps * |w|. Both, over the least
    curvature, bound the error.
    """
    A = st.PolynomialFeatures(degree).fit_transform(x)
    low, high = curvatures(A, strength)
    root = np.sqrt(high / low)
    rate, momentum = 4 / (np.sqrt(high) + np.sqrt(low)) ** 2, ((root - 1) / (root + 1)) ** 2
    steps = int(200 + 25 * root)
    model = st.Sequential(st.Linear(degree, 1), dtype=np.float64)
    model.fit(
        A,
        y,
        loss="squared_error",
        optimizer=st.SGD(rate, momentum=momentum),
        penalty=st.L2(strength),
        epochs=steps,
        batch_size=None,
        shuffle=False,
    )
    weight, bias = closed_form(A, y, strength)
    state = model.state_dict()
    reached = np.append(state["0.weight"][:, 0], state["0.bias"])
    expected = np.append(weight, bias)
    terms = np.abs(np.column_stack([A, np.ones(8)]))
    magnitude = 2 * terms.T @ (terms @ np.abs(expected) + np.abs(y)) / 8 + 2 * strength * np.abs(expected)
    roundings = tolerance(np.float64, degree + 8 + 4, np.linalg.norm(magnitude))
    lost = np.finfo(float).eps * np.linalg.norm(expected) * (1 - momentum) / rate
    assert np.linalg.norm(reached - expected) <= (roundings + lost) / low
    assert np.linalg.norm(reached - expected) <= 1e-5 * np.linalg.norm(expected)  # the bound is no empty one


def test_degree_7_passes_through_the_eight_points():
    A = st.PolynomialFeatures(7).fit_transform(x)
    weight, bias = closed_form(A, y, 0.0)
    np.testing.assert_allclose(A @ weight + bias, y, rtol=0, atol=1e-9)


@pytest.mark.parametrize("degree", [1, 3, 7])
def test_features_are_standardised_powers(degree):
    A = st.PolynomialFeatures(degree).fit_transform(x)
    assert (A.shape, A.dtype.name) == ((8, degree), "float64")
    # Sums of 8 numbers of size up to 10.
    np.testing.assert_allclose(A.mean(axis=0), 0, atol=tolerance(np.float64, 16, 10))
    np.testing.assert_allclose(A.std(axis=0), 1, rtol=tolerance(np.float64, 16, 10))
    span = np.column_stack([np.ones(8), x ** np.arange(1, degree + 1) / 60.0 ** np.arange(1, degree + 1)])
    left_over = np.linalg.lstsq(span, A, rcond=None)[0]
    np.testing.assert_allclose(span @ left_over, A, rtol=0, atol=1e-8)  # polynomials in x, of that degree


def test_new_points_are_transformed_as_those_of_the_fit():
    features = st.PolynomialFeatures(4)
    assert features.fit(x) is features
    all_at_once = features.transform(x[:, 0])
    assert_close(features.transform(x[2:5]), all_at_once[2:5], 0, 0)
    fresh = st.PolynomialFeatures(4)
    assert_close(fresh.fit_transform(x), all_at_once, 0, 0)
    assert repr(features) == "PolynomialFeatures(4)"


def test_a_far_away_variable_loses_nothing():
    near = st.PolynomialFeatures(5).fit_transform(np.arange(9))
    far = st.PolynomialFeatures(5).fit_transform(np.arange(9) + 2.0**40)
    assert_close(far, near, 0, 0)


@pytest.mark.parametrize(
    ("degree", "values", "error", "message"),
    [
        (0, x, ValueError, "degree is 0, but must be at least 1"),
        (2.0, x, TypeError, r"degree must be an integer, not 2\.0"),
        (2, np.ones((4, 2)), ValueError, r"x has shape \(4, 2\), but must be \(samples,\) or \(samples, 1\)"),
        (2, [], ValueError, r"x has shape \(0,\)"),
        (2, ["a"], TypeError, "x has dtype"),
        (2, [1, np.nan, 3], ValueError, r"x\[1\] is nan, but must be finite"),
        (1, [4.5, 4.5], ValueError, r"the 2 values of x are all 4\.5, but must vary"),
        (2, [1, 3, 1, 3], ValueError, "x has 2 distinct values .* power 2 .* degree 2 needs at least 3"),
        (4, [0.1, 0.3], ValueError, "x has 2 distinct values .* power 2 .* degree 4 needs at least 3"),
    ],
)
def test_misuse_is_named(degree, values, error, message):
    with pytest.raises(error, match=message):
        st.PolynomialFeatures(degree).fit(values)


def test_fit_comes_first_and_checks_hold_for_new_points():
    features = st.PolynomialFeatures(2)
    with pytest.raises(RuntimeError, match="call fit first"):
        features.transform(x)
    features.fit(x)
    with pytest.raises(ValueError, match=r"x\[0\] is inf"):
        features.transform([np.inf])
    assert features.transform([3.0]).shape == (1, 2)


@pytest.mark.parametrize(
    ("degree", "values", "message"),
    [
        (1, [0, 1e300, -1e300], "x has the standard deviation inf, but must have a finite one of at least"),
        (1, [0, 5e-324, 0], "x has the standard deviation 0.0, but must have a finite one of at least"),
        (2000, np.arange(9.0), r"x\[0\] is 0.0, so far from the mean 4.0 that power 2000 is not finite"),
    ],
)
def test_features_beyond_all_floats_are_refused(degree, values, message):
    with pytest.raises(ValueError, match=message):
        st.PolynomialFeatures(degree).fit(values)
    with pytest.raises(
        ValueError, match=r"x\[1\] is 1e\+300, so far from the mean 4.0 that power 3 is not finite"
    ):
        st.PolynomialFeatures(3).fit(np.arange(9.0)).transform([1, 1e300])
