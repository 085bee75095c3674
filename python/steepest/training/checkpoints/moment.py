"""A fit between two calls of the backend, as a checkpoint holds it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from ...backends.data import TrainState
from ..callbacks import EpochCallback, RunningTrainer
from ..history import History
from ..learning import Learning
from ..loop import Begun, EpochLoop
from ..rise import Copies, WayBack
from .checkpointing import described, told_history
from .state import state_then


class FitMoment(NamedTuple):
    """Of a `Fit`, whatever it does then.

    learning, history, first_step: of the fit. copies, state: of `learning`. epochs_done: of the trainer.
    epochs, best_epoch: of the history, whose later epochs do not count. begun, way_back: of the loop.
    callbacks: their states. stopped: as in `Progress`.
    """

    learning: Learning
    history: History
    first_step: int
    copies: Copies
    state: TrainState
    epochs_done: int
    epochs: int
    best_epoch: int | None
    begun: Begun | None
    way_back: WayBack | None
    callbacks: Sequence[Any]
    stopped: bool

    @classmethod
    def of(
        cls,
        trainer: RunningTrainer,
        copies: Copies,
        history: History,
        first_step: int,
        loop: EpochLoop,
        observers: Sequence[EpochCallback],
        *,
        stopped: bool,
    ) -> FitMoment:
        """That of now, with these copies of all that learning changes."""
        learning, states = trainer.learning, [deepcopy(observer.state_dict()) for observer in observers]
        own = learning, history, first_step, copies, learning.state, trainer.epochs_done
        return cls(
            *own, history.epochs, history.best_epoch, loop.begun, loop.kept_way_back(), states, stopped
        )

    @property
    def steps(self) -> int:
        """How many were done, over all fits."""
        return int(self.copies[0][1][0])

    def tree(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        state = state_then(self.learning.compiled, self.state, self.copies, self.epochs_done)
        begun, way_back = self.begun, self.way_back
        part = None
        if begun is not None:
            part = {"batches": begun.batches, "sums": begun.sums, "seconds": begun.seconds}
        return {
            "trainer": {name: value if value.shape else value.item() for name, value in state.items()},
            "optimizer": described(self.state.config.optimizer),
            "history": told_history(self.history, self.epochs) | {"best_epoch": self.best_epoch},
            "first_step": self.first_step,
            "begun": part,
            "way_back": None if way_back is None else way_back.kept([array for array, _ in self.copies]),
            "callbacks": self.callbacks,
            "stopped": self.stopped,
        }
