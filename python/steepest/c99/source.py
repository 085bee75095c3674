"""A function in C while it is made: its constants, its buffers and its statements."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from string import Template
from textwrap import dedent, indent
from typing import Any, NamedTuple

import numpy as np

from .._checks import Array
from .functions import FUNCTIONS
from .text import commented, lines, literal


class Row(NamedTuple):
    """The numbers between two layers: the name of the array that holds them, and how many they are."""

    name: str
    features: int


class Source:
    """Constants, functions, buffers and statements, each of whose names begins with the same prefix.

    Parameters
    ----------
    prefix : str
    dtype : {float32, float64}
        Of the model, and of all numbers but those that a statement computes in double.

    Attributes
    ----------
    real : {"float", "double"}
        The dtype in C.
    statements : list of str
        What computes the scores.
    """

    def __init__(self, prefix: str, dtype: np.dtype[Any]) -> None:
        self.prefix = prefix
        self.real = "float" if dtype == np.float32 else "double"
        self.statements: list[str] = []
        self._dtype = dtype
        self._constants: list[str] = []
        self._functions: dict[str, str] = {}
        self._features: list[int] = []  # of each buffer: the most that it ever holds
        self._kept: list[str] = []  # what a shortcut still needs

    # ---- what statements name -----------------------------------------------------------------------------

    def number(self, value: float) -> str:
        """A literal of the model's dtype."""
        return literal(float(self._dtype.type(value))) + ("f" if self.real == "float" else "")

    def constant(self, key: str, values: Array) -> str:
        """The name of an array of the model, in its dtype, or of integers.

        Raises
        ------
        ValueError
            If a number is not finite: C99 has no literal for it.
        """
        name = f"{self.prefix}_{key.replace('.', '_')}"
        if values.dtype.kind == "i":
            kind, texts = "int", [str(value) for value in values.tolist()]
        else:
            _check_finite(key, values)
            suffix = "f" if self.real == "float" else ""
            kind, texts = self.real, [literal(value) + suffix for value in values.ravel().tolist()]
        sizes = "".join(f"[{size}]" for size in values.shape)
        body = f"{{{lines(texts)}}}"
        if values.ndim > 1:
            row = values.shape[1]
            body = ",\n".join(f"{{{lines(texts[i : i + row])}}}" for i in range(0, len(texts), row))
            body = f"{{\n{body}}}"
        self._constants.append(f"static const {kind} {name}{sizes} = {body};\n")
        return name

    def function(self, name: str) -> str:
        """What one of `FUNCTIONS` is called; it is defined if it is needed."""
        function = FUNCTIONS[name]
        for other in function.needs:
            self.function(other)
        own = {**{other: f"{self.prefix}_{other}" for other in FUNCTIONS}, **function.numbers}
        body = indent(Template(dedent(function.body).strip()).substitute(own), "    ")
        self._functions[name] = f"static double {self.prefix}_{name}({function.parameters})\n{{\n{body}\n}}\n"
        return f"{self.prefix}_{name}"

    # ---- statements ---------------------------------------------------------------------------------------

    def row(self, features: int, *read: Row) -> Row:
        """A buffer to write to: neither one that is read meanwhile, nor one that is kept."""
        taken = {*self._kept, *(each.name for each in read)}
        place = next(i for i in count() if f"buffer_{i}" not in taken)
        if place == len(self._features):
            self._features.append(0)
        self._features[place] = max(self._features[place], features)
        return Row(f"buffer_{place}", features)

    def keep(self, row: Row) -> None:
        """Write nothing to it, until it is released."""
        self._kept.append(row.name)

    def release(self, row: Row) -> None:
        """Let it be written to again."""
        self._kept.remove(row.name)

    def comment(self, text: str) -> None:
        """Say what follows."""
        self.statements.append(f"/* {commented(text)} */")

    def add(self, text: str, **names: object) -> None:
        """Statements, in which $name stands for what is given, and $real for the dtype."""
        self.statements.append(Template(dedent(text).strip()).substitute(names, real=self.real))

    def each(self, x: Row, expression: str, **names: object) -> Row:
        """An expression of each number x."""
        y = self.row(x.features, x)
        value = Template(expression).substitute(names, x=f"{x.name}[i]", real=self.real)
        self.add("for (int i = 0; i < $n; ++i) $y[i] = $value;", n=x.features, y=y.name, value=value)
        return y

    # ---- all of it ----------------------------------------------------------------------------------------

    @property
    def definitions(self) -> str:
        """Constants and functions."""
        return "\n".join([*self._constants, *self._functions.values()])

    @property
    def buffers(self) -> Sequence[tuple[str, int]]:
        """The names of the arrays that statements write to, and their sizes."""
        return [(f"buffer_{i}", features) for i, features in enumerate(self._features)]


def _check_finite(key: str, values: Array) -> None:
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        where = tuple(bad[0].tolist())
        raise ValueError(
            f"{key} holds {values[where]} at {where}, one of {len(bad)} numbers that are not finite "
            "and have no literal in C"
        )
