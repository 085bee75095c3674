"""How good answers are: what epochs are chosen by, and the score of the rows held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._checks import Array, real_number

_LEAST = 1e-15  # probability


@dataclass(frozen=True)
class Metric:
    """A function of targets, answers and weights, and whether it is to be large."""

    function: Callable[..., float]
    greater_is_better: bool = True

    def __call__(self, y: Array, answers: Array, weight: Array | None) -> float:
        """Its value."""
        return self.function(y, answers, weight)

    def value(self, y: Array, answers: Array, weight: Array | None) -> float:
        """What is to be large."""
        return self(y, answers, weight) * (1 if self.greater_is_better else -1)


def accuracy(codes: Array, probabilities: Array, weight: Array | None) -> float:
    """The share of rows whose class has the largest probability."""
    return float(np.average(probabilities.argmax(axis=1) == codes, weights=weight))


def log_loss(codes: Array, probabilities: Array, weight: Array | None) -> float:
    """The mean of -log of the probability of the class."""
    own = probabilities[np.arange(len(codes)), codes]
    return float(np.average(-np.log(np.maximum(own, _LEAST)), weights=weight))


def r2(y: Array, answers: Array, weight: Array | None) -> float:
    """1 - squared errors / squared deviations from the mean, on average over the targets.

    1 for a constant target that is met, else 0.
    """
    deviations = y - np.average(y, axis=0, weights=weight)
    largest = np.abs(deviations).max(axis=0)
    unit = np.where(largest > 0, largest, 1.0)  # or squares of tiny numbers would vanish
    errors = np.average(((y - answers) / unit) ** 2, axis=0, weights=weight)
    spread = np.average((deviations / unit) ** 2, axis=0, weights=weight)
    ratio = np.where(spread > 0, errors / np.where(spread > 0, spread, 1), errors > 0)
    return float(np.mean(1 - ratio))


def squared_error(y: Array, answers: Array, weight: Array | None) -> float:
    """The mean of the squares."""
    return float(np.mean(np.average((y - answers) ** 2, axis=0, weights=weight)))


def absolute_error(y: Array, answers: Array, weight: Array | None) -> float:
    """The mean of the absolute values."""
    return float(np.mean(np.average(np.abs(y - answers), axis=0, weights=weight)))


OF_CLASSES = {"log_loss": Metric(log_loss, False), "accuracy": Metric(accuracy)}
OF_NUMBERS = {
    "r2": Metric(r2),
    "squared_error": Metric(squared_error, False),
    "absolute_error": Metric(absolute_error, False),
}


def own_metric(
    function: Callable[..., Any],
    truth: Callable[[Array], Array],
    shown: Callable[[Array], Array] = np.asarray,
) -> Metric:
    """A user's function of targets and answers, as they are shown."""

    def of(y: Array, answers: Array, weight: Array | None) -> float:
        value = real_number(function(truth(y), shown(answers)), "metric")
        if np.isnan(value):
            raise ValueError("metric is NaN, by which no epoch can be chosen")
        return value

    return Metric(of, bool(getattr(function, "greater_is_better", True)))
