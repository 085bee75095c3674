"""What one call of `fit` or `partial_fit` is about: its samples, and what is made of them for the loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._checks import Array
from ...backends.data import Batch, TrainConfig
from ...compile.compiled import Compiled
from ...training.checkpoints import Asked
from .solver import Solver


@dataclass(frozen=True)
class HeldOut:
    """Samples that are looked at, but not learned from, and the score of the model on them."""

    batch: Batch
    score: Callable[[Array], float]


@dataclass(frozen=True)
class FitJob:
    """One call of `fit` or `partial_fit`.

    X, y, sample_weight: first as they are given, then checked, then without what is held out.
    validation_data: as it is given to `fit`.
    incremental: of `partial_fit`, one epoch.
    fresh: learned from the beginning, not from what was learned before.
    given: X, y and sample weights as they were given, for scikit-learn's callbacks.
    asked: the checkpoints that it writes and goes on from. draws: what the random numbers were before it.
    all_of_y: the fingerprint of y for these, if a part of it is held out.
    """

    X: Any
    y: Any
    sample_weight: Any = None
    validation_data: Any = None
    incremental: bool = False
    fresh: bool = True
    given: tuple[Any, Any, Any] = (None, None, None)
    asked: Asked | None = None
    draws: Any = None
    held_out: HeldOut | None = None
    all_of_y: str | None = None


@dataclass(frozen=True)
class Problem:
    """What the loop minimizes for a job, and by moving what.

    compiled: bound to `arrays`, which are all of the model that learning changes.
    batch: the samples to learn from.
    config: what a step does; its optimizer is the solver's.
    solver: what learning changes besides; the estimator keeps it between calls of `partial_fit`.
    seed: of draws within the network.
    rate_factor: what the network's learning rates are of the estimator's.
    strides: makes of learning rates, the orders of samples, and numbers of epochs and of samples of a batch a
        rate for each batch, where these are not alike.
    publish: shows on the estimator what the arrays are, where they are not its own; called before
        callbacks, and at the end.
    """

    job: FitJob
    compiled: Compiled
    arrays: list[Array]
    batch: Batch
    config: TrainConfig
    solver: Solver
    rng: np.random.RandomState
    seed: int = 0
    rate_factor: float = 1.0
    publish: Callable[[], None] | None = None
    strides: Callable[[Array, Array | None, int, int], Array] | None = None
