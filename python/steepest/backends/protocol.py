"""The seam between a model and what computes it: both backends implement `Backend`.

A model is compiled to a tuple of `Stage`; its parameters are NumPy arrays that the model owns and that
either backend reads and updates in place, so switching backends moves no data. Everything that arrives
here was checked at the Python edge (`_checks.py`): matching shapes, the model's dtype, unit stride along
the features, labels in range.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from ..averaging import Averaging
from ..losses import Loss
from ..optimizers import SGD
from ..penalties import Penalty

Array = NDArray[Any]
ActivationName = Literal["identity", "relu", "sigmoid", "tanh"]
# Called about every 20 ms with the number of epochs done, a fraction; True ends the fit after this batch.
Watch = Callable[[float], bool]
Status = Literal["finished", "cancelled", "diverged", "mislabelled"]


@dataclass(frozen=True)
class Stage:
    """One step of a compiled model: y = activation(x @ weight + bias), or activation(x) if not dense."""

    inputs: int
    outputs: int
    activation: ActivationName
    dense: bool = True


@dataclass
class Parameters:
    """What belongs to one dense stage: (inputs, outputs) and (outputs,) or None.

    The same class carries values, gradients, averages and the optimizer's velocities.
    """

    weight: Array
    bias: Array | None


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

    x: (samples, features) in the model's dtype, unit stride along a row. targets: (samples,) int64 class
    indices for softmax and hinge, (samples, outputs) in the model's dtype for squared error.
    weight: (samples,) in the model's dtype, non-negative, or None for ones.
    """

    x: Array
    targets: Array
    weight: Array | None = None


@dataclass(frozen=True)
class Recipe:
    """How to learn: the loss, the penalty (None for none) and the optimizer."""

    loss: Loss
    penalty: Penalty | None
    optimizer: SGD


@dataclass(frozen=True)
class Schedule:
    """Which epochs to run: numbers first_epoch ... first_epoch + epochs - 1, which also key the shuffles.

    Of each, `batches` batches from number `first_batch` on, or as many as there are: so an epoch can be run
    in parts, whose `sums` are those of the epoch's earlier parts.
    """

    epochs: int
    batch_size: int
    shuffle: bool
    seed: int
    first_epoch: int = 0
    first_batch: int = 0
    batches: int | None = None
    sums: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class EpochResults:
    """One objective value and duration for each finished epoch, and why the run ended.

    Where only a part of an epoch was to be run, they are those of the part. `sums` are those of all of the
    last epoch's batches so far: of the objectives times their shares in the epoch, and of these shares.

    `diverged` means that the objective of batch `step` (counted from 0 within its epoch) was not finite,
    `mislabelled` that the label of sample `step` was out of range when its turn came, changed since it was
    checked. The parameters, velocities and the average are then those of the last finished epoch, or of the
    beginning of the part.
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
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        average: Average | None = None,
    ) -> float | None:
        """`step` at once, without sample weights; None, having changed nothing, as for `try_forward`."""

    def forward(self, x: Array) -> Array:
        """Scores (samples, outputs) of rows (samples, features)."""

    def loss_and_gradients(
        self, batch: Batch, loss: Loss, penalty: Penalty | None
    ) -> tuple[float, list[Parameters]]:
        """The objective (data loss + penalty) and its gradient for each dense stage."""

    def step(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        average: Average | None = None,
    ) -> float:
        """One update on the whole batch; returns the objective before it.

        `velocities` is None without momentum. If the objective is not finite, returns it and changes nothing.
        """

    def fit(
        self,
        batch: Batch,
        recipe: Recipe,
        velocities: Sequence[Parameters] | None,
        schedule: Schedule,
        watch: Watch | None,
        average: Average | None = None,
    ) -> EpochResults:
        """Epochs of shuffled mini-batches; the last batch of an epoch may be smaller."""


class Backend(Protocol):
    """The kernels as functions, and networks made of them; one dtype, float32 or float64, a call."""

    name: Literal["native", "reference"]

    def network(self, stages: Sequence[Stage], parameters: Sequence[Parameters]) -> Network:
        """Bind a compiled model to this backend; `parameters` has one entry for each dense stage."""

    def first_nonfinite_row(self, x: Array) -> int:
        """Index of the first row of a 2-D array that holds NaN or an infinity, -1 if there is none."""

    def first_bad_label(self, labels: Array, classes: int) -> int:
        """Position of the first int64 label outside 0..classes-1, -1 if there is none."""

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """Compute x @ weight + bias."""

    def linear_backward(self, x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
        """Gradients of x, weight and bias from that of the output."""

    def activation(self, name: ActivationName, x: Array) -> Array:
        """Element by element."""

    def activation_backward(self, name: ActivationName, y: Array, grad: Array) -> Array:
        """Gradient of the input from the *output* y and the output's gradient."""

    def exp(self, x: Array) -> Array:
        """Exponential, element by element."""

    def log(self, x: Array) -> Array:
        """Natural logarithm, element by element."""

    def softmax(self, scores: Array) -> Array:
        """Row-wise softmax."""

    def loss(self, loss: Loss, scores: Array, targets: Array, weight: Array | None) -> tuple[float, Array]:
        """Value and gradient by the scores."""

    def sgd_step(
        self, weight: Array, grad: Array, velocity: Array | None, optimizer: SGD, penalty: Penalty | None
    ) -> None:
        """Update weight (and velocity) in place: see `SGD` for the formula."""
