"""y = (x - mean) / sqrt(variance + epsilon) * weight + bias, feature by feature.

Mean and variance are those of the batch in training, and the running ones in inference.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from ...._checks import Array
from ....compile.stage import Stage
from ...data import Parameters
from ...protocol import Backend
from .base import Rows, StageType, View


class BatchNorm(StageType):
    """Normalization by statistics, which are what the forward pass saves."""

    kind: ClassVar[str] = "batch_norm"

    def forward(self, view: View) -> tuple[Array, Array]:
        """The rows, and the statistics."""
        statistics = view.running if view.key is None else _moments(view.x)
        if view.whole is not None:
            statistics = view.whole.exchange(statistics, False)
        return _normalized(view, statistics), statistics

    def backward(self, view: View, y: Array, grad: Array) -> Array:
        """Through the statistics too."""
        p, inverse, normal = view.parameters, *_normal(view)
        sums, samples = _sums(normal, grad), len(view.x)
        if view.whole is not None:
            sums, samples = view.whole.exchange(sums, True), view.whole.samples
        share = view.x.dtype.type(1 / samples)
        dx: Array = p.weight[0] * inverse * (grad - share * (normal * sums[0] + sums[1]))
        return dx

    def parameter_gradients(self, view: View, grad: Array) -> Parameters:
        """Sums over the samples."""
        scale, shift = _sums(_normal(view)[1], grad)
        return Parameters(scale[None, :], shift)

    def statistics(self, stage: Stage, batch: Array, before: Array) -> Array:
        """The running ones, moved towards those of the batch."""
        real, momentum = before.dtype.type, stage.momentum
        after: Array = real(momentum) * before + real(1 - momentum) * batch
        return after

    def directional(
        self, backend: Backend, view: View, change: Parameters, dx: Array | None, partner: Array | None
    ) -> Rows:
        """Change of z = (x - mean) r, r = 1 / deviation: c - z * mean(z * c) with c = (dx - mean(dx)) r."""
        y, statistics = self.forward(view)
        inverse, normal = _normal(view._replace(saved=statistics))
        tangent = normal * change.weight[0] + change.bias
        if dx is not None:
            centered = (dx - dx.mean(axis=0)) * inverse
            tangent = tangent + view.parameters.weight[0] * (
                centered - normal * (normal * centered).mean(axis=0)
            )
        return Rows(y, tangent)


def _moments(x: Array) -> Array:
    """Mean and biased variance of each column."""
    mean = x.mean(axis=0)
    return np.stack([mean, np.square(x - mean).mean(axis=0)])


def _sums(normal: Array, grad: Array) -> Array:
    """The gradients of scale and shift."""
    return np.stack([(grad * normal).sum(axis=0), grad.sum(axis=0)])


def _inverse_deviation(stage: Stage, statistics: Array) -> Array:
    """1 / sqrt(variance + epsilon)."""
    real = statistics.dtype.type
    inverse: Array = real(1) / np.sqrt(statistics[1] + real(stage.epsilon))
    return inverse


def _normalized(view: View, statistics: Array) -> Array:
    p, inverse = view.parameters, _inverse_deviation(view.stage, statistics)
    y: Array = (view.x - statistics[0]) * (p.weight[0] * inverse) + p.bias
    return y


def _normal(view: View) -> tuple[Array, Array]:
    """The inverse deviation, and the rows before weight and bias."""
    inverse = _inverse_deviation(view.stage, view.saved)
    return inverse, (view.x - view.saved[0]) * inverse
