"""Check: values of a description that a file holds, which may come from anybody."""

from __future__ import annotations

import math
from typing import Any


def require(condition: bool, otherwise: str) -> None:
    """Raise a ValueError unless a condition holds."""
    if not condition:
        raise ValueError(otherwise)


def list_of(value: object) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise ValueError(f"{value!r:.80} is not a list")
    return value


def string(value: object) -> str:
    """A text."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r:.80} is not a string")
    return value


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r:.80} is not true or false")
    return value


def finite(value: object) -> float:
    """A finite number."""
    try:
        number = float("nan" if isinstance(value, bool | str) else value)  # type: ignore[arg-type]
    except (TypeError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{value!r:.80} is not a finite number")
    return number
