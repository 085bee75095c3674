"""Samples in the plane: the data sets of TensorFlow Playground, more of them, and those of the user."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..._checks import Array
from ..fields import MessageError

SIDE = 6.0  # the plane is [-6, 6] x [-6, 6]
MOST_SAMPLES = 2000
MOST_CLASSES = 7


class Samples(NamedTuple):
    """Points, with labels or numbers.

    X: (samples, 2) float64. y: int64 labels, or float64 targets where `classes` is empty. classes: their
    names. axes: names and ends of what the two coordinates stand for. notes: what was left out.
    """

    X: Array
    y: Array
    classes: tuple[str, ...]
    axes: tuple[tuple[str, float, float], ...] = (("x₁", -SIDE, SIDE), ("x₂", -SIDE, SIDE))
    notes: tuple[str, ...] = ()


Generator = Callable[[int, float, np.random.Generator], tuple[Array, Array]]  # of samples and noise (0 to 1)


def samples(name: str, count: int = 500, noise: float = 0.0, seed: int = 0) -> Samples:
    """One of the data sets by its name in `CLASSIFICATION` or `REGRESSION`.

    Parameters
    ----------
    name : str
    count : int
        Of points.
    noise : float
        0 to 50, in percent of the plane's half side, roughly as TensorFlow Playground has it.
    seed : int

    Returns
    -------
    Samples
    """
    draw = {**CLASSIFICATION, **REGRESSION}[name]
    X, y = draw(count, noise / 100, np.random.default_rng(seed))
    if name in REGRESSION:
        return Samples(X, y, ())
    labels = y.astype(np.int64)
    return Samples(X, labels, _names(labels))


def drawn(points: Sequence[Sequence[float]]) -> Samples:
    """Points that were drawn by hand: (x1, x2, class) each."""
    if not points:
        raise MessageError("draw a point first")
    array = np.array(points, dtype=np.float64)
    labels = array[:, 2].astype(np.int64)
    return Samples(array[:, :2], labels, _names(labels))


def _names(labels: Array) -> tuple[str, ...]:
    """Of the classes: two at least, since there is nothing to choose from among fewer."""
    return tuple(f"class {label}" for label in range(max(labels.max() + 1, 2)))


def _in_disc(
    count: int, low: float, high: float, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    radius, angle = random.uniform(low, high, count), random.uniform(0, 2 * math.pi, count)
    return radius * np.sin(angle), radius * np.cos(angle)


def _circle(count: int, noise: float, random: np.random.Generator) -> tuple[Array, Array]:
    """A disc of radius 2.5 within a ring from 3.5 to 5; noise moves what the label is decided by."""
    inner = np.column_stack(_in_disc(count // 2, 0, 2.5, random))
    outer = np.column_stack(_in_disc(count - count // 2, 3.5, 5, random))
    X = np.concatenate([inner, outer])
    moved = X + noise * random.uniform(-5, 5, X.shape)
    return X, np.hypot(*moved.T) < 2.5


def _exclusive_or(count: int, noise: float, random: np.random.Generator) -> tuple[Array, Array]:
    """Four squares, with a gap of 0.6 between them."""
    X = random.uniform(-5, 5, (count, 2))
    X += np.where(X > 0, 0.3, -0.3)
    moved = X + noise * random.uniform(-5, 5, X.shape)
    return X, moved[:, 0] * moved[:, 1] >= 0


def _clusters(centers: Sequence[tuple[float, float]]) -> Generator:
    """Normal clusters with a variance from 0.5 to 4 as the noise goes from 0 to 50 %."""

    def draw(count: int, noise: float, random: np.random.Generator) -> tuple[Array, Array]:
        y = np.arange(count) % len(centers)
        return np.array(centers)[y] + math.sqrt(0.5 + 7 * noise) * random.standard_normal((count, 2)), y

    return draw


def _spiral(arms: int) -> Generator:
    """Arms that turn 1.75 times around the center."""

    def draw(count: int, noise: float, random: np.random.Generator) -> tuple[Array, Array]:
        y = np.arange(count) % arms
        along = (np.arange(count) // arms) / max(-(-count // arms), 1)
        angle = 1.75 * along * 2 * math.pi + 2 * math.pi * y / arms
        X = 5 * along[:, np.newaxis] * np.column_stack([np.sin(angle), np.cos(angle)])
        return X + noise * random.uniform(-1, 1, X.shape), y

    return draw


def _plane(count: int, noise: float, random: np.random.Generator) -> tuple[Array, Array]:
    """A plane that rises from -1 to 1 along the diagonal."""
    X = random.uniform(-SIDE, SIDE, (count, 2))
    moved = X + noise * random.uniform(-SIDE, SIDE, X.shape)
    return X, np.clip(moved.sum(axis=1) / 10, -1, 1)


def _hills(count: int, noise: float, random: np.random.Generator) -> tuple[Array, Array]:
    """Six cones of radius 2, three up and three down."""
    centers = np.array([[-4, 2.5], [0, 2.5], [4, 2.5], [-4, -2.5], [0, -2.5], [4, -2.5]])
    signs = np.array([1, -1, 1, -1, 1, -1])
    X = random.uniform(-SIDE, SIDE, (count, 2))
    moved = X + noise * random.uniform(-SIDE, SIDE, X.shape)
    distances = np.linalg.norm(moved[:, np.newaxis] - centers, axis=2)
    heights = signs * np.clip(1 - distances / 2, 0, 1)
    return X, heights[np.arange(count), np.abs(heights).argmax(axis=1)]


CLASSIFICATION: Mapping[str, Generator] = {
    "circle": _circle,
    "exclusive or": _exclusive_or,
    "gaussian": _clusters([(-2, -2), (2, 2)]),
    "spiral": _spiral(2),
    "three clusters": _clusters([(0, 3), (-2.6, -1.5), (2.6, -1.5)]),
    "three arms": _spiral(3),
    "five arms": _spiral(5),
}
REGRESSION: Mapping[str, Generator] = {"plane": _plane, "hills": _hills}

# The inputs that a network can be given, as functions of the two coordinates.
INPUTS: Mapping[str, Callable[[Array, Array], Array]] = {
    "x1": lambda x1, x2: x1,
    "x2": lambda x1, x2: x2,
    "x1^2": lambda x1, x2: x1**2,
    "x2^2": lambda x1, x2: x2**2,
    "x1 x2": lambda x1, x2: x1 * x2,
    "sin x1": lambda x1, x2: np.sin(x1),
    "sin x2": lambda x1, x2: np.sin(x2),
}


def inputs(X: Array, names: Sequence[str]) -> Array:
    """The inputs of these names for points (samples, 2), as float32."""
    return np.column_stack([INPUTS[name](X[:, 0], X[:, 1]) for name in names]).astype(np.float32)


def split(y: Array, test_share: float, seed: int, labelled: bool) -> Array:
    """Which samples are held out: a share at random, of each class at least one where it has two."""
    random = np.random.default_rng([seed, 1])
    held_out = np.zeros(len(y), dtype=bool)
    groups = [np.flatnonzero(y == label) for label in np.unique(y)] if labelled else [np.arange(len(y))]
    for members in groups:
        if len(members) > 1:
            most = min(max(round(test_share * len(members)), 1), len(members) - 1)
            held_out[random.permutation(members)[:most]] = True
    return held_out
