"""Ranks that wait for each other: they say for whom, and keep Ctrl-C until the others can be told of it."""

from __future__ import annotations

import signal
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ... import _checks

PATIENCE = 60.0  # seconds without a word: others may still read their samples


def wait_for_all(communicator: Any, tag: int) -> None:
    """Return when all ranks have called this; a rank that waits sleeps, and can be interrupted.

    Warns
    -----
    RuntimeWarning
        On rank 0, after a minute, of the ranks that are missing; on the others, if rank 0 is.
    """
    rank, size = communicator.Get_rank(), communicator.Get_size()
    others, nothing = [0] if rank else range(1, size), np.empty(0, np.uint8)
    told = [communicator.Isend(nothing, other, tag) for other in others]
    heard = {other: communicator.Irecv(nothing, other, tag) for other in others}
    everyone, began, silent = communicator.Ibarrier(), time.monotonic(), True
    while not everyone.Test():
        waited = time.monotonic() - began
        if silent and waited > PATIENCE:
            silent = False
            missing = [other for other, request in heard.items() if not request.Test()]
            if missing:
                warnings.warn(
                    f"rank {rank} has waited {waited:.0f} s for others to begin this fit or step: "
                    f"{missing!r:.80}; if one has ended, end all, and start them with python -m mpi4py, "
                    "which does that",
                    RuntimeWarning,
                    stacklevel=_checks.caller_level(),
                )
        time.sleep(0.001 if waited > 0.01 else 0)
    for request in (*told, *heard.values()):
        request.Wait()


class Interruption:
    """Ctrl-C during a fit: within an exchange it is kept, and raised where the others can be told of it."""

    def __init__(self) -> None:
        self._exchanging = self._kept = False

    @contextmanager
    def exchange(self) -> Iterator[None]:
        """A block that others wait for."""
        within, self._exchanging = self._exchanging, True
        try:
            yield
        finally:
            self._exchanging = within

    def check(self) -> None:
        """Raise what was kept."""
        if self._kept:
            self._kept = False
            raise KeyboardInterrupt

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A fit, in the main thread and with Python's own handler; a second Ctrl-C is not kept."""

        def note(*_: Any) -> None:
            if not self._exchanging or self._kept:
                raise KeyboardInterrupt
            self._kept = True

        own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        own = own and threading.current_thread() is threading.main_thread()
        if own:
            signal.signal(signal.SIGINT, note)
        try:
            yield
            self.check()
        finally:
            self._kept = False  # where something else ends the fit
            if own:
                signal.signal(signal.SIGINT, signal.default_int_handler)
