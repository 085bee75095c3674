"""`Trainer`: a model, how it learns, and the optimizer's state; single steps, and the fit loop."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from . import _checks
from ._per_layer import per_layer
from ._progress import ProgressBar
from ._rates import Rates
from .backends import active
from .backends.formulas import batch_size
from .backends.protocol import Batch, EpochResults, Recipe, Schedule, State
from .callbacks import Callback, EpochState
from .constraints import MaxNorm, as_constraint
from .history import History
from .losses import Loss, LossFunction, as_loss
from .optimizers import SGD, Kept, Optimizer, as_optimizer
from .penalties import Penalties
from .schedules import rate_of

if TYPE_CHECKING:
    from .model import Sequential

DEFAULT_OPTIMIZER = SGD()
_EVALUATED_AT_ONCE = 8192  # samples of the validation data


class DivergenceError(ArithmeticError):
    """The loss stopped being finite.

    Attributes
    ----------
    epoch, step : int or None
        Where, both counted from 0, the step within its epoch; None for a single `Trainer.step`.
    learning_rate : float or None
        The learning rate at that moment.
    """

    def __init__(
        self,
        message: str,
        *,
        epoch: int | None = None,
        step: int | None = None,
        learning_rate: float | None = None,
    ) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step
        self.learning_rate = learning_rate


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

    Attributes
    ----------
    epochs_done : int
        Finished epochs over all calls of `fit`. They number the shuffles, so two fits of 5 epochs give
        the bits of one fit of 10.
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
    ) -> None:
        self.model = model
        self.epochs_done = 0
        self._loss = as_loss(loss)
        self._penalty = penalty
        self._penalties = per_layer(penalty, model.layers)
        for name, bound in (("clip_value", clip_value), ("clip_norm", clip_norm)):
            if bound is not None:
                _checks.positive(bound, name)
        self._limits = clip_value, clip_norm, as_constraint(constraint)
        self._state = State(None, None, np.zeros(1, np.int64))
        self._kept: Kept = (None, None)
        self._cancelled = threading.Event()
        self.optimizer = optimizer

    @property
    def steps_done(self) -> int:
        """Updates over all calls of `step` and `fit`: to schedules and draws, the next step's number."""
        return int(self._state.steps[0])

    @property
    def loss(self) -> Loss:
        """The loss that is minimised."""
        return self._loss

    @property
    def penalty(self) -> Penalties:
        """The penalty added to it, as it was given."""
        return self._penalty

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; setting another that keeps the same, as `Adam` and `AdamW` do, keeps its state."""
        return self._recipe.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        kept = as_optimizer(optimizer).keeps
        if kept != self._kept:
            first, second = (self.model._zeros() if name else None for name in kept)
            self._state, self._kept = State(first, second, self._state.steps, self.steps_done), kept
        rate = optimizer.learning_rate
        self._rate = None if callable(rate) else float(rate)
        self._recipe = Recipe(self._loss, self._penalties, optimizer, *self._limits)

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
            If the objective is not finite though the data are.
        """
        network, recipe, state, rate = self.model._network(), self._recipe, self._state, self._rate
        if rate is None:
            rate = rate_of(recipe.optimizer.learning_rate, self.steps_done)
        seed = self.model.seed
        objective = network.try_step(X, y, recipe, state, rate, seed) if sample_weight is None else None
        if objective is None:
            batch = self.model._batch(X, y, sample_weight, self._loss)
            self.model._check_masks(len(batch.x))
            _check_finite(batch)  # not only when the objective is not: tanh of an infinity is 1
            objective = network.step(batch, recipe, state, rate, seed)
        if not math.isfinite(objective):
            raise DivergenceError(
                f"the loss of this batch is {objective} with learning rate {rate}; "
                "the parameters were left as they are; a smaller learning rate may help",
                learning_rate=rate,
            )
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
        callbacks: Sequence[Callback] = (),
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
        callbacks : sequence of callables
            Each is called with an `EpochState` after each epoch; one that returns True stops the fit.
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
            For data or settings that cannot be used; nothing was changed then. A label that is changed
            during the fit to none of the classes is a ValueError when its turn comes, which names the sample;
            the parameters of the last finished epoch are restored.
        DivergenceError
            If the loss stops being finite; the parameters of the last finished epoch are restored.
        KeyboardInterrupt
            On Ctrl-C; the parameters of the last finished batch are kept.

        Notes
        -----
        X of the model's dtype in C order is read in place, so that a memory map (``numpy.load(...,
        mmap_mode="r")``) may be larger than memory; so are int64 labels, and targets and sample weights of
        the model's dtype. All else is converted once, as a whole. The fit itself needs memory for two copies
        of parameters and the optimizer's state and one batch with its activations and gradients; and, with
        `shuffle`, for the order of the samples, 4 bytes each (8 from 2**32 of them on).
        """
        epochs = _checks.integer(epochs, "epochs", minimum=0)
        if batch_size is not None:
            batch_size = _checks.integer(batch_size, "batch_size", minimum=1)
        _checks.flag(shuffle, "shuffle")
        _checks.flag(progress, "progress")
        seed = self.model.seed if seed is None else _checks.seed(seed)
        callbacks = _checked_callbacks(callbacks)
        batch = self.model._batch(X, y, sample_weight, self._loss)
        _check_finite(batch)
        validation = None if validation_data is None else self._validation(validation_data)
        size = min(batch_size or len(batch.x), len(batch.x))
        self.model._check_masks(size)
        steps = -(-len(batch.x) // size)
        rates = Rates(self.optimizer.learning_rate, self.steps_done, epochs * steps)

        history = History()
        self._cancelled.clear()
        # One call of the backend for all epochs, unless something must happen between them.
        together = 1 if callbacks or validation else epochs
        with ProgressBar(epochs, steps, progress) as bar:
            while (left := epochs - history.epochs) and history.status == "finished":
                if rates.rule is not self.optimizer.learning_rate:  # a callback's doing
                    rates = Rates(self.optimizer.learning_rate, self.steps_done, left * steps)
                n = min(left, together, rates.epochs_at_once(steps) or left)
                schedule = Schedule(
                    n, size, shuffle, seed, rates.of(self.steps_done, n * steps), self.epochs_done
                )
                self._run(batch, schedule, history, bar)
                if validation and history.epochs > len(history.validation_loss):
                    history.validation_loss.append(self._data_loss(validation))
                bar.show(history)
                if callbacks and history.epochs and history.status == "finished":
                    self._call_back(callbacks, history)
        return history

    def cancel(self) -> None:
        """End a running `fit` after its current batch; callable from any thread and from callbacks.

        The fit returns its history of finished epochs with the status "cancelled". Without a running fit
        this does nothing.
        """
        self._cancelled.set()

    def _run(self, batch: Batch, schedule: Schedule, history: History, bar: ProgressBar) -> None:
        """Let the backend run some epochs, and record them."""
        before, reached = history.epochs, 0.0

        def watch(done: float) -> bool:
            nonlocal reached
            reached = done
            bar.move(before + done)
            return self._cancelled.is_set()

        network = self.model._network()
        try:
            results = network.fit(batch, self._recipe, self._state, schedule, watch)
        except BaseException:  # Ctrl-C: what the last look saw
            self.epochs_done += int(reached)
            raise
        self.epochs_done += len(results.losses)
        history.loss += results.losses
        history.seconds += results.seconds
        history.samples_per_second += [len(batch.x) / max(seconds, 1e-9) for seconds in results.seconds]
        bar.move(history.epochs)
        if results.status == "mislabelled":
            raise ValueError(
                f"the label of sample {results.step} was changed during the fit, and is not one of the "
                f"{self.model.out_features} classes 0..{self.model.out_features - 1}; the parameters of the "
                "last finished epoch were restored"
            )
        if results.status == "diverged":
            steps = -(-len(batch.x) // schedule.batch_size)
            step = len(results.losses) * steps + results.step
            rate = float(schedule.rates[step % len(schedule.rates)])
            raise _divergence(history.epochs, results, rate)
        if results.status == "cancelled" or self._cancelled.is_set():
            history.status = "cancelled"

    def _call_back(self, callbacks: Sequence[Callback], history: History) -> None:
        validation_loss = history.validation_loss[-1] if history.validation_loss else None
        epoch = history.epochs - 1
        state = EpochState(epoch, history.loss[-1], validation_loss, self.model, self, history)
        answers = [callback(state) for callback in callbacks]  # each is called, whatever the others want
        if any(answers):
            history.status = "stopped"
        if self._cancelled.is_set():
            history.status = "cancelled"

    def _validation(self, data: tuple[ArrayLike, ArrayLike]) -> Batch:
        if not isinstance(data, tuple | list) or len(data) != 2:
            raise TypeError("validation_data must be a pair (X, y)")
        batch = self.model._batch(data[0], data[1], None, self._loss)
        _check_finite(batch)
        return batch

    def _data_loss(self, batch: Batch) -> float:
        """The loss of the samples, some at a time: there may be more than memory has room for scores."""
        network, backend, total = self.model._network(), active(), 0.0
        for start in range(0, len(batch.x), _EVALUATED_AT_ONCE):
            part = slice(start, start + _EVALUATED_AT_ONCE)
            scores = network.forward(batch.x[part])
            weight = None if batch.weight is None else batch.weight[part]
            value = backend.loss(self._loss, scores, batch.targets[part], weight)[0]
            total += value * batch_size(self._loss, len(scores), weight)
        return total / batch_size(self._loss, len(batch.x), batch.weight)


def _checked_callbacks(callbacks: Sequence[Callback]) -> tuple[Callback, ...]:
    if callable(callbacks):
        raise TypeError("callbacks must be a sequence of callables: write [callback] for a single one")
    for callback in (checked := tuple(callbacks)):
        if not callable(callback):
            raise TypeError(f"a callback must be callable, not {callback!r:.80}")
    return checked


def _check_finite(batch: Batch) -> None:
    first_nonfinite_row = active().first_nonfinite_row
    _checks.finite_rows(batch.x, first_nonfinite_row, "X")
    if batch.targets.ndim == 2:
        _checks.finite_rows(batch.targets, first_nonfinite_row, "y")


def _divergence(epoch: int, results: EpochResults, learning_rate: float) -> DivergenceError:
    return DivergenceError(
        f"the loss stopped being finite in epoch {epoch}, step {results.step} (both counted from 0) with "
        f"learning rate {learning_rate}; the parameters of the last finished epoch were restored; "
        "starting again with a smaller learning rate may help",
        epoch=epoch,
        step=results.step,
        learning_rate=learning_rate,
    )
