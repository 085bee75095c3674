"""What turns an option's text into its value; argparse puts the option's name before the message."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, TypeVar

from .. import _checks
from ..losses import ALIASES
from ..penalties import L1, L2, ElasticNet, Penalty
from ..training.checkpoints.every import checked_every

_T = TypeVar("_T")


def integer(name: str, minimum: int, maximum: int = _checks.LARGEST_INTEGER) -> Callable[[str], int]:
    """Parse an integer in a range."""

    def parse(text: str) -> int:
        number = _number(int, text, "an integer")
        return _valid(lambda: _checks.integer(number, name, minimum=minimum, maximum=maximum))

    return parse


def real(name: str, check: Callable[[object, str], float]) -> Callable[[str], float]:
    """Parse a number that a check of `_checks` takes."""

    def parse(text: str) -> float:
        number = _number(float, text, "a number")
        return _valid(lambda: check(number, name))

    return parse


def loss(text: str) -> str:
    """The name of a loss, also by the other names that `Sequential.fit` takes."""
    return ALIASES.get(text, text)


def every(text: str) -> int | str:
    """How often something is done, as `Trainer.fit` takes it."""
    value: int | str = text
    with suppress(ValueError):
        value = int(text)
    _valid(lambda: checked_every(value))
    return value


def hidden(text: str) -> tuple[int, ...]:
    """Sizes of hidden layers."""
    if text.strip() in ("", "none"):
        return ()
    return tuple(map(integer("hidden size", 1), text.split(",")))


def penalty(text: str) -> Penalty | Literal["none"]:
    """A kind of penalty and its numbers, or none at all."""
    kinds: dict[str, Callable[..., Penalty]] = {"l2": L2, "l1": L1, "elastic_net": ElasticNet}
    kind, _, numbers = text.partition(":")
    if text == "none":
        return "none"
    values = [_number(float, number, "a number") for number in numbers.split(",")] if numbers else []
    if kind not in kinds or len(values) != (2 if kind == "elastic_net" else 1):
        raise argparse.ArgumentTypeError(
            f"{text!r:.80} is not a penalty such as l2:1e-4, l1:1e-5, elastic_net:1e-4,0.5 or none"
        )
    return _valid(lambda: kinds[kind](*values))


def separator(text: str) -> str:
    """One character; a tab may be written as a shell has it."""
    text = {"\\t": "\t", "tab": "\t", "space": " "}.get(text, text)
    return character(text)


def port(text: str) -> int:
    """A port; 0 for any that is free."""
    if not (text.isascii() and text.isdigit() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r:.80} is no port, a whole number from 0 to 65535")
    return int(text)


def character(text: str) -> str:
    """One character."""
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"{text!r:.80} has {len(text)} characters, but must be one")
    return text


def texts(text: str) -> list[str]:
    """Texts separated by commas; quotes keep a comma."""
    try:
        return [item.strip() for item in next(csv.reader([text], skipinitialspace=True, strict=True), [])]
    except csv.Error as error:
        raise argparse.ArgumentTypeError(f"{text!r:.80}: {error}") from None


def is_place(text: str) -> bool:
    """Whether a text is a number of a column rather than a name."""
    return text.lstrip("-").isdigit()


def _valid(make: Callable[[], _T]) -> _T:
    try:
        return make()
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _number(kind: Callable[[str], _T], text: str, noun: str) -> _T:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r:.80} is not {noun}") from None
