"""Compute: how much losses bend by the scores, for the metric of a minimization.

Where a loss is linear, it is, unless asked for exactly, what a parabola with the same slope would bend that
has its vertex at the kink: the weights of iteratively reweighted least squares (Holland and Welsch, "Robust
regression using iteratively reweighted least-squares", 1977). So a step from far away is neither endless nor
too short.
"""

from __future__ import annotations

import numpy as np

from ..._checks import Array
from ...backends import active
from ...losses import (
    AbsoluteError,
    Huber,
    LogCosh,
    Loss,
    MulticlassHinge,
    PoissonDeviance,
    SoftmaxCrossEntropy,
)
from .smoothing import hinge_arguments

_LEAST = 1e-3  # of the mean over the samples: no direction is taken for flat
_LEAST_EXACT = 1e-9


def curvatures(loss: Loss, scores: Array, targets: Array, width: float = 0.0, exact: bool = False) -> Array:
    """About the second derivative of each sample's loss by each of its scores, (samples, scores).

    width: of the kinks of a loss that has some, as they are smoothed. exact: nearer to the second
    derivative, for a method that shortens steps which that makes too long.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        bends = _bends(loss, scores, targets, width, exact)
    bends = np.where(np.isfinite(bends), bends, 0)
    mean = bends.mean(axis=0)
    return np.maximum(bends, np.where(mean > 0, (_LEAST_EXACT if exact else _LEAST) * mean, 1.0))


def mixed_curvatures(
    loss: Loss, scores: Array, targets: Array, width: float = 0.0, exact: bool = False
) -> Array | None:
    """By pairs of scores, (samples, scores, scores); None where the scores do not mix.

    Both losses of classes are of differences of scores: each row of the matrices adds up to 0.
    """
    if isinstance(loss, SoftmaxCrossEntropy):
        shares = active().softmax(scores)
        mixed = -shares[:, :, None] * shares[:, None, :]
    elif isinstance(loss, MulticlassHinge):
        rows = np.arange(len(scores))
        bends = _hinge_bends(loss, scores, targets, width, exact)
        mixed = np.zeros((*scores.shape, scores.shape[1]))
        mixed[rows, targets, :] = mixed[rows, :, targets] = -bends
    else:
        return None
    every = np.arange(scores.shape[1])
    mixed[:, every, every] = 0
    mixed[:, every, every] = -mixed.sum(axis=2)
    return mixed


def shared_curvature(loss: Loss, scores: Array, targets: Array, share: Array) -> tuple[Array, Array]:
    """The mean of `mixed_curvatures`, and before it the share of each sample in its trace.

    Returns (samples,) and (scores, scores). Of a loss of classes without kinks. For cross-entropy the
    products of the two are the curvature itself where all samples have the same scores, as at the start.
    """
    if isinstance(loss, MulticlassHinge):
        bends = _hinge_bends(loss, scores, targets, 0.0, exact=False)
        ones = np.eye(scores.shape[1])[targets]
        pairs = _sum_of_products(ones, share[:, None] * bends)
        pairs, own = pairs + pairs.T, 2 * share * bends.sum(axis=1)
    else:
        shares = active().softmax(scores)
        pairs = _sum_of_products(shares, share[:, None] * shares)
        own = share * (1 - np.square(shares).sum(axis=1))
    if not 0 < own.sum() < np.inf:  # no sample is near a kink, or scores that are not finite
        return share, np.eye(scores.shape[1])
    own = np.maximum(own, _LEAST * own.mean())
    np.fill_diagonal(pairs, 0)
    return own / own.sum(), np.diag(pairs.sum(axis=1)) - pairs


def _sum_of_products(a: Array, b: Array) -> Array:
    return active().linear(np.ascontiguousarray(a.T), b, None)


def _bends(loss: Loss, scores: Array, targets: Array, width: float, exact: bool) -> Array:
    if isinstance(loss, SoftmaxCrossEntropy):
        shares = active().softmax(scores)
        return shares * (1 - shares)
    if isinstance(loss, MulticlassHinge):
        bends = _hinge_bends(loss, scores, targets, width, exact)
        bends[np.arange(len(scores)), targets] = bends.sum(axis=1)
        return bends
    if isinstance(loss, PoissonDeviance):
        return np.exp(scores)
    error = np.abs(scores - targets)
    if isinstance(loss, Huber):
        return _linear_beyond(error, loss.delta, exact) * loss.delta
    if isinstance(loss, AbsoluteError):
        return _linear_beyond(error, width, exact)
    if isinstance(loss, LogCosh):
        if exact:
            return np.cosh(np.minimum(error, 300.0)) ** -2
        return np.where(error > 1e-4, np.tanh(error) / np.maximum(error, 1e-4), 1.0)
    return np.ones_like(error)  # SquaredError with the factor 1 / 2


def _hinge_bends(loss: MulticlassHinge, scores: Array, labels: Array, width: float, exact: bool) -> Array:
    """Of the hinge of each other class; 0 for the label's own."""
    z = hinge_arguments(loss.margin, scores, labels)
    return np.where(z > 0, 2.0 if loss.squared else _linear_beyond(z, width, exact), 0)


def _linear_beyond(size: Array, width: float, exact: bool) -> Array:
    """Of a parabola that goes on as a line of slope 1 beyond a width."""
    bends = 1 / np.maximum(size, width)
    # A tenth of it is small enough near the minimum, and tells the way where all sizes are large.
    return np.where(size > width, 0.1 * bends, bends) if exact else bends
