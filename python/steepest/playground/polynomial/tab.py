"""Polynomial regression of a few points: the fit, its coefficients, and its errors on points left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from ..._checks import Array
from ...datasets import lecture_polynomial
from ...layers import Linear
from ...model import Sequential
from ...polynomial import PolynomialFeatures
from ..fields import Integer, ListOf, MessageError, Number, Row
from ..protocol import Answer, Tab, action

DEGREES = 1, 10
_CURVE = 401  # numbers
_LARGEST = 1e6  # coordinate


class PolynomialTab(Tab):
    """Everything follows from the points, the degree and the strength of the penalty."""

    def choices(self) -> Mapping[str, Any]:
        """The lecture's points, and the ranges of what can be set."""
        X, y = lecture_polynomial()
        points = np.column_stack([X[:, 0], y]).tolist()
        return {"points": points, "degrees": DEGREES, "x": [0, 70], "y": [0, 20]}

    @action(
        points=ListOf(Row([Number(-_LARGEST, _LARGEST)] * 2), 2, 60),
        degree=Integer(*DEGREES),
        strength=Number(0.0, 1e4),
        x=Row([Number(-_LARGEST, _LARGEST)] * 2),
    )
    def fit(self, points: list[list[float]], degree: int, strength: float, x: Sequence[float]) -> Answer:
        """The polynomial with the least mean squared error + strength * sum(weights**2), and its curve."""
        if not x[0] < x[1]:
            raise MessageError(f"x must be from a smaller to a larger number, not {x[0]:g} to {x[1]:g}")
        at, y = np.array(points).T
        model, features = fitted(at, y, degree, strength)
        grid = np.linspace(x[0], x[1], _CURVE)
        residuals = y - model(features.transform(at))[:, 0]
        values = {
            "coefficients": coefficients(model, features, at),
            "weights": model.state_dict()["0.weight"][:, 0].tolist(),
            "residuals": residuals.tolist(),
            "training_error": float(np.mean(residuals**2)),
            "left_out_error": left_out_error(at, y, degree, strength),
        }
        return Answer(values, {"x": grid, "y": model(features.transform(grid))[:, 0]})


def fitted(x: Array, y: Array, degree: int, strength: float) -> tuple[Sequential, PolynomialFeatures]:
    """The model and its features, where the gradient of the objective is 0.

    Solved at once, by least squares, since gradient descent on degree 10 needs millions of steps. Of several
    solutions, where there are more powers than points, the one with the smallest weights.
    """
    features = PolynomialFeatures(degree).fit(x)
    F = features.transform(x)
    penalty = math.sqrt(strength * len(x)) * np.eye(degree)
    mean = y.mean()  # the features have mean 0, so this is the bias
    weights = np.linalg.lstsq(np.vstack([F, penalty]), np.concatenate([y - mean, np.zeros(degree)]))[0]
    model = Sequential(Linear(degree, 1), dtype=np.float64)
    model.load_state_dict({"0.weight": weights[:, np.newaxis], "0.bias": [mean]})
    return model, features


def coefficients(model: Sequential, features: PolynomialFeatures, x: Array) -> list[float]:
    """Those of 1, x, x**2 and so on: the polynomial through enough values of the model."""
    degree, low, high = features.degree, float(x.min()), float(x.max())
    nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))  # of Chebyshev, for accuracy
    at = (low + high) / 2 + (high - low) / 2 * nodes
    values = model(features.transform(at))[:, 0]
    scaled = Polynomial(np.linalg.solve(np.vander(nodes, increasing=True), values), domain=[low, high])
    found = scaled.convert().coef.tolist()
    return [*found, *[0.0] * (degree + 1 - len(found))]


def left_out_error(x: Array, y: Array, degree: int, strength: float) -> float | None:
    """The mean squared error on each point, of the fit to all others; None where one has no fit."""
    errors = []
    for place in range(len(x)):
        kept = np.arange(len(x)) != place
        try:
            model, features = fitted(x[kept], y[kept], degree, strength)
            errors.append(y[place] - model(features.transform(x[place : place + 1]))[0, 0])
        except ValueError:  # points that do not vary enough
            return None
    return float(np.mean(np.square(errors)))
