"""Check: what a client's message may hold. Each field returns the value that it accepts, or says why not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_SHOWN = 60  # characters of a refused value


class MessageError(ValueError):
    """A message that cannot be followed; nothing has changed."""


class Field(Protocol):
    """A rule for one value of a message."""

    def checked(self, value: object, where: str) -> Any:
        """The value; a `MessageError` that begins with `where` if it breaks the rule."""


@dataclass(frozen=True)
class Integer:
    """A whole number of a range, both ends included."""

    least: int
    most: int

    def checked(self, value: object, where: str) -> int:
        """As `Field.checked`."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise _refused(value, where, f"a whole number from {self.least} to {self.most}")
        if not self.least <= value <= self.most:
            raise _refused(value, where, f"from {self.least} to {self.most}")
        return value


@dataclass(frozen=True)
class Number:
    """A finite number of a range, both ends included."""

    least: float
    most: float

    def checked(self, value: object, where: str) -> float:
        """As `Field.checked`."""
        rule = f"a number from {self.least:g} to {self.most:g}"
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise _refused(value, where, rule)
        if not (self.least <= value <= self.most):  # NaN is in no range
            raise _refused(value, where, rule)
        return float(value)


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def checked(self, value: object, where: str) -> bool:
        """As `Field.checked`."""
        if not isinstance(value, bool):
            raise _refused(value, where, "true or false")
        return value


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: Sequence[str]

    def checked(self, value: object, where: str) -> str:
        """As `Field.checked`."""
        if not isinstance(value, str) or value not in self.words:
            raise _refused(value, where, "one of " + ", ".join(self.words))
        return value


@dataclass(frozen=True)
class Text:
    """A text of so many characters at most."""

    most: int

    def checked(self, value: object, where: str) -> str:
        """As `Field.checked`."""
        if not isinstance(value, str):
            raise _refused(value, where, "a text")
        if len(value) > self.most:
            raise MessageError(f"{where} has {len(value):,} characters, but at most {self.most:,} are taken")
        return value


@dataclass(frozen=True)
class ListOf:
    """Values of one kind."""

    field: Field
    least: int
    most: int

    def checked(self, value: object, where: str) -> list[Any]:
        """As `Field.checked`."""
        if not isinstance(value, list):
            raise _refused(value, where, "a list")
        if not self.least <= len(value) <= self.most:
            raise MessageError(f"{where} has {len(value)} entries, but {self.least} to {self.most} are taken")
        return [self.field.checked(entry, f"{where}[{place}]") for place, entry in enumerate(value)]


@dataclass(frozen=True)
class Row:
    """A list of fixed length, whose values have rules of their own."""

    fields: Sequence[Field]

    def checked(self, value: object, where: str) -> list[Any]:
        """As `Field.checked`."""
        if not isinstance(value, list) or len(value) != len(self.fields):
            raise _refused(value, where, f"a list of {len(self.fields)} values")
        return [
            field.checked(entry, f"{where}[{place}]")
            for place, (field, entry) in enumerate(zip(self.fields, value, strict=True))
        ]


@dataclass(frozen=True)
class Optional:
    """A value that may be missing: null."""

    field: Field

    def checked(self, value: object, where: str) -> Any:
        """As `Field.checked`."""
        return None if value is None else self.field.checked(value, where)


@dataclass(frozen=True)
class Record:
    """An object with exactly these keys; those that have a default may be left out."""

    fields: Mapping[str, Field]
    defaults: Mapping[str, object] | None = None

    def checked(self, value: object, where: str) -> dict[str, Any]:
        """As `Field.checked`."""
        if not isinstance(value, dict):
            raise _refused(value, where or "the message", "an object")
        if unknown := sorted(set(map(str, value)) - set(self.fields)):
            known = ", ".join(self.fields) or "nothing"
            raise MessageError(
                f"{where or 'the message'} has the unknown key {unknown[0]!r:.{_SHOWN}}, but takes {known}"
            )
        given = dict(self.defaults or {}) | value
        if missing := [name for name in self.fields if name not in given]:
            raise MessageError(f"{where or 'the message'} lacks {missing[0]!r}")
        prefix = f"{where}." if where else ""
        return {name: field.checked(given[name], prefix + name) for name, field in self.fields.items()}


@dataclass(frozen=True)
class Settings:
    """Names with plain values: numbers, flags and words, which whoever takes them checks."""

    most: int = 12

    def checked(self, value: object, where: str) -> dict[str, Any]:
        """As `Field.checked`."""
        if not isinstance(value, dict) or len(value) > self.most:
            raise _refused(value, where, f"an object of at most {self.most} entries")
        for name, entry in value.items():
            plain = entry is None or isinstance(entry, bool | int | str)
            if not (plain or (isinstance(entry, float) and math.isfinite(entry))) or len(str(entry)) > 40:
                raise _refused(entry, f"{where}.{name:.40}", "a number, a flag or a short word")
        return dict(value)


def _refused(value: object, where: str, rule: str) -> MessageError:
    shown = repr(value)
    return MessageError(f"{where} must be {rule}, not {shown[:_SHOWN]}{'...' if len(shown) > _SHOWN else ''}")
