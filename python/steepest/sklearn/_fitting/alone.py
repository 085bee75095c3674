"""One fit of an estimator at a time: another thread, or a callback, gets an error."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from ...compile.turns import FitTurn

_Fit = TypeVar("_Fit", bound=Callable[..., Any])

_running: dict[int, FitTurn] = {}  # by the id of the estimator, which may be copied or pickled meanwhile


def alone(fit: _Fit) -> _Fit:
    """A method that fits its estimator, unless that is being fitted: then a RuntimeError says so."""

    @wraps(fit)
    def fit_alone(self: Any, *args: Any, **kwargs: Any) -> Any:
        turn, key = FitTurn(), id(self)
        try:
            if (other := _running.setdefault(key, turn)) is not turn:
                raise other.refusal(type(self).__name__)
            return fit(self, *args, **kwargs)
        finally:  # without a call, after which Ctrl-C may fall
            if key in _running and _running[key] is turn:
                del _running[key]

    return cast(_Fit, fit_alone)


def _forked() -> None:
    """In a child process, which has but one of its parent's threads."""
    for key in [key for key, turn in _running.items() if not turn.here]:
        del _running[key]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
