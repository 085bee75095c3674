"""Compute: an objective of all samples at once, and its minimum."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ... import _checks
from ..._checks import Array
from ...backends.data import Batch, Parameters, TrainConfig
from ...compile.compiled import Compiled
from ...layers import Linear
from .curvature import curvatures, mixed_curvatures, shared_curvature
from .l1.proximal import ProximalNewton
from .l1.quadratic import Quadratic
from .metric import MOST_MIXED, Curvature, few_enough
from .minimize import LBFGS, Metric, Minimum, dot
from .scaled import Scaled
from .smoothing import smooth, smoothed

_SURE = 0.01  # what is left to a minimum is estimated, and may be this much too little
_NO_END = 1e-6  # of the value at the start: so small, a loss that has no minimum is said to have none
NOTHING = 1e-14  # and any other is said to have come to 0
_MIXED_AT_ONCE = 1e7  # multiply-adds, up to which the Hessian of all scores together is nearly free
_PAIRS, _PAIRS_SHARED = 10, 20  # steps that share a Hessian, and a metric from one sum of products
_STEP = 4  # multiply-adds of a step, for each sample and weight: scores, gradient, and as long for the rest
_DEAR = 1e100  # a penalty of a scaled weight that no sample can make up for: the feature is as good as 0
_LAST_LEVEL = 1e-12  # kinks, of their width at the start: narrower ones are of rounding


@dataclass(frozen=True)
class Objective:
    """What is minimized over a layer of scores, in the units of the samples.

    config: the loss of a batch by the scores of the layer. l1, l2: l1 * sum|W| + l2 * sum(W**2). paired: one
    score s counts as the two -s / 2 and s / 2. differences: only those of scores count. endless: there is no
    minimum if nothing bounds the weights and they tell all samples right.
    """

    config: TrainConfig
    l1: float
    l2: float
    paired: bool = False
    differences: bool = False
    endless: bool = False


class Problem:
    """An objective on scaled samples, by the points of `Scaled`."""

    def __init__(
        self, scaled: Scaled, targets: Array, weight: Array | None, layer: Parameters, objective: Objective
    ) -> None:
        self._scaled = scaled
        self._objective = objective
        self._bias = layer.bias is not None
        features, self._scores = layer.weight.shape
        outputs = 2 * self._scores if objective.paired else self._scores
        self._layer = Parameters(np.zeros((features, outputs)), np.zeros(outputs) if self._bias else None)
        linear = Linear(features, outputs, bias=self._bias)
        self._network = Compiled([linear], np.float64, [self._layer]).network()
        none = np.zeros(int(self._bias))
        l2, l1 = objective.l2 / scaled.scale / scaled.scale, objective.l1 / scaled.scale
        dear = ~(l2 + l1 < _DEAR)
        scaled.drop(dear)
        self._l2 = np.append(np.where(dear, 0, l2), none)[:, None]
        self._l1 = np.append(np.where(dear, 0, l1), none)[:, None]
        self._batch = batch = Batch(scaled.batch_rows, targets, weight)
        self._kinks = smoothed(objective.config.loss, batch)
        self._smooths = False  # the l1 penalty, too
        self._widths = np.zeros_like(self._l1)  # of its kinks then, at level 1

    def minimize(self, point: Array, tol: float, max_iter: int) -> Minimum:
        """From a point. Kinks are smoothed, ever less until no more than tol is left.

        Those of an l1 penalty are so only where steps that keep them come no further.
        """
        objective = self._objective
        start = self.value(point)
        if start <= 0:
            return Minimum(point=point, slope=point, value=start, values=[], converged=True)
        endless = objective.endless and not (objective.l1 or objective.l2)
        floor = (_NO_END if endless else NOTHING) * start
        values: list[float] = []
        level, lowest = 1.0, None
        while True:
            method = self._method(level)
            try:
                best = method.run(point, _SURE * tol, max_iter - len(values), floor if endless else 0.0)
            except KeyboardInterrupt:
                warnings.warn("Training interrupted by user.", stacklevel=_checks.caller_level())
                best = method.at or Minimum(point=point, slope=point, value=start, values=[])
                best.interrupted = True
            point, values = best.point, values + best.values
            best.value, best.values = self.value(point), values
            best.endless = endless and best.value <= floor
            if best.endless or best.interrupted:
                return _lower(best, lowest)
            left = self._left(point, level) + min(best.promised, best.value)
            reached, ended = best.converged, len(values) >= max_iter
            best.converged = best.value <= floor or (reached and left <= tol * best.value)
            if isinstance(method, ProximalNewton) and not (reached or ended or best.converged):
                lowest, level = best, 1.0
                self._smooth_penalty(best.value)
                continue
            kinks = self._kinks is not None or self._smooths
            if best.converged or not reached or ended or level < _LAST_LEVEL or not kinks:
                return _lower(self._with_zeros(best, level, tol), lowest)
            level /= 10

    def _method(self, level: float) -> LBFGS | ProximalNewton:
        if self._objective.l1 and not self._smooths:
            l1 = np.broadcast_to(self._l1, (len(self._l1), self._scores))
            return ProximalNewton(self._function(level), partial(self._quadratic_at, level), l1)
        polish = self._kinks is None and not self._smooths
        return LBFGS(self._function(level), self._metric_at(level), polish=polish)

    def _smooth_penalty(self, value: float) -> None:
        """With kinks so wide that at the width, the penalties come to a value."""
        costly = self._l1 > 0
        self._widths[costly] = value / (self._l1[costly] * costly.sum() * self._scores)
        self._smooths = True

    def _left(self, point: Array, level: float) -> float:
        """How much lower than at the minimum for this level the objective itself can be, at most."""
        left = 0.0 if self._kinks is None else self._kinks.left
        if self._smooths:
            value, slope = smooth(np.abs(point), level * self._widths)
            left += dot(self._l1, np.abs(point) - value - level * self._widths / 2 * np.square(slope))
        return left

    def _with_zeros(self, best: Minimum, level: float, tol: float) -> Minimum:
        """Weights that are within their kinks are 0 without the smoothing."""
        if self._smooths:
            point = np.where(np.abs(best.point) < level * self._widths, 0.0, best.point)
            value = self.value(point)
            if value <= (1 + tol) * best.value:
                best.point, best.value = point, value
        return best

    def value(self, point: Array) -> float:
        """Of the objective itself."""
        self._set(point)
        loss, _ = self._network.loss_and_gradients(self._batch, self._objective.config)
        return loss + dot(self._l2, np.square(point)) + dot(self._l1, np.abs(point))

    def _function(self, level: float) -> Callable[[Array], tuple[float, Array]]:
        """Value and gradient of the objective with smoothed kinks; an l1 penalty only if it is smoothed."""
        config, batch = self._objective.config, self._batch
        if self._kinks is not None:
            config = replace(config, loss=self._kinks.loss(level))
            batch = replace(batch, weight=None)  # it weighs the samples itself

        def evaluate(point: Array) -> tuple[float, Array]:
            self._set(point)
            loss, (gradient,) = self._network.loss_and_gradients(batch, config)
            slope = np.vstack([gradient.weight, *([] if gradient.bias is None else [gradient.bias])])
            if self._objective.paired:
                slope = (slope[:, 1:] - slope[:, :1]) / 2
            if self._smooths:
                value, sign = smooth(np.abs(point), level * self._widths)
                loss += dot(self._l1, value)
                slope = slope + self._l1 * sign * np.sign(point)
            return loss + dot(self._l2, np.square(point)), slope + 2 * self._l2 * point

        return evaluate

    def _set(self, point: Array) -> None:
        columns = np.hstack([-point, point]) / 2 if self._objective.paired else point
        self._layer.weight[...] = columns[: len(self._scaled.scale)]
        if self._layer.bias is not None:
            self._layer.bias[...] = columns[-1]

    def _quadratic_at(self, level: float, point: Array) -> Quadratic:
        """How the objective bends at a point, without an l1 penalty."""
        scores, targets = self._scores_of(self._scaled, point), self._batch.targets
        share = self._scaled.share[:, None]
        width = 0.0 if self._kinks is None else level * self._kinks.width

        def mixed(some: slice) -> Array:
            loss = self._objective.config.loss
            bends = mixed_curvatures(loss, scores[some], targets[some], width, exact=True)
            assert bends is not None  # of differences of scores
            return bends * share[some, :, None]

        bends = self._bends(scores, targets, width, exact=True) * share
        return Quadratic(
            self._scaled.rows, 2 * self._l2, bends, mixed if self._objective.differences else None
        )

    def _bends(self, scores: Array, targets: Array, width: float, exact: bool = False) -> Array:
        """About the second derivative of each sample's loss by each of its scores."""
        loss = self._objective.config.loss
        if not self._objective.paired:
            return curvatures(loss, scores, targets, width, exact)
        # A loss of a difference bends by both of its scores alike.
        return curvatures(loss, np.hstack([-scores, scores]) / 2, targets, width, exact)[:, :1]

    def _metric_at(self, level: float) -> Callable[[Array, float], tuple[Metric, int]]:
        """Of a point and the steps left from there, its metric, and how many steps share that."""
        loss, samples = self._objective.config.loss, len(self._batch.targets)
        width = 0.0 if self._kinks is None else level * self._kinks.width
        weights = self._l2.size
        mixes = self._objective.differences and weights * self._scores <= MOST_MIXED
        step = few_enough(samples, weights, self._scores, mixes)
        step_shared = few_enough(samples, weights, 1, False)
        some, targets, curvature = many = self._rows(step)
        shares = self._objective.differences and self._kinks is None and not self._smooths
        if shares and step_shared != step:
            many = self._rows(step_shared)
        # The Hessian of all scores together can cost as much as 100 steps, and one sum of products for all
        # scores as few of them. So that comes first, and the Hessian once more steps are left than it costs.
        work = len(targets) * (weights * self._scores) ** 2 / 2
        shares = shares and many[-1].has_pairs(self._scores)
        nearly_free = mixes and work <= _MIXED_AT_ONCE
        step_work = _STEP * samples * weights * self._scores

        def metric_at(point: Array, left: float) -> tuple[Metric, int]:
            squares = np.broadcast_to(2 * self._l2, point.shape)
            if self._smooths:
                sizes = np.maximum(np.abs(point), np.where(self._l1 > 0, level * self._widths, 1.0))
                squares = squares + self._l1 / sizes
            if shares and not nearly_free and not (mixes and left * step_work > work):
                rows, own, one = many
                found = shared_curvature(loss, self._scores_of(rows, point), own, rows.share)
                return one.shared(*found, squares[:, 0]), _PAIRS_SHARED
            scores, share = self._scores_of(some, point), some.share[:, None]
            mixed = mixed_curvatures(loss, scores, targets, width) if mixes else None
            if mixed is not None:
                return curvature.mixed(mixed * share[:, :, None], squares), _PAIRS
            return curvature.apart(self._bends(scores, targets, width) * share, squares), _PAIRS

        return metric_at

    def _rows(self, step: int) -> tuple[Scaled, Array, Curvature]:
        """Each `step`th of the samples, their targets and their curvature."""
        some = self._scaled.every(step)
        return some, self._batch.targets[::step], Curvature(some.rows, self._bias)

    def _scores_of(self, some: Scaled, point: Array) -> Array:
        bias = point[-1] if self._bias else np.zeros(self._scores)
        return some.scores(point[: len(self._scaled.scale)], bias)


def _lower(best: Minimum, other: Minimum | None) -> Minimum:
    """What is known of the first, at the lower one of their points."""
    if other is not None and other.value < best.value:
        best.point, best.value = other.point, other.value
    return best
