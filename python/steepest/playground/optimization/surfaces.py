"""Losses of two parameters: formulas, and two linear classifiers of a few points."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from ..._checks import Array
from ...backends.data import TrainConfig
from ...compile.compiled import Compiled
from ...compile.objective import batch_of, objective_of
from ...layers import Linear
from ...penalties import L2

BANDS = 14  # between the lowest and the highest loss
_FLAT = 1e-3  # of the range of losses: where the logarithmic scale begins
_LINE = 0.6  # pixels: half the width of a contour line
_STRENGTH = 0.01  # of the classifiers' penalty


@dataclass(frozen=True, eq=False)
class Surface:
    """A loss of two parameters, which stand along the first axis of its argument.

    Attributes
    ----------
    title, formula : str
    loss, gradient : callable
        Of one point.
    losses : callable
        Of all points of a grid, of shape (2, ...).
    x, y, start : pair of float
        The two ranges, and where paths begin.
    rate : float
        A learning rate that suits it.
    minima : ndarray, (number, 2)
    """

    title: str
    formula: str
    loss: Callable[[Array], float]
    gradient: Callable[[Array], Array]
    losses: Callable[[Array], Array]
    x: tuple[float, float]
    y: tuple[float, float]
    start: tuple[float, float]
    rate: float
    minima: Array

    @cached_property
    def slope(self) -> float:
        """The median length of the gradient on the surface: the unit of its noise."""
        at = self.grid(9, 7).reshape(2, -1).T
        return float(np.median([np.linalg.norm(self.gradient(point)) for point in at]))

    def grid(self, width: int, height: int) -> Array:
        """Points of the surface, from its top left, as an array of shape (2, height, width)."""
        return np.stack(np.meshgrid(np.linspace(*self.x, width), np.linspace(*self.y[::-1], height)))

    def distances(self, path: Array) -> Array:
        """From each point of a path to the nearest minimum."""
        apart: Array = np.linalg.norm(path[:, np.newaxis] - self.minima, axis=2).min(axis=1)
        return apart


class Classifier:
    """A linear classifier of steepest's for two classes, with two weights: the first class scores 0."""

    def __init__(self, loss: str) -> None:
        generator = np.random.default_rng(4)
        self.y = np.arange(24) % 2
        sides = 2 * self.y[:, np.newaxis] - 1
        self.X = sides * [1.0, 0.5] + generator.normal(size=(24, 2)) * [2.0, 0.8]
        self._loss, self._lock = loss, threading.Lock()  # pages have threads of their own
        compiled = Compiled([Linear(2, 2, bias=False)], np.float64)  # all weights 0
        rule, penalties = objective_of(compiled, loss, L2(_STRENGTH))
        self._config = TrainConfig(rule, penalties)
        self._batch = batch_of(compiled, self.X, self.y, None, rule)
        self._weights, self._network = compiled.parameters[0].weight, compiled.network()
        self._last: tuple[bytes, float, Array] | None = None

    def loss_and_gradient(self, weights: Array) -> tuple[float, Array]:
        """Both at these weights, by the engine.

        Its checks are made once, above, not at each of thousands of points; and what it said last is kept,
        since a path asks for the gradient where it has asked for the loss.
        """
        with self._lock:
            at = weights.tobytes()
            if self._last is None or self._last[0] != at:
                self._weights[:, 1] = weights
                loss, (gradients,) = self._network.loss_and_gradients(self._batch, self._config)
                self._last = at, loss, gradients.weight[:, 1]
            return self._last[1], self._last[2].copy()

    def losses(self, weights: Array) -> Array:
        """The same loss at all points of a grid, for the picture."""
        total: Array = np.zeros(weights.shape[1:])
        for (a, b), side in zip(self.X, 2 * self.y - 1, strict=True):
            margin = side * (a * weights[0] + b * weights[1])
            total += np.maximum(0, 1 - margin) if self._loss == "hinge" else np.logaddexp(0, -margin)
        total += len(self.y) * _STRENGTH * (weights**2).sum(axis=0)
        return total / len(self.y)

    def surface(self, title: str, formula: str, rate: float) -> Surface:
        """It as a surface."""
        x, y = (-4.0, 6.0), (-2.2, 5.4)
        minima = lowest(self.losses, x, y)[np.newaxis]
        value, slope = (lambda w: self.loss_and_gradient(w)[0]), (lambda w: self.loss_and_gradient(w)[1])
        return Surface(title, formula, value, slope, self.losses, x, y, (-2.6, 4.1), rate, minima)


def lowest(losses: Callable[[Array], Array], x: tuple[float, float], y: tuple[float, float]) -> Array:
    """The minimum of a convex surface: that of a grid, of a finer grid around it, and so on."""
    middle = np.array([np.mean(x), np.mean(y)])
    half = np.array([x[1] - x[0], y[1] - y[0]]) / 2
    unit = np.stack(np.meshgrid(np.linspace(-1, 1, 41), np.linspace(-1, 1, 41))).reshape(2, -1)
    for _ in range(14):
        points = middle[:, np.newaxis] + half[:, np.newaxis] * unit
        middle, half = points[:, losses(points).argmin()], half / 4
    return middle


def _bowl(w: Array) -> Any:
    return (w[0] ** 2 + 20 * w[1] ** 2) / 2


def _valley(w: Array) -> Any:
    return ((1 - w[0]) ** 2 + 10 * (w[1] - w[0] ** 2) ** 2) / 10


def _valley_gradient(w: Array) -> Array:
    off = w[1] - w[0] ** 2
    return np.array([-(1 - w[0]) - 20 * w[0] * off, 10 * off]) / 5


def _saddle(w: Array) -> Any:
    return (w[0] ** 2 - 1) ** 2 / 4 + w[1] ** 2 / 2


def _hills(w: Array) -> Any:
    return ((w[0] ** 2 + w[1] - 11) ** 2 + (w[0] + w[1] ** 2 - 7) ** 2) / 20


def _hills_gradient(w: Array) -> Array:
    first, second = w[0] ** 2 + w[1] - 11, w[0] + w[1] ** 2 - 7
    return np.array([2 * w[0] * first + second, first + 2 * w[1] * second]) / 10


_HOLLOWS = [[3, 2], [-2.805118087, 3.131312518], [-3.779310253, -3.283185991], [3.584428340, -1.848126527]]


@lru_cache(maxsize=1)
def surfaces() -> Mapping[str, Surface]:
    """All surfaces by name, in the order of the menu."""
    of = f"loss of a linear classifier with the weights x and y, on 24 points, + {_STRENGTH:g} (x² + y²)"
    softmax, hinge = Classifier("softmax"), Classifier("hinge")
    return {
        "bowl": _plain(
            "Bowl",
            "(x² + 20 y²) / 2",
            _bowl,
            lambda w: w * [1, 20],
            (-5.0, 5.0),
            (-3.5, 3.5),
            (-4.4, 2.4),
            0.06,
            np.zeros((1, 2)),
        ),
        "valley": _plain(
            "Valley",
            "((1 - x)² + 10 (y - x²)²) / 10",
            _valley,
            _valley_gradient,
            (-2.0, 2.0),
            (-0.9, 3.2),
            (-1.5, 2.4),
            0.05,
            np.ones((1, 2)),
        ),
        "saddle": _plain(
            "Saddle",
            "(x² - 1)² / 4 + y² / 2",
            _saddle,
            lambda w: np.array([w[0] ** 3 - w[0], w[1]]),
            (-2.0, 2.0),
            (-1.5, 1.5),
            (0.01, 1.2),
            0.1,
            np.array([[-1.0, 0.0], [1.0, 0.0]]),
        ),
        "hills": _plain(
            "Hills",
            "((x² + y - 11)² + (x + y² - 7)²) / 20",
            _hills,
            _hills_gradient,
            (-6.0, 6.0),
            (-5.0, 5.0),
            (-0.4, -1.2),
            0.05,
            np.array(_HOLLOWS),
        ),
        "hinge": hinge.surface("Hinge classifier", f"hinge {of}", 0.3),
        "softmax": softmax.surface("Softmax classifier", f"softmax {of}", 0.3),
    }


def _plain(
    title: str,
    formula: str,
    losses: Callable[[Array], Array],
    gradient: Callable[[Array], Array],
    x: tuple[float, float],
    y: tuple[float, float],
    start: tuple[float, float],
    rate: float,
    minima: Array,
) -> Surface:
    """The surface of a formula."""
    value = lambda w: float(losses(w))  # noqa: E731
    return Surface(title, formula, value, gradient, losses, x, y, start, rate, minima)


def picture(surface: Surface, width: int, height: int) -> tuple[list[float], Array, Array]:
    """The losses at the edges of bands, the number of each pixel's band, and how dark its contour line is."""
    losses = surface.losses(surface.grid(width, height))
    low = float(surface.losses(surface.minima.T).min())
    span = float(losses.max()) - low
    height_of_all = math.log1p(1 / _FLAT)
    level = np.log1p((losses - low).clip(0) / (_FLAT * span)) / height_of_all * BANDS
    away = np.abs(level - np.round(level)) / np.hypot(*np.gradient(level)).clip(1e-9)
    lines = np.where(np.round(level) > 0, (_LINE + 0.5 - away).clip(0, 1), 0)
    edges = low + _FLAT * span * np.expm1(np.arange(BANDS + 1) * height_of_all / BANDS)
    return edges.tolist(), level.clip(0, BANDS - 1).astype(np.uint8), (255 * lines).astype(np.uint8)
