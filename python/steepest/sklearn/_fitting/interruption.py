"""Ctrl-C during many epochs in one call: it ends the call, which can still tell what it has finished."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any


@contextmanager
def interruption_noted() -> Iterator[Event]:
    """A block in which Ctrl-C sets an event, where it would raise KeyboardInterrupt.

    That is in the main thread, with Python's own handler. Whoever is given the event raises in its place.
    """
    noted = Event()

    def note(*_: Any) -> None:
        noted.set()

    own = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not own or threading.current_thread() is not threading.main_thread():
        yield noted
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
