"""What crosses the seam between a model and a backend: plain data, without anything that computes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from .._checks import Array
from ..averaging import Averaging
from ..constraints import MaxNorm
from ..losses import Loss
from ..optimizers import SGD, Optimizer
from ..penalties import Penalty
from .sparse import SparseRows

# Called about every 20 ms with the number of epochs done, a fraction; True ends the fit after this batch.
ShouldStop: TypeAlias = Callable[[float], bool]
Status: TypeAlias = Literal["finished", "cancelled", "diverged", "overflowed", "invalid_label"]


class Overflowed(ArithmeticError):
    """An update made parameters that are not finite; they are left so."""


class StepKey(NamedTuple):
    """Which random draws a training step takes: a pure function of the two, and of the stage."""

    seed: int
    step: int


NO_KEY = StepKey(0, 0)  # of models that draw nothing


class Whole(NamedTuple):
    """The larger batch that a batch is a part of, for stages whose results depend on all samples.

    samples: how many it has. exchange: is given the statistics of the part and whether the pass is the
    backward one, and returns those of the whole, each (2, outputs) in the model's dtype: forward the mean and
    the biased variance, backward the gradients of scale and shift. Each batch_norm calls it once in each
    pass, in the order of the pass; backward only those with a stage with parameters below them. on_gradient:
    is told the index of each gradient of the part once it is there, from the last one to the first; the
    native backend computes those of earlier stages after it returns.
    """

    samples: int
    exchange: Callable[[Array, bool], Array]
    on_gradient: Callable[[int], None] | None = None


@dataclass
class Parameters:
    """What belongs to one stage with parameters: (inputs, outputs) and (outputs,) or None.

    The scale of a normalization is a weight of shape (1, outputs). The same class carries values, gradients,
    averages and what an optimizer keeps of each parameter.
    """

    weight: Array
    bias: Array | None


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """An optimizer's state, which backends update in place together with the parameters.

    slots: what `Optimizer.slots` names, each like the parameters. steps: (1,) int64, the number of updates so
    far. state_start: that number when the slots were zero.
    """

    slots: Mapping[str, Sequence[Parameters]] = field(default_factory=dict)
    steps: Array = field(default_factory=lambda: np.zeros(1, np.int64))
    state_start: int = 0


@dataclass(frozen=True)
class Average:
    """An average of the parameters, which each update adds to.

    values: as the parameters; anything before the first update that counts. updates: (1,) int64, how many
    were done.
    """

    averaging: Averaging
    values: Sequence[Parameters]
    updates: Array


@dataclass(frozen=True)
class Batch:
    """Samples to learn from.

    x: (samples, features) in the model's dtype, unit stride along a row; or sparse, for a network whose first
    stage is dense, which then has the first layer's weight updated only where there are entries, where the
    optimizer allows it. targets: (samples,) int64 class
    indices for softmax and hinge, (samples, outputs) in the model's dtype for other losses; for a
    `CustomLoss` (samples,) int64 of any integers or (samples, k) in the model's dtype.
    weight: (samples,) in the model's dtype, non-negative, or None for ones.
    """

    x: Array | SparseRows
    targets: Array
    weight: Array | None = None

    @property
    def dense(self) -> Array:
        """X as a dense matrix."""
        return self.x.dense() if isinstance(self.x, SparseRows) else self.x


@dataclass(frozen=True)
class TrainConfig:
    """How to learn: the loss, a penalty or None for each stage with parameters, the optimizer.

    The learning rate is not taken from the optimizer, but told each call. clip_value: the bound of each
    component of the gradient of the objective, or None. clip_norm: that of its norm afterwards, or None.

    penalty_by_batch: the penalty is that of all samples of the batch together, and divided by their number or
    total weight as the loss is. report_scale: what the loss counts for in the objective that is told, but not
    in its gradient. mean_by_count: an epoch's loss weighs its batches by their samples, whatever these weigh.
    rate_factors: what each stage with parameters multiplies the rate by, or none; of 0 it is frozen: nothing
    changes it, and its gradient is no part of the norm.
    """

    loss: Loss
    penalties: tuple[Penalty | None, ...]
    optimizer: Optimizer = field(default_factory=SGD)
    clip_value: float | None = None
    clip_norm: float | None = None
    constraint: MaxNorm | None = None
    penalty_by_batch: bool = False
    report_scale: float = 1.0
    mean_by_count: bool = False
    rate_factors: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class TrainState:
    """What a training step needs beside its batch: how to learn, and what learning keeps.

    Backends recognize the same object, and read its descriptions only once.
    """

    config: TrainConfig
    optimizer: OptimizerState = field(default_factory=OptimizerState)
    average: Average | None = None


class Plateau(NamedTuple):
    """When a run ends: after more than `patience` epochs in a row that do not improve on `best`.

    That is, whose loss is not below it by more than `tolerance`; `waited` of them have been.
    """

    tolerance: float = 0.0
    patience: float = math.inf
    best: float = math.inf
    waited: float = 0

    def after(self, loss: float) -> Plateau:
        """The same after one more epoch."""
        waited = self.waited + 1 if loss > self.best - self.tolerance else 0
        return Plateau(self.tolerance, self.patience, min(loss, self.best), waited)

    @property
    def reached(self) -> bool:
        """Whether the run ends."""
        return self.waited > self.patience


NO_PLATEAU = Plateau()


@dataclass(frozen=True)
class FitRequest:
    """Which epochs to run: numbers first_epoch ... first_epoch + epochs - 1, which also key the shuffles.

    Of each, `batches` batches from number `first_batch` on, or as many as there are: so an epoch can be run
    in parts, whose `sums` are those of the epoch's earlier parts. rates: float64, the learning rate of all
    steps (1,) or of each. orders: (epochs, samples) int64, the order in which each epoch visits the samples;
    then there are no shuffles. A `plateau` leaves fewer epochs finished.
    """

    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    rates: Array
    first_epoch: int = 0
    first_batch: int = 0
    batches: int | None = None
    sums: tuple[float, float] = (0.0, 0.0)
    orders: Array | None = None
    plateau: Plateau = NO_PLATEAU


@dataclass(frozen=True)
class EpochResults:
    """One objective value and duration for each finished epoch, and why the run ended.

    Where only a part of an epoch was to be run, they are those of the part. `sums` are those of all of the
    last epoch's batches so far: of the objectives times their shares in the epoch, and of these shares.

    `diverged` means that the objective of batch `step` (counted from 0 within its epoch) was not finite,
    `overflowed` that an update of the epoch made parameters, running statistics or averages that are not,
    `invalid_label` that the label of sample `step` was out of range when its turn came, changed since it was
    checked. The parameters, the optimizer's state and the average are then those of the last finished epoch,
    or of the beginning of the part.
    """

    losses: list[float]
    seconds: list[float]
    status: Status
    step: int = 0
    sums: tuple[float, float] = (0.0, 0.0)
