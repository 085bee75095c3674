"""`RankedFit`: a fit that several processes make together."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..._checks import Array
from ...backends.data import Batch, EpochResults, FitRequest, ShouldStop
from ...backends.memory import write
from ...backends.reference.losses import batch_size
from ...losses import CustomLoss
from ...optimizers import Optimizer
from ..fit import Fit
from ..rise import Rise
from ..validation import data_loss, loss_of_scores, metrics_of, scores_of
from .agreement import checksum, require_same_parameters
from .parts import Parts, added
from .ranks import Ranks
from .steps import Steps


@dataclass
class RankedFit(Fit):
    """The checked arguments of a fit on this rank's samples; all ranks do the same at the same time.

    Rank 0 alone calls back, shows progress and writes files. What it comes to, the others are told.
    """

    ranks: Ranks
    parts: Parts

    def __post_init__(self) -> None:
        if not self.ranks.leads:
            self.progress = False
        self._steps = Steps(self.ranks, self.trainer.learning, self.parts)
        super().__post_init__()
        self.ranks.last_act = self._last_act
        if not self.ranks.leads:
            self._observers, self._checkpointing = [], None
            self._loop.kept = self._loop.remembers = False
            self.begin = self.begin._replace(checkpointing=None)

    # ---- what the loop asks -------------------------------------------------------------------------------

    def _last_act(self) -> None:
        if self._checkpointing is not None:
            self._checkpointing.write_last()

    def epochs_at_once(self) -> int:
        """As rank 0 has it, which looks at a clock."""
        return self.ranks.first(super().epochs_at_once)

    def fit(self, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """Steps of all ranks."""
        learning, steps = self._learning, self._learning.steps_done
        network = learning.compiled.network()
        learning.compiled.turns.give_way()
        try:
            return self.locked(lambda: self._steps.run(network, request, should_stop))
        except BaseException:
            self.trainer.epochs_done += (learning.steps_done - steps) // self._loop.batches
            raise

    def ended(self) -> bool:
        """Whether one of them wants it."""
        return self._any(self.stopped)

    def data_loss(self) -> float:
        """The loss of the samples of all ranks."""
        return self._loss_on(self.batch)

    def objective(self, rows: int) -> float:
        """That of some samples of each shard."""
        return self._steps.objective(self._learning.compiled.network(), rows, self.seed)

    @property
    def loss(self) -> Any:
        """That of the trainer."""
        return self._learning.loss

    # ---- between its calls --------------------------------------------------------------------------------

    def _count(self) -> int:
        return self.parts.samples

    def _begin(self) -> None:
        optimizer = self._learning.optimizer
        self._of_one(super()._begin)
        self._share(optimizer)

    def _finish(self) -> None:
        optimizer = self._learning.optimizer
        self._of_one(super()._finish)
        self._share(optimizer)

    def _write(self, *, due: bool) -> None:
        self._of_one(partial(super()._write, due=due))

    def _warn(self, rise: Rise | None) -> None:
        self._of_one(partial(super()._warn, rise))

    def _write_last(self) -> None:
        self._of_one(super()._write_last)

    def _of_one(self, work: Callable[[], object]) -> None:
        """What rank 0 alone does; if it fails, all ranks do."""
        self.ranks.together(lambda: work() if self.ranks.leads else None)

    def _was_cancelled(self) -> bool:
        return self._any(self.cancelled)

    def _any(self, wants: Callable[[], bool]) -> bool:
        return self.ranks.any(self.ranks.together(wants))

    def _ask(self, callbacks: Sequence[Callable[[Any], object]], state: Any) -> tuple[bool, bool]:
        """What rank 0's callbacks want; they may set parameters and the optimizer, too."""
        before = checksum(self._learning) if self.ranks.leads else 0
        optimizer = self._learning.optimizer

        wanted = self.ranks.first(partial(super()._ask, callbacks, state))
        self._share(optimizer, before)
        return wanted

    def _share(self, optimizer: Optimizer, before: int | None = None) -> None:
        """Tell the others what rank 0's callbacks have changed: all that is not as it was before."""
        learning, history = self._learning, self._history

        def told() -> bytes:
            if not self.ranks.leads:
                return b""
            changed = before is None or before != checksum(self._learning)
            arrays = [array.copy() for array in learning.changed_arrays()] if changed else None
            other = learning.optimizer if learning.optimizer is not optimizer else None
            return pickle.dumps((vars(history), other, learning.state.optimizer.state_start, arrays))

        own, other, start, arrays = pickle.loads(self.ranks.same(self.ranks.together(told)))
        if self.ranks.leads:
            return
        vars(history).update(own)
        if other is not None:
            learning.use(other)
        learning.begin_state(start)
        if arrays is not None:
            self.locked(lambda: write(list(zip(learning.changed_arrays(), arrays, strict=True))))

    def _measure(self) -> tuple[float, dict[str, float]]:
        """The loss, and metrics by rank 0, of all ranks' scores."""
        on = self.samples.measured
        loss = self._loss_on(on.batch)
        if not self.metrics:
            return loss, {}
        all_of = self._scored(on.batch, None if on.weight is None else np.asarray(on.weight))

        def values() -> dict[str, float]:
            targets, scores, weights = zip(*all_of, strict=True)
            weight = None if weights[0] is None else np.concatenate(weights)
            return metrics_of(self.metrics, np.concatenate(targets), np.concatenate(scores), weight)

        return loss, self.ranks.first(values)

    def _loss_on(self, batch: Batch) -> float:
        """Of the samples of all ranks: one of the caller's own by rank 0, others by shards."""
        if not isinstance(self.loss, CustomLoss):
            return self._mean_loss(batch)
        all_of = self._scored(batch)

        def value() -> float:
            targets, scores = (np.concatenate([own[place] for own in all_of]) for place in (0, 1))
            return loss_of_scores(self.loss, scores.__getitem__, targets, None)

        return self.ranks.first(value)

    def _scored(self, batch: Batch, weight: Array | None = None) -> list[tuple[Array, Array, Array | None]]:
        """For rank 0, targets and scores of the samples of each rank, and weights."""
        scores = self.ranks.together(lambda: scores_of(self._learning.compiled, batch.x))
        return self.ranks.gather((batch.targets, scores, weight)) or []

    def _mean_loss(self, batch: Batch) -> float:
        """The mean over all samples of what is the mean over those of each shard."""

        def own() -> list[float]:
            told: list[float] = []
            for place in range(len(self.ranks.own)):
                shard = self.parts.shard(batch, place)
                size = batch_size(self.loss, len(shard.x), shard.weight) if len(shard.x) else 0.0
                loss = data_loss(self._learning.compiled, self.loss, shard) if size else 0.0
                told += [size * loss, size]
            return told

        told = self.ranks.tell(self.ranks.together(own)).reshape(-1, 2)
        total, size = added(told[:, 0]), added(told[:, 1])
        return total if self.loss.sums else total / size if size else 0.0

    def _record(self, losses: Sequence[float], seconds: Sequence[float]) -> None:
        """Some finished epochs, after which all ranks must hold the same."""
        super()._record(losses, seconds)
        if losses:
            require_same_parameters(self.ranks, self._learning, "an epoch")
