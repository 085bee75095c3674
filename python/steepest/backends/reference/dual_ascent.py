"""The specification of dual coordinate ascent, after Shalev-Shwartz and Zhang, JMLR 14, 2013.

A step on a row of scores s and share c, which holds u, replaces that by the gradient u' of the loss l at the
scores t that it leads to itself::

    u' = l'(t),  t = s - pull * (u' - u),  pull = c * |x|**2

That is where the dual is largest along u. It is computed in float64, by other means than the extension's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._checks import Array
from ...losses import Huber, Loss, MulticlassHinge, SquaredError
from ..dual import DualPoint, DualRows
from .losses import loss_and_gradient
from .quiet import quiet

_SMALLEST_PULL = 1e-6  # shorter steps are as good, and have no logarithm
_ROUNDS = 50  # of Newton's method, of which few are needed
_HALVINGS = 100


class DualAscent:
    """Implements `dual.DualAscent`, a row at a time."""

    def __init__(self, rows: DualRows) -> None:
        self._rows = rows

    @quiet
    def ascend(self, point: DualPoint, order: Array) -> float:
        """Make a step on each of the rows of `order`, one after the other."""
        before = np.square(point.weight, dtype=np.float64).sum()
        rows, of_bias = self._rows, 0.0 if point.bias is None else point.bias_square
        for i in order:
            places, entries, scores = self._row(point, i)
            u, share, target = point.gradients[i].astype(np.float64), float(rows.shares[i]), rows.targets[i]
            point.losses[i], point.gaps[i] = loss_and_gap(rows.loss, scores, target, u)
            pull = share * (float(rows.squares[i]) + of_bias)
            point.gradients[i] = implicit_gradient(rows.loss, scores, target, u, pull)
            change = -share * (point.gradients[i] - u)
            point.weight[places] += entries[:, None] * change
            if point.bias is not None:
                point.bias[...] += of_bias * change
        return float(np.square(point.weight, dtype=np.float64).sum() - before)

    @quiet
    def measure(self, point: DualPoint) -> None:
        """Set the losses and gaps of all rows, and move nothing."""
        for i, target in enumerate(self._rows.targets):
            scores = self._row(point, i)[2]
            point.losses[i], point.gaps[i] = loss_and_gap(self._rows.loss, scores, target, point.gradients[i])

    def _row(self, point: DualPoint, i: int) -> tuple[Array, Array, Array]:
        x = self._rows.x
        own = slice(x.indptr[i], x.indptr[i + 1])
        places, entries = x.indices[own], x.data[own]
        scores = entries @ point.weight[places]
        return places, entries, (scores if point.bias is None else scores + point.bias).astype(np.float64)


def loss_and_gap(loss: Loss, scores: Array, target: Any, u: Array) -> tuple[float, float]:
    """l(s), and l(s) + l*(u) - s u with the conjugate l* of the loss; `target` may be a label."""
    if not loss.takes_labels:
        value = loss_and_gradient(loss, scores[None], target[None].astype(np.float64), None)[0]
        return value, max(0.0, float(_target_gaps(loss, scores, target.astype(np.float64), u).sum()))
    label = int(target)
    if isinstance(loss, MulticlassHinge):
        margins, a = (np.delete(x, label) for x in (scores - scores[label] + loss.margin, u))
        over = np.maximum(margins, 0)
        values, conjugates = (over**2, a**2 / 4) if loss.squared else (over, 0)
        return float(values.sum()), max(0.0, float((values + conjugates - a * margins).sum()))
    log_sum = scores.max() + np.log(np.exp(scores - scores.max()).sum())
    p = _probabilities(u, label)
    divergence = p * (np.log(np.where(p > 0, p, 1)) - scores + log_sum)
    return float(log_sum - scores[label]), max(0.0, float(divergence.sum()))


def implicit_gradient(loss: Loss, scores: Array, target: Any, u: Array, pull: float) -> Array:
    """U' of the formula above."""
    if not loss.takes_labels:
        return np.asarray(_target_gradient(loss, scores, target.astype(np.float64), u, pull))
    label, pull = int(target), max(pull, _SMALLEST_PULL)
    if isinstance(loss, MulticlassHinge):
        return _hinge_gradient(loss, scores, label, u, pull)
    # log(p) + pull p = z - c, with c such that the sum of p is 1: pull p = omega(z - c + log(pull)).
    z = scores + pull * _probabilities(u, label) + np.log(pull)
    c = z.max() - pull - np.log(pull)  # for which the largest p is 1 alone
    for _ in range(_ROUNDS):
        w = _omega(z - c)
        step = (w.sum() - pull) / (w / (1 + w)).sum()
        c += step
        if abs(step) <= 1e-15 * (1 + abs(c)):
            break
    gradient: Array = w / w.sum()
    gradient[label] = 0
    gradient[label] = -gradient.sum()
    return gradient


def _probabilities(u: Array, label: int) -> Array:
    """What the gradient u of a softmax stands for."""
    p = u.astype(np.float64)
    p[label] += 1
    return np.maximum(p, 0)


def _omega(z: Array) -> Array:
    """W of w + log(w) = z, by Newton's method."""
    small = np.exp(np.minimum(z, 1))
    w: Array = np.where(z > 1, z - np.log(np.maximum(z, 1)), small / (1 + small))
    for _ in range(6):
        w = np.where(z < -37, np.exp(z), w * (1 + z - np.log(w)) / (1 + w))
    return w


def _hinge_gradient(loss: MulticlassHinge, scores: Array, label: int, u: Array, pull: float) -> Array:
    """Of a_j = clip(rate (v_j - pull A), 0, most) with A their sum: the root of straight pieces."""
    rate, most = (2 / (1 + 2 * pull), np.inf) if loss.squared else (1 / pull, 1.0)
    v = np.delete(scores - scores[label] + loss.margin + pull * (u - u[label]), label)

    def weights(sums: Array) -> Array:
        return np.clip(rate * (v - pull * sums[:, None]), 0, most)

    corners = np.concatenate([v / pull, [] if loss.squared else v / pull - most])
    ends = np.sort(np.concatenate([[0.0], corners[corners > 0]]))
    over = weights(ends).sum(axis=1) - ends
    last = int(np.flatnonzero(over >= 0)[-1])  # from there on it is below 0: all weights are 0 at the last
    if last + 1 < len(ends):
        run = ends[last + 1] - ends[last]
        total = ends[last] + run * over[last] / (over[last] - over[last + 1])
    else:
        total = ends[last]
    a = weights(np.array([total]))[0]
    return np.insert(a, label, -a.sum())


def _target_gaps(loss: Loss, scores: Array, targets: Array, u: Array) -> Any:
    """L(s) + l*(u) - s u of each output."""
    e = scores - targets
    if isinstance(loss, SquaredError):
        return loss.factor * np.square(e - u / (2 * loss.factor))
    if isinstance(loss, Huber):
        c = np.clip(e, -loss.delta, loss.delta)
        return np.square(c - u) / 2 + (c - u) * (e - c)
    if loss.kernel == "absolute_error":
        return np.abs(e) - u * e
    if loss.kernel == "poisson":
        mean = np.maximum(u + targets, 0)
        return np.exp(scores) - mean + mean * (np.log(np.where(mean > 0, mean, 1)) - scores)
    # Of log(cosh): the divergence of two probabilities, or near 0 the most that the conjugate's bend allows.
    a, p = np.tanh(e), (1 + np.stack([u, -u])) / 2
    entropy = (p * np.log(np.where(p > 0, p, 1))).sum(axis=0)
    most = np.square(np.maximum(np.abs(a), np.abs(u)))
    bound = np.square(u - a) / 2 / (1 - np.minimum(most, 0.5))
    return np.where(most < 0.25, bound, entropy + np.logaddexp(e, -e) - u * e)


def _target_gradient(loss: Loss, scores: Array, targets: Array, u: Array, pull: float) -> Any:
    """Of each output."""
    v = scores - targets + pull * u  # from which pull u' is taken
    if isinstance(loss, SquaredError):
        return 2 * loss.factor * v / (1 + 2 * loss.factor * pull)
    if isinstance(loss, Huber):
        return np.clip(v / (1 + pull), -loss.delta, loss.delta)
    if loss.kernel == "absolute_error":
        return np.clip(v / max(pull, np.finfo(np.float64).tiny), -1, 1)
    if loss.kernel == "poisson":
        pull = max(pull, _SMALLEST_PULL)
        return _omega(scores + pull * np.maximum(u + targets, 0) + np.log(pull)) / pull - targets
    low, high = np.minimum(0, v), np.maximum(0, v)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        over = middle + pull * np.tanh(middle) > v
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    return np.tanh(high)
