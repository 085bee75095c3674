"""`Turns`: who may use a model's arrays now, of several threads, callbacks and signal handlers.

A computation changes them one after the other, so that nobody else may look at them meanwhile; and of two
fits that took turns, each would go on from what the other has learned.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast
from weakref import WeakSet

_T = TypeVar("_T")

_PATIENCE = 0.1  # seconds, until who waits has surely been woken
_all: WeakSet[Turns] = WeakSet()


class FitTurn:
    """That of one fit, which the thread that makes it runs."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    @property
    def here(self) -> bool:
        """Whether this thread runs it: who asks is called by it."""
        return self._thread == threading.get_ident()

    def refuse(self, what: str) -> RuntimeError:
        """The error for who wants to train it meanwhile."""
        if self.here:
            return RuntimeError(
                f"this {what} is being fitted: a callback, loss or metric cannot train it meanwhile, but may "
                "train a copy"
            )
        return RuntimeError(
            f"this {what} is being fitted in another thread: wait until that has ended, or use a copy"
        )


class Turns:
    """Of one model.

    Attributes
    ----------
    lock : RLock
        Held by a fit's computations and whoever copies or sets the arrays, never while a callback runs. It is
        taken by a ``with`` of its own: after any call Ctrl-C may fall, and the lock be kept. A native step
        alone does not take it, which would cost that of a tiny network a tenth: the network has turns too.
    fit : FitTurn or None
        The fit that runs, between its computations too.
    waiting : set of int
        Threads that want the lock.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.fit: FitTurn | None = None
        self.waiting: set[int] = set()
        _all.add(self)

    def alone(self, fit: Callable[[], _T]) -> _T:
        """Call `fit` while no other fit runs.

        Raises
        ------
        RuntimeError
            If one runs.
        """
        turn = FitTurn()
        try:
            self.check_free()
            self._refuse_within()
            with self.lock:
                self.check_free()  # again, of who waited for it
                self.fit = turn
            return fit()
        finally:  # without a call, after which Ctrl-C may fall
            if self.fit is turn:
                self.fit = None

    def check_free(self) -> None:
        """Refuse to train the model while a fit runs."""
        if (fit := self.fit) is not None:
            raise fit.refuse("model")

    def give_way(self) -> None:
        """Between two computations: who wants the lock, which is fair to nobody, gets it."""
        patience = time.monotonic() + _PATIENCE
        while self.waiting:
            time.sleep(1e-4)
            if time.monotonic() > patience:
                self.waiting.clear()  # Ctrl-C ended one of them

    def between(self, work: Callable[[], _T], *, sets: bool = False) -> _T:
        """Call `work`, which copies or sets the arrays, between two computations.

        Raises
        ------
        RuntimeError
            In a computation, whose loss or signal handler this is. If it `sets` arrays, also while a fit runs
            in another thread.
        """
        self._refuse_within()
        me = threading.get_ident()
        try:
            self.waiting.add(me)
            with self.lock:
                if sets and (fit := self.fit) is not None and not fit.here:
                    raise fit.refuse("model")
                return work()
        finally:
            self.waiting.discard(me)

    def _refuse_within(self) -> None:
        if cast(Any, self.lock)._is_owned():
            raise RuntimeError(
                "this model is computing: it cannot be used from a signal handler, nor by its own loss"
            )

    def _forked(self) -> None:
        """In a child process, which has but one of its parent's threads."""
        self.lock = threading.RLock()
        self.waiting.clear()
        if self.fit is not None and not self.fit.here:
            self.fit = None


def _forked() -> None:
    for turns in _all:
        turns._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
