"""An estimator's fit as callbacks of `steepest` see one: what they use of a `Trainer` and an `EpochState`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from ...optimizers import Optimizer
from ...training.callbacks import EpochState
from ...training.history import History
from .job import Problem


def _score(labels: Any, scores: Any) -> float:
    """What stands for the score of held-out samples, which the fit computes by itself."""
    raise NotImplementedError


_score.greater_is_better = True  # type: ignore[attr-defined]


class Observed:
    """One fit. `model` is the estimator itself."""

    def __init__(self, estimator: Any, problem: Problem) -> None:
        self.model = estimator
        self.learning: Any = SimpleNamespace(compiled=problem.compiled)
        self.history = History()
        self.cancelled = False
        self._solver = problem.solver
        self._scored = bool(estimator.early_stopping)
        self.monitored: dict[str, Callable[[Any, Any], float] | None] = {"loss": None}
        if problem.job.held_out is not None:
            self.monitored["validation_loss"] = None
        if self._scored:
            self.monitored["validation_score"] = _score
            self.history.metrics["validation_score"] = []

    @property
    def epochs_done(self) -> int:
        """Over all calls of `partial_fit`."""
        return self._solver.epochs

    @property
    def steps_done(self) -> int:
        """Updates, likewise."""
        return int(self._solver.state.steps[0])

    @property
    def optimizer(self) -> Optimizer:
        """That of the solver, with the learning rate that it has come to."""
        estimator, solver = self.model, self._solver
        schedule = estimator.learning_rate_schedule
        if schedule is None and estimator._batch_solver == "sgd" and estimator.learning_rate == "invscaling":
            schedule = solver.fade
        return replace(solver.optimizer, learning_rate=schedule or solver.learning_rate)

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer) -> None:
        if (
            callable(rate := optimizer.learning_rate)
            or replace(self.optimizer, learning_rate=rate) != optimizer
        ):
            raise ValueError(
                f"callbacks of an estimator may change its learning rate to another number, and nothing else "
                f"of {self.optimizer!r}, but have set {optimizer!r:.200}"
            )
        self._solver.learning_rate = rate

    @property
    def state(self) -> EpochState:
        """The epoch that has just ended."""
        history = self.history
        validation_loss = history.validation_loss[-1] if history.validation_loss else None
        trainer: Any = self
        return EpochState(history.epochs - 1, history.loss[-1], validation_loss, self.model, trainer, history)

    def epoch_ends(self, seconds: float) -> None:
        """Record what the estimator has recorded."""
        estimator, history = self.model, self.history
        history.loss.append(estimator.loss_curve_[-1])
        history.seconds.append(seconds)
        if "validation_loss" in self.monitored:
            history.validation_loss.append(([math.nan] + estimator.validation_loss_curve_)[-1])
        if self._scored:
            history.metrics["validation_score"].append(estimator.validation_scores_[-1])

    def averaged(self) -> Any:
        """There is no average."""
        raise ValueError("estimators keep no average of their weights")

    def cancel(self) -> None:
        """End the fit after this epoch."""
        self.cancelled = True
