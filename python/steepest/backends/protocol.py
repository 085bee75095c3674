"""The seam between a model and what computes it: both backends implement `Backend`.

A model is compiled to a tuple of `Stage`; its parameters are NumPy arrays that the model owns and that
either backend reads and updates in place, so switching backends moves no data. Everything that arrives
here was checked at the Python edge (`_checks/`): matching shapes, the model's dtype, unit stride along
the features, labels in range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import numpy as np

from .._checks import Array
from ..compile.stage import Stage
from ..losses import Loss
from ..optimizers import Optimizer
from ..penalties import Penalty
from .data import (
    NO_KEY,
    Batch,
    EpochResults,
    FitRequest,
    Parameters,
    ShouldStop,
    StepKey,
    TrainConfig,
    TrainState,
    Whole,
)
from .dual import DualAscent, DualRows
from .online import Online, OnlineRows
from .sparse import SparseRows


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
        state: TrainState,
        rate: float,
        seed: int = 0,
    ) -> float | None:
        """`step` at once, without any weights; None, having changed nothing, as for `try_forward`."""

    def forward(self, x: Array | SparseRows) -> Array:
        """Scores (samples, outputs) of rows (samples, features)."""

    def loss_and_gradients(
        self,
        batch: Batch,
        config: TrainConfig,
        key: StepKey = NO_KEY,
        *,
        sample_scale: float | None = None,
        into: Sequence[Parameters] | None = None,
        whole: Whole | None = None,
    ) -> tuple[float, list[Parameters]]:
        """The objective (data loss + penalties) as in training, and its gradient for each learning stage.

        Bounds and the optimizer of the config have no say. sample_scale: what the loss of a sample counts for
        next to its weight, where the batch is a part of a larger one, 0 if that has no weight; if it is None,
        1 / the weight of the batch. (A `CustomLoss` has its own way.) into: arrays to write the gradients to,
        in place of new ones. whole: the larger batch, whose statistics a batch_norm then uses, and who is
        told of gradients; these stay those of this part.
        """

    def update(
        self,
        gradients: Sequence[Parameters],
        state: TrainState,
        rate: float,
        statistics: Sequence[Array] = (),
    ) -> None:
        """The update of a step, from gradients of the objective.

        statistics: those of the batch for each batch_norm, (2, outputs), which move the running ones; without
        any, these stay as they are.

        Raises
        ------
        Overflowed
            If it makes parameters that are not finite; they are left so.
        """

    def step(
        self,
        batch: Batch,
        state: TrainState,
        rate: float,
        seed: int = 0,
    ) -> float:
        """One update on the whole batch with this learning rate; returns the objective before it.

        Random draws are those of the seed and the step that the state counts. If the objective is not finite,
        returns it and changes nothing; nor does anything change if a `CustomLoss` raises.

        Raises
        ------
        Overflowed
            If the update, which is done then, makes parameters that are not finite.
        """

    def fit(
        self,
        batch: Batch,
        state: TrainState,
        request: FitRequest,
        should_stop: ShouldStop | None,
    ) -> EpochResults:
        """Epochs of shuffled mini-batches; the last batch of an epoch may be smaller."""


class Backend(Protocol):
    """The kernels as functions, and networks made of them. Each call has one dtype, float32 or float64."""

    name: Literal["native", "reference"]

    def network(
        self, stages: Sequence[Stage], parameters: Sequence[Parameters], running: Sequence[Array] = ()
    ) -> Network:
        """Bind a compiled model to this backend.

        `parameters` has one entry for each stage with parameters, `running` one for each batch_norm:
        (2, outputs), the running mean and variance.
        """

    def dual_ascent(self, rows: DualRows) -> DualAscent:
        """Read the rows of a linear model to be fitted by dual coordinate ascent."""

    def online(self, rows: OnlineRows) -> Online:
        """Read the rows that a linear model learns from as they come."""

    def coordinate_descent(
        self, products: Array, slope: Array, l1: Array, point: Array, sweeps: int, tol: float
    ) -> float:
        """Lower slope @ d + d @ products @ d / 2 + l1 @ abs(point), for moves d of the point.

        Each weight goes to its best value given the others, in order, until a sweep gains no more than `tol`.
        products: (weights, weights), symmetric. point, and slope, which becomes that at the point: moved in
        place. A weight without a positive second derivative stays. All are float64. Returns what the last
        sweep has gained, at least.
        """

    def first_nonfinite_row(self, x: Array) -> int:
        """Index of the first row of a 2-D array that holds NaN or an infinity, -1 if there is none."""

    def first_bad_label(self, labels: Array, classes: int) -> int:
        """Position of the first int64 label outside 0..classes-1, -1 if there is none."""

    def shuffled_orders(self, rng: np.random.RandomState, order: Array, epochs: int) -> Array:
        """(epochs, samples) int64: each the one before, first `order`, shuffled by `rng.shuffle`."""

    def linear(self, x: Array, weight: Array, bias: Array | None) -> Array:
        """Compute x @ weight + bias."""

    def sparse_linear(self, x: SparseRows, weight: Array, bias: Array | None) -> Array:
        """Compute x @ weight + bias of sparse rows; a row's result is the same in any company."""

    def linear_backward(self, x: Array, weight: Array, grad: Array) -> tuple[Array, Array, Array]:
        """Gradients of x, weight and bias from that of the output."""

    def activation(self, name: str, x: Array, slope: float = 0.0) -> Array:
        """Element by element."""

    def activation_backward(self, name: str, y: Array, grad: Array, slope: float = 0.0) -> Array:
        """Gradient of the input from the *output* y and its gradient.

        An activation that `reads_input` takes the input for y.
        """

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
        slots: Mapping[str, Array],
        optimizer: Optimizer,
        penalty: Penalty | None,
        rate: float,
        age: int,
    ) -> None:
        """Update a weight and the optimizer's slots in place: see the optimizer for the formula.

        The arrays are 2-D, and age is the number of updates since the slots were zero.
        """
