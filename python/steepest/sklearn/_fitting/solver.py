"""What `partial_fit` keeps between its calls: an optimizer, its state, and how far its rate has come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._checks import Array
from ...backends.data import OptimizerState, Parameters
from ...optimizers import OPTIMIZERS, Optimizer, optimizer_named
from ...training.rates import Place, rates_of
from .._common.arrays import writable

STOCHASTIC_SOLVERS = tuple(OPTIMIZERS)
LAZY_ADAM = "lazy_adam"  # of networks: `Adam(lazy=True)`


@dataclass
class Solver:
    """An optimizer, its state, the learning rate that it has come to, and how many epochs it has done."""

    optimizer: Optimizer
    learning_rate: float
    state: OptimizerState
    epochs: int = 0

    @classmethod
    def of(cls, estimator: Any, parameters: Sequence[Parameters], rate: float) -> Solver:
        """The one that an estimator asks for, with a state of zeros."""
        momentum = float(estimator.momentum)
        settings = {
            "momentum": momentum,
            "nesterov": bool(estimator.nesterovs_momentum and momentum > 0),
            "beta_1": float(estimator.beta_1),
            "beta_2": float(estimator.beta_2),
            "epsilon": float(estimator.epsilon),
            "epsilon_hat": True,
        }
        name = estimator._batch_solver
        if name == LAZY_ADAM:
            name, settings["lazy"] = "adam", True
        optimizer = optimizer_named(name, rate, settings)
        slots = {name: [_zeros(p) for p in parameters] for name in optimizer.slots}
        return cls(optimizer, rate, OptimizerState(slots))

    def own_state(self) -> None:
        """Copy what a backend could not write to: memory maps, for instance."""
        state = self.state
        slots = {name: [_writable(p) for p in slot] for name, slot in state.slots.items()}
        steps = writable([state.steps], state.steps.dtype)[0]
        self.state = replace(state, slots=slots, steps=steps)

    def rates(self, estimator: Any, epochs: int, batches: int, samples: int, dtype: np.dtype[Any]) -> Array:
        """One learning rate for all steps of the next epochs, or one for each."""
        schedule = estimator.learning_rate_schedule
        if schedule is not None:
            place = Place(int(self.state.steps[0]), self.epochs, 0, batches)
            return rates_of(schedule, place, epochs * batches, dtype)
        if not _fades(estimator):
            return np.full(1, self.learning_rate)
        later = [self._faded(estimator, estimator.t_ + i * samples) for i in range(1, epochs)]
        return np.repeat([self.learning_rate, *later], batches)

    def fade(self, estimator: Any) -> None:
        """Come to the rate of the next epoch, if it is scaled by the samples seen."""
        if _fades(estimator):
            self.learning_rate = self._faded(estimator, estimator.t_)

    def _faded(self, estimator: Any, samples_seen: int) -> float:
        initial = float(self.optimizer.learning_rate)  # type: ignore[arg-type]
        try:
            return initial / float(samples_seen + 1) ** float(estimator.power_t)
        except OverflowError:  # a power beyond all floats
            return 0.0


def _fades(estimator: Any) -> bool:
    return bool(estimator._batch_solver == "sgd" and estimator.learning_rate == "invscaling")


def _zeros(p: Parameters) -> Parameters:
    return Parameters(np.zeros_like(p.weight), None if p.bias is None else np.zeros_like(p.bias))


def _writable(p: Parameters) -> Parameters:
    weight, *bias = writable([p.weight] if p.bias is None else [p.weight, p.bias], p.weight.dtype)
    return Parameters(weight, bias[0] if bias else None)
