"""The loop over epochs as scikit-learn's stochastic solvers have it, of MLPs and linear estimators alike.

An estimator makes a `Problem`, which says what is learned and by which `Solver`; `learn` then does the rest.
It reads the parameters that all estimators share (max_iter, tol, learning_rate, shuffle, early_stopping, ...)
and sets the attributes that they share, see `Record`.
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import replace
from threading import Event
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ... import _checks
from ..._checks import Array
from ..._description import check_dtype
from ...backends import active
from ...backends.data import EpochResults, FitRequest, ShouldStop, TrainConfig, TrainState
from ...compile.objective import check_clipping
from ...training import scales
from ...training.checkpoints import Checkpointing
from ...training.divergence import DivergenceError
from ...training.history import History
from ...training.loop import Call, EpochLoop, Fitting, Part
from ...training.objective import objective_before_steps
from ...training.rates import AHEAD
from ...training.validation import data_loss
from .callbacks import Callbacks
from .checkpoints import Checkpoints, OneFit
from .interruption import interruption_noted
from .job import Problem
from .record import Record
from .shared import Cancelled, shared_fits

_INDICES_AT_ONCE = 1 << 21  # of the orders that are drawn ahead, 16 MB
_EPOCHS_AT_ONCE = 64


def learn(estimator: Any, problem: Problem) -> None:
    """Run epochs until the loss or the score no longer improves, or `max_iter` of them are done.

    Raises
    ------
    ValueError
        If the objective stops being finite; the arrays are then those of the last finished epoch, or of the
        best one if the loss had risen before.
    """
    problem.solver.own_state()
    _Run(estimator, problem).run()


def batch_size(estimator: Any, samples: int) -> int:
    """`batch_size`, at most all samples."""
    if estimator.batch_size == "auto":
        return min(200, samples)
    if estimator.batch_size > samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=_checks.caller_level(),
        )
    return max(1, min(int(estimator.batch_size), samples))


def check_config(estimator: Any, config: TrainConfig, dtype: np.dtype[Any]) -> None:
    """Refuse parameters that the dtype of the samples cannot hold."""
    check_dtype(config.loss, dtype)
    check_dtype(config.optimizer, dtype)
    for penalty in config.penalties:
        check_dtype(penalty, dtype, f"alpha={estimator._strength()}")
    check_clipping(estimator.clip_value, estimator.clip_norm, dtype)


class _Run(Fitting):
    """One call of `learn`: its progress, and how it continues."""

    def __init__(self, estimator: Any, problem: Problem) -> None:
        self._estimator = estimator
        self._problem = problem
        self._solver = solver = problem.solver
        config = replace(problem.config, optimizer=solver.optimizer)
        check_config(estimator, config, problem.compiled.dtype)
        self._state = TrainState(config, solver.state)
        self._samples = len(problem.batch.x)
        self._size = batch_size(estimator, self._samples)
        self._order = np.arange(self._samples)
        self._record = Record(estimator, problem)
        self._before: tuple[Array, Any] = self._order, None  # order, and random draws, before a call
        self._epochs = 1 if problem.job.incremental else int(estimator.max_iter)
        self._callbacks = Callbacks(estimator, problem, self._epochs)
        self._loop = EpochLoop(
            self,
            self._samples,
            self._size,
            self._epochs,
            problem.compiled.out_features,
            estimator.progress,
            watched=not estimator.early_stopping,  # which has a way back of its own
            tolerance=float(estimator.tol),
        )
        self._fit = OneFit(estimator, problem, self._callbacks, self._loop)
        job = problem.job
        self._checkpoints = None if job.asked is None else Checkpoints(job.asked, job.draws)
        self._shared = shared_fits.get()  # the fits of `fit_many`
        self._interrupted = Event()

    def run(self) -> None:
        estimator = self._estimator
        estimator.n_iter_ = 0
        stopped = self._begin()
        with self._loop:
            try:
                with nullcontext() if self._writes is None else self._writes.interruptible():
                    for call in () if stopped else self._loop:
                        if self._ended(call, diverged=self._diverged(call)):
                            break
                    else:
                        self._warn_of_max_iter(stopped)
            except KeyboardInterrupt as interruption:
                failure = None if self._writes is None else self._writes.failure
                if failure is interruption:  # the second one, in the last checkpoint
                    raise
                if failure is not None:
                    message = f"the last checkpoint was not written: {failure}"
                    warnings.warn(message, RuntimeWarning, stacklevel=_checks.caller_level())
                warnings.warn("Training interrupted by user.", stacklevel=_checks.caller_level())
            self._record.restore_best()
            self._go_back()
        self._publish()
        self._callbacks.end()

    def _begin(self) -> bool:
        """Tell callbacks, or go on from a checkpoint; whether the fit had ended by itself there."""
        if self._checkpoints is None:
            self._callbacks.begin()
            return False
        draw = (lambda: self._orders(1)[0]) if self._estimator.shuffle else None
        return self._checkpoints.begin(self._fit, draw)

    # ---- what the loop asks -------------------------------------------------------------------------------

    def epochs_at_once(self) -> int:
        """As many as nothing happens between."""
        estimator = self._estimator
        shown = estimator.verbose or estimator.progress == "lines"
        if shown or estimator.early_stopping or self._problem.job.held_out or self._callbacks.any:
            return 1
        at_once = min(_EPOCHS_AT_ONCE, _INDICES_AT_ONCE // self._samples)
        if estimator.learning_rate_schedule is not None:
            at_once = min(at_once, AHEAD // self._loop.batches)
        if self._checkpoints is not None:
            at_once = min(at_once, self._checkpoints.epochs_at_once(self._fit))
        return max(1, at_once)

    def request(self, epochs: int, part: Part) -> FitRequest:
        """Whole epochs, the orders of whose samples are drawn now."""
        estimator, problem, solver = self._estimator, self._problem, self._solver
        shuffle = estimator.shuffle
        self._before = self._order, problem.rng.get_state(legacy=False) if epochs > 1 and shuffle else None
        self._callbacks.epoch_begins()
        batches, dtype = self._loop.batches, problem.compiled.dtype
        rates = solver.rates(estimator, epochs, batches, self._samples, dtype)
        orders = self._orders(epochs) if shuffle else None
        if problem.strides is not None:
            rates = problem.strides(rates, orders, epochs, self._size)
        return FitRequest(
            epochs=epochs,
            batch_size=self._size,
            shuffle=False,
            seed=problem.seed,
            rates=rates * problem.rate_factor,
            orders=orders,
            plateau=self._record.plateau(),
        )

    def fit(self, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """The call of the backend, which Ctrl-C ends as `stopped` does."""
        problem, steps = self._problem, self._solver.state.steps
        first = int(steps[0])
        with interruption_noted() as self._interrupted:
            network = problem.compiled.network()
            results = network.fit(problem.batch, self._state, request, should_stop)
        finished, (order, before) = len(results.losses), self._before
        if finished < request.epochs and before is not None:  # draw what was needed, and no more
            problem.rng.set_state(before)
            self._order = order
            begun = -(-(int(steps[0]) - first) // self._loop.batches)
            diverged = results.status in ("diverged", "overflowed")
            self._orders(max(finished + 1 if diverged else begun, 1))
        return results

    def stopped(self) -> bool:
        """Whether Ctrl-C was pressed, other fits ended this one, or a callback does."""
        shared = self._shared is not None and self._shared.ended.is_set()
        return self._interrupted.is_set() or shared or self._callbacks.interrupt()

    def copies(self) -> list[tuple[Array, Array]]:
        """All that learning changes."""
        return self._fit.copies()

    def remember(self, copies: list[tuple[Array, Array]]) -> None:
        """For the last checkpoint of a fit that is interrupted."""
        if self._checkpoints is not None:
            self._checkpoints.remember(self._fit, copies)

    def data_loss(self) -> float:
        """The loss of the samples."""
        problem = self._problem
        return data_loss(problem.compiled, problem.config.loss, problem.batch)

    def objective(self, rows: int) -> float:
        """That of some of the samples, as steps see it."""
        compiled, batch, seed = self._problem.compiled, self._problem.batch, self._problem.seed
        return objective_before_steps(compiled, self._state.config, batch, self._size, seed, rows)

    # ---- between its calls --------------------------------------------------------------------------------

    def _diverged(self, call: Call) -> bool:
        """Record a call, of which some raise; True if the objective is not finite any more."""
        estimator = self._estimator
        if call.failure is not None and self._writes is not None:
            self._writes.moment = None  # from which it would fail again
        if call.losses:
            self._record.add(call.losses)
        if self._interrupted.is_set():
            raise KeyboardInterrupt
        if isinstance(call.failure, DivergenceError):
            self._solver.epochs -= self._loop.undone
            self._record.give_up(call.failure.learning_rate or 0.0)
            return True
        if call.failure is not None:
            raise call.failure
        if call.cancelled and not self._callbacks.interrupt():
            raise Cancelled
        self._loop.show(History(loss=estimator.loss_curve_, validation_loss=estimator.validation_loss_curve_))
        return False

    def _go_back(self) -> None:
        """A plateau of a loss that has risen is no convergence."""
        if rise := self._loop.go_back():
            self._solver.epochs -= self._loop.undone
            advice = "Scale the features, or set a smaller learning_rate_init."
            warnings.warn(rise.warning(advice), ConvergenceWarning, stacklevel=_checks.caller_level())
            if self._interrupted.is_set():  # on the way back, which is gone to its end
                warnings.warn("Training interrupted by user.", stacklevel=_checks.caller_level())
            return
        batch, loss = self._problem.batch, self._problem.config.loss
        if scales.stands_still(batch, loss, self._estimator.loss_curve_, self._loop.batches):
            remedy = "scale the features, as in make_pipeline(StandardScaler(), ...)"
            if large := scales.advice(batch.x, remedy):
                message = f"The model learned hardly more than a constant answer: {large}."
                warnings.warn(message, ConvergenceWarning, stacklevel=_checks.caller_level())

    @property
    def _writes(self) -> Checkpointing | None:
        """The checkpoints that it writes."""
        return None if self._checkpoints is None else self._checkpoints.writes

    def _publish(self) -> None:
        if self._problem.publish is not None:
            self._problem.publish()

    def _orders(self, epochs: int) -> Array:
        """Those of the next epochs, each a shuffle of the one before, as scikit-learn draws them."""
        orders = active().shuffled_orders(self._problem.rng, self._order, epochs)
        self._order = orders[-1]
        return orders

    def _ended(self, call: Call, diverged: bool) -> bool:
        """Whether that was the last epoch."""
        if self._callbacks.any:
            self._publish()
        if call.losses or diverged:
            diverged = self._callbacks.epoch_ends(sum(call.seconds)) or diverged
        asked = diverged or self._callbacks.interrupt()
        converged = self._record.stops()
        if self._checkpoints is not None and call.losses and call.failure is None and not call.cut:
            stopped = converged or self._callbacks.ended
            self._checkpoints.epochs_ended(self._fit, call.seconds[-1], stopped=stopped, last=asked)
        elif self._writes is not None:
            self._writes.write_last()
        return converged or asked or self._problem.job.incremental

    def _warn_of_max_iter(self, stopped: bool) -> None:
        """After the last epoch that there may be."""
        if stopped:
            return
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({self._estimator.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=_checks.caller_level(),
        )
