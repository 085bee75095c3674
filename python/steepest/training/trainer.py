"""`Trainer`: a model, how it learns, and the optimizer's state; single steps, and fits."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Mapping, Sequence

from numpy.typing import ArrayLike

from .. import _checks
from ..averaging import Averaging
from ..backends.data import Overflowed
from ..backends.reference.formulas import write
from ..compile.objective import batch_of, check_finite
from ..constraints import MaxNorm
from ..losses import Loss, LossFunction
from ..metrics import Metric
from ..optimizers import SGD, Optimizer
from ..penalties import Penalties
from . import divergence
from .callbacks import BatchCallback, Callback, checked_callbacks
from .fit import Fit
from .history import History
from .learning import Learning
from .model import Model, checked_model
from .validation import checked_metrics, validation_batch

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
    model : Sequential
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
        model: Model,
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
        self.learning = Learning(
            self.model.compiled, loss, optimizer, penalty, clip_value, clip_norm, constraint, averaging
        )
        self._penalty = penalty
        self._cancelled = threading.Event()

    @property
    def steps_done(self) -> int:
        """Updates over all calls of `step` and `fit`: to schedules and draws, the next step's number."""
        return self.learning.steps_done

    @property
    def loss(self) -> Loss:
        """The loss that is minimized."""
        return self.learning.loss

    @property
    def penalty(self) -> Penalties:
        """The penalty added to it, as it was given."""
        return self._penalty

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer; setting another that keeps the same, as `Adam` and `AdamW` do, keeps its state."""
        return self.learning.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        self.learning.use(optimizer)

    @property
    def averaging(self) -> Averaging | None:
        """How the parameters are averaged."""
        average = self.learning.state.average
        return None if average is None else average.averaging

    def averaged(self) -> Model:
        """A new model with the averaged parameters; with the model's own while none has been averaged.

        Raises
        ------
        ValueError
            If the trainer has no `averaging`.
        """
        if self.learning.state.average is None:
            raise ValueError("this trainer averages nothing: make it with averaging=st.PolyakAverage()")
        model = copy.copy(self.model)
        if (averages := self.learning.averaged()) is not None:
            compiled = model.compiled
            write(list(zip(compiled.arrays(compiled.parameters), averages, strict=True)))
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
        learning, seed, objective = self.learning, self.model.seed, None
        compiled, state, rate = learning.compiled, learning.state, learning.rate
        network = compiled.network()
        try:
            if sample_weight is None:
                objective = network.try_step(X, y, state, rate, seed)
            if objective is None:
                batch = batch_of(compiled, X, y, sample_weight, learning.loss)
                compiled.check_masks(len(batch.x))
                check_finite(batch)  # not only when the objective is not: tanh of an infinity is 1
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
        compiled, loss = self.learning.compiled, self.learning.loss
        batch = batch_of(compiled, X, y, sample_weight, loss)
        check_finite(batch)
        validation = None if validation_data is None else validation_batch(compiled, validation_data, loss)
        size = min(batch_size or len(batch.x), len(batch.x))
        compiled.check_masks(size)
        self._cancelled.clear()
        return Fit(
            self,
            self._cancelled.is_set,
            batch=batch,
            validation=validation,
            epochs=epochs,
            batch_size=size,
            shuffle=shuffle,
            seed=seed,
            metrics=metrics,
            callbacks=callbacks,
            batch_callbacks=batch_callbacks,
            batch_group=batch_group,
            progress=progress,
        ).run()

    def cancel(self) -> None:
        """End a running `fit` after its current batch; callable from any thread and from callbacks.

        The fit returns its history of finished epochs with the status "cancelled". Without a running fit
        this does nothing.
        """
        self._cancelled.set()
