"""Where a warning points: at the line of the user's that began it."""

from __future__ import annotations

import sys

_PACKAGE = __name__.partition(".")[0]


def caller_level() -> int:
    """The `stacklevel` with which a warning of the calling function points outside of this package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame, level = frame.f_back, level + 1
    return level
