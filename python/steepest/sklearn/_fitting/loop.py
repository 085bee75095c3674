"""The loop over epochs as scikit-learn's stochastic solvers have it, of MLPs and linear estimators alike.

An estimator makes a `Solver`, which it keeps between calls of `partial_fit`, and a `Learned`, which says what
is learned; `learn` then does the rest: it reads the parameters that all estimators share (max_iter, tol,
learning_rate, shuffle, early_stopping, ...) and sets the attributes that they share (n_iter_, t_, loss_,
loss_curve_, best_loss_, validation_scores_, ...), which `begin` has set up before a first fit.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..._checks import Array
from ..._description import check_dtype
from ...backends import active
from ...backends.data import Batch, EpochResults, FitRequest, Plateau, ShouldStop, TrainConfig, TrainState
from ...backends.reference.formulas import write
from ...compile.compiled import Compiled
from ...training.divergence import DivergenceError
from ...training.history import History
from ...training.loop import Call, EpochLoop, Fitting, Part
from ...training.rates import AHEAD, rates_of
from .callbacks import Callbacks
from .interruption import interruption_noted
from .solver import STOCHASTIC_SOLVERS, Solver
from .together import Cancelled, together

_INDICES_AT_ONCE = 1 << 21  # of the orders that are drawn ahead, 16 MB
_EPOCHS_AT_ONCE = 64
NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
    "preprocessed."
)


@dataclass
class HeldOut:
    """Samples that are not learned from, and the score of what the network says of them."""

    batch: Batch
    score: Callable[[Array], float]


@dataclass
class Learned:
    """What a fit learns, and from what.

    compiled: bound to the arrays, which are all that learning changes but the solver's state. config: its
    optimizer is the solver's.
    data: X, y and sample weights as the estimator was given them, for scikit-learn's callbacks.
    rate_factor: what the network's learning rates are of the estimator's. publish: shows on the estimator
    what the arrays are, where they are not its own; called before callbacks.
    """

    compiled: Compiled
    arrays: list[Array]
    batch: Batch
    config: TrainConfig
    rng: np.random.RandomState
    held_out: HeldOut | None = None
    seed: int = 0  # of draws within the network
    incremental: bool = False
    data: tuple[Any, Any, Any] = (None, None, None)
    rate_factor: float = 1.0
    publish: Callable[[], None] | None = None


def begin(estimator: Any) -> None:
    """The attributes of an estimator that has learned nothing yet."""
    estimator.n_iter_ = estimator.t_ = 0
    if estimator.solver in STOCHASTIC_SOLVERS:
        vars(estimator).update(_records(estimator))


def _records(estimator: Any) -> dict[str, Any]:
    """What epochs add to, as it is before the first; None where it is not kept."""
    scored = estimator.early_stopping
    return {
        "loss_curve_": [],
        "best_loss_": None if scored else np.inf,
        "validation_scores_": [] if scored else None,
        "best_validation_score_": -np.inf if scored else None,
        "validation_loss_curve_": [],
        "_no_improvement_count": 0,
        "_best": None,
    }


def learn(estimator: Any, learned: Learned, solver: Solver) -> None:
    """Run epochs until the loss or the score no longer improves, or `max_iter` of them are done.

    Raises
    ------
    ValueError
        If the objective stops being finite; the arrays are then those of the last finished epoch.
    """
    solver.own_state()
    _Run(estimator, learned, solver).run()


def batch_size(estimator: Any, samples: int) -> int:
    """`batch_size`, at most all samples."""
    if estimator.batch_size == "auto":
        return min(200, samples)
    if estimator.batch_size > samples:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return max(1, min(int(estimator.batch_size), samples))


def check_config(estimator: Any, config: TrainConfig, dtype: np.dtype[Any]) -> None:
    """Refuse parameters that the dtype of the samples cannot hold."""
    check_dtype(config.loss, dtype)
    check_dtype(config.optimizer, dtype)
    for penalty in config.penalties:
        check_dtype(penalty, dtype, f"alpha={estimator.alpha}")


class _Run(Fitting):
    """One call of `learn`: how far it has come, and how it goes on."""

    def __init__(self, estimator: Any, learned: Learned, solver: Solver) -> None:
        self._estimator = estimator
        self._learned = learned
        self._solver = solver
        config = replace(learned.config, optimizer=solver.optimizer)
        check_config(estimator, config, learned.compiled.dtype)
        self._state = TrainState(config, solver.state)
        self._samples = len(learned.batch.x)
        self._size = batch_size(estimator, self._samples)
        self._order = np.arange(self._samples)
        self._before: tuple[Array, Any] = self._order, None  # order, and random draws, before a call
        for name, start in _records(estimator).items():
            if getattr(estimator, name, None) is None:  # set, or fitted with other settings
                setattr(estimator, name, start)
        self._epochs = 1 if learned.incremental else int(estimator.max_iter)
        self._callbacks = Callbacks(estimator, learned.data, self._epochs)
        self._loop = EpochLoop(
            self, self._samples, self._size, self._epochs, learned.compiled.out_features, estimator.progress
        )
        self._together = together.get()  # the fits of `fit_many`
        self._interrupted = Event()

    def run(self) -> None:
        estimator = self._estimator
        estimator.n_iter_ = 0
        with self._loop:
            try:
                for call in self._loop:
                    if self._ended(diverged=self._diverged(call)):
                        break
            except KeyboardInterrupt:
                warnings.warn("Training interrupted by user.", stacklevel=2)
        if estimator.early_stopping and estimator._best is not None:
            write(list(zip(self._learned.arrays, estimator._best, strict=True)))
        self._callbacks.end()

    # ---- what the loop asks -------------------------------------------------------------------------------

    def epochs_at_once(self) -> int:
        """As many as nothing happens between."""
        estimator = self._estimator
        if estimator.verbose or estimator.early_stopping or self._learned.held_out or self._callbacks.any:
            return 1
        at_once = min(_EPOCHS_AT_ONCE, _INDICES_AT_ONCE // self._samples)
        if estimator.learning_rate_schedule is not None:
            at_once = min(at_once, AHEAD // self._loop.batches)
        return max(1, at_once)

    def request(self, epochs: int, part: Part) -> FitRequest:
        """Whole epochs, the orders of whose samples are drawn now."""
        learned, shuffle = self._learned, self._estimator.shuffle
        self._before = self._order, learned.rng.get_state(legacy=False) if epochs > 1 and shuffle else None
        self._callbacks.epoch_begins()
        return FitRequest(
            epochs=epochs,
            batch_size=self._size,
            shuffle=False,
            seed=learned.seed,
            rates=self._rates(epochs) * learned.rate_factor,
            orders=self._orders(epochs) if shuffle else None,
            plateau=self._plateau(),
        )

    def fit(self, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """The call of the backend, which Ctrl-C ends as `stopped` does."""
        learned, steps = self._learned, self._solver.state.steps
        first = int(steps[0])
        with interruption_noted() as self._interrupted:
            network = learned.compiled.network()
            results = network.fit(learned.batch, self._state, request, should_stop)
        finished, (order, before) = len(results.losses), self._before
        if finished < request.epochs and before is not None:  # draw what was needed, and no more
            learned.rng.set_state(before)
            self._order = order
            begun = -(-(int(steps[0]) - first) // self._loop.batches)
            diverged = results.status in ("diverged", "overflowed")
            self._orders(max(finished + 1 if diverged else begun, 1))
        return results

    def stopped(self) -> bool:
        """Whether Ctrl-C was pressed, or other fits ended this one."""
        return self._interrupted.is_set() or (self._together is not None and self._together.ended.is_set())

    # ---- between its calls --------------------------------------------------------------------------------

    def _diverged(self, call: Call) -> bool:
        """Record a call, of which some raise; True if the objective is not finite any more."""
        estimator = self._estimator
        if call.losses:
            self._record(call.losses)
        if self._interrupted.is_set():
            raise KeyboardInterrupt
        if isinstance(call.failure, DivergenceError):
            self._give_up()
            return True
        if call.failure is not None:
            raise call.failure
        if call.cancelled:
            raise Cancelled
        self._loop.show(History(loss=estimator.loss_curve_, validation_loss=estimator.validation_loss_curve_))
        return False

    def _give_up(self) -> None:
        """An error, unless there are parameters to go back to."""
        estimator = self._estimator
        if not (estimator.early_stopping and estimator._best):
            raise ValueError(NOT_FINITE)
        estimator.loss_ = math.nan
        estimator.loss_curve_.append(math.nan)
        estimator.validation_scores_.append(math.nan)
        estimator.n_iter_ += 1

    def _orders(self, epochs: int) -> Array:
        """Those of the next epochs, each a shuffle of the one before, as scikit-learn draws them."""
        orders = active().shuffled_orders(self._learned.rng, self._order, epochs)
        self._order = orders[-1]
        return orders

    def _plateau(self) -> Plateau:
        estimator = self._estimator
        if estimator.early_stopping:
            return Plateau()
        best, waited = estimator.best_loss_, estimator._no_improvement_count
        return Plateau(float(estimator.tol), float(estimator.n_iter_no_change), best, waited)

    def _rates(self, epochs: int) -> Array:
        """One for all steps of the next epochs, or one for each."""
        estimator, solver = self._estimator, self._solver
        batches = self._loop.batches
        if estimator.learning_rate_schedule is not None:
            first = int(solver.state.steps[0])
            dtype = self._learned.compiled.dtype
            return rates_of(estimator.learning_rate_schedule, first, epochs * batches, dtype)
        if not self._fades():
            return np.full(1, solver.learning_rate)
        later = [self._faded(estimator.t_ + i * self._samples) for i in range(1, epochs)]
        return np.repeat([solver.learning_rate, *later], batches)

    def _fades(self) -> bool:
        return bool(self._estimator.solver == "sgd" and self._estimator.learning_rate == "invscaling")

    def _faded(self, samples_seen: int) -> float:
        initial = float(self._solver.optimizer.learning_rate)  # type: ignore[arg-type]
        try:
            return initial / float(samples_seen + 1) ** float(self._estimator.power_t)
        except OverflowError:  # a power beyond all floats
            return 0.0

    def _record(self, losses: Sequence[float]) -> None:
        """Some finished epochs; there is but one if something happens between them."""
        estimator = self._estimator
        estimator.n_iter_ += len(losses)
        estimator.t_ += len(losses) * self._samples
        estimator.loss_ = losses[-1]
        estimator.loss_curve_ += losses
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self._learned.held_out is not None:
            self._look_at(self._learned.held_out)
        if not estimator.early_stopping:
            plateau = self._plateau()
            for loss in losses:
                plateau = plateau.after(loss)
            estimator.best_loss_, estimator._no_improvement_count = plateau.best, plateau.waited
        if self._fades():
            self._solver.learning_rate = self._faded(estimator.t_)

    def _look_at(self, held_out: HeldOut) -> None:
        """Loss and score of samples that are not learned from."""
        estimator, learned, batch = self._estimator, self._learned, held_out.batch
        scores = learned.compiled.network().forward(batch.x)
        loss, _ = active().loss(learned.config.loss, scores, batch.targets, batch.weight)
        estimator.validation_loss_curve_.append(loss * learned.config.report_scale)
        if not estimator.early_stopping:
            return
        score = held_out.score(scores) if np.isfinite(scores).all() else math.nan
        estimator.validation_scores_.append(score)
        if estimator.verbose:
            print(f"Validation score: {score:f}")
        worse = not score >= estimator.best_validation_score_ + float(estimator.tol)  # NaN is
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if worse else 0
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            estimator._best = [array.copy() for array in learned.arrays]

    def _ended(self, diverged: bool) -> bool:
        """Whether that was the last epoch."""
        estimator = self._estimator
        if self._callbacks.any and self._learned.publish is not None:
            self._learned.publish()
        asked = self._callbacks.epoch_ends() or diverged
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            if self._stops():
                return True
            estimator._no_improvement_count = 0
        if asked or self._learned.incremental:
            return True
        if estimator.n_iter_ == estimator.max_iter:
            warnings.warn(
                f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
                "optimization hasn't converged yet.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return False

    def _stops(self) -> bool:
        """On a plateau: True, or a smaller learning rate."""
        estimator, solver = self._estimator, self._solver
        what = "Validation score" if estimator.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change:d} consecutive epochs."
        )
        adaptive = estimator.solver == "sgd" and estimator.learning_rate == "adaptive"
        if adaptive and solver.learning_rate > 1e-6:
            solver.learning_rate /= 5.0
            message += f" Setting learning rate to {solver.learning_rate:f}"
            stops = False
        else:
            message += f"{' Learning rate too small.' if adaptive else ''} Stopping."
            stops = True
        if estimator.verbose:
            print(message)
        return stops
