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

from ..backends.protocol import Network

_T = TypeVar("_T")

_PATIENCE = 0.1  # seconds, until who waits has surely been woken
_all: WeakSet[Turns] = WeakSet()
_waiting: dict[object, tuple[int, Turns]] = {}  # threads, and what they wait for; each time another ticket
computing: dict[int, Turns] = {}  # threads within computations, and the model of the innermost


class FitTurn:
    """That of one fit, which the thread that makes it runs."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    @property
    def here(self) -> bool:
        """Whether this thread runs it: who asks is called by it."""
        return self._thread == threading.get_ident()

    def refusal(self, what: str) -> RuntimeError:
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
    thread : int or None
        The one that computes with the lock, and so may run a loss of one's own, which may want other models.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.fit: FitTurn | None = None
        self.thread: int | None = None
        _all.add(self)

    def alone(self, fit: Callable[[], _T]) -> _T:
        """Call `fit` while no other fit runs.

        Raises
        ------
        RuntimeError
            If one runs.
        """
        turn = FitTurn()

        def begin() -> None:
            self.check_free()  # again, of who waited for it
            self.fit = turn

        try:
            self.check_free()
            self._refuse_within()
            self._locked(begin)
            return fit()
        finally:  # without a call, after which Ctrl-C may fall
            if self.fit is turn:
                self.fit = None

    def check_free(self) -> None:
        """Refuse to train the model while a fit runs."""
        if (fit := self.fit) is not None:
            raise fit.refusal("model")

    def check_here(self) -> None:
        """Refuse to change it while a fit runs in another thread."""
        if (fit := self.fit) is not None and not fit.here:
            raise fit.refusal("model")

    def give_way(self) -> None:
        """Between two computations: who wants the lock by now, which is fair to nobody, gets it."""
        if not _waiting or self._owned():
            return
        patience = time.monotonic() + _PATIENCE
        wanting = [ticket for ticket, (_, turns) in _waiting.copy().items() if turns is self]
        while any(ticket in _waiting for ticket in wanting):
            time.sleep(1e-4)
            if time.monotonic() > patience:
                for ticket in wanting:
                    _waiting.pop(ticket, None)  # Ctrl-C ended one of them

    def compute(self, work: Callable[[], _T]) -> _T:
        """Call `work`, which computes with the arrays, and may call a loss of one's own.

        Raises
        ------
        RuntimeError
            If it would wait for a thread that waits for this one.
        """
        if self._owned():
            return work()
        me = threading.get_ident()

        def held() -> _T:
            outer = computing.get(me)
            try:
                self.thread, computing[me] = me, self
                return work()
            finally:
                self.thread = None
                if outer is not None:
                    computing[me] = outer
                elif me in computing:
                    del computing[me]

        return self._locked(held)

    def between(self, work: Callable[[], _T], *, sets: bool = False) -> _T:
        """Call `work`, which copies or sets the arrays, between two computations.

        Raises
        ------
        RuntimeError
            In a computation, whose loss or signal handler this is, or if that of another thread waits for
            this one. If it `sets` arrays, also while a fit runs in another thread.
        """

        def allowed() -> _T:
            if sets:
                self.check_here()
            return work()

        self._refuse_within()
        return self._locked(allowed)

    def _locked(self, work: Callable[[], _T]) -> _T:
        """Wait for the lock, and call it."""
        ticket = object()
        try:
            _waiting[ticket] = threading.get_ident(), self
            self._refuse_circle()
            with self.lock:
                _waiting.pop(ticket, None)
                return work()
        finally:
            _waiting.pop(ticket, None)

    def _refuse_circle(self) -> None:
        """Threads that want each other's models would wait for ever: the one that comes last sees that."""
        waiting, found = [*_waiting.copy().values()], {self.thread}
        while more := {turns.thread for thread, turns in waiting if thread in found} - found:
            found |= more
        if threading.get_ident() in found:
            raise RuntimeError(
                "this model is computing in another thread, whose loss waits for the model that this thread "
                "computes: neither would end. Let losses in several threads use copies of each other's models"
            )

    def _owned(self) -> bool:
        owned: bool = cast(Any, self.lock)._is_owned()
        return owned

    def _refuse_within(self) -> None:
        if self._owned():
            raise RuntimeError(
                "this model is computing: it cannot be used from a signal handler, nor by its own loss"
            )

    def _forked(self) -> None:
        """In a child process, which has but one of its parent's threads."""
        self.lock, self.thread = threading.RLock(), None
        if self.fit is not None and not self.fit.here:
            self.fit = None


class InTurn:
    """A network that a loss of another model's asks: it waits for turns that tell who waits for whom."""

    def __init__(self, network: Network, turns: Turns) -> None:
        self._network, self._turns = network, turns

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._network, name)
        return lambda *given, **named: self._turns.compute(lambda: method(*given, **named))


def _forked() -> None:
    _waiting.clear()
    computing.clear()
    for turns in _all:
        turns._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
