"""The polynomial tab against NumPy, and against the gradient of steepest's own objective."""

from __future__ import annotations

import numpy as np
import pytest
from support.playground import asker

import steepest as st
from steepest.playground.fields import MessageError
from steepest.playground.polynomial.tab import PolynomialTab, fitted

X, Y = st.datasets.lecture_polynomial()
POINTS = np.column_stack([X[:, 0], Y]).tolist()
ask = asker(PolynomialTab())


@pytest.mark.parametrize("degree", range(1, 8))
def test_without_a_penalty_it_is_numpys_polynomial(degree):
    answer = ask("fit", points=POINTS, degree=degree, strength=0, x=[10, 60])
    expected = np.polynomial.Polynomial.fit(X[:, 0], Y, degree)
    assert np.allclose(answer.arrays["y"], expected(answer.arrays["x"]), atol=1e-7)
    assert np.allclose(answer.values["residuals"], Y - expected(X[:, 0]), atol=1e-7)
    assert answer.values["training_error"] == pytest.approx(np.mean((Y - expected(X[:, 0])) ** 2), abs=1e-9)
    found = np.polynomial.Polynomial(answer.values["coefficients"])(X[:, 0])
    assert np.allclose(found, expected(X[:, 0]), rtol=1e-6)


@pytest.mark.parametrize("strength", [1e-6, 0.01, 1.0, 1e4])
@pytest.mark.parametrize("degree", [1, 3, 10])
def test_with_a_penalty_the_gradient_of_the_objective_is_zero(degree, strength):
    model, features = fitted(X[:, 0], Y, degree, strength)
    F = features.transform(X[:, 0])
    _, gradients = model.loss_and_gradients(
        F, Y[:, np.newaxis], loss="squared_error", penalty=st.L2(strength)
    )
    assert max(np.abs(gradient).max() for gradient in gradients.values()) < 1e-9


def test_the_left_out_error_is_that_of_fits_to_the_others():
    answer = ask("fit", points=POINTS, degree=2, strength=0, x=[0, 70])
    errors = []
    for i in range(len(Y)):
        others = np.arange(len(Y)) != i
        errors.append(Y[i] - np.polynomial.Polynomial.fit(X[others, 0], Y[others], 2)(X[i, 0]))
    assert answer.values["left_out_error"] == pytest.approx(np.mean(np.square(errors)))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"degree": 11}, "degree must be from 1 to 10"),
        ({"strength": -1}, "strength must be a number from 0"),
        ({"points": [[1, 2]]}, "points has 1 entries"),
        ({"points": [[1, 2], [1, 3]]}, "are all 1.0, but must vary"),
        ({"points": [[1, 2], [3]]}, r"points\[1\] must be a list of 2 values"),
        ({"x": [5, 5]}, "from a smaller to a larger"),
    ],
)
def test_what_cannot_be_fitted_is_told(changes, fault):
    with pytest.raises(MessageError, match=fault):
        ask("fit", **{"points": POINTS, "degree": 3, "strength": 0, "x": [0, 70]} | changes)


@pytest.mark.parametrize("degree", range(1, 11))
def test_errors_that_are_rounding_alone_are_zero(degree):
    line = [
        [x, 2 * x + 3] for x in [1.3, 7.7, 18.1, 30.9, 41.3, 55.5, 63.1, 64.9, 68.7, 69.3, 2.9, 12.1, 22.3]
    ]
    values = ask("fit", points=line, degree=degree, strength=0, x=[0, 70]).values
    assert values["training_error"] == 0 and not any(values["residuals"])
    assert values["left_out_error"] == 0
    if degree < 8:
        assert values["coefficients"][:2] == pytest.approx([3, 2], rel=1e-6)


def test_errors_that_are_small_but_real_are_told():
    points = [[x, 2 * x + 3 + 1e-9 * (-1) ** i] for i, x in enumerate([1.0, 2.0, 3.0, 4.0, 5.0])]
    values = ask("fit", points=points, degree=1, strength=0, x=[0, 70]).values
    assert 1e-19 < values["training_error"] < 1e-17 and all(values["residuals"])
    assert values["left_out_error"] > values["training_error"]
    assert all(ask("fit", points=POINTS, degree=6, strength=1e-6, x=[0, 70]).values["residuals"])


@pytest.mark.parametrize(("degree", "told"), [(7, False), (8, True), (10, True)])
def test_a_degree_with_many_solutions_is_called_ambiguous(degree, told):
    values = ask("fit", points=POINTS, degree=degree, strength=0, x=[0, 70]).values
    assert bool(values["ambiguous"]) == told and values["training_error"] == 0
    if told:
        assert values["ambiguous"].startswith(f"Degree {degree} with 8 points: infinitely many curves")
    assert ask("fit", points=POINTS, degree=degree, strength=1e-6, x=[0, 70]).values["ambiguous"] is None


def test_points_above_each_other_count_once():
    points = [[10, 6], [10, 5], [60, 9], [30, 1]]
    assert ask("fit", points=points, degree=2, strength=0, x=[0, 70]).values["ambiguous"] is None
    told = ask("fit", points=points, degree=3, strength=0, x=[0, 70]).values["ambiguous"]
    assert told.startswith("Degree 3 with points at 3 different x")


def test_too_few_points_have_no_left_out_error():
    answer = ask("fit", points=[[0, 0], [1, 1]], degree=1, strength=0, x=[0, 1])
    assert answer.values["left_out_error"] is None


def test_points_almost_above_each_other_have_a_large_error_and_not_an_infinite_one():
    points = [[0.0, 0.0], [1e-160, 1.0], [5.0, 2.0]]
    answer = ask("fit", points=points, degree=1, strength=0, x=[0, 70])
    assert 1e300 < answer.values["left_out_error"] < np.inf
