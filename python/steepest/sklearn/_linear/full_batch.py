"""Compute: the best linear layer for all samples at once, whatever the scales of their features."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._checks import Array
from ...backends.data import Batch, Parameters
from .minimize import Minimum
from .outcome import COARSE
from .problem import NOTHING, Objective, Problem
from .row_space import RowSpace
from .scaled import Scaled


def solve(
    X: Any,
    batch: Batch,
    layer: Parameters,
    objective: Objective,
    tol: float,
    max_iter: int,
    start: Array,
    dtype: np.dtype[Any],
) -> Minimum:
    """Move the layer to the minimum of the objective, in numbers of a dtype.

    start: biases that are good without weights; from there, if the layer is worse. Ctrl-C ends it where it
    is, with a warning.
    """
    method = _Method(objective, tol, max_iter, start, dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):  # refused, or a step
        if not RowSpace.suits(X, objective.l1, objective.l2):
            return method.solve(X, batch, layer)
        space = RowSpace(X, batch.weight, layer.bias is not None)
        own = space.project(layer)
        if space.rows.shape[1] == 0:  # all rows are the same
            return method.solve(X, batch, layer)
        best = replace(method, dtype=np.dtype(np.float64)).solve(space.rows, batch, own)
        space.lift(own, layer)
        return best


@dataclass(frozen=True)
class _Method:
    """How a layer is moved."""

    objective: Objective
    tol: float
    max_iter: int
    start: Array
    dtype: np.dtype[Any]

    def solve(self, X: Any, batch: Batch, layer: Parameters) -> Minimum:
        objective = self.objective
        scaled = Scaled(X, batch.weight, layer.bias is not None)
        if not (np.isfinite(scaled.mean).all() and np.isfinite(scaled.scale).all()):
            raise ValueError("X holds numbers whose mean or deviation is too large for float64")
        weight = None if batch.weight is None else batch.weight.astype(np.float64)
        targets = batch.targets if batch.targets.ndim == 1 else batch.targets.astype(np.float64)
        problem = Problem(scaled, targets, weight, layer, objective)
        point, cold = scaled.point_of(layer), scaled.point_of(layer) * 0
        if layer.bias is not None:
            cold[-1] = self.start
        if objective.differences and not objective.l1:  # what all scores have in common only costs
            point -= point.mean(axis=1, keepdims=True)
        warm = problem.value(point) <= problem.value(cold)  # which infinities are not
        best = problem.minimize(point if warm else cold, self.tol, self.max_iter)
        scaled.write(best.point, layer)
        if objective.differences and layer.bias is not None:
            layer.bias -= layer.bias.mean()
        bias = None if layer.bias is None else layer.bias.astype(self.dtype)
        kept = Parameters(layer.weight.astype(self.dtype), bias)
        value = problem.value(scaled.point_of(kept))
        best.coarse = best.converged and not value <= best.value + COARSE * max(
            best.value, NOTHING * problem.value(cold)
        )
        best.value = value
        return best
