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


def test_too_few_points_have_no_left_out_error():
    answer = ask("fit", points=[[0, 0], [1, 1]], degree=1, strength=0, x=[0, 1])
    assert answer.values["left_out_error"] is None
