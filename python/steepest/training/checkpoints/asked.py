"""What a fit was asked to write, and to go on from."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...backends.memory import write as write_arrays
from ...optimizers import OPTIMIZERS
from ...storage import checkpoint as files
from ..callbacks import EpochCallback, RunningTrainer
from ..callbacks.model_checkpoint import path_of
from ..learning import Learning
from .checkpointing import PARTS, Checkpointing, Progress, read, restored
from .every import USUAL, Every, checked_every
from .identity import identity, require_same

_USUAL = checked_every(USUAL)  # is not parsed again in each fit: that takes 10 us


class Begin(NamedTuple):
    """Where a fit begins: what it writes, and how far it was."""

    checkpointing: Checkpointing | None = None
    before: Progress | None = None
    undo: Callable[[], None] = lambda: None  # what going on has changed

    def interruptible(self) -> AbstractContextManager[None]:
        """A block at whose end the last checkpoint is written if an error ends it, where some are."""
        return nullcontext() if self.checkpointing is None else self.checkpointing.interruptible()


class Asked(NamedTuple):
    """The paths of a fit, checked."""

    write: str | None
    every: Every
    read: str | None = None
    tree: Mapping[str, Any] | None = None
    whole: bool = True  # what `write` holds, if anything
    sink: Callable[[Mapping[str, Any]], None] | None = None  # takes what would be written there

    @property
    def nothing(self) -> bool:
        """Whether the fit has no checkpoints."""
        return self.write is None and self.tree is None

    @property
    def anew(self) -> bool:
        """Whether what `write` holds, if anything, is of an earlier run."""
        return self.read is None or _real(self.read) != _real(self.write)

    def seed(self, seed: int) -> int:
        """That of the fit's draws: of the fit that it goes on from."""
        kept = None if self.tree is None else self.tree["identity"].get("seed", "")
        return int(kept) if kept is not None and kept.isdecimal() else seed

    def prepare(self, learning: Learning) -> None:
        """Let inputs be standardized, or encoded, as they were in the fit that it goes on from."""
        inputs = learning.compiled.inputs
        if self.tree is None or inputs is None:
            return
        names = learning.compiled.layers[0].running_shapes()
        rows = [self.tree["trainer"].get(f"model.0.{name}") for name in names]
        if [np.shape(row) for row in rows] == [inputs.statistics.shape[1:]] * len(names):
            statistics = [(inputs.statistics, np.array(rows))]
            learning.compiled.turns.compute(lambda: write_arrays(statistics))

    def begin(
        self,
        trainer: RunningTrainer,
        settings: Mapping[str, object],
        called: Sequence[object],
        epochs: int,
        data: Mapping[str, str],
    ) -> Begin:
        """Restore the trainer, if the fit goes on; see `Trainer.fit` for what is raised.

        called: the callbacks; those that a checkpoint keeps something of must be of the same classes.
        epochs: how many it is asked for. data: what the samples are known by.
        """
        if self.nothing:
            return Begin()
        observers = [type(one).__name__ for one in called if isinstance(one, EpochCallback)]
        known = identity(trainer.learning, {**settings, "callbacks": observers}, data)
        kind = type(trainer.optimizer)
        if self.write is not None and OPTIMIZERS.get(kind.__name__.lower()) is not kind:
            raise ValueError(f"a checkpoint can hold the optimizers of steepest, but not a {kind.__name__}")
        if self.read is not None and self.tree is not None:
            if known["optimizer"] == self.tree["optimizer"].get("text"):  # as a callback had set it
                known["optimizer"] = self.tree["identity"]["optimizer"]
            require_same(self.read, self.tree["identity"], known)
        writes = None
        if self.write is not None:
            writes = Checkpointing(self.write, self.every, known, self.whole, self.sink, self.anew)
        if self.read is None or self.tree is None:
            return Begin(writes)
        undo = _way_back(trainer)
        try:
            progress, trainer.epochs_done = restored(self.read, self.tree, trainer.learning, epochs)
        except BaseException:
            undo()
            raise
        return Begin(writes, progress, undo)


def _way_back(trainer: RunningTrainer) -> Callable[[], None]:
    learning, epochs_done = trainer.learning, trainer.epochs_done
    state, copies = learning.state, learning.copies()

    def undo() -> None:
        learning.use(state.config.optimizer)
        learning.state = state
        write_arrays(copies)
        trainer.epochs_done = epochs_done

    return lambda: learning.compiled.turns.compute(undo)


def asked(path: object, every: object, resume: object, parts: Collection[str] = PARTS) -> Asked:
    """The arguments of a fit, whose checkpoints have these parts; of a part of another fit, what that asks.

    Raises
    ------
    ValueError, TypeError
        If they cannot be used, or another file would be replaced.
    OSError
        If there is no folder for the checkpoint, or nothing to go on from.
    """
    if isinstance(path, Asked):
        return path
    write, source = None if path is None else _path(path, "checkpoint"), None
    often = _USUAL if type(every) is str and every == USUAL else checked_every(every)
    if path is None and not resume and often != _USUAL:
        raise ValueError(f"checkpoint_every={every!r:.80} says how often: give the path as checkpoint=")
    resume = bool(resume) if isinstance(resume, np.bool_) else resume
    if resume is True:
        if write is None:
            raise ValueError("resume=True goes on from the checkpoint: give its path as checkpoint=")
        found = any(Path(p).exists() for p in (write, files.previous(write)))
        source = write if found else None
    elif resume is not False and resume is not None:
        source = _path(resume, "resume")
    tree, whole = None, True
    if source is not None:
        tree, last = read(source, parts)
        whole = last or _real(source) != _real(write)
    if write is None:
        return Asked(None, often, source, tree)
    if whole:
        files.check_replaceable(write)
    return Asked(write, often, source, tree, whole)


def _path(value: object, name: str) -> str:
    if not (path := path_of(value, name)):
        raise TypeError(f"{name} must be a path, not {path!r}")
    return str(Path(path).absolute())  # whatever the current folder becomes


def _real(path: str | None) -> str | None:
    return None if path is None else os.path.realpath(path)
