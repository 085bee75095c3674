"""The seam between a model and what computes it: both backends implement `Backend`.

A model is compiled to a tuple of `Stage`; its parameters are NumPy arrays that the model owns and that
either backend reads and updates in place, so switching backends moves no data. Everything that arrives
here was checked at the Python edge (`_checks.py`): matching shapes, the model's dtype, unit stride along
the features, labels in range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ..averaging import Averaging
from ..constraints import MaxNorm
from ..losses import Loss
from ..optimizers import SGD, Optimizer
from ..penalties import Penalty
from .sparse import SparseRows

Array = NDArray[Any]
ActivationName = Literal[
    "identity", "relu", "sigmoid", "tanh", "leaky_relu", "elu", "lecun_tanh", "softplus", "gelu"
]
# Called about every 20 ms with the number of epochs done, a fraction; True ends the fit after this batch.
Watch = Callable[[float], bool]
Status = Literal["finished", "cancelled", "diverged", "overflowed", "invalid_label"]


StageKind = Literal[
    "dense", "elementwise", "dropout", "batch_norm", "maxout", "pool", "residual_split", "residual_add"
]


@dataclass(frozen=True)
class Stage:
    """One step of a compiled model, rows in and rows out.

    y = activation(f(x)), with f by kind:

    - "dense": x @ weight + bias
    - "elementwise": x
    - "dropout": x * factor, which is 0 with the probability `rate` and else 1 / (1 - rate), or as `mask`,
      (1 or samples, outputs), says; x in inference
    - "batch_norm": (x - mean) / sqrt(variance + epsilon) * weight + bias, with mean and variance of the
      batch in training, and the running ones in inference
    - "maxout": the largest of columns j, j + outputs, j + 2 * outputs, ...
    - "pool": the largest of each region of an image; `image` is height, width, channels, and height and
      width of what comes out
    - "residual_split": x, which the "residual_add" that is stage `partner` adds to what the stages between
      make of it
    - "residual_add": split + x; without x with the probability `rate`, and split + (1 - rate) * x in
      inference

    Only the first two and "batch_norm" have an activation, and only "elementwise" one that `reads_input`;
    `slope` is its parameter, if it has one: negative_slope, alpha. `number`, of the layer, keys its draws.
    """

    inputs: int
    outputs: int
    activation: ActivationName
    kind: StageKind = "dense"
    slope: float = 0.0
    number: int = 0
    rate: float = 0.0
    momentum: float = 0.0
    epsilon: float = 0.0
    partner: int = 0
    image: tuple[int, ...] = ()
    mask: Array | None = field(default=None, compare=False)

    @property
    def dense(self) -> bool:
        """Whether it is a matrix product."""
        return self.kind == "dense"

    @property
    def learns(self) -> bool:
        """Whether it has parameters."""
        return self.kind in ("dense", "batch_norm")


class Overflowed(ArithmeticError):
    """An update made parameters that are not finite; they are left so."""


class StepKey(NamedTuple):
    """Which random draws a training step takes: a pure function of the two, and of the stage."""

    seed: int
    step: int


NO_KEY = StepKey(0, 0)  # of models that draw nothing


def reads_input(activation: ActivationName) -> bool:
    """Whether the derivative cannot be had from the output, so that the input is needed."""
    return activation == "gelu"


@dataclass
class Parameters:
    """What belongs to one stage that learns: (inputs, outputs) and (outputs,) or None.

    The weight of a batch_norm is (1, outputs). The same class carries values, gradients, averages and what an
    optimizer keeps of each parameter.
    """

    weight: Array
    bias: Array | None


@dataclass(frozen=True, eq=False)
class OptimizerState:
    """An optimizer's state, which backends update in place together with the parameters.

    first: velocities, or means of gradients. second: means or sums of their squares. Both are None where
    `Optimizer.keeps` has none. steps: (1,) int64, the number of updates so far. state_start: that number when
    first and second were zero.
    """

    first: Sequence[Parameters] | None
    second: Sequence[Parameters] | None
    steps: Array
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
        """X as a dense matrix, which it is already in the batches of a `Trainer`."""
        return self.x[:] if isinstance(self.x, SparseRows) else self.x


@dataclass(frozen=True)
class TrainConfig:
    """How to learn: the loss, a penalty or None for each dense stage, the optimizer.

    The learning rate is not taken from the optimizer, but told each call. clip_value: the bound of each
    component of the gradient of the objective, or None. clip_norm: that of its norm afterwards, or None.

    penalty_by_batch: the penalty is that of all samples of the batch together, and divided by their number or
    total weight as the loss is. report_scale: what the loss counts for in the objective that is told, but not
    in its gradient. mean_by_count: an epoch's loss weighs its batches by their samples, whatever these weigh.
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


class Network(Protocol):
    """A compiled model on one backend."""

    def try_forward(self, x: object) -> Array | None:
        """`forward` at once, of anything; None if there is something to convert or to refuse.

        A backend may always return None.
        """

    def try_step(
        self,
        x: object,
        targets: object,
        config: TrainConfig,
        state: OptimizerState,
        rate: float,
        average: Average | None = None,
        seed: int = 0,
    ) -> float | None:
        """`step` at once, without any weights; None, having changed nothing, as for `try_forward`."""

    def forward(self, x: Array | SparseRows) -> Array:
        """Scores (samples, outputs) of rows (samples, features)."""

    def loss_and_gradients(
        self, batch: Batch, config: TrainConfig, draws: StepKey = NO_KEY
    ) -> tuple[float, list[Parameters]]:
        """The objective (data loss + penalties) as in training, and its gradient for each learning stage.

        Bounds and the optimizer of the config have no say.
        """

    def step(
        self,
        batch: Batch,
        config: TrainConfig,
        state: OptimizerState,
        rate: float,
        average: Average | None = None,
        seed: int = 0,
    ) -> float:
        """One update on the whole batch with this learning rate; returns the objective before it.

        Random draws are those of the seed and the step that `state` counts. If the objective is not finite,
        returns it and changes nothing; nor does anything change if a `CustomLoss` raises.

        Raises
        ------
        Overflowed
            If the update, which is done then, makes parameters that are not finite.
        """

    def fit(
        self,
        batch: Batch,
        config: TrainConfig,
        state: OptimizerState,
        request: FitRequest,
        watch: Watch | None,
        average: Average | None = None,
    ) -> EpochResults:
        """Epochs of shuffled mini-batches; the last batch of an epoch may be smaller."""


class Backend(Protocol):
    """The kernels as functions, and networks made of them; one dtype, float32 or float64, a call."""

    name: Literal["native", "reference"]

    def network(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> Network:
        """Bind a compiled model to this backend.

        `parameters` has one entry for each stage that learns, `running` one for each batch_norm:
        (2, outputs), the running mean and variance.
        """

    def first_nonfinite_row(self, x: Array) -> int:
        """Index of the first row of a 2-D array that holds NaN or an infinity, -1 if there is none."""

    def first_bad_label(self, labels: Array, classes: int) -> int:
        """Position of the first int64 label outside 0..classes-1, -1 if there is none."""

    def shuffled_orders(self, rng: np.random.RandomState, order: Array, epochs: int) -> Array:
        """(epochs, samples) int64: each the one before, first `order`, shuffled by `rng.shuffle`."""

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """Compute x @ weight + bias."""

    def linear_backward(self, x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
        """Gradients of x, weight and bias from that of the output."""

    def activation(self, name: ActivationName, x: Array, slope: float = 0.0) -> Array:
        """Element by element."""

    def activation_backward(self, name: ActivationName, y: Array, grad: Array, slope: float = 0.0) -> Array:
        """Gradient of the input from the *output* y (the input if `reads_input`) and its gradient."""

    def exp(self, x: Array) -> Array:
        """Exponential, element by element."""

    def log(self, x: Array) -> Array:
        """Natural logarithm, element by element."""

    def softmax(self, scores: Array) -> Array:
        """Row-wise softmax."""

    def loss(self, loss: Loss, scores: Array, targets: Array, weight: Array | None) -> tuple[float, Array]:
        """Value and gradient by the scores."""

    def update(
        self,
        weight: Array,
        grad: Array,
        kept: tuple[Array | None, Array | None],
        optimizer: Optimizer,
        penalty: Penalty | None,
        rate: float,
        age: int,
    ) -> None:
        """Update a weight, and what the optimizer keeps of it, in place: see the optimizer for the formula.

        The arrays are 2-D, and age is the number of updates since `kept` was zero.
        """
