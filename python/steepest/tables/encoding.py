"""Columns to inputs that suit a network: robust scale and smooth clip, one-hot kinds, dates; fitted to rows.

After Holzmüller, Grinsztajn, Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on
tabular data", NeurIPS 2024 (arXiv 2407.04491), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .columns import unknown_kinds
from .frames import Coded, Kind, Values, read, values_of
from .table import text_of

Floats = NDArray[np.float64]

_YEAR, _WEEK = 365.2425, 7
LARGEST = 1e9  # beyond it the clip gives its limit, 3, in float32
_FAR = 10  # scales from the median: values from there on would be clipped to nearly the same, 2.9 to 3
_SHARE_FAR, _FEWEST_FAR = 0.01, 5  # of the values must be so far: they are no outliers then, but tails
_TRUE_OR_FALSE = ("False", "True")
_BOOLEANS = {"0": "False", "1": "True", "false": "False", "true": "True", "FALSE": "False", "TRUE": "True"}


@dataclass(frozen=True)
class Scaled:
    """z / sqrt(1 + (z / 3)**2), in (-3, 3), or asinh(z), of z = (x - median) / scale; 0 for a gap.

    scale : the distance of the quartiles, or half the range where that is 0; 0 for a constant, which has no
        input.
    gaps : whether there is an input, 0 or 1, that says where there is no value.
    distinct : how many different values there were.
    codes : values, in order, that have an input, 0 or 1, beside it; compared `as_codes`.
    tails : whether there are long ones, and so it is asinh(z), which does not end at 3.
    """

    kind: ClassVar[Kind] = "number"
    name: str
    median: float
    scale: float
    gaps: bool
    distinct: int
    codes: tuple[float, ...] = ()
    tails: bool = False

    @classmethod
    def of(cls, name: str, values: Floats) -> Scaled:
        """Of the finite values."""
        ordered = np.sort(values[np.isfinite(values)])
        if not len(ordered):
            return cls(name, 0.0, 0.0, False, 0)
        far = min(0.25, max(_SHARE_FAR, _FEWEST_FAR / len(ordered)))
        shares = (far, 0.25, 0.5, 0.75, 1 - far)
        low, lower, median, upper, high = (_quantile(ordered, share) for share in shares)
        with np.errstate(over="ignore"):
            half = (ordered[-1] - ordered[0]) / 2
            if np.isinf(half):
                half = ordered[-1] / 2 - ordered[0] / 2
            scale = min(float(upper - lower or half), float(np.finfo(np.float64).max))
            tails = scale > 0 and max(high / scale - median / scale, median / scale - low / scale) > _FAR
        distinct = 1 + int(np.count_nonzero(ordered[1:] != ordered[:-1]))
        return cls(name, median, scale, bool(np.isnan(values).any()), distinct, tails=tails)

    @property
    def names(self) -> list[str]:
        """Of the inputs."""
        own = [self.name, *(f"{self.name}_{text_of(code)}" for code in as_codes(np.array(self.codes)))]
        return own * (self.scale > 0) + [f"{self.name}_missing"] * self.gaps

    @property
    def counts(self) -> list[int]:
        """How many different values an input has that is a number; 0 for others."""
        return [self.distinct, *[0] * len(self.codes)] * (self.scale > 0) + [0] * self.gaps

    def encode(self, values: Values, out: NDArray[np.float32]) -> None:
        """Write the inputs."""
        assert not isinstance(values, Coded)
        if self.scale > 0:
            out[:, 0] = self.scaled(values)
            if self.codes:
                codes = as_codes(np.array(self.codes))
                np.equal(as_codes(values)[:, None], codes, out=out[:, 1 : 1 + len(codes)])
        if self.gaps:
            out[:, -1] = np.isnan(values)

    def scaled(self, values: Floats) -> Floats:
        """Clipped, or with long tails as logarithms; infinite ones are at the ends."""
        with np.errstate(over="ignore", invalid="ignore"):
            distance = values - self.median
            # Of two numbers near the largest one the distance overflows, and only then of finite ones.
            apart = values / self.scale - self.median / self.scale
            z = np.where(np.isinf(distance), apart, distance / self.scale)
        z = np.clip(z, -LARGEST, LARGEST)
        z = np.arcsinh(z) if self.tails else z / np.sqrt(1 + (z / 3) ** 2)
        return np.where(np.isnan(z), 0.0, z)


@dataclass(frozen=True)
class OneHot:
    """One input for each kind, 0 or 1; of two kinds one, -1 or 1. All are 0 for other kinds and for none."""

    kind: ClassVar[Kind] = "category"
    name: str
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, name: str, values: Coded, max_categories: int, min_frequency: int) -> OneHot:
        """The most frequent kinds; none, and so no input, of a column that has one kind in every row."""
        counts = values.counts
        if (counts == len(values.codes)).any():
            return cls(name, ())
        often = [place for place, count in enumerate(counts.tolist()) if count >= min_frequency]
        ranked = sorted(often, key=lambda place: (-counts[place], values.kinds[place]))
        return cls(name, tuple(sorted(values.kinds[place] for place in ranked[:max_categories])))

    @property
    def names(self) -> list[str]:
        """Of the inputs."""
        return [f"{self.name}_{kind}" for kind in (self.kinds[1:] if len(self.kinds) == 2 else self.kinds)]

    @property
    def counts(self) -> list[int]:
        """None is a number."""
        return [0] * len(self.names)

    def encode(self, values: Values, out: NDArray[np.float32]) -> None:
        """Write the inputs."""
        assert isinstance(values, Coded)
        places = {kind: place for place, kind in enumerate(self.kinds)}
        own = [places.get(kind, -1) for kind in self._known_as(values.kinds)]
        codes = np.array([*own, -1])[values.codes]
        if len(self.kinds) == 2:
            out[:, 0] = np.array([-1, 1, 0])[codes]
        else:
            out[:] = 0
            rows = np.flatnonzero(codes >= 0)
            out[rows, codes[rows]] = 1

    def unknown(self, values: Coded) -> str:
        """What to say of values most of which are none of the kinds; empty if it is not so."""
        kinds = self._known_as(values.kinds)
        return unknown_kinds(self.name, self.kinds, [kinds[code] for code in values.codes if code >= 0])

    def _known_as(self, kinds: Sequence[str]) -> list[str]:
        """Kinds in the words of this column: 1 and true are True where it is of booleans."""
        alias = _BOOLEANS if self.kinds and set(self.kinds) <= set(_TRUE_OR_FALSE) else {}
        return [alias.get(kind, kind) for kind in kinds]


@dataclass(frozen=True)
class Calendar:
    """Days as a number, and the time of the year and the day of the week as sine and cosine; 0 for a gap."""

    kind: ClassVar[Kind] = "date"
    name: str
    days: Scaled

    @classmethod
    def of(cls, name: str, values: Floats) -> Calendar:
        """Of days since 2000."""
        return cls(name, Scaled.of(name, values))

    @property
    def names(self) -> list[str]:
        """Of the inputs."""
        if not self.days.scale:
            return self.days.names
        turns = [f"{self.name}_{turn}_{part}" for turn in ("year", "week") for part in ("sin", "cos")]
        return [self.name, *turns, *self.days.names[1:]]

    @property
    def counts(self) -> list[int]:
        """Of the days."""
        return [*self.days.counts[:1], *[0] * (len(self.names) - 1)]

    def encode(self, values: Values, out: NDArray[np.float32]) -> None:
        """Write the inputs."""
        assert not isinstance(values, Coded)
        if self.days.scale:
            out[:, 0] = self.days.scaled(values)
            year, week = 2 * np.pi * values / _YEAR, 2 * np.pi * np.floor(values) / _WEEK
            turns = np.column_stack([np.sin(year), np.cos(year), np.sin(week), np.cos(week)])
            out[:, 1:5] = np.where(np.isnan(turns), 0.0, turns)
        if self.days.gaps:
            out[:, -1] = np.isnan(values)


Encoding: TypeAlias = Scaled | OneHot | Calendar


def as_codes(values: Floats) -> NDArray[np.float32]:
    """In float32, so that a table has the same codes in either precision."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32)


def inputs_of(encodings: Sequence[Encoding], columns: Sequence[Any]) -> NDArray[np.float32]:
    """All inputs of columns, (rows, inputs)."""
    widths = [len(encoding.counts) for encoding in encodings]
    inputs = np.empty((len(columns[0]), sum(widths)), dtype=np.float32)
    start = 0
    for encoding, column, width in zip(encodings, columns, widths, strict=True):
        if width:
            encoding.encode(
                values_of(read(column, encoding.name), encoding.kind, encoding.name),
                inputs[:, start : start + width],
            )
            start += width
    return inputs


def fitted(name: str, values: Values, kind: Kind, max_categories: int, min_frequency: int) -> Encoding:
    """How a column of a kind is encoded."""
    if isinstance(values, Coded):
        return OneHot.of(name, values, max_categories, min_frequency)
    return Calendar.of(name, values) if kind == "date" else Scaled.of(name, values)


def _quantile(ordered: Floats, share: float) -> float:
    """Linear between the values around it; without a difference, which could overflow."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    with np.errstate(over="ignore"):
        between = ordered[below] * (1 - (place - below)) + ordered[above] * (place - below)
    return float(min(max(between, ordered[below]), ordered[above]))  # whatever was rounded
