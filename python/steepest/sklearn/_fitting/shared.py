"""What the fits of `fit_many` share: one thread each, one check of their data, and one end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import wraps
from threading import Event, Lock
from typing import Any

from ..._config import config


class SharedFits:
    """State of parallel fits: whether they should end, and the samples that were checked for one of them."""

    def __init__(self) -> None:
        self.ended = Event()
        self._lock = Lock()
        self._checked: dict[Any, tuple[Any, dict[str, Any]]] = {}

    def checked(self, key: Any, estimator: Any, check: Callable[[], Any]) -> Any:
        """What `check` returns, which is called once for each key; others get the attributes it sets too."""
        with self._lock:
            if key not in self._checked:
                before = set(vars(estimator))
                result = check()
                self._checked[key] = result, {k: v for k, v in vars(estimator).items() if k not in before}
            result, attributes = self._checked[key]
        vars(estimator).update(attributes)
        return result


shared_fits: ContextVar[SharedFits | None] = ContextVar("steepest_shared_fits", default=None)


class Cancelled(Exception):
    """One of many fits was told to end."""


def computing(n_threads: int | None) -> AbstractContextManager[None]:
    """A block with `n_threads` threads; with None, the usual number."""
    if shared_fits.get() is not None:
        return config(num_threads=1)
    return nullcontext() if n_threads is None else config(num_threads=n_threads)


def checked_once(validated: Callable[..., Any]) -> Callable[..., Any]:
    """A method that checks X and y, with a result of them and the loss: once for all fits of `fit_many`."""

    @wraps(validated)
    def shared(self: Any, X: Any, y: Any, **options: Any) -> Any:
        fits = shared_fits.get()
        if fits is None:
            return validated(self, X, y, **options)
        return fits.checked(
            (type(self), self.loss, id(X), id(y)), self, lambda: validated(self, X, y, **options)
        )

    return shared
