"""One of the fits of `fit_many` in another process, with the caller's settings; it sends warnings back."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, NamedTuple

from ..._config import Settings, config
from .shared import SharedFits, shared_fits


class Shipped(NamedTuple):
    """What all fits have in common."""

    X: Any
    y: Any
    options: dict[str, Any]
    settings: Settings


class Fitted(NamedTuple):
    """What one fit gives, and the place of its settings among all."""

    place: int
    estimator: Any
    warned: list[tuple[Warning, type[Warning]]]


def fitted(shipped: Shipped, place: int, estimator: Any) -> Fitted:
    """Fit an estimator with one thread, on the caller's backend and instruction set."""
    token = shared_fits.set(SharedFits())
    try:
        with config(shipped.settings.backend, isa=shipped.settings.isa or None), _recorded() as warned:
            estimator.fit(shipped.X, shipped.y, **shipped.options)
    finally:
        shared_fits.reset(token)
    return Fitted(place, estimator, warned)


# Python keeps one list of filters and one `showwarning` for all threads, of which a worker of Dask has many:
# the first fit changes them, the last one changes them back, and each gets what is warned of in its context.
_caught: ContextVar[list[tuple[Warning, type[Warning]]] | None] = ContextVar("steepest_caught", default=None)
_SENT = (UserWarning, RuntimeWarning, FutureWarning)  # each time; others as the worker's filters have it
_lock = Lock()
_fits = 0
_before: warnings.catch_warnings[None] | None = None


@contextmanager
def _recorded() -> Iterator[list[tuple[Warning, type[Warning]]]]:
    """A block whose warnings go to a list."""
    global _fits, _before
    with _lock:
        if not _fits:
            _before = warnings.catch_warnings()
            _before.__enter__()
            usual = warnings.showwarning

            def show(message: Any, category: type[Warning], *place: Any, **line: Any) -> None:
                if (caught := _caught.get()) is None:
                    usual(message, category, *place, **line)
                else:
                    caught.append((message, category))

            for kind in _SENT:
                warnings.simplefilter("always", kind)
            warnings.showwarning = show
        _fits += 1
    warned: list[tuple[Warning, type[Warning]]] = []
    token = _caught.set(warned)
    try:
        yield warned
    finally:
        _caught.reset(token)
        with _lock:
            _fits -= 1
            if not _fits and _before is not None:
                _before.__exit__(None, None, None)
