"""`Trainer`: trains a model step by step or in fits, and holds the optimizer's state."""

from __future__ import annotations

import copy
import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal

from numpy.typing import ArrayLike

from .. import _html
from .._checks import Array
from ..averaging import Averaging
from ..backends.data import Overflowed, TrainState
from ..backends.memory import write
from ..backends.sparse import Samples
from ..compile.objective import batch_of, check_finite
from ..constraints import MaxNorm
from ..losses import ClassWeight, Loss, LossFunction
from ..metrics import Metrics
from ..optimizers import SGD, Optimizer
from ..penalties import Penalties
from . import checkpoints, divergence, ranks
from .arguments import checked_arguments
from .callbacks import BatchCallback, Callback
from .given import check_whole
from .history import History
from .learning import Learning
from .model import Model, checked_model
from .validation import ValidationData

__all__ = ["Trainer"]

DEFAULT_OPTIMIZER = SGD()
_OF_ONE_PROCESS = ("_cancelled", "_ranks", "_stepping")  # which no copy has


class Trainer:
    """Train a model: holds the loss, the penalty, the optimizer and the optimizer's state.

    Keep one trainer where training should go on: momentum and all else that an optimizer remembers, the
    position in a learning rate schedule (`steps_done`, `epochs_done`), averages and the numbers of the
    shuffles stay in it from one `fit` or `step` to the next. `Sequential.fit` begins anew with each call.

    Parameters
    ----------
    model : Sequential
        Changed in place.
    loss : str, loss or callable, default "softmax"
        A loss; its name: "softmax" or "cross_entropy", "hinge" or "svm", "squared_hinge", "squared_error" or
        "mse", "absolute_error" or "mae", "binary_cross_entropy" or "bce", "huber", "log_cosh", "poisson"; or
        a function of scores and targets (see `losses.CustomLoss`).
    optimizer : an optimizer of `steepest.optimizers`, or its name, default SGD()
        A name, such as "adam", stands for the optimizer with its default settings. It may
        be replaced between steps and, by a callback, between epochs.
    penalty : L2, L1, ElasticNet or None, or a mapping of them
        For the weights of all linear layers, or a mapping from the number of a layer in
        `Sequential.state_dict` to its penalty.
    clip_value : float, optional
        Clip every component of the gradient of the objective to [-clip_value, clip_value].
    clip_norm : float, optional
        After that, scale the gradient of all parameters by min(1, clip_norm / its 2-norm).
    constraint : MaxNorm, optional
        Enforced after each update.
    averaging : PolyakAverage, ExponentialAverage or None
        Average the parameters over all updates of `step` and `fit`; see `averaged`. Validation, metrics and
        callbacks see the model itself, not the average.
    rate_factors : mapping of int to float, optional
        What layers multiply the learning rate by, by their numbers in `Sequential.state_dict`: with
        ``{0: 0.1}`` the first layer learns a tenth as fast as the others.
    frozen : set of int, default ()
        Layers whose parameters stay as they are, to the last bit: no penalty, decay or constraint changes
        them, and their gradients are no part of `clip_norm`'s norm. The running statistics of a frozen
        `BatchNorm` go on.
    communicator : mpi4py.MPI.Comm, optional
        Train in all of its processes together, each of which gives `fit` or `step` samples of its own; see
        `steepest.distributed.fit`. A copy of the trainer has none.
    shards : int, optional
        With a communicator: how many parts the samples of all processes have, a power of 2. The gradient of
        a batch is the sum of those of its parts, in one order, so that any number of processes that divides
        `shards` gives the same bits. By default one for each process.

    Attributes
    ----------
    model : Sequential
    epochs_done : int
        Finished epochs over all calls of `fit`. Shuffles and schedules by epoch depend on it, so two fits of
        5 epochs give the same bits as one fit of 10, unless the loss rises. A loop of your own over `step`
        may increase it after each pass over the samples.

    Raises
    ------
    ValueError, TypeError
        If `shards` are given that the ranks cannot share evenly, or without a communicator; or if a setting
        cannot be used: a number that the model's dtype cannot represent (such as a learning rate
        of 1e39 or an epsilon of 1e-46 in float32), or a loss that needs unbounded scores with a model that
        ends with `Sigmoid`.
    RuntimeError
        While another thread fits the model; also where `optimizer` is set.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 8), st.Tanh(), st.Linear(8, 2))
    >>> trainer = st.Trainer(model, optimizer=st.Adam(0.01))
    >>> objectives = [trainer.step(X, y) for _ in range(100)]
    >>> objectives[-1] < objectives[0], trainer.steps_done
    (True, 100)
    """

    def __init__(
        self,
        model: Model,
        loss: str | Loss | LossFunction = "softmax",
        optimizer: str | Optimizer = DEFAULT_OPTIMIZER,
        penalty: Penalties = None,
        *,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        constraint: MaxNorm | None = None,
        averaging: Averaging | None = None,
        rate_factors: Mapping[int, float] | None = None,
        frozen: Iterable[int] = (),
        communicator: Any = None,
        shards: int | None = None,
    ) -> None:
        self.model = checked_model(model)
        self._ranks = ranks.ranks_of(communicator, shards)
        self._stepping = ranks.Stepping(self._ranks) if isinstance(self._ranks, ranks.Ranks) else None
        self.model.compiled.turns.check_here()  # whose loss this sets
        self.epochs_done = 0
        self.learning = Learning(
            self.model.compiled,
            loss,
            optimizer,
            penalty,
            clip_value,
            clip_norm,
            constraint,
            averaging,
            rate_factors,
            frozen,
        )
        self.model.loss = self.learning.loss
        self.draws: int | None = None  # the seed of fits that are given none, if not the model's
        self._penalty = penalty
        self._cancelled = threading.Event()

    @property
    def steps_done(self) -> int:
        """Number of updates over all calls of `step` and `fit`; schedules and dropout count steps by it."""
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
        """The optimizer. Setting one with the same state, such as `AdamW` for `Adam`, keeps the state."""
        return self.learning.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: str | Optimizer) -> None:
        self.learning.compiled.turns.check_here()
        self.learning.use(optimizer)

    def __repr__(self) -> str:
        return f"Trainer({', '.join(f'{name}={value}' for name, value in self._settings().items())})"

    def _repr_html_(self) -> str:
        """What notebooks show: the settings, and how far training has come."""
        return _html.table("Trainer", (), self._settings().items())

    def _settings(self) -> dict[str, str]:
        """What it was made with, as far as that is not the default, and what it has done."""
        config, model = self.learning.state.config, self.model
        name = f"{type(model).__name__} of {len(model.layers)} layers"
        shown: dict[str, object] = {"model": name, "loss": self.loss, "optimizer": self.optimizer}
        limits: dict[str, object] = {"clip_value": config.clip_value, "clip_norm": config.clip_norm}
        limits |= {"constraint": config.constraint, "averaging": self.averaging, "penalty": self.penalty}
        shown |= {name: value for name, value in limits.items() if value is not None}
        shown |= {"epochs_done": self.epochs_done, "steps_done": self.steps_done}
        return {name: str(value) for name, value in shown.items()}

    @property
    def averaging(self) -> Averaging | None:
        """How the parameters are averaged."""
        average = self.learning.state.average
        return None if average is None else average.averaging

    def averaged(self) -> Model:
        """Return a new model with the averaged parameters (the current ones before the first is averaged).

        Raises
        ------
        ValueError
            If the trainer has no `averaging`.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> trainer = st.Trainer(model, averaging=st.PolyakAverage())
        >>> objectives = [trainer.step(X, y) for _ in range(3)]
        >>> trainer.averaged()(X).shape
        (200, 2)
        """
        if self.learning.state.average is None:
            raise ValueError("this trainer keeps no average: create it with averaging=st.PolyakAverage()")
        model = copy.copy(self.model)
        if (averages := self.learning.averaged()) is not None:
            compiled = model.compiled
            write(list(zip(compiled.arrays(compiled.parameters), averages, strict=True)))
        return model

    def step(self, X: Samples, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Do one update on the batch X, y, and return its objective.

        With a communicator, all its processes call this at the same time, each with samples of its own, and
        make the same update by the gradient of all of them. They take the parameters and the optimizer's
        state of rank 0 before the first step, and before the first one after a fit, or after the optimizer
        or `epochs_done` has been set.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)
            Sparse as for `fit`.
        y : array_like
            Labels (samples,) for softmax and hinge, targets (samples, out_features) for other losses.
        sample_weight : array_like, (samples,), optional
            Finite, not negative and not all zero. A custom loss takes none.

        Returns
        -------
        float
            The objective (data loss + penalty) before the update.

        Raises
        ------
        ValueError, TypeError
            For data that cannot be used; with a communicator, as `steepest.distributed.fit`.
        RuntimeError
            While the model is being fitted, by the fit that calls this or in another thread. Where losses in
            several threads use each other's models, also in one that would wait for ever. With a
            communicator, if another process fails, or the processes differ in their settings, or in their
            parameters, which are compared once in 1,024 steps.
        DivergenceError
            If the objective is not finite although the data are; the model is unchanged then. Also if the
            update makes a parameter infinite or NaN; it stays so, because `step` keeps no copy.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> trainer = st.Trainer(model, optimizer=st.SGD(0.5))
        >>> before, after = trainer.step(X, y), trainer.step(X, y)
        >>> after < before
        True
        """
        if self._stepping is not None:
            self.model.compiled.turns.check_free()
            return self._stepping.step(self, X, y, sample_weight)
        learning, seed, objective = self.learning, self.model.seed, None
        compiled, state, rate = learning.compiled, learning.state, learning.rate(self.epochs_done)
        network = compiled.network()
        if compiled.turns.fit is not None:
            compiled.turns.check_free()
        try:
            if sample_weight is None:
                objective = network.try_step(X, y, state, rate, seed)
            if objective is None:
                check_whole(learning.loss)
                compiled.check_inputs()
                batch = batch_of(compiled, X, y, sample_weight, learning.loss)
                compiled.check_masks(len(batch.x))
                check_finite(batch)  # not only when the objective is not: tanh of an infinity is 1
                learning.check_lazy(batch.x)
                objective = compiled.turns.compute(lambda: network.step(batch, state, rate, seed))
        except Overflowed:
            raise divergence.of_update(rate) from None
        if not math.isfinite(objective):
            raise divergence.of_step(objective, rate)
        return objective

    def fit(
        self,
        X: Samples,
        y: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int | None = 128,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight | None = None,
        validation_data: ValidationData | None = None,
        validation_split: float = 0.0,
        metrics: Metrics | None = None,
        callbacks: Sequence[Callback] | Callback = (),
        batch_callbacks: Sequence[BatchCallback] | BatchCallback = (),
        batch_group: int = 1,
        progress: bool | Literal["bar", "lines"] = True,
        seed: int | None = None,
        checkpoint: str | PathLike[str] | None = None,
        checkpoint_every: int | str = checkpoints.USUAL,
        resume: bool | str | PathLike[str] = False,
    ) -> History:
        """Train for a number of epochs on mini-batches, from the present parameters.

        The trainer goes on where it was: momentum, and all else that an optimizer keeps, schedules, averages
        and the numbers of the shuffles are kept in it between calls.

        Parameters
        ----------
        X : array_like or sparse matrix, (samples, in_features)
            A sparse matrix or array of SciPy's, for a model that begins with `Linear` or `Maxout`; see the
            notes.
        y : array_like
            Labels (samples,) for softmax and hinge, targets (samples, out_features) for other losses.
        epochs : int, default 10
            Number of epochs. 0 only checks the data.
        batch_size : int or None, default 128
            Samples per batch; None, or more than there are samples, means all of them. The last batch of an
            epoch may be smaller.
        shuffle : bool, default True
            Shuffle the samples in each epoch.
        sample_weight : array_like, (samples,), optional
            Finite, not negative and not all zero. A custom loss takes none.
        class_weight : "balanced", mapping of int to float, or sequence of float, optional
            As for `SoftmaxCrossEntropy`, for any loss of labels, and for `BinaryCrossEntropy` with targets 0
            and 1 of one output. It multiplies the sample weights, those of validation data too, but not in
            metrics. "balanced" counts the samples that are learned from.
        validation_data : (X, y) or (X, y, sample_weight), optional
            The data loss on it is computed after each epoch. X may be sparse as for training.
        validation_split : float, default 0.0
            In [0, 1): the fraction of the rows that is held out as validation data instead, at random; with
            labels, of each class, at least one sample and not all. The seed of the fit chooses them, the
            model's if none is given: they are the same in each fit of a loop. The two parts are copies.
        metrics : list of str or callables, or a mapping of names to them, optional
            Names or functions of `steepest.metrics`, as in ``metrics=["accuracy", "f1"]``, or functions of
            your own. They are measured after each epoch, on the validation data; without such data on the
            samples that are learned from, which costs a pass over them. Each is called with labels (or
            targets) and scores, and returns a real number. One that has a parameter `sample_weight` is given
            the weights of the samples, if these have some. See `History.metrics`. The names of a history's
            attributes are reserved.
        callbacks : sequence of callables, or one callable
            Each is called with an `EpochState` after each epoch; if one returns True, the fit stops. An
            `EpochCallback` such as `EarlyStopping`, `ReduceOnPlateau`, `ModelCheckpoint`, `CSVLog` or
            `TerminateOnTime` is also called at the beginning and the end of the fit.
        batch_callbacks : sequence of callables, or one callable
            Each is called with a `BatchState` after every `batch_group` updates and after the last one of an
            epoch. If one returns True, the fit stops there and keeps the parameters.
        batch_group : int, default 1
            Number of updates between two calls. It does not change the result.
        progress : bool, "bar" or "lines", default True
            With True, show a progress bar on stderr if that is a terminal, in a notebook a line that is
            updated, and elsewhere nothing. "bar" shows the bar everywhere. "lines" writes one line per epoch
            to stderr, for log files: ``epoch 3/10  loss 0.1234  validation_loss 0.2  1.2 s``.
        seed : int, optional
            Seed of the shuffles and of all other random draws of the fit; by default the model's seed.
        checkpoint : path, optional
            A file that is written while the fit runs, and when it ends, with all that is needed to go on from
            it; also when Ctrl-C, `cancel`, `TerminateOnTime`, or an error of a callback or loss ends the fit,
            but not when the loss diverges. It is replaced in one step; the one before stays beside it as
            ``<path>.previous``. A fit without `resume` keeps the last one of an earlier run as
            ``<path>.earlier``.
        checkpoint_every : int or str, default "60 seconds"
            How often: a number of epochs, or a text such as "500 steps", "60 seconds" or "2 epochs".
        resume : bool or path, default False
            Go on from a checkpoint, with True from `checkpoint` if that file exists. Parameters and history
            are then, to the last bit, those of a fit that nothing has interrupted (but for times), with any
            number of threads; what this trainer and its model held before is replaced. Data and settings must
            be those of the checkpoint's fit, but for `epochs`, `progress` and how often checkpoints are
            written.

        Returns
        -------
        History

        Raises
        ------
        ModelFileError
            If the file to go on from is damaged, or no checkpoint, and there is none before it.
        OSError
            If a checkpoint cannot be read or written; the last one that was written is whole.
        ValueError, TypeError
            If data or settings cannot be used, or differ from those of the checkpoint; the model is unchanged
            then. During
            the fit, TypeError if a metric does not return a real number, and ValueError, which names the
            sample, if a label was changed to one that is not a class; the parameters of the last finished
            epoch are restored.
        DivergenceError
            If the loss or a parameter is no longer finite. The parameters of the last finished epoch are
            restored, or of the best one if the loss had risen before.
        RuntimeError
            While the model is fitted: in a callback, loss or metric of that fit, and in another thread.
        KeyboardInterrupt
            On Ctrl-C. The parameters of the last finished batch are kept, as with any other error of a signal
            handler. The last checkpoint has those of the beginning of the core's present call, of up to 1,024
            updates or one epoch, which a resumed fit does again. If it cannot be written, a note of this
            error says so.

        Warns
        -----
        RuntimeWarning
            If the loss rose for good, or is more than twice that before the first step: the steps are too
            long. The trainer, and with it the model, has then gone back to its best epoch, whose number is
            `History.best_epoch`. A fit with `EarlyStopping`, which has a way back of its own, is left alone.

        Notes
        -----
        A loss has risen for good if the last one is above the best by more than a tenth of the first, and it
        has doubled since the first epoch, or each of the last three is a tenth above that, or it had halved
        and half of that is lost, or it has gone up three times as far as down in ten epochs or more since
        the best. Where it looks so, or as if steps had ruined the model, the objective before the first step,
        after the last and in the best epoch is measured, as training has it, on the same 8,192 samples or
        fewer: the fit goes back only if these agree. `History.loss` is measured before each update, so of the
        two ends of the best epoch, that with the lower loss is gone back to: all of the trainer, as if the
        fit had ended there. The end of the fit is kept where it is better than both.

        X of the model's dtype in C order is read in place, so a memory map (``numpy.load(...,
        mmap_mode="r")``) may be larger than memory. The same holds for int64 labels, and for targets and
        sample weights of the model's dtype. Everything else is converted once, as a whole. A fit allocates
        a copy of the parameters, of the optimizer's state and of the average, and one batch with its
        activations and gradients; with `shuffle` also 4 bytes per sample for the order (8 from 2**32 samples
        on). More than one epoch needs three more copies, and up to six where the loss rises; they are made
        once in 1,024 updates, or each epoch where that is longer or something is called between epochs.

        A sparse X gives the results of the dense one within rounding; the same bits, if the first layer has
        at least 16 outputs in float32 (8 in float64) and neither an `L2` penalty nor momentum. It is not made
        dense: the products of the first layer cost what a batch has entries. So does its update by `SGD`,
        with no penalty or `L2`, and by ``Adam(lazy=True)``; other optimizers, penalties and limits, averages,
        and a momentum below 0.5, go through the whole weight in each step. Formats other than CSR are
        converted to it once, and duplicate entries are added up. A copy is made of where the entries are, and
        of their values too, unless they are of the model's dtype and in order.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> trainer = st.Trainer(model, optimizer=st.Adam(0.01))
        >>> first, second = (trainer.fit(X, y, epochs=2, progress=False) for _ in range(2))
        >>> trainer.epochs_done, second.loss[-1] < first.loss[0]
        (4, True)
        """
        if self.model.compiled.turns.fit is None:  # whose it would be
            self._cancelled.clear()
        group = self._ranks
        group.wait_for_all()
        with group.interruptible():
            given_seed = self.model.seed if seed is None else seed  # the same in a loop of fits
            told = (epochs, batch_size, shuffle, metrics, callbacks, batch_callbacks, batch_group, progress)
            checked = group.together(lambda: checked_arguments(*told, given_seed))
            asked = group.first(lambda: checkpoints.asked(checkpoint, checkpoint_every, resume))
            usual = checked.seed if self.draws is None else self.draws
            draws = group.same(asked.seed(usual) if seed is None else checked.seed)

            def run() -> History:
                with group.threads(), self.learning.inputs_as_before():
                    asked.prepare(self.learning)
                    on = (X, y, sample_weight, class_weight, validation_data, validation_split, checked.seed)
                    divided = ranks.divided(group, self, on, checked, draws, checksums=not asked.nothing)
                    samples, size, kind, data = divided
                    settings = {"shuffle": checked.shuffle, "seed": draws, "metrics": [*checked.metrics]}
                    settings |= {checkpoints.SPLIT_SEED: checked.seed} if validation_split else {}
                    prepared = settings, checked.called, checked.epochs, data
                    begin = group.together(lambda: asked.begin(self, *prepared))
                    return kind(
                        self,
                        self._cancelled.is_set,
                        samples=samples,
                        epochs=checked.epochs,
                        batch_size=size,
                        shuffle=checked.shuffle,
                        seed=draws,
                        metrics=checked.metrics,
                        callbacks=checked.callbacks,
                        batch_callbacks=checked.batch_callbacks,
                        batch_group=checked.batch_group,
                        progress=checked.progress,
                        begin=begin,
                    ).run()

            return self.learning.compiled.turns.alone(run)

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all that training has changed, by name, for `load_state_dict`.

        Returns
        -------
        dict of ndarray
            "model.0.weight" and so on as `Sequential.state_dict` has them; "optimizer.mean.0.weight" and so
            on for what the optimizer keeps; "average.0.weight" and so on for the average, if there is one;
            and arrays of one integer: "steps_done", "epochs_done", "optimizer.since" (the step at which the
            optimizer's state began), and "average.updates".

        Raises
        ------
        RuntimeError
            As `Sequential.state_dict`.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> trainer = st.Trainer(st.Sequential(st.Linear(2, 2)), optimizer=st.SGD(0.1, momentum=0.9))
        >>> history = trainer.fit(X, y, epochs=1, progress=False)
        >>> [*trainer.state_dict()][:3]
        ['model.0.weight', 'model.0.bias', 'optimizer.velocity.0.weight']
        """
        return checkpoints.state_of(self.learning, self.epochs_done)

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Set all that training changes; if one value does not fit, none is changed.

        Training then goes on with the bits of the trainer that the state is from, if both were made with the
        same settings.

        Parameters
        ----------
        state : mapping of array_like
            As `state_dict` returns it, in any order, of a trainer with the same model, kind of optimizer and
            averaging.

        Raises
        ------
        ValueError
            If names are missing or unexpected, a shape differs, or a value is not finite.
        TypeError
            If a value does not hold real numbers, or a count is not an integer.
        RuntimeError
            While the model is being fitted, in callbacks of that fit too: it sets the number of steps. These
            may call `Sequential.load_state_dict`.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> first, second = (st.Trainer(st.Sequential(st.Linear(2, 2)), optimizer="adam") for _ in range(2))
        >>> loss = first.step(X, y)
        >>> second.load_state_dict(first.state_dict())
        >>> first.step(X, y) == second.step(X, y)
        True
        """
        self.learning.compiled.turns.check_free()
        self.epochs_done = checkpoints.load_state(self.learning, state)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy needs: all arrays of one moment, between two steps of a fit in another thread.

        The model is the one that others refer to; it is copied later, perhaps after more steps.
        """
        learning, own = copy.copy(self.learning), self.model.compiled

        def moment() -> tuple[dict[str, Array], TrainState, int]:
            state = self.learning.state
            kept = copy.deepcopy(state, {id(state.config): state.config})
            return {key: array.copy() for key, array in own.state()}, kept, self.epochs_done

        arrays, learning.state, epochs_done = own.turns.between(moment)
        del learning.compiled  # the model has it
        left = {name: value for name, value in vars(self).items() if name not in _OF_ONE_PROCESS}
        return left | {"learning": learning, "epochs_done": epochs_done, "arrays": arrays}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)
        self.model.load_state_dict(self.__dict__.pop("arrays"))
        self.learning.compiled = self.model.compiled  # a copy of the model has made its own
        self._cancelled, self._ranks, self._stepping = threading.Event(), ranks.ALONE, None

    def __copy__(self) -> Trainer:
        """A trainer of its own, with a copy of the model."""
        return copy.deepcopy(self)

    def cancel(self) -> None:
        """End a running `fit` after its current batch. It may be called from any thread and from callbacks.

        The fit returns the history of the finished epochs, with the status "cancelled"; if it has a
        `checkpoint`, another fit can go on from it. Without a running fit this method does nothing.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
        >>> trainer = st.Trainer(model)
        >>> trainer.fit(X, y, callbacks=lambda state: trainer.cancel(), progress=False).status
        'cancelled'
        """
        self._cancelled.set()
