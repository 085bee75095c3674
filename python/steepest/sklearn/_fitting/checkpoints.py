"""Checkpoints of an estimator: what they hold, and how another fit goes on from one to the same bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from ..._checks import Array
from ...backends.memory import write
from ...training.checkpoints import (
    ALL_OF_Y,
    Asked,
    Checkpointing,
    data_of,
    history_of,
    named,
    reading,
    require_epochs,
    require_same,
    told_history,
)
from ...training.history import History
from ...training.loop import EpochLoop
from ...training.rise import Copies, WayBack
from .callbacks import Callbacks
from .job import Problem

PARTS = (
    "identity",
    "draws",
    "estimator",
    "solver",
    "arrays",
    "way_back",
    "callbacks",
    "history",
    "stopped",
)
_NUMBERS = ("n_iter_", "t_", "loss_", "best_loss_", "best_validation_score_", "_no_improvement_count")
_CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
_SHOWN = (*_NUMBERS, *_CURVES, "_best")
_FREE = {"n_threads", "verbose", "progress", "callbacks", "warm_start", "max_iter"}  # may differ


class OneFit(NamedTuple):
    """What a fit consists of."""

    estimator: Any
    problem: Problem
    callbacks: Callbacks
    loop: EpochLoop

    @property
    def steps(self) -> int:
        """How many it has done, over all calls."""
        return int(self.problem.solver.state.steps[0])

    @property
    def arrays(self) -> list[Array]:
        """All that it changes."""
        return self.problem.compiled.changed_arrays(self.problem.solver.state)

    def copies(self) -> Copies:
        """The same, each with a copy."""
        return self.problem.compiled.copies(self.problem.solver.state)


class _Moment(NamedTuple):
    """A fit between two calls of the backend, whatever it does then.

    draws, history: of the fit, and of callbacks; of these, only so many epochs. copies, shown, solver,
    way_back, callbacks: of arrays, of the estimator's attributes, and so on. epochs: that are done. stopped:
    whether the fit has ended by itself.
    """

    draws: Mapping[str, Any]
    history: History
    called: int
    copies: Copies
    shown: Mapping[str, Any]
    solver: Mapping[str, Any]
    way_back: WayBack | None
    callbacks: Sequence[Any]
    epochs: int
    stopped: bool

    @classmethod
    def of(cls, fit: OneFit, draws: Mapping[str, Any], copies: Copies, *, stopped: bool) -> _Moment:
        """That of now, with these copies."""
        loop, solver, history = fit.loop, fit.problem.solver, fit.callbacks.history
        shown = {name: getattr(fit.estimator, name) for name in _SHOWN}
        shown |= {name: shown[name].copy() for name in _CURVES if shown[name] is not None}
        told = {"learning_rate": solver.learning_rate, "epochs": solver.epochs}
        own = draws, history, history.epochs, copies, shown, told, loop.kept_way_back()
        return cls(*own, fit.callbacks.states(), loop.done, stopped)

    @property
    def steps(self) -> int:
        """How many were done, over all calls."""
        return int(self.copies[0][1][0])

    def tree(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        shown, way_back = self.shown, self.way_back
        curves = {name: np.array(shown[name]) for name in _CURVES if shown[name] is not None}
        return {
            "draws": self.draws,
            "estimator": {**shown, **curves},
            "solver": self.solver,
            "arrays": [copy for _, copy in self.copies],
            "way_back": None if way_back is None else way_back.kept([array for array, _ in self.copies]),
            "callbacks": self.callbacks,
            "history": told_history(self.history, self.called),
            "stopped": self.stopped,
        }


class Checkpoints:
    """Those that one fit writes, and goes on from, between epochs.

    The orders of samples are not in the file: they are drawn again, from what the random numbers were before
    the fit drew its first.
    """

    def __init__(self, asked: Asked, draws: Mapping[str, Any]) -> None:
        self._asked, self._draws = asked, draws
        self.writes: Checkpointing | None = None
        self._pace: float | None = None

    def begin(self, fit: OneFit, next_order: Callable[[], Array] | None) -> bool:
        """Restore what the fit is to go on from, and tell callbacks; whether that fit had ended by itself.

        next_order: draws that of the samples of the next epoch; None where they are not shuffled.
        """
        known, source, tree = _identity(fit), self._asked.read, self._asked.tree
        loop, stopped = fit.loop, False
        loop.kept, loop.remembers = loop.watched, self._asked.write is not None
        if source is None or tree is None:
            fit.callbacks.begin()
        else:
            require_same(source, tree["identity"], known)
            with reading(self._asked.read):
                done, stopped = int(tree["estimator"]["n_iter_"]), bool(tree["stopped"])
            require_epochs(source, done, loop.epochs, "max_iter")
            with reading(self._asked.read):
                _restore(fit, tree)
                if next_order is not None:
                    loop.way_back.reorder(next_order() for _ in range(done))
                history, states = history_of(tree["history"]), tree["callbacks"]
            fit.callbacks.resume(history, states)
        if (asked := self._asked).write is not None:
            self.writes = Checkpointing(asked.write, asked.every, known, asked.whole, anew=asked.anew)
            self.writes.clock.begin(loop.done, fit.steps)
        return stopped

    def epochs_at_once(self, fit: OneFit) -> int:
        """How many may be run until the next one is due."""
        if self.writes is None:
            return fit.loop.epochs
        clock, loop = self.writes.clock, fit.loop
        return clock.epochs_at_once(loop.done, fit.steps, loop.batches, self._pace)

    def epochs_ended(self, fit: OneFit, seconds: float, *, stopped: bool, last: bool) -> None:
        """Write one, if it is due or the fit ends; the last epoch took so many seconds.

        stopped: whether the fit has ended by itself. last: whether it ends.
        """
        loop, writes, self._pace = fit.loop, self.writes, seconds
        last = last or stopped or loop.done == loop.epochs
        if writes is not None and (last or writes.clock.due(loop.done, fit.steps)):
            writes.write(_Moment.of(fit, self._draws, fit.copies(), stopped=stopped))

    def remember(self, fit: OneFit, copies: Copies) -> None:
        """What the last checkpoint holds if something ends the fit now."""
        if self.writes is not None and fit.loop.done:
            self.writes.moment = _Moment.of(fit, self._draws, copies, stopped=False)


def random_state(given: Any, asked: Asked) -> tuple[np.random.RandomState, Any]:
    """That of a parameter, as it was before the fit that this one goes on from, and what it is then."""
    rng: np.random.RandomState = check_random_state(given)
    if asked.tree is not None:
        if given is None:  # everybody's
            kind = getattr(np.random, rng.get_state(legacy=False)["bit_generator"])
            rng = np.random.RandomState(kind())
        with reading(asked.read):
            rng.set_state(_with_arrays(asked.tree["draws"]))
    return rng, _with_lists(rng.get_state(legacy=False))


@contextmanager
def or_as_before(estimator: Any, learned: Callable[[Mapping[str, Any]], bool]) -> Iterator[None]:
    """A fit that is refused before its first epoch leaves the estimator and its generator as they were.

    learned: whether there was an epoch, for the attributes before.
    """
    before, generator = dict(vars(estimator)), estimator.random_state
    state = generator.get_state() if isinstance(generator, np.random.RandomState) else None
    try:
        yield
    except BaseException:
        if not learned(before):
            vars(estimator).clear()
            vars(estimator).update(before)
            if state is not None:
                generator.set_state(state)
        raise


def _identity(fit: OneFit) -> dict[str, str]:
    estimator, problem = fit.estimator, fit.problem
    known: dict[str, Any] = {"estimator": type(estimator).__name__, "dtype": problem.compiled.dtype}
    known |= {name: v for name, v in estimator.get_params(deep=False).items() if name not in _FREE}
    classes = getattr(estimator, "classes_", None)
    known |= {"callbacks": fit.callbacks.names}
    known |= {"classes": classes.tolist() if isinstance(classes, np.ndarray) else classes}
    texts = {name: named(v.item() if isinstance(v, np.generic) else v) for name, v in known.items()}
    held_out, all_of_y = problem.job.held_out, problem.job.all_of_y
    texts |= {} if all_of_y is None else {ALL_OF_Y: all_of_y}
    return texts | data_of(problem.batch, None if held_out is None else held_out.batch)


def _restore(fit: OneFit, tree: Mapping[str, Any]) -> None:
    arrays, kept, solver = fit.arrays, tree["arrays"], fit.problem.solver
    if [array.shape for array in arrays] != [array.shape for array in kept]:
        raise ValueError("its arrays have other shapes")
    write(list(zip(arrays, kept, strict=True)))
    shown = {name: tree["estimator"][name] for name in _SHOWN}
    shown |= {name: shown[name].tolist() for name in _CURVES if shown[name] is not None}
    vars(fit.estimator).update(shown)
    solver.learning_rate, solver.epochs = tree["solver"]["learning_rate"], tree["solver"]["epochs"]
    fit.loop.done = shown["n_iter_"]
    fit.loop.restore(tree["way_back"], arrays)


def _with_lists(state: Any) -> Any:
    """The state of random numbers as JSON has it."""
    if isinstance(state, Mapping):
        return {name: _with_lists(value) for name, value in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state


def _with_arrays(state: Any) -> Any:
    if isinstance(state, Mapping):
        return {name: _with_arrays(value) for name, value in state.items()}
    return np.array(state, np.uint64) if isinstance(state, list) else state
