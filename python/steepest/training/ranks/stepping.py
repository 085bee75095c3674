"""`Stepping`: single steps that all ranks make together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..._config import config, current, get_num_threads
from ...backends.data import Batch, EpochResults, FitRequest, TrainConfig
from ...backends.sparse import Samples
from ...compile.objective import batch_of, check_finite
from .. import divergence
from ..callbacks import RunningTrainer
from ..given import check_whole
from ..learning import Learning
from .agreement import refuse_lazy, require_same_model, require_same_parameters, take_from_first
from .parts import Parts
from .ranks import Ranks
from .steps import Steps

_STEPS = 1024  # between two comparisons of the parameters of all ranks, as in a fit


@dataclass
class _Agreed:
    """What all ranks held alike after their last step, and what they go on with."""

    config: TrainConfig
    done: tuple[int, int]  # steps and epochs
    seed: int
    threads: int
    steps: Steps | None = None

    def holds(self, trainer: RunningTrainer) -> bool:
        """Whether nothing else has changed the trainer."""
        return self.config is trainer.learning.state.config and self.done == _done(trainer)


class Stepping:
    """The steps of one trainer; all ranks call it at the same time.

    The first one, and each after anything else has changed the trainer, begins with what rank 0 holds.

    Parameters
    ----------
    ranks : Ranks
    """

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self._agreed: _Agreed | None = None

    def step(self, trainer: RunningTrainer, X: Samples, y: ArrayLike, weight: ArrayLike | None) -> float:
        """One update by the gradient of the samples of all ranks; see `Trainer.step`."""
        ranks, learning = self._ranks, trainer.learning
        ranks.wait_for_all()
        with ranks.interruptible():
            agreed = self._agreed
            if ranks.any(agreed is None or not agreed.holds(trainer)) or agreed is None:
                agreed = self._agree(trainer)
            batch = ranks.together(lambda: _checked(learning, X, y, weight))
            parts, rate = Parts(ranks, batch, None), learning.rate(trainer.epochs_done)
            with config(num_threads=current().num_threads or agreed.threads):
                results = self._run(learning, agreed, parts, rate)
            agreed.done = _done(trainer)
            if learning.steps_done % _STEPS == 0:
                require_same_parameters(ranks, learning, "a step")
        if results.status == "overflowed":
            raise divergence.of_update(rate)
        if results.status == "diverged":
            raise divergence.of_step("not finite", rate)
        return results.losses[0]

    def _agree(self, trainer: RunningTrainer) -> _Agreed:
        """Let all hold what rank 0 does, and share the CPUs."""
        ranks, learning = self._ranks, trainer.learning
        require_same_model(ranks, learning)
        take_from_first(ranks, trainer)
        seed = ranks.same(trainer.model.seed)
        with ranks.threads():
            threads = get_num_threads()
        self._agreed = _Agreed(learning.state.config, _done(trainer), seed, threads)
        return self._agreed

    def _run(self, learning: Learning, agreed: _Agreed, parts: Parts, rate: float) -> EpochResults:
        """An epoch of one batch."""
        if agreed.steps is None:
            agreed.steps = Steps(self._ranks, learning, parts, restores=False)
        steps, network = agreed.steps, learning.compiled.network()
        steps.parts = parts
        request = FitRequest(1, parts.size, shuffle=False, seed=agreed.seed, rates=np.array([rate]))
        return learning.compiled.turns.compute(lambda: steps.run(network, request, lambda done: False))


def _done(trainer: RunningTrainer) -> tuple[int, int]:
    return trainer.steps_done, trainer.epochs_done


def _checked(learning: Learning, X: Samples, y: ArrayLike, weight: ArrayLike | None) -> Batch:
    """The samples of this rank."""
    check_whole(learning.loss)
    learning.compiled.check_inputs()
    batch = batch_of(learning.compiled, X, y, weight, learning.loss)
    check_finite(batch)
    refuse_lazy(learning, batch.x)
    return batch
