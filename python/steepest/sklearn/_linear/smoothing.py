"""Compute: losses with kinks as the limit of smooth ones, and how far they are from it.

A kink max(0, z) is the largest of u * z for u in [0, 1]; with - width * u**2 / 2 added it is smooth, and
differs by width / 2 at most (Nesterov, "Smooth minimization of non-smooth functions", Mathematical
Programming 103, 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..._checks import Array
from ...backends.data import Batch
from ...losses import AbsoluteError, CustomLoss, Loss, MulticlassHinge
from .scaled import shares

# Of scores and targets: max(0, z), smoothed to a width, for each z of a sample; its slope u; and the kinked
# one itself.
_Kinks = Callable[[Array, Array, float], tuple[Array, Array, Array]]


@dataclass
class Smoothed:
    """A loss of a batch by the width of its kinks.

    Attributes
    ----------
    width : float
        Of the kinks, to begin with.
    left : float
        How much lower than at the minimum of the smoothed loss the kinked one can be, at most; of the last
        evaluation.
    """

    kinks: _Kinks
    spread: Callable[[Array, Array], Array]
    share: Array
    width: float
    left: float = 0.0

    def loss(self, level: float) -> Loss:
        """The mean over samples, and its gradient, with kinks of level times the width."""
        width = level * self.width

        def evaluate(scores: Array, targets: Array) -> tuple[float, Array]:
            value, slope, kinked = self.kinks(scores, targets, width)
            # Of the best point for this width, what a better one can gain on the kinked loss: the dual value
            # of the slopes is higher by width * slope**2 / 2 without the smoothing.
            left = kinked - value - width / 2 * np.square(slope)
            self.left = max(float(self.share @ left.sum(axis=1)), 0.0)
            return float(self.share @ value.sum(axis=1)), self.spread(slope * self.share[:, None], targets)

        return CustomLoss(evaluate)


def smoothed(loss: Loss, batch: Batch) -> Smoothed | None:
    """None for a loss that is smooth by itself."""
    share = shares(len(batch.targets), batch.weight)
    if isinstance(loss, AbsoluteError):
        spread = float(share @ np.abs(batch.targets - share @ batch.targets).sum(axis=1))
        return Smoothed(_absolute, lambda slope, _: slope, share, spread or 1.0)
    if isinstance(loss, MulticlassHinge) and not loss.squared:
        return Smoothed(_hinges(loss.margin), _to_scores, share, loss.margin or 1.0)
    return None


def smooth(z: Array, width: Array | float) -> tuple[Array, Array]:
    """max(0, z) smoothed, and its slope; a width of 0 stands for 1, where nothing depends on it."""
    slope = np.clip(z / np.where(width == 0, 1.0, width), 0, 1)
    return slope * (z - width / 2 * slope), slope


def _absolute(scores: Array, targets: Array, width: float) -> tuple[Array, Array, Array]:
    error = scores - targets
    value, slope = smooth(np.abs(error), width)
    return value, slope * np.sign(error), np.abs(error)


def hinge_arguments(margin: float, scores: Array, labels: Array) -> Array:
    """The z of max(0, z) for each other class of a sample; 0 for its own."""
    rows = np.arange(len(scores))
    z = margin + scores - scores[rows, labels][:, None]
    z[rows, labels] = 0
    return z


def _hinges(margin: float) -> _Kinks:
    def kinks(scores: Array, labels: Array, width: float) -> tuple[Array, Array, Array]:
        z = hinge_arguments(margin, scores, labels)
        value, slope = smooth(z, width)
        return value, slope, np.maximum(z, 0)

    return kinks


def _to_scores(slope: Array, labels: Array) -> Array:
    """Each other class pushes its score, and pulls that of the label."""
    rows = np.arange(len(slope))
    slope[rows, labels] = -slope.sum(axis=1)
    return slope
