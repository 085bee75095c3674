"""The colors of the page: those of the plots."""

from __future__ import annotations

from typing import Any

from ..plots.drawing import CLASS_COLORS, DIVERGING


def described() -> dict[str, Any]:
    """Colors of classes, and the ends of a scale from negative by way of zero to positive."""
    return {"classes": list(CLASS_COLORS), "diverging": list(DIVERGING)}
