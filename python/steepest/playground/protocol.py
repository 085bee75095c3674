"""The messages between page and server, as docs/playground.md has them: version 1.

A request is JSON text: ``{"version": 1, "id": 7, "tab": "network", "do": "train", "with": {...}}``. Its
answer is one binary message: the length of a JSON header (4 bytes, little endian), the header, and the bytes
of arrays, each at a multiple of 8. The header has the request's id and either "values" and "arrays" (name,
dtype, shape and offset of each), or "error", a sentence.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from .._checks import Array
from ..training.divergence import DivergenceError
from .fields import Choice, Field, Integer, MessageError, Record, Text

VERSION = 1
LONGEST = 8 * 2**20  # bytes of a request: a table
_DTYPES = {"int8": "i1", "uint8": "u1", "float32": "f4", "float64": "f8"}
_ALIGNED = 8
_Method = TypeVar("_Method", bound=Callable[..., "Answer"])


class Request(NamedTuple):
    """What a client asks for."""

    tab: str
    action: str
    arguments: object


@dataclass(frozen=True)
class Answer:
    """What it gets: plain values, and arrays."""

    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)


class Action(NamedTuple):
    """What can be asked of a tab: the rules of its arguments, and the name of its method."""

    rules: Record
    method: str


def action(rules: Record | None = None, **fields: Field) -> Callable[[_Method], _Method]:
    """Mark a method of a `Tab` as something that clients may ask for, with these arguments."""

    def marked(method: _Method) -> _Method:
        method.rules = rules or Record(fields)  # type: ignore[attr-defined]
        return method

    return marked


class Tab:
    """One page's tab on the server: what it knows, and what can be asked of it."""

    actions: ClassVar[Mapping[str, Action]] = {}

    def __init_subclass__(cls) -> None:
        """Collect the actions."""
        cls.actions = {
            name: Action(method.rules, name)
            for name, method in vars(cls).items()
            if isinstance(getattr(method, "rules", None), Record)
        }

    def choices(self) -> Mapping[str, Any]:
        """What the page offers: names, ranges, defaults."""
        return {}


def parsed(text: str | bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises
    ------
    MessageError
        If it is none.
    """
    if not isinstance(text, str):
        raise MessageError("a request is JSON text, not bytes")

    def no_constant(name: str) -> float:
        raise MessageError(f"the message holds {name}, which is no number of JSON")

    try:
        message = json.loads(text, parse_constant=no_constant)
    except MessageError:
        raise
    except (ValueError, RecursionError) as error:  # of numbers of 5,000 digits too
        raise MessageError(f"the message is not JSON: {error!s:.80}") from None
    if not isinstance(message, dict):
        raise MessageError("the message must be an object")
    return message


def number(message: Mapping[str, Any]) -> int:
    """The id of a request.

    Raises
    ------
    MessageError
        If it has none.
    """
    return Integer(0, 2**53).checked(message.get("id"), "id")


def request(message: Mapping[str, Any], tabs: Collection[str]) -> Request:
    """What a request asks for, checked but for the arguments and the id.

    Raises
    ------
    MessageError
        If it asks for nothing that can be.
    """
    version = message.get("version")
    if version != VERSION or isinstance(version, bool):
        raise MessageError(f"the page speaks version {version!r:.40}, but the server {VERSION}: reload it")
    anything = _Anything()
    rules: dict[str, Field] = {
        "version": anything,
        "id": anything,
        "tab": Choice([*tabs]),
        "do": Text(40),
        "with": anything,
    }
    found = Record(rules, {"with": {}}).checked(message, "")
    return Request(found["tab"], found["do"], found["with"])


def perform(tab: Tab, request: Request) -> Answer:
    """Do what a request asks of its tab.

    Raises
    ------
    MessageError
        If the tab cannot do that, or not with these arguments, by its own rules or those of what it asks;
        nothing has changed.
    """
    if request.action not in tab.actions:
        known = ", ".join(sorted(tab.actions))
        raise MessageError(f"{request.tab} cannot {request.action!r:.40}; it can {known}")
    rules, method = tab.actions[request.action]
    arguments = rules.checked(request.arguments, "")
    try:
        answer: Answer = getattr(tab, method)(**arguments)
    except MessageError:
        raise
    except (ValueError, TypeError, DivergenceError) as error:
        raise MessageError(str(error)) from None
    return answer


def encoded(number: int, answer: Answer) -> bytes:
    """The message of an answer."""
    described, chunks, offset = {}, [], 0
    for name, array in answer.arrays.items():
        array = np.ascontiguousarray(array)
        described[name] = [_DTYPES[array.dtype.name], list(array.shape), offset]
        padding = -array.nbytes % _ALIGNED
        chunks += [array.tobytes(), bytes(padding)]
        offset += array.nbytes + padding
    return _packed({"id": number, "values": answer.values, "arrays": described}, chunks)


def refusal(number: int, reason: str) -> bytes:
    """The message of an error."""
    return _packed({"id": number, "error": reason}, [])


def _packed(header: Mapping[str, Any], chunks: list[bytes]) -> bytes:
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 4) % _ALIGNED)
    return b"".join([struct.pack("<I", len(text)), text, *chunks])


class _Anything:
    def checked(self, value: object, where: str) -> Any:
        return value
