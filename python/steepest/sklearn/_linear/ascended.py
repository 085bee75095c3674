"""What a linear model asks dual coordinate ascent for, and shows of it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from scipy import sparse

from ..._checks import Array
from ...backends.data import Parameters
from .._fitting.job import FitJob
from .dual import DualFit
from .outcome import Outcome
from .parameters import LinearParameters
from .scaled import shares
from .units import Units, units_of


class DualMixin(LinearParameters):
    """Of `solver="sdca"`."""

    alpha_: float
    _paired: Any

    @abstractmethod
    def _layer(self) -> Parameters:
        """The layer that learns."""

    @abstractmethod
    def _show(self, layer: Parameters) -> None:
        """Make `coef_` and `intercept_` of a layer of scores."""

    @abstractmethod
    def _start(self, y: Array, weight: Array | None) -> tuple[Any, float]:
        """Intercepts that are best without weights, and the pace."""

    @abstractmethod
    def _targets(self, y: Array, dtype: np.dtype[Any]) -> Array:
        """As the loss takes them."""

    def _ascended(self, job: FitJob) -> Outcome:
        """By the dual of the layer that learns, from the beginning."""
        layer, batch = self._layer(), self._training_batch(job)
        # Of two classes, two columns have half the squares of their difference.
        strength = self.alpha_ * (2 if self._paired else 1)
        X = job.X if sparse.issparse(job.X) else sparse.csr_array(job.X)
        share = shares(X.shape[0], batch.weight)
        fit = DualFit(X, self._units(job, batch.weight), share, strength, layer)
        best = fit.run(float(self.tol), int(self.max_iter), self._random_state)
        self._show(one_score(layer) if self._paired else layer)
        return best

    def _units(self, job: FitJob, weight: Array | None) -> Units:
        loss, start = self._loss(), self._start(job.y, weight)[0] if self.fit_intercept else 0.0
        targets = self._targets(job.y, job.X.dtype) if loss.takes_labels else job.y
        return units_of(loss, targets, shares(len(job.y), weight), np.atleast_1d(start))


def one_score(layer: Parameters) -> Parameters:
    """Of the layer that learns two."""
    weight, bias = layer.weight, layer.bias
    return Parameters(weight[:, 1:] - weight[:, :1], None if bias is None else bias[1:] - bias[:1])
