"""Declare: a parameter of an estimator in one place - its default, what it may be, and what it does.

A class of parameters is a dataclass whose fields are made by `parameter`. From them `documented` composes
what scikit-learn checks (`_parameter_constraints`) and the section "Parameters" of the docstring.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, Field, field, fields
from numbers import Integral, Real
from typing import Any, TypeVar, get_type_hints

from sklearn.utils._param_validation import Interval, StrOptions

Class = TypeVar("Class", bound=type[Any])

NON_NEGATIVE = Interval(Real, 0, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
BELOW_1 = Interval(Real, 0, 1, closed="left")
UP_TO_1 = Interval(Real, 0, 1, closed="both")
COUNT = Interval(Integral, 1, None, closed="left")

_WIDTH = 110
_KINDS = {"boolean": "bool", "verbose": "bool", "random_state": "int, RandomState instance or None"}


class Names(StrOptions):
    """One of these strings; the docstring has them in this order, and errors a hint."""

    def __init__(self, *names: str, hint: str = "") -> None:
        super().__init__(set(names))
        self.names, self._hint = names, hint

    def __str__(self) -> str:
        return super().__str__() + self._hint


def parameter(default: Any, allowed: Sequence[Any], text: str, kind: str | None = None) -> Any:
    """A field of an estimator.

    Parameters
    ----------
    default : object
        The value if none is given.
    allowed : sequence
        Constraints as scikit-learn has them, of which one must be met.
    text : str
        What the parameter does, for the docstring.
    kind : str, optional
        Its type for the docstring, where `allowed` does not say it well.
    """
    return field(default=default, metadata={"allowed": list(allowed), "text": text, "kind": kind})


def documented(*attributes: str) -> Callable[[Class], Class]:
    """Complete an estimator's class: its constraints, and `{parameters}` and `{attributes}` in its docstring.

    Those two stand on lines of their own. Each of `attributes` is numpydoc's text of some that a fit sets.
    """

    def complete(cls: Class) -> Class:
        declared = fields(cls)
        cls._parameter_constraints = {one.name: one.metadata["allowed"] for one in declared}
        types = get_type_hints(cls)  # by the names of the modules that declare them
        cls.__init__.__annotations__ = {one.name: types[one.name] for one in declared} | {"return": None}
        if cls.__doc__:  # python -OO has none
            text = _filled(cls.__doc__, "parameters", "\n".join(map(_entry, _by_position(declared))))
            cls.__doc__ = _filled(
                text, "attributes", "\n".join(textwrap.dedent(one).strip() for one in attributes)
            )
        return cls

    return complete


def _by_position(declared: Sequence[Field[Any]]) -> list[Field[Any]]:
    """As in the signature: those by position first."""
    return sorted(declared, key=lambda one: bool(one.kw_only))


def _filled(docstring: str, name: str, text: str) -> str:
    """The docstring with a text, indented alike, in place of the line that has the name."""
    place = re.compile(rf"^( *){{{name}}}$", re.MULTILINE)
    return place.sub(lambda found: textwrap.indent(text, found[1]), docstring)


def _entry(declared: Field[Any]) -> str:
    """`name : type, default=value`, and below it the text."""
    allowed, kind = declared.metadata["allowed"], declared.metadata["kind"]
    default = "" if declared.default is MISSING else f", default={_shown(declared.default)}"
    head = f"{declared.name} : {kind or _kind(allowed, declared.default)}{default}"
    indent = " " * 4
    body = textwrap.fill(
        declared.metadata["text"],
        _WIDTH - len(indent),
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return f"{head}\n{body}"


def _kind(allowed: Sequence[Any], default: Any) -> str:
    """What the constraints say; None is not named where it is the default, which says it."""
    named = [_kind_of(one) for one in allowed if one is not None]
    if None in allowed and default is not None:
        named.append("None")
    return " or ".join(named)


def _kind_of(constraint: Any) -> str:
    if isinstance(constraint, Names):
        shown = quoted(constraint.names)
        return shown if len(constraint.names) == 1 else f"{{{shown}}}"
    if isinstance(constraint, Interval):
        return "int" if constraint.type is Integral else "float"
    if isinstance(constraint, type):
        return constraint.__name__
    return "callable" if constraint is callable else _KINDS[constraint]


def quoted(names: Iterable[str]) -> str:
    """Names for a docstring: "a", "b"."""
    return ", ".join(map(_shown, names))


def _shown(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
