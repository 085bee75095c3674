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
_ROUNDING = 64 * float(np.finfo(np.float64).eps)  # of what was added up: less is 0, but for rounding


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
        F, weights = features.transform(at), model.state_dict()["0.weight"][:, 0]
        residuals = settled(
            y - model(F)[:, 0], np.abs(y).max() + np.abs(y.mean()) + np.abs(F) @ np.abs(weights)
        )
        values = {
            "coefficients": coefficients(model, features, at),
            "weights": weights.tolist(),
            "residuals": residuals.tolist(),
            "training_error": float(np.mean(residuals**2)),
            "left_out_error": left_out_error(at, y, degree, strength),
            "ambiguous": ambiguous(at, degree, strength),
        }
        return Answer(values, {"x": grid, "y": model(features.transform(grid))[:, 0]})


def fitted(x: Array, y: Array, degree: int, strength: float) -> tuple[Sequential, PolynomialFeatures]:
    """The model and its features, where the gradient of the objective is 0.

    Solved at once, by least squares, since gradient descent on degree 10 needs millions of steps. Of several
    solutions, where there are more powers than points, the one with the smallest weights.
    """
    features = PolynomialFeatures(degree).fit(x)
    F = features.transform(x)
    mean = y.mean()  # the features have mean 0, so this is the bias
    weights = np.linalg.lstsq(_rows(F, strength), np.concatenate([y - mean, np.zeros(degree)]))[0]
    model = Sequential(Linear(degree, 1), dtype=np.float64)
    model.load_state_dict({"0.weight": weights[:, np.newaxis], "0.bias": [mean]})
    return model, features


def _rows(F: Array, strength: float) -> Array:
    """Features, and below them the rows whose squares are the penalty."""
    return np.vstack([F, math.sqrt(strength * len(F)) * np.eye(F.shape[1])])


def coefficients(model: Sequential, features: PolynomialFeatures, x: Array) -> list[float]:
    """Those of 1, x, x**2 and so on: the polynomial through enough values of the model."""
    degree, low, high = features.degree, float(x.min()), float(x.max())
    nodes = np.cos(np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))  # of Chebyshev, for accuracy
    at = (low + high) / 2 + (high - low) / 2 * nodes
    values = model(features.transform(at))[:, 0]
    scaled = Polynomial(np.linalg.solve(np.vander(nodes, increasing=True), values), domain=[low, high])
    found = scaled.convert().coef.tolist()
    found += [0.0] * (degree + 1 - len(found))
    most = np.abs(found) * np.abs(x).max() ** np.arange(degree + 1)  # each term's, on the points
    rounded: list[float] = np.where(most <= _ROUNDING * most.max(), 0.0, found).tolist()
    return rounded


def settled(differences: Array, magnitudes: Array) -> Array:
    """Differences of numbers of these magnitudes; 0 where only rounding made one."""
    return np.where(np.abs(differences) <= _ROUNDING * magnitudes, 0.0, differences)


def ambiguous(x: Array, degree: int, strength: float) -> str | None:
    """What is to be said where other polynomials of this degree fit as well."""
    places = len(np.unique(x))
    if strength or degree < places:
        return None
    points, fit = f"{places} points", "pass through all of them"
    if places < len(x):
        points, fit = f"points at {places} different x", "fit them equally well"
    return (
        f"Degree {degree} with {points}: infinitely many curves {fit}. Shown is the one with the smallest "
        "weights, of standardized powers of x. A penalty, a lower degree or more points make it unique."
    )


def left_out_error(x: Array, y: Array, degree: int, strength: float) -> float | None:
    """The mean squared error on each point, of the fit to all others; None where one has no fit."""
    errors = []
    for place in range(len(x)):
        kept = np.arange(len(x)) != place
        try:
            model, features = fitted(x[kept], y[kept], degree, strength)
            own = features.transform(x[place : place + 1])
            solver = np.abs(np.linalg.pinv(_rows(features.transform(x[kept]), strength))[:, : len(x) - 1])
            others = np.abs(y[kept]) + abs(y[kept].mean())
            magnitude = abs(y[place]) + others.max() + np.abs(own[0]) @ solver @ others
            errors.append(float(settled(y[place] - model(own)[0, 0], magnitude)))
        except ValueError:  # points that do not vary enough
            return None
    with np.errstate(over="ignore"):
        return float(np.nan_to_num(np.mean(np.square(errors))))  # at most the largest number
