"""Minimization of any function, from the worst method to the best: random search, local search, descent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..training.divergence import DivergenceError
from .differences import Function, evaluated, finite_point, numerical_gradient

Sampler: TypeAlias = "Callable[[np.random.Generator], ArrayLike]"  # numpy.random takes long to import
EvaluateGradient: TypeAlias = Callable[[Function, Array], ArrayLike]


@dataclass(frozen=True, eq=False, repr=False)
class Descent:
    """The path and the losses of a minimization.

    Attributes
    ----------
    path : ndarray of float64, (steps + 1, ...)
        The weights before the first step and after each step.
    losses : ndarray of float64, (steps + 1,)
        The loss of each of them.
    evaluations : int
        Number of evaluations of the loss, including those for numerical gradients.

    Examples
    --------
    >>> import steepest as st
    >>> descent = st.gradients.gradient_descent(lambda w: (w**2).sum(), [1.0], 0.25, steps=2)
    >>> descent.path.round(6).tolist(), descent.losses.round(6).tolist(), descent.evaluations
    ([[1.0], [0.5], [0.25]], [1.0, 0.25, 0.0625], 7)
    """

    path: Array
    losses: Array
    evaluations: int

    @property
    def weights(self) -> Array:
        """The last weights. For a search these are the best ones."""
        last: Array = self.path[-1]
        return last

    @property
    def loss(self) -> float:
        """The loss of `weights`."""
        return float(self.losses[-1])

    def __repr__(self) -> str:
        return (
            f"Descent({len(self.losses) - 1} steps, loss {self.losses[0]:.4g} -> {self.loss:.4g}, "
            f"{self.evaluations} evaluations)"
        )


def random_search(
    loss_function: Function,
    shape_or_sampler: int | tuple[int, ...] | Sampler,
    tries: int,
    seed: int = 0,
    scale: float = 1.0,
) -> Descent:
    """Try random weights and keep the best: the lecture's first, very bad idea.

    Parameters
    ----------
    loss_function : callable
        Takes a float64 array and returns a real number.
    shape_or_sampler : int, tuple of int or callable
        The shape of the weights, which are then drawn from a standard normal distribution, or a function that
        draws them with the ``numpy.random.Generator`` that it receives.
    tries : int
        Number of random weights to try, at least 1.
    seed : int, default 0
        Seed of the generator.
    scale : float, default 1.0
        The random weights are multiplied by this number, which must be greater than 0.

    Returns
    -------
    Descent
        With ``tries - 1`` steps. Its path has the best weights so far.

    Raises
    ------
    DivergenceError
        If a loss is not finite. Its `step` is the number of the try, counted from 0.
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> search = st.gradients.random_search(lambda w: (w**2).sum(), 2, tries=100)
    >>> search.weights.shape, search.evaluations, search.loss < 0.1
    ((2,), 100, True)
    """
    tries = _checks.integer(tries, "tries", minimum=1)
    scale = _checks.positive(scale, "scale")
    loss, generator = _Loss(loss_function), np.random.default_rng(_checks.seed(seed))
    draw = shape_or_sampler if callable(shape_or_sampler) else _normal(shape_or_sampler)
    path: list[Array] = []
    losses: list[float] = []
    for number in range(tries):
        weights = scale * finite_point(draw(generator), "what was drawn")
        if path and weights.shape != path[0].shape:
            raise ValueError(
                f"the sampler returned shape {path[0].shape} and then {weights.shape}, but the shapes "
                "must be equal"
            )
        value = loss.finite(weights, number)
        better = not losses or value < losses[-1]
        path.append(weights if better else path[-1])
        losses.append(value if better else losses[-1])
    return loss.descent(path, losses)


def local_search(
    loss_function: Function, weights: ArrayLike, steps: int, step_size: float, seed: int = 0
) -> Descent:
    """Try random steps and keep those that lower the loss: the lecture's second idea.

    Parameters
    ----------
    loss_function : callable
        Takes a float64 array and returns a real number.
    weights : array_like
        Where to start; converted to float64, and not changed.
    steps : int
        Number of steps to try, at least 0.
    step_size : float
        Standard deviation of a step in each coordinate, greater than 0.
    seed : int, default 0
        Seed of the random steps.

    Returns
    -------
    Descent
        Its path repeats the weights where a step did not lower the loss.

    Raises
    ------
    DivergenceError
        If a loss is not finite. Its `step` counts from 0, which is the start.
    ValueError, TypeError
        If an argument is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> search = st.gradients.local_search(lambda w: (w**2).sum(), [1.0, 1.0], steps=100, step_size=0.1)
    >>> search.evaluations, search.loss < 0.1
    (101, True)
    """
    here = finite_point(weights, "weights")
    steps = _checks.integer(steps, "steps", minimum=0)
    step_size = _checks.positive(step_size, "step_size")
    loss, generator = _Loss(loss_function), np.random.default_rng(_checks.seed(seed))
    path, losses = [here], [loss.finite(here, 0)]
    for step in range(1, steps + 1):
        attempt = path[-1] + step_size * generator.standard_normal(here.shape)
        value = loss.finite(attempt, step)
        better = value < losses[-1]
        path.append(attempt if better else path[-1])
        losses.append(value if better else losses[-1])
    return loss.descent(path, losses)


def gradient_descent(
    loss_function: Function,
    weights: ArrayLike,
    step_size: float | Callable[[int], float],
    steps: int,
    evaluate_gradient: EvaluateGradient | None = None,
) -> Descent:
    """Follow the gradient: the lecture's vanilla gradient descent, ``weights += - step_size * weights_grad``.

    Parameters
    ----------
    loss_function : callable
        Takes a float64 array and returns a real number.
    weights : array_like
        Where to start; converted to float64, and not changed.
    step_size : float or callable
        The learning rate, greater than 0; or a function that returns it for a step, counted from 0.
    steps : int
        Number of steps, at least 0.
    evaluate_gradient : callable, optional
        Takes the loss function and the weights, and returns the gradient, an array of their shape. By default
        `numerical_gradient`.

    Returns
    -------
    Descent

    Raises
    ------
    DivergenceError
        If the loss is no longer finite. Its `step` is the number of steps done until then.
    ValueError, TypeError
        If an argument, or what a function returns, is outside its range or has another type.

    Examples
    --------
    >>> import steepest as st
    >>> descent = st.gradients.gradient_descent(
    ...     lambda w: (w**2).sum(), [1.0], 0.25, steps=2, evaluate_gradient=lambda loss, w: 2 * w
    ... )
    >>> descent.path.tolist(), descent.evaluations
    ([[1.0], [0.5], [0.25]], 3)
    """
    here = finite_point(weights, "weights")
    steps = _checks.integer(steps, "steps", minimum=0)
    if not callable(step_size):
        _checks.positive(step_size, "step_size")
    gradient_of = evaluate_gradient or numerical_gradient
    loss = _Loss(loss_function)
    path, losses = [here], [loss.finite(here, 0)]
    for step in range(steps):
        size = step_size(step) if callable(step_size) else step_size
        size = _checks.positive(size, f"step_size of step {step}")
        gradient = _checks.real_array(gradient_of(loss, here.copy()), "the gradient")
        if gradient.shape != here.shape:
            raise ValueError(f"the gradient has shape {gradient.shape}, but the weights have {here.shape}")
        with np.errstate(over="ignore", invalid="ignore"):  # the loss will tell
            here = here - size * gradient
        path.append(here)
        losses.append(loss.finite(here, step + 1, size))
    return loss.descent(path, losses)


class _Loss:
    """A loss function that counts its evaluations."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._evaluations = 0

    def __call__(self, weights: Array) -> float:
        self._evaluations += 1
        return evaluated(self._function, weights)

    def finite(self, weights: Array, step: int, step_size: float | None = None) -> float:
        """The loss after `step` steps; a DivergenceError if it is not finite."""
        value = self(weights)
        if not math.isfinite(value):
            hint = "" if step_size is None else f" of size {step_size}; a smaller step size may help"
            raise DivergenceError(
                f"the loss is {value} at step {step}{hint}", step=step, learning_rate=step_size
            )
        return value

    def descent(self, path: list[Array], losses: list[float]) -> Descent:
        return Descent(np.stack(path), np.array(losses), self._evaluations)


def _normal(shape: object) -> Sampler:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    checked = tuple(_checks.integer(size, "shape_or_sampler", minimum=0) for size in sizes)
    return lambda generator: generator.standard_normal(checked)
