"""Where a warning points: at the line of the user's that began it."""

from __future__ import annotations

import sys

_PASSED = __name__.partition(".")[0], "sklearn"  # whose decorators stand between an estimator and its caller


def caller_level() -> int:
    """The `stacklevel` with which a warning of the calling function points at who called this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _PASSED:
        frame, level = frame.f_back, level + 1
    return level
