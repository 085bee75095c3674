"""`Trainer`: a model, how it learns, and the optimizer's state; single steps, and fits."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from .._description import check_dtype
from ..averaging import Averaging, as_averaging
from ..backends import active
from ..backends.data import (
    Average,
    Batch,
    EpochResults,
    FitRequest,
    OptimizerState,
    Overflowed,
    ShouldStop,
    TrainConfig,
    TrainState,
)
from ..backends.reference.formulas import write
from ..constraints import MaxNorm, as_constraint
from ..losses import Loss, LossFunction
from ..metrics import Metric, checked_metrics
from ..optimizers import SGD, Optimizer, as_optimizer
from ..penalties import Penalties
from ..schedules import rate_of
from . import divergence
from .callbacks import BatchCallback, Callback, checked_callbacks
from .history import History
from .loop import Fit, Plan

if TYPE_CHECKING:
    from ..model import Sequential

DEFAULT_OPTIMIZER = SGD()


class Trainer:
    """Trains one model: holds the loss, the penalty, the optimizer and its state.

    Parameters
    ----------
    model : Sequential
        Changed in place.
    loss : str, loss or callable, default "softmax"
        A loss, its name (see `losses.as_loss`), or a function of scores and targets (see
        `losses.CustomLoss`).
    optimizer : SGD, AdaGrad, RMSProp, Adam or AdamW, default SGD()
        Can be replaced between steps and, by a callback, between epochs.
    penalty : L2, L1, ElasticNet or None, or a mapping of them
        Of the weights of all linear layers; or of some, by their number in `Sequential.state_dict`.
    clip_value : float, optional
        Every component of the gradient of the objective is kept within [-clip_value, clip_value].
    clip_norm : float, optional
        After that, the gradient of all parameters together is scaled by min(1, clip_norm / its 2-norm).
    constraint : MaxNorm, optional
        Restored after each update.
    averaging : PolyakAverage, ExponentialAverage or None
        Keep an average of the parameters, which each update over all calls of `step` and `fit` adds to; see
        `averaged`. Validation, metrics and callbacks see the model itself, not the average.

    Attributes
    ----------
    epochs_done : int
        Finished epochs over all calls of `fit`. They number the shuffles, so two fits of 5 epochs give
        the bits of one fit of 10.

    Raises
    ------
    ValueError, TypeError
        For settings that cannot be used: a number that the model's dtype cannot hold (as a learning rate of
        1e39 or an epsilon of 1e-46 in float32), a loss of scores for a model that ends with `Sigmoid`.
    """

    def __init__(
        self,
        model: Sequential,
        loss: str | Loss | LossFunction = "softmax",
        optimizer: Optimizer = DEFAULT_OPTIMIZER,
        penalty: Penalties = None,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        constraint: MaxNorm | None = None,
        averaging: Averaging | None = None,
    ) -> None:
        self.model = checked_model(model)
        self.epochs_done = 0
        self._loss, self._penalties = model._objective(loss, penalty)
        self._penalty = penalty
        clip_value = _bound(clip_value, "clip_value", model.dtype)
        clip_norm = _bound(clip_norm, "clip_norm", model.dtype)
        check_dtype(as_constraint(constraint), model.dtype)
        average = None
        if (averaging := as_averaging(averaging)) is not None:
            average = Average(averaging, model._zeros(), np.zeros(1, np.int64))
        config = TrainConfig(self._loss, self._penalties, SGD(), clip_value, clip_norm, constraint)
        self._state = TrainState(config, average=average)
        self._cancelled = threading.Event()
        self.optimizer = optimizer

    @property
    def steps_done(self) -> int:
        """Updates over all calls of `step` and `fit`: to schedules and draws, the next step's number."""
        return int(self._state.optimizer.steps[0])

    @property
    def loss(self) -> Loss:
        """The loss that is minimized."""
        return self._loss

    @property
    def penalty(self) -> Penalties:
        """The penalty added to it, as it was given."""
        return self._penalty

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; setting another that keeps the same, as `Adam` and `AdamW` do, keeps its state."""
        return self._state.config.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        slots = as_optimizer(optimizer).slots
        check_dtype(optimizer, self.model.dtype)
        kept = self._state.optimizer
        if slots != tuple(kept.slots):
            zeros = {name: self.model._zeros() for name in slots}
            kept = OptimizerState(zeros, kept.steps, self.steps_done)
        rate = optimizer.learning_rate
        self._rate = None if callable(rate) else float(rate)
        config = replace(self._state.config, optimizer=optimizer)
        self._state = replace(self._state, config=config, optimizer=kept)

    @property
    def averaging(self) -> Averaging | None:
        """How the parameters are averaged."""
        average = self._state.average
        return None if average is None else average.averaging

    def averaged(self) -> Sequential:
        """A new model with the averaged parameters; with the model's own while none has been averaged.

        Raises
        ------
        ValueError
            If the trainer has no `averaging`.
        """
        if (average := self._state.average) is None:
            raise ValueError("this trainer averages nothing: make it with averaging=st.PolyakAverage()")
        model = copy.copy(self.model)
        if average.updates[0] > average.averaging.start:
            arrays = (self.model._arrays(parameters) for parameters in (model._parameters, average.values))
            write(list(zip(*arrays, strict=True)))
        return model

    def step(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """One update on the batch X, y.

        Parameters
        ----------
        X : array_like, (samples, in_features)
        y : array_like
            Labels (samples,) for softmax and hinge, targets (samples, out_features) for other losses.
        sample_weight : array_like, (samples,), optional
            Finite, not negative, not all zero; none with a function as the loss.

        Returns
        -------
        float
            The objective (data loss + penalty) before the update.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be used.
        DivergenceError
            If the objective is not finite though the data are; nothing was changed then. Or if the update
            makes parameters that are not finite; they stay so, since `step` keeps no copy to go back to.
        """
        network, state, rate = self.model._network(), self._state, self._rate
        if rate is None:
            rate = rate_of(self.optimizer.learning_rate, self.steps_done, self.model.dtype)
        seed, objective = self.model.seed, None
        try:
            if sample_weight is None:
                objective = network.try_step(X, y, state, rate, seed)
            if objective is None:
                batch = self.model._batch(X, y, sample_weight, self._loss)
                self.model._check_masks(len(batch.x))
                _check_finite(batch)  # not only when the objective is not: tanh of an infinity is 1
                objective = network.step(batch, state, rate, seed)
        except Overflowed:
            raise divergence.of_update(rate) from None
        if not math.isfinite(objective):
            raise divergence.of_step(objective, rate)
        return objective

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        validation_data: tuple[ArrayLike, ArrayLike] | None = None,
        metrics: Mapping[str, Metric] | None = None,
        callbacks: Sequence[Callback] = (),
        batch_callbacks: Sequence[BatchCallback] = (),
        batch_group: int = 1,
        progress: bool = True,
        seed: int | None = None,
    ) -> History:
        """Train for some more epochs of mini-batches.

        Parameters
        ----------
        X : array_like, (samples, in_features)
        y : array_like
            Labels (samples,) for softmax and hinge, targets (samples, out_features) for other losses.
        epochs : int, default 10
            0 only checks the data.
        batch_size : int or None, default 128
            None, or more than there are samples, takes all samples at once. The last batch may be smaller.
        shuffle : bool, default True
            Visit the samples in another order each epoch.
        sample_weight : array_like, (samples,), optional
            Finite, not negative, not all zero; none with a function as the loss.
        validation_data : (X, y), optional
            Its data loss is computed after each epoch.
        metrics : mapping of str to callables, optional
            Each, as `accuracy`, is called with labels (or targets) and scores of the validation data after
            each epoch and returns a real number; see `History.metrics`. A name is none of a history's own.
        callbacks : sequence of callables
            Each is called with an `EpochState` after each epoch; one that returns True stops the fit. An
            `EpochCallback`, as `EarlyStopping`, is also told of the beginning and the end of the fit.
        batch_callbacks : sequence of callables
            Each is called with a `BatchState` after every `batch_group` updates and after the last of an
            epoch; one that returns True stops the fit there, and its parameters stay.
        batch_group : int, default 1
            How many updates lie between two calls. It changes no bit of what is learned.
        progress : bool, default True
            Show a progress bar on stderr if that is a terminal.
        seed : int, optional
            Keys the shuffles; by default the model's seed.

        Returns
        -------
        History

        Raises
        ------
        ValueError, TypeError
            For data or settings that cannot be used, and for metrics without validation data; nothing was
            changed then. A metric whose result is no real number is a TypeError. A label that is changed
            during the fit to none of the classes is a ValueError when its turn comes, which names the sample;
            the parameters of the last finished epoch are restored.
        DivergenceError
            If the loss or a parameter stops being finite; the parameters of the last finished epoch are
            restored.
        KeyboardInterrupt
            On Ctrl-C; the parameters of the last finished batch are kept.

        Notes
        -----
        X of the model's dtype in C order is read in place, so that a memory map (``numpy.load(...,
        mmap_mode="r")``) may be larger than memory; so are int64 labels, and targets and sample weights of
        the model's dtype. All else is converted once, as a whole. The fit itself needs memory for two copies
        of parameters, the optimizer's state and average and one batch with its activations and gradients;
        and, with `shuffle`, for the order of the samples, 4 bytes each (8 from 2**32 of them on). Batch
        callbacks take a third copy.
        """
        epochs = _checks.integer(epochs, "epochs", minimum=0)
        if batch_size is not None:
            batch_size = _checks.integer(batch_size, "batch_size", minimum=1)
        shuffle, progress = _checks.flag(shuffle, "shuffle"), _checks.flag(progress, "progress")
        seed = self.model.seed if seed is None else _checks.seed(seed)
        batch_group = _checks.integer(batch_group, "batch_group", minimum=1)
        metrics = checked_metrics(metrics, validation_data is not None)
        callbacks = checked_callbacks(callbacks, "callbacks")
        batch_callbacks = checked_callbacks(batch_callbacks, "batch_callbacks")
        batch = self.model._batch(X, y, sample_weight, self._loss)
        _check_finite(batch)
        validation = None if validation_data is None else self._validation(validation_data)
        size = min(batch_size or len(batch.x), len(batch.x))
        self.model._check_masks(size)

        self._cancelled.clear()
        plan = Plan(epochs, size, shuffle, seed, metrics, callbacks, batch_callbacks, batch_group, progress)
        return Fit(self, batch, validation, plan).run()

    def cancel(self) -> None:
        """End a running `fit` after its current batch; callable from any thread and from callbacks.

        The fit returns its history of finished epochs with the status "cancelled". Without a running fit
        this does nothing.
        """
        self._cancelled.set()

    def _run(self, batch: Batch, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """Let the backend run some epochs."""
        return self.model._network().fit(batch, self._state, request, should_stop)

    def _copies(self) -> list[tuple[Array, Array]]:
        """Every array that learning changes, with a copy of what it holds now."""
        model, state = self.model, self._state.optimizer
        arrays = [state.steps, *model._running]
        for parameters in (model._parameters, *state.slots.values()):
            arrays += model._arrays(parameters)
        return [(array, array.copy()) for array in arrays] + self._average_copies()

    def _average_copies(self) -> list[tuple[Array, Array]]:
        """The same of the average alone."""
        if (average := self._state.average) is None:
            return []
        arrays = [*self.model._arrays(average.values), average.updates]
        return [(array, array.copy()) for array in arrays]

    def _validation(self, data: tuple[ArrayLike, ArrayLike]) -> Batch:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise TypeError("validation_data must be a pair (X, y)")
        batch = self.model._batch(data[0], data[1], None, self._loss)
        _check_finite(batch)
        return batch


def checked_model(model: object) -> Sequential:
    """`model` itself; a TypeError for anything that is none."""
    from ..model import Sequential  # not at the top: it imports this module

    if not isinstance(model, Sequential):
        raise TypeError(f"model must be a st.Sequential, not {model!r:.80}")
    return model


def _bound(value: float | None, name: str, dtype: np.dtype[Any]) -> float | None:
    """A bound of gradients that `dtype` can hold, or None."""
    if value is not None:
        value = _checks.positive(value, name)
        _checks.representable(value, name, dtype, normal=True)
    return value


def _check_finite(batch: Batch) -> None:
    first_nonfinite_row = active().first_nonfinite_row
    _checks.finite_rows(batch.dense, first_nonfinite_row, "X")
    if batch.targets.ndim == 2:
        _checks.finite_rows(batch.targets, first_nonfinite_row, "y")
