"""The specification of learning from rows as they come: AdaGrad with implicit steps.

On a row x of weight c, whose loss has the gradient g by its scores, each feature j has a rate::

    sum_j += c * x_j**2 * |g|**2,  rate_j = rate / sqrt(floor + sum_j)
    W_j -= c * rate_j * x_j * u',  u' = l'(s - pull * u'),  pull = c * sum of rate_j * x_j**2

After Duchi, Hazan and Singer, JMLR 12, 2011, and Kulis and Bartlett, "Implicit online learning", ICML 2010.
It is computed in float64; the scores are what the parameters are in their dtype.
"""

from __future__ import annotations

import numpy as np

from ..._checks import Array
from ..online import OnlinePoint, OnlineRows
from .dual_ascent import implicit_gradient
from .losses import loss_and_gradient
from .quiet import quiet

_MOST_PULL = 1e10  # beyond which float64 tells no steps apart: larger weights count as if they pulled so far
_ROUNDINGS = 16  # of a row's scores: what is left at the kink of a hinge is no loss


class Online:
    """Implements `online.Online`."""

    def __init__(self, rows: OnlineRows) -> None:
        self._rows = rows

    @quiet
    def learn(self, point: OnlinePoint, order: Array) -> float:
        """Make a step on each of the rows of `order`, one after the other."""
        rows, total = self._rows, 0.0
        for i in order:
            own = slice(rows.x.indptr[i], rows.x.indptr[i + 1])
            x, places = rows.x.data[own].astype(np.float64), rows.x.indices[own]
            scores = (rows.x.data[own] @ point.weight[places]).astype(np.float64)
            if point.bias is not None:
                scores += point.bias
            weight, label = float(rows.weight[i]), int(rows.labels[i])
            loss, gradient = self._loss(_of_classes(scores, rows.classes), label)
            total += weight * loss
            rounding = _ROUNDINGS * np.finfo(point.weight.dtype).eps * max(1.0, float(np.abs(scores).max()))
            if weight == 0 or loss <= rounding or not gradient.any():
                continue
            if not self._move(point, places, x, scores, weight, gradient, label):
                return np.nan
        return total

    def _loss(self, scores: Array, label: int) -> tuple[float, Array]:
        value, gradient = loss_and_gradient(self._rows.loss, scores[None], np.array([label]), None)
        return float(value), gradient[0]

    def _move(
        self,
        point: OnlinePoint,
        places: Array,
        x: Array,
        scores: Array,
        weight: float,
        gradient: Array,
        label: int,
    ) -> bool:
        """Whether there is a step that is finite, which is made."""
        rows, paired = self._rows, self._rows.classes == 2
        if point.bias is not None:
            places, x = np.append(places, len(point.sums) - 1), np.append(x, point.unit)
        square = gradient[1] ** 2 if paired else (gradient**2).sum()
        point.sums[places] += weight * x**2 * square
        steps = point.rate * x / np.sqrt(point.floor + point.sums[places])
        weight = min(weight, _MOST_PULL / float(steps @ x))
        pull, zero = weight * float(steps @ x), np.zeros(rows.classes)
        pull = pull / 2 if paired else pull  # of two scores, each goes half as far
        u = implicit_gradient(rows.loss, _of_classes(scores, rows.classes), label, zero, pull)
        u = weight * (u[1:] if paired else u)
        if not np.isfinite(u.astype(point.weight.dtype)).all():
            return False
        if point.bias is not None:
            point.bias[...] -= (steps[-1] * point.unit * u).astype(point.bias.dtype)
            places, steps = places[:-1], steps[:-1]
        point.weight[places] -= np.outer(steps, u).astype(point.weight.dtype)
        return True


def _of_classes(scores: Array, classes: int) -> Array:
    """One for each class: of two, half the score against it and for it."""
    return np.array([-scores[0], scores[0]]) / 2 if classes == 2 else scores
