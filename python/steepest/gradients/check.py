"""Check a model's gradients: central differences, reverse mode and forward mode against each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..compile.penalties import per_layer
from ..losses import Loss, LossFunction, SquaredError, as_loss
from ..model import Sequential, restored
from ..penalties import Penalties
from ..training.model import checked_model
from .verdict import GradientCheck, KeyCheck

Coordinates: TypeAlias = tuple[Array, ...]  # an index array for each axis
_DIRECTIONS = 3  # random ones for each key: a wrong derivative stands out in any of them
# The values in an extrapolated slope weigh (4 + 1 + 3) / h together, and each is rounded a few times.
_ROUNDINGS = 32
_EPS, _TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)


def check_gradients(
    model: Sequential,
    X: ArrayLike,
    y: ArrayLike,
    loss: str | Loss | LossFunction,
    penalty: Penalties = None,
    *,
    sample_weight: ArrayLike | None = None,
    h: float = 1e-5,
    max_coordinates: int | None = 100,
    seed: int = 0,
    tolerance: float = 1e-6,
) -> GradientCheck:
    """Check a model's gradients: compare central differences, reverse mode and forward mode.

    Reverse mode is `Sequential.loss_and_gradients`, forward mode is `Sequential.directional_derivative`.

    Parameters
    ----------
    model : Sequential
        It is not changed: a copy in float64 with the same parameters is checked.
    X, y, loss, penalty, sample_weight
        As for `Sequential.fit`. A few dozen samples are enough; more samples have more kinks.
    h : float, default 1e-5
        The step of the differences; relative to the parameter where its absolute value is greater than 1.
    max_coordinates : int or None, default 100
        Number of coordinates of each parameter array to compare with differences; None for all. Each takes
        four evaluations of the objective.
    seed : int, default 0
        Seed of the choice of coordinates and of the directions of forward mode.
    tolerance : float, default 1e-6
        The largest relative error that passes.

    Returns
    -------
    GradientCheck

    Raises
    ------
    ValueError
        If an argument is outside its range, the penalty is proximal, or the objective is not finite.
    TypeError
        If an argument has another type.

    Notes
    -----
    The relative error of a and n is ``abs(a - n) / max(abs(a), abs(n))``. Rounding limits the accuracy of
    differences to about ``u = 32 * 2**-52 * size / h``, so a maximum below u / tolerance is replaced by it.
    The size is the objective plus h times its curvature, plus 1 for all losses except the
    squared error: the scale at which scores are compared.

    A kink (of ReLU, hinge, L1, ...) within the step spoils a difference. To detect it, the slopes d to the
    left and to the right are extrapolated from the steps h / 2 and h, as ``2 d(h / 2) - d(h)``. Without a
    kink, both equal the central difference except for terms of order h**2. With a kink on one side, the slope
    on the other side is exact, so the error of the central difference is at most the spread of the three.
    Coordinates where that spread exceeds what passes are skipped. That includes coordinates with large terms
    of order h**2: the objective bends sharply there but has almost no slope, as may happen near a minimum.
    The gradients under test play no part in this, so a wrong gradient cannot hide itself.

    Forward mode is compared with the inner product of gradient and direction, along random directions of
    length 1, each within one parameter array.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons(20)
    >>> model = st.Sequential(st.Linear(2, 3), st.Tanh(), st.Linear(3, 2))
    >>> check = st.gradients.check_gradients(model, X, y, "softmax", st.L2(1e-3))
    >>> check.ok, check.checked, check.skipped
    (True, 17, 0)
    """
    loss, model = as_loss(loss), checked_model(model)
    h, tolerance = _checks.positive(h, "h"), _checks.positive(tolerance, "tolerance")
    if max_coordinates is not None:
        max_coordinates = _checks.integer(max_coordinates, "max_coordinates", minimum=1)
    generator = np.random.default_rng(_checks.seed(seed))
    twin = restored(model.layers, model.state_dict(), np.float64, model.seed, type(model))
    for one in per_layer(penalty, twin.layers):
        if one is not None and one.proximal:
            raise ValueError(f"{one!r} is in the objective, but not in its gradients: check without proximal")
    reverse = partial(twin.loss_and_gradients, X, y, loss=loss, penalty=penalty, sample_weight=sample_weight)
    forward = partial(
        twin.directional_derivative, X, y, loss=loss, penalty=penalty, sample_weight=sample_weight
    )
    here, gradients = reverse()
    if not math.isfinite(here):
        raise ValueError(f"the objective is {here}, but must be finite where its gradient is checked")
    # Compared scores are rounded at the size of 1, however small the loss becomes.
    size = abs(here) + (0.0 if isinstance(loss, SquaredError) else 1.0)
    own, keys = dict(twin.compiled.named(twin.compiled.parameters)), []
    for key, gradient in gradients.items():
        chosen = _chosen(gradient, max_coordinates, generator)
        slopes = _Slopes.measured(lambda: reverse()[0], here, own[key], chosen, h)
        doubt = _ROUNDINGS * _EPS / h * (size + slopes.jump)
        smooth = slopes.spread <= np.maximum(tolerance * np.abs(slopes.central), doubt)
        errors = _relative_errors(gradient[chosen], slopes.central, doubt / tolerance)[smooth]
        directions = [_unit(generator.standard_normal(gradient.shape)) for _ in range(_DIRECTIONS)]
        along = np.array([(gradient * direction).sum() for direction in directions])
        tangents = np.array([forward(direction={key: direction})[1] for direction in directions])
        floor = np.fmax.reduce(doubt, initial=0) / tolerance
        keys.append(
            KeyCheck(
                key,
                checked=len(errors),
                skipped=len(smooth) - len(errors),
                numerical_error=float(errors.max()) if len(errors) else None,
                forward_error=float(_relative_errors(tangents, along, floor).max()),
            )
        )
    return GradientCheck(tuple(keys), tolerance)


@dataclass(frozen=True)
class _Slopes:
    """Slopes of an objective along some coordinates.

    central: central differences. spread: how far these and the slopes extrapolated from either side lie
    apart. jump: the slopes to the left and to the right, that far apart, not extrapolated.
    """

    central: Array
    spread: Array
    jump: Array

    @classmethod
    def measured(
        cls, objective: Callable[[], float], here: float, parameter: Array, chosen: Coordinates, h: float
    ) -> _Slopes:
        """Measure them by moving one coordinate at a time; `here` is the objective at the point itself."""
        centers = parameter[chosen]
        moved = centers + h * np.maximum(1, np.abs(centers)) * np.array([[-1], [-0.5], [0.5], [1]])
        if (still := (moved == centers).any(axis=0)).any():
            raise ValueError(f"h is {h}, too small to change a coordinate with the value {centers[still][0]}")
        values = np.empty(moved.shape)
        for i, index in enumerate(zip(*chosen, strict=True)):
            for j in range(len(moved)):
                parameter[index] = moved[j, i]
                values[j, i] = objective()
            parameter[index] = centers[i]
        values[~np.isfinite(values)] = np.nan  # which is smooth nowhere
        left, left_half, right_half, right = (values - here) / (moved - centers)
        central = (values[3] - values[0]) / (moved[3] - moved[0])
        three = np.array([central, 2 * left_half - left, 2 * right_half - right])
        return cls(central, np.ptp(three, axis=0), np.abs(right - left))


def _chosen(array: Array, count: int | None, generator: np.random.Generator) -> Coordinates:
    """Indices of all elements, or of `count` different ones in order."""
    flat = np.arange(array.size)
    if count is not None and count < array.size:
        flat = np.sort(generator.choice(array.size, count, replace=False))
    return np.unravel_index(flat, array.shape)


def _relative_errors(a: Array, b: Array, floor: ArrayLike) -> Array:
    errors: Array = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), np.maximum(floor, _TINY))
    return errors


def _unit(direction: Array) -> Array:
    scaled: Array = direction / np.linalg.norm(direction)
    return scaled
