"""JSON that anybody may have written: all of a model file's is read here, and only here.

Its size and depth are known before anything is made of it: Python's reader makes 30 bytes of memory of one of
text, and ends the process where brackets are nested as deeply as a raised recursion limit allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

# What a text may have: room for 16,000 columns of dates, 32,000 of numbers or 26,000 tensors.
_DEEPEST = 128  # brackets, one inside the other
_MOST_MARKS = 2**18  # brackets, and colons behind names
_MOST_COMMAS = 2**19
# What reading a damaged or hostile description may raise.
REFUSALS = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


def parsed_json(text: str) -> Any:
    """What a text says, of which nothing is trusted.

    Raises
    ------
    ValueError
        If it is not JSON, has more in it than a model needs, or an object has the same key twice.
    """
    _check_size(text)
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)


def written_json(value: object) -> str:
    """The text that `parsed_json` reads; a ValueError if it would refuse it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    _check_size(text)
    return text


@contextmanager
def located(place: str) -> Iterator[None]:
    """A block that makes something of a part of a file; errors begin with the name of the part."""
    try:
        yield
    except REFUSALS as error:
        raise ValueError(f"{place}: {error}") from error


def _check_size(text: str) -> None:
    # Without what is escaped, each quote begins or ends a string.
    plain = text.replace("\\\\", "").replace('\\"', "") if "\\" in text else text
    _at_most(_MOST_MARKS + _MOST_COMMAS, plain.count('"') // 2, "strings")
    outside = "".join(plain.split('"')[::2])
    _at_most(_MOST_MARKS, sum(map(outside.count, "[]{}:")), "brackets and names")
    _at_most(_MOST_COMMAS, outside.count(","), "commas")
    *before, _ = outside.replace("{", "[").replace("}", "]").split("[")
    depths = accumulate(1 - part.count("]") for part in before)  # after each opening bracket
    _at_most(_DEEPEST, max(depths, default=0), "brackets, one inside the other")


def _at_most(most: int, count: int, what: str) -> None:
    if count > most:
        raise ValueError(f"it has {count} {what}, but may have at most {most}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("an object has a key twice")
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")
