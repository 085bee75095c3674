"""Plan: how strong the penalty of a linear model is, where its user does not say."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._checks import Array
from .._fitting.job import FitJob
from .parameters import LinearParameters
from .rows import row_counts, row_squares

_USUAL, _LEAST = 1e-4, float(np.finfo(np.float64).tiny)


class StrengthMixin(LinearParameters):
    """Alpha, and what "auto" makes of the samples.

    The weights w of a penalized likelihood have the prior density exp(-alpha * n * w @ w / 2). "auto" takes
    that whose deviation is 1 in units of the features, or 1e-4 if that is less: a typical number of X moves
    a score by about 1. Hinges ask for scores of size 1 only: there it is a typical row that does.
    """

    alpha_: float
    _seen: Any = 0.0  # what `_sizes` says of all samples so far

    def _strength(self) -> float:
        return self.alpha_

    def _set_alpha(self, job: FitJob, weight: Array | None) -> None:
        """For the samples of this job, and in `partial_fit` for all that have come."""
        if self.alpha != "auto" or self.penalty != "l2":
            self.alpha_ = _USUAL if self.alpha == "auto" else float(self.alpha)
            return
        self._seen = _sizes(job.X, weight) + (self._seen if job.incremental and not job.fresh else 0.0)
        squares, numbers, count = self._seen
        self.alpha_ = _USUAL
        if numbers > 0:
            unit = squares / (count if "hinge" in self.loss else numbers)
            self.alpha_ = min(_USUAL, max(_LEAST, float(unit / count)))


def _sizes(X: Any, weight: Array | None) -> Array:
    """The weighted sum of squares of the numbers in X, how many are not 0, and the sum of weights."""
    weight = np.ones(X.shape[0]) if weight is None else np.asarray(weight, np.float64)
    counts = weight > 0  # a row of weight 0 may have squares beyond all numbers
    squares, numbers = row_squares(X)[counts], row_counts(X)[counts]
    return np.array([weight[counts] @ squares, weight[counts] @ numbers, weight.sum()])
