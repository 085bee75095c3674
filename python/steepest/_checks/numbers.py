"""Check: single values: numbers, flags, names."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any, TypeVar

import numpy as np

_NOT_REAL = (bool, np.bool_, np.timedelta64)  # which Python and NumPy count among the integers
_Text = TypeVar("_Text", bound=str)

LARGEST_INTEGER = 2**63 - 1  # of the backends
_MOST_DIGITS = 40  # of an integer in a message
_LONGEST_NAME = 40  # that may be a slip for another one


def shown(number: object) -> str:
    """A number in a message, which may have more digits than Python writes, or than anybody reads."""
    try:
        text = str(number)
    except ValueError:
        text = ""
    if isinstance(number, int) and not 0 < len(text) <= _MOST_DIGITS:
        return f"an integer of {number.bit_length()} bits"
    return text


def printable(text: str) -> str:
    """A text of a stranger for messages and terminals: what cannot be printed is escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def real_number(value: object, name: str) -> float:
    """`value`, Python's or NumPy's number, as a float, which may be any."""
    if isinstance(value, _NOT_REAL) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} must be a real number, not {value!r:.80}")
    try:
        return float(value)
    except OverflowError:  # an int beyond all floats
        return math.inf if value > 0 else -math.inf


def positive(value: object, name: str) -> float:
    """`value` as a finite float greater than 0."""
    if not (math.isfinite(number := real_number(value, name)) and number > 0):
        raise ValueError(f"{name} is {shown(value)}, but must be finite and greater than 0")
    return number


def non_negative(value: object, name: str) -> float:
    """`value` as a finite float of at least 0."""
    if not (math.isfinite(number := real_number(value, name)) and number >= 0):
        raise ValueError(f"{name} is {shown(value)}, but must be finite and not negative")
    return number


def fraction(value: object, name: str) -> float:
    """`value` as a float in [0, 1)."""
    if not 0 <= (number := real_number(value, name)) < 1:
        raise ValueError(f"{name} is {shown(value)}, but must be in [0, 1)")
    return number


def probability(value: object, name: str) -> float:
    """`value` as a float in (0, 1]."""
    if not 0 < (number := real_number(value, name)) <= 1:
        raise ValueError(f"{name} is {shown(value)}, but must be in (0, 1]")
    return number


def inside(value: object, name: str) -> float:
    """`value` as a float between 0 and 1, both excluded."""
    if not 0 < (number := real_number(value, name)) < 1:
        raise ValueError(f"{name} is {shown(value)}, but must be between 0 and 1, both excluded")
    return number


def at_least(value: object, name: str, minimum: float) -> float:
    """`value` as a finite float of at least `minimum`."""
    if not (math.isfinite(number := real_number(value, name)) and number >= minimum):
        raise ValueError(f"{name} is {shown(value)}, but must be finite and at least {minimum}")
    return number


def rate(value: object, name: str = "learning_rate") -> Any:
    """`value` as a learning rate, a finite float greater than 0, or as the function that gives one."""
    return value if callable(value) else positive(value, name)


def integer(value: object, name: str, *, minimum: int, maximum: int = LARGEST_INTEGER) -> int:
    """`value`, Python's or NumPy's integer, as an int of at least `minimum` and at most `maximum`."""
    # An array of no axes is an index too.
    if isinstance(value, bool | np.bool_ | np.ndarray):
        raise TypeError(f"{name} must be an integer, not {value!r:.80}")
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r:.80}") from None
    if number < minimum:
        raise ValueError(f"{name} is {shown(number)}, but must be at least {minimum}")
    if number > maximum:
        raise ValueError(f"{name} is {shown(number)}, but must be at most {maximum}")
    return number


def instance(value: object, name: str) -> None:
    """Refuse a class where one of its objects is needed."""
    if isinstance(value, type):
        prefix = "st." if value.__module__.startswith("steepest.") else ""
        raise TypeError(f"{name} is the class {value.__name__}: write {prefix}{value.__name__}()")


def seed(value: object) -> int:
    """`value` as an int in [0, 2**64)."""
    return integer(value, "seed", minimum=0, maximum=2**64 - 1)


def flag(value: object, name: str) -> bool:
    """`value`, Python's or NumPy's, as True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, not {value!r:.80}")
    return bool(value)


def one_of(value: _Text, name: str, allowed: Collection[str]) -> _Text:
    """`value` as one of the allowed strings."""
    if not isinstance(value, str) or value not in allowed:
        maybe = isinstance(value, str) and len(value) <= _LONGEST_NAME
        close = get_close_matches(value.lower(), allowed, 1) if maybe else []
        hint = f": did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"{name} is {value!r:.80}, but must be one of {', '.join(map(repr, allowed))}{hint}")
    return str(value)  # type: ignore[return-value]  # a literal stays one


def representable(value: float, name: str, dtype: np.dtype[Any], *, normal: bool = False) -> None:
    """Refuse what is infinite in `dtype` and, where it has to be `normal`, what is 0 or subnormal there."""
    limits = np.finfo(dtype)
    with np.errstate(over="ignore", under="ignore"):
        rounded = np.float64(value).astype(dtype)
    if not abs(rounded) <= limits.max:
        raise ValueError(
            f"{name} is {value}, but must be at most {limits.max}, the largest number of {dtype}"
        )
    if normal and rounded < limits.smallest_normal:
        raise ValueError(
            f"{name} is {value}, but must be at least {limits.smallest_normal}, "
            f"the smallest normal number of {dtype}"
        )
