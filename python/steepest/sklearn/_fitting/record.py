"""What an estimator shows of its epochs: losses, scores of held-out samples, and whether they improve.

These are the attributes that all stochastic estimators share: n_iter_, t_, loss_, loss_curve_, best_loss_,
validation_scores_, ...
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...backends import active
from ...backends.data import Plateau
from ...backends.memory import write
from .job import HeldOut, Problem
from .solver import LAZY_ADAM, STOCHASTIC_SOLVERS

RECORD = """
loss_ : float
    The last value of loss_curve_, or the minimum found by "lbfgs".
loss_curve_ : list of float
    The objective of each epoch, averaged over its batches before their updates. By "lbfgs" of a linear
    model, that after each iteration, with kinks as they are smoothed then; of a network it is not set. By
    "sdca", with the loss of each row as it was met last; by "online", with that of each before its step.
best_loss_ : float or None
    The smallest value of loss_curve_, to whose epoch a fit goes back, with a ConvergenceWarning, if the
    loss rose, or is above that before the first step; None with early_stopping.
validation_scores_ : list of float or None
    Score on the held-out samples after each epoch, with early_stopping: accuracy, or R^2 of a regressor.
best_validation_score_ : float or None
    The best of them.
validation_loss_curve_ : list of float
    The loss on the held-out samples, if there are any, after each epoch; without penalty and weights of
    classes.
n_iter_ : int
    Number of epochs, or iterations, of the last fit.
t_ : int
    Number of samples seen in training.
n_features_in_ : int
    Number of features seen in `fit`.
feature_names_in_ : ndarray of shape (n_features_in_,)
    Names of the features, if X has names that are all strings.
"""
NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
    "preprocessed."
)


def begin(estimator: Any) -> None:
    """The attributes of an estimator that has learned nothing yet."""
    estimator.n_iter_ = estimator.t_ = 0
    if estimator._batch_solver in (*STOCHASTIC_SOLVERS, LAZY_ADAM):
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


class Record:
    """Of one estimator, that learns."""

    def __init__(self, estimator: Any, problem: Problem) -> None:
        self._estimator = estimator
        self._problem = problem
        self._solver = problem.solver
        for name, start in _records(estimator).items():
            if getattr(estimator, name, None) is None:  # set, or fitted with other settings
                setattr(estimator, name, start)

    def add(self, losses: Sequence[float]) -> None:
        """Some finished epochs; there is but one if something happens between them."""
        estimator, samples = self._estimator, len(self._problem.batch.x)
        estimator.n_iter_ += len(losses)
        self._solver.epochs += len(losses)
        estimator.t_ += len(losses) * samples
        estimator.loss_ = losses[-1]
        estimator.loss_curve_ += losses
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self._problem.job.held_out is not None:
            self._look_at(self._problem.job.held_out)
        if not estimator.early_stopping:
            plateau = self.plateau()
            for loss in losses:
                plateau = plateau.after(loss)
            estimator.best_loss_, estimator._no_improvement_count = plateau.best, plateau.waited
        self._solver.fade(estimator)

    def plateau(self) -> Plateau:
        """How near the losses are to the end of the fit."""
        estimator = self._estimator
        if estimator.early_stopping:
            return Plateau()
        best, waited = estimator.best_loss_, estimator._no_improvement_count
        return Plateau(float(estimator.tol), float(estimator.n_iter_no_change), best, waited)

    def give_up(self, rate: float) -> None:
        """An error, which names the learning rate, unless there are parameters to go back to."""
        estimator = self._estimator
        if not (estimator.early_stopping and estimator._best):
            name = "learning_rate_" + ("init" if estimator.learning_rate_schedule is None else "schedule")
            rate /= self._problem.rate_factor
            raise ValueError(f"{NOT_FINITE} The learning rate was {rate:.6g}: a smaller {name} may help.")
        estimator.loss_ = math.nan
        estimator.loss_curve_.append(math.nan)
        estimator.validation_scores_.append(math.nan)
        estimator.n_iter_ += 1

    def stops(self) -> bool:
        """Whether a plateau ends the fit; it may make the learning rate smaller instead."""
        estimator, solver = self._estimator, self._solver
        if estimator._no_improvement_count <= estimator.n_iter_no_change:
            return False
        what = "Validation score" if estimator.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change:d} consecutive epochs."
        )
        adaptive = estimator._batch_solver == "sgd" and estimator.learning_rate == "adaptive"
        if adaptive and solver.learning_rate > 1e-6:
            solver.learning_rate /= 5.0
            message += f" Setting learning rate to {solver.learning_rate:f}"
            estimator._no_improvement_count = 0
            stops = False
        else:
            message += f"{' Learning rate too small.' if adaptive else ''} Stopping."
            stops = True
        if estimator.verbose:
            print(message)
        return stops

    def restore_best(self) -> None:
        """Go back to the parameters of the best score, with early stopping."""
        estimator = self._estimator
        if estimator.early_stopping and estimator._best is not None:
            write(list(zip(self._problem.arrays, estimator._best, strict=True)))

    def _look_at(self, held_out: HeldOut) -> None:
        """Loss and score of samples that are not learned from."""
        estimator, problem, batch = self._estimator, self._problem, held_out.batch
        scores = problem.compiled.network().forward(batch.x)
        loss, _ = active().loss(problem.config.loss, scores, batch.targets, batch.weight)
        estimator.validation_loss_curve_.append(loss * problem.config.report_scale)
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
            estimator._best = [array.copy() for array in problem.arrays]
