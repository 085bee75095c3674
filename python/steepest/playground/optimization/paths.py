"""The lecture's ladder of optimization: the path of each method on a surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ... import functional
from ..._checks import Array
from ...gradients import Descent, gradient_descent, local_search, numerical_gradient, random_search
from ...training.divergence import DivergenceError
from .surfaces import Surface

FARTHEST = 1e6  # coordinate: a path that leaves it has diverged
_STRIDE = 0.05  # of the surface's width: the standard deviation of a step of local search
Update = Callable[[Array, Array, int], None]


@dataclass(frozen=True)
class Run:
    """What all methods of a run share: where, how far, how fast."""

    surface: Surface
    start: tuple[float, float]
    rate: float
    momentum: float
    steps: int
    noise: float
    seed: int

    def loss(self, weights: Array) -> float:
        """The surface's loss, but infinite beyond `FARTHEST`."""
        x, y = weights.tolist()  # thousands of times: quicker than NumPy's maximum
        return self.surface.loss(weights) if max(abs(x), abs(y)) <= FARTHEST else np.inf

    def noisy(self) -> Callable[[Array], Array]:
        """What is added to each gradient in turn: the same for each method."""
        if not self.noise:
            return lambda gradient: gradient
        generator, scale = np.random.default_rng(self.seed), self.noise * self.surface.slope
        return lambda gradient: gradient + scale * generator.standard_normal(2)


def _random(run: Run) -> Descent:
    """Random search in the surface's ranges; its first try is the start."""
    low, high = np.transpose([run.surface.x, run.surface.y])
    first = [run.start]
    return random_search(
        run.loss,
        lambda generator: first.pop() if first else generator.uniform(low, high),
        run.steps + 1,
        run.seed,
    )


def _local(run: Run) -> Descent:
    stride = _STRIDE * (run.surface.x[1] - run.surface.x[0])
    return local_search(run.loss, run.start, run.steps, stride, run.seed)


def _numerical(run: Run) -> Descent:
    noisy = run.noisy()
    return gradient_descent(
        run.loss, run.start, run.rate, run.steps, lambda loss, w: noisy(numerical_gradient(loss, w))
    )


def _analytic(run: Run) -> Descent:
    noisy = run.noisy()
    return gradient_descent(
        run.loss, run.start, run.rate, run.steps, lambda loss, w: noisy(run.surface.gradient(w))
    )


def _updated(run: Run, update: Update) -> Descent:
    """The path of updates in place, by `steepest.functional`."""
    noisy, weights = run.noisy(), np.array(run.start)
    path, losses = [weights.copy()], [run.loss(weights)]
    for step in range(run.steps):
        update(weights, noisy(run.surface.gradient(weights)), step)
        path.append(weights.copy())
        losses.append(run.loss(weights))
        if not np.isfinite(losses[-1]):
            raise DivergenceError("the path left the surface", step=step + 1, learning_rate=run.rate)
    return Descent(np.array(path), np.array(losses), len(losses))


def _momentum(run: Run, nesterov: bool = False) -> Descent:
    velocity = np.zeros(2) if run.momentum else None
    nesterov = nesterov and run.momentum > 0

    def update(weights: Array, gradient: Array, step: int) -> None:
        functional.sgd_step(
            weights, gradient, run.rate, momentum=run.momentum, nesterov=nesterov, velocity=velocity
        )

    return _updated(run, update)


def _adagrad(run: Run) -> Descent:
    squares = np.zeros(2)
    return _updated(run, lambda w, g, step: functional.adagrad_step(w, g, run.rate, squares=squares))


def _rmsprop(run: Run) -> Descent:
    square = np.zeros(2)
    return _updated(run, lambda w, g, step: functional.rmsprop_step(w, g, run.rate, mean_square=square))


def _adam(run: Run) -> Descent:
    mean, square = np.zeros(2), np.zeros(2)
    return _updated(
        run, lambda w, g, step: functional.adam_step(w, g, run.rate, mean=mean, mean_square=square, step=step)
    )


METHODS: Mapping[str, tuple[str, Callable[[Run], Descent]]] = {
    "random": ("Random search", _random),
    "local": ("Local search", _local),
    "numerical": ("Numerical gradient", _numerical),
    "analytic": ("Analytic gradient", _analytic),
    "momentum": ("Momentum", _momentum),
    "nesterov": ("Nesterov", lambda run: _momentum(run, nesterov=True)),
    "adagrad": ("AdaGrad", _adagrad),
    "rmsprop": ("RMSProp", _rmsprop),
    "adam": ("Adam", _adam),
}


def followed(run: Run, method: str) -> tuple[Descent, str | None]:
    """The path of a method, and, if it diverged, where: the path ends before that step.

    Where only settings differ that the method does not have, it is the path of before.
    """
    if method not in ("momentum", "nesterov"):
        run = replace(run, momentum=0.0)
    if method in ("random", "local"):
        run = replace(run, rate=run.surface.rate, noise=0.0)
    elif not run.noise:
        run = replace(run, seed=0)
    return _followed(run, method)


@lru_cache(maxsize=64)  # of some 20 kB: those of a few settings
def _followed(run: Run, method: str) -> tuple[Descent, str | None]:
    title, follow = METHODS[method]
    try:
        return follow(run), None
    except DivergenceError as error:
        step = error.step or 0
        return (
            follow(replace(run, steps=step - 1)),
            f"{title} diverged at step {step} with the learning rate {run.rate:g}.",
        )
