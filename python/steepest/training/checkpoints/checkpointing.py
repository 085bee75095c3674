"""What a fit writes to its checkpoints, and what it goes on from."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ... import _checks
from ..._checks import Array
from ...optimizers import OPTIMIZERS, Optimizer
from ...storage import ModelFileError, checkpoint
from ..history import History
from ..learning import Learning
from ..loop import Begun, EpochLoop
from .every import Clock, Every
from .identity import named
from .state import load_state

_OF_PROGRESS = ("first_step", "begun", "way_back", "callbacks", "stopped")
PARTS = ("identity", "trainer", "optimizer", "history", *_OF_PROGRESS)
_LISTS = ("loss", "validation_loss", "seconds", "samples_per_second")


@dataclass
class Progress:
    """How far a fit has come; a fit goes on from it.

    history: of its finished epochs. first_step: the number of its first one. begun: how much of the next
    epoch is done. way_back: as `WayBack.kept` gives it. callbacks: their states. stopped: whether one of them
    has ended the fit.
    """

    history: History
    first_step: int = 0
    begun: Mapping[str, Any] | None = None
    way_back: Mapping[str, Any] | None = None
    callbacks: Sequence[Any] = ()
    stopped: bool = False

    def begun_in(self, loop: EpochLoop, live: Sequence[Array]) -> Begun | None:
        """The epoch that was begun, for the loop, whose way back is restored, to these arrays.

        Raises
        ------
        ModelFileError
            If these are not what a checkpoint holds.
        """
        told = self.begun
        try:
            loop.restore(self.way_back, live)
            if told is None:
                return None
            if not 0 < told["batches"] < loop.batches:
                raise ValueError(f"{told['batches']} batches of {loop.batches}")
            before = loop.way_back.before or loop.fitting.copies()
            return Begun(told["batches"], (told["sums"][0], told["sums"][1]), told["seconds"], before)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise ModelFileError(f"the checkpoint does not hold what is needed to go on: {error}") from error


class Moment(Protocol):
    """A fit between two calls of the backend, which stays whatever the fit does then."""

    @property
    def epochs(self) -> int:
        """How many were finished."""

    @property
    def steps(self) -> int:
        """How many were done, over all fits."""

    def tree(self) -> dict[str, Any]:
        """What a checkpoint holds of it, beside what the run is known by."""


@dataclass
class Checkpointing:
    """Of one fit: the file, how often it is written, what the run is known by, whether to keep the file.

    sink: takes what would be written, of a fit that is part of another one, whose file it is. anew: whether
    the file, if there is one, is of an earlier run.
    moment: from which an interrupted fit can be gone on with; None where the file has it, or nothing can.
    failure: why the checkpoint of an interrupted fit was not written.
    """

    path: str
    every: Every
    identity: Mapping[str, str]
    keep: bool = True
    sink: Callable[[Mapping[str, Any]], None] | None = None
    anew: bool = False
    clock: Clock = field(init=False)
    moment: Moment | None = field(default=None, init=False)
    failure: BaseException | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.clock = Clock(self.every)

    def write(self, moment: Moment) -> None:
        """Write it; see `steepest.storage.checkpoint.write`."""
        self.moment = moment  # for Ctrl-C in here
        try:
            self._write(moment)
        except Exception:
            self.moment = None  # the same would happen again
            raise
        self.moment = None

    def write_last(self) -> None:
        """Write the moment, if any. What fails here, or is interrupted, is not tried again."""
        moment, self.moment = self.moment, None
        if moment is not None and not self.clock.stands(moment.epochs, moment.steps):
            self._write(moment)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """A block that writes the last checkpoint if an error ends it, which no other one hides."""
        try:
            yield
        except BaseException as error:
            try:
                self.failure = last_act(self.write_last, error)
            except BaseException as second:  # Ctrl-C
                self.failure = second
                raise
            raise

    def _write(self, moment: Moment) -> None:
        tree = {"identity": dict(self.identity)} | moment.tree()
        self.write_tree(tree, moment.epochs, moment.steps)

    def write_tree(self, tree: Mapping[str, Any], epochs: int, steps: int) -> None:
        """Write one of so many epochs and steps."""
        if self.sink is not None:
            self.sink(tree)
        else:
            checkpoint.write(self.path, tree, keep=self.keep, anew=self.anew)
            self.keep, self.anew = True, False
        self.clock.written(epochs, steps)


def last_act(write: Callable[[], None], error: BaseException) -> Exception | None:
    """Write the last checkpoint of a fit that an error ends; what failed then, which the error notes."""
    try:
        write()
    except Exception as failure:
        _note(error, failure)
        return failure
    return None


def _note(error: BaseException, failure: Exception) -> None:
    if sys.version_info >= (3, 11):
        error.add_note(f"the last checkpoint was not written: {failure}")
    else:
        error.__context__, failure.__context__ = failure, None  # tracebacks show the one before the other


def told_history(history: History, epochs: int) -> dict[str, Any]:
    """The first epochs of a history as a checkpoint holds them."""
    lists: dict[str, Any] = {name: np.array(getattr(history, name)[:epochs]) for name in _LISTS}
    metrics = {name: np.array(values[:epochs]) for name, values in history.metrics.items()}
    return {**lists, "metrics": metrics, "best_epoch": history.best_epoch}


def history_of(told: Mapping[str, Any]) -> History:
    """The history that `told_history` has told."""
    rest = dict(told)
    best, metrics = rest.pop("best_epoch"), rest.pop("metrics")
    return History(
        **{name: values.tolist() for name, values in rest.items()},
        metrics={name: values.tolist() for name, values in metrics.items()},
        best_epoch=best,
    )


def read(path: str, parts: Collection[str]) -> tuple[Mapping[str, Any], bool]:
    """The last checkpoint that is whole, and whether that is the one of this path.

    Raises
    ------
    ModelFileError
        If there is none, but a file, or it does not have these parts.
    OSError
        If there is no file, or it cannot be read.

    Warns
    -----
    RuntimeWarning
        If it is not the last one that was begun.
    """
    before = checkpoint.previous(path)
    try:
        tree, damage = checkpoint.read(path), None
    except (ModelFileError, FileNotFoundError) as error:
        if not before.exists():
            raise
        tree, damage = checkpoint.read(before), error
    whole = path if damage is None else os.fspath(before)
    has = set(tree) if isinstance(tree, Mapping) else set()
    if not has >= set(parts):
        raise ModelFileError(
            f"{Path(whole)} is a checkpoint of {_kind(tree)}, from which this one cannot go on"
        )
    if damage is not None:
        warnings.warn(
            f"{damage}; the fit goes on from the one before, {before}",
            RuntimeWarning,
            stacklevel=_checks.caller_level(),
        )
    return tree, damage is None


def _kind(tree: Any) -> str:
    """Whose fit a checkpoint is of, of those that this release writes."""
    known = tree.get("identity") if isinstance(tree, Mapping) else None
    if not isinstance(known, Mapping):
        return "something else"
    name = str(known.get("estimator", "")).strip("'")
    return f"the fit of {name}" if name else "a model's fit"


@contextmanager
def reading(path: str | None) -> Iterator[None]:
    """A block in which an error is that of the checkpoint."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"{path} is not a checkpoint of this release: {error}") from error


def restored(path: str, tree: Mapping[str, Any], learning: Learning, epochs: int) -> tuple[Progress, int]:
    """Set all that was learned, and the optimizer; return how far the fit was, and the trainer's epochs.

    Raises
    ------
    ModelFileError
        If the file does not hold what a checkpoint of this run holds, or a callback had set a schedule.
    ValueError
        If it has more epochs than that.
    """
    require_epochs(path, len(tree["history"]["loss"]) + (tree["begun"] is not None), epochs, "epochs")
    with reading(path):
        learning.use(_optimizer(tree["optimizer"], learning.optimizer))
        epochs_done = load_state(learning, tree["trainer"])
        return Progress(
            history_of(tree["history"]), **{name: tree[name] for name in _OF_PROGRESS}
        ), epochs_done


def require_epochs(path: str, done: int, epochs: int, name: str) -> None:
    """Refuse a checkpoint of more epochs than the argument of that name allows."""
    if done > epochs:
        raise ValueError(f"{Path(path)} is in epoch {done}, but {name} is {epochs}")


def described(optimizer: Optimizer) -> dict[str, Any]:
    """An optimizer as JSON; a schedule is that of the fit, whatever it goes on from."""
    values: dict[str, Any] = {f.name: getattr(optimizer, f.name) for f in fields(optimizer)}
    rate = values.pop("learning_rate")
    kind, number = type(optimizer).__name__.lower(), None if callable(rate) else rate
    return {"kind": kind, "rate": number, "schedule": named(rate), "text": named(optimizer)} | values


def _optimizer(told: Mapping[str, Any], given: Optimizer) -> Optimizer:
    rest = dict(told)
    kind, rate, schedule, _ = (rest.pop(name) for name in ("kind", "rate", "schedule", "text"))
    if rate is None and named(given.learning_rate) != schedule:
        raise ValueError(f"a callback had set the schedule {schedule:.80}, which no file can hold")
    return OPTIMIZERS[kind](given.learning_rate if rate is None else rate, **rest)
