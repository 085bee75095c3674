"""One member: a network that was fitted to its rows, and is that of its best epoch on the rows held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..._checks import Array
from ...backends.sparse import SparseRows
from ...compile.samples import rows_of
from ...model import Sequential
from ...training.callbacks import EpochCallback, EpochState
from ...training.trainer import Trainer
from . import recipe as recipes
from .checkpoints import Slot
from .folds import Fold, Rows
from .knots import Floats


@dataclass(frozen=True)
class Member:
    """A fitted network.

    Attributes
    ----------
    network : Sequential
    best_epoch : int
        Counted from 0; -1 if time was over before the first one ended.
    value : float
        How good it is on the rows held out, which is to be large: minus the log loss, say.
    epochs : int
        How many it was trained for.
    held_out : ndarray of int64
        The rows that it did not learn from; of a fitted estimator, those of X.
    """

    network: Sequential
    best_epoch: int
    value: float
    epochs: int
    held_out: Rows

    @property
    def inputs(self) -> int:
        """How many features its first product takes: columns and ramps."""
        return next(iter(recipes.linear_layers(self.network).values())).in_features


@dataclass(frozen=True)
class Task:
    """What members are fitted to.

    value : how good scores of some rows are, which is to be large.
    cosines : the inputs that have cosines; then none has ramps.
    """

    X: NDArray[np.float32]
    targets: Array
    weight: Array | None
    knots: Sequence[Floats]
    outputs: int
    value: Callable[[Array, Rows], float]
    recipe: recipes.Recipe
    hidden: Sequence[int]
    dropout: float
    weight_decay: float
    max_steps: int | None
    cosines: Sequence[int] = ()


def fitted(
    task: Task,
    fold: Fold,
    seed: int,
    over: Callable[[], bool],
    cycles: int = recipes.CYCLES,
    slot: Slot | None = None,
) -> Member:
    """A member of that fold, after so many cycles; it ends when its time is over, as the best so far.

    slot : what it goes on from, and where it leaves how far it is.
    """
    slot = slot or Slot()
    network = recipes.network(
        task.knots, task.cosines, task.hidden, task.outputs, task.dropout, task.recipe, seed
    )
    if slot.ended is not None:
        return Member(network, *slot.restored(network), fold.held_out)
    if over() and slot.begun is None:
        slot.end(network, -1, -np.inf, 0, in_time=False)
        return Member(network, -1, -np.inf, 0, fold.held_out)
    X = task.X[fold.learned]
    epochs, (batches, size) = recipes.epochs(len(X), task.max_steps), recipes.batches(len(X))
    trainer = Trainer(
        network,
        task.recipe.loss,
        recipes.optimizer(task.recipe, task.weight_decay, epochs * batches),
        rate_factors=recipes.rate_factors(network),
    )
    held = rows_of(network.compiled, task.X[fold.held_out])
    ends = recipes.cycle_ends(epochs)[:cycles]
    best = BestEpoch(network, held, lambda scores: task.value(scores, fold.held_out), ends, over)
    history = trainer.fit(
        X,
        task.targets[fold.learned],
        epochs=epochs,
        batch_size=size,
        sample_weight=None if task.weight is None else task.weight[fold.learned],
        callbacks=[best],
        progress=False,
        seed=seed,
        checkpoint=cast(Any, slot.asked),  # no file of its own
    )
    end = best.restore(), best.value, history.epochs
    slot.end(network, *end, in_time=best.ended)
    return Member(network, *end, fold.held_out)


class BestEpoch(EpochCallback):
    """Keeps the state of the best epoch, of equally good ones the last.

    It ends the fit with a cycle of the learning rate in which none was as good as one before that.

    rows : as backends take them, encoded once.
    cycle_ends : after so many epochs a cycle ends; the fit with the last of them.
    """

    def __init__(
        self,
        network: Sequential,
        rows: Array | SparseRows,
        value: Callable[[Array], float],
        cycle_ends: Sequence[int],
        over: Callable[[], bool],
    ) -> None:
        self._network, self._rows, self._value, self._over = network, rows, value, over
        self._previous_end = {end: before for before, end in pairwise(cycle_ends)}
        self._end = cycle_ends[-1]
        self.value, self._epoch = -np.inf, -1
        self._state: Mapping[str, Array] = {}
        self.ended = False  # by itself, not by time

    def __call__(self, state: EpochState) -> bool:
        """Judge an epoch."""
        value = self._value(self._network.compiled.network().forward(self._rows))
        if value >= self.value:
            self.value, self._epoch, self._state = value, state.epoch, self._network.state_dict()
        state.history.best_epoch = self._epoch  # or the trainer would go back by its own rule
        done = state.epoch + 1
        self.ended = done >= self._end or self._epoch < self._previous_end.get(done, -1)
        return self.ended or self._over()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: the best epoch."""
        return {"value": self.value, "epoch": self._epoch, "state": self._state}

    def resume(self, trainer: Any, monitored: Any, state: Mapping[str, Any]) -> None:
        """Go on from it."""
        self.value, self._epoch, self._state = state["value"], state["epoch"], state["state"]

    def interrupts(self) -> bool:
        """Whether time is over."""
        return self._over()

    def restore(self) -> int:
        """Give the network what it was in the best epoch, and say which that was."""
        if self._state:
            self._network.load_state_dict(self._state)
        return self._epoch
