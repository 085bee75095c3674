"""StepKey arrays of all kinds and layouts, settings good and odd, and objects made of them.

A draw is ordinary until it takes something odd: what is done with ordinary things must succeed.
"""

from __future__ import annotations

import inspect
import random
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import steepest as st

from .settings import (
    COUNT,
    DTYPES,
    INTEGERS,
    NO_NUMBERS,
    NUMBERS,
    ODD,
    ODD_COUNTS,
    RATES,
    SCALARS,
    SCHEDULES,
    SIDES,
    VALUES,
    Classes,
    Kind,
)


class BrokenPromiseError(Exception):
    """What a call returned is not what its documentation says."""


def promise(kept: bool, what: str) -> None:
    if not kept:
        raise BrokenPromiseError(what)


def _overlapping(a: Any) -> Any:
    """Rows of which each begins one element behind the one before."""
    row = np.resize(a, a.shape[0] + a.shape[1])
    return np.lib.stride_tricks.as_strided(row, a.shape, 2 * row.strides, writeable=False)


def _read_only(a: Any) -> Any:
    copy = a.copy()
    copy.flags.writeable = False
    return copy


def _misaligned(a: Any) -> Any:
    return np.frombuffer(b"." + a.tobytes(), np.uint8)[1:].view(a.dtype).reshape(a.shape)


# Of arrays that are not empty.
LAYOUTS: list[Callable[[Any], Any]] = [
    *([lambda a: a] * 6),
    lambda a: np.concatenate([a, a, a], -1)[..., a.shape[-1] : 2 * a.shape[-1]],
    lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    lambda a: np.repeat(a, 2, axis=0)[1::2],
    lambda a: a[::-1].copy()[::-1],
    lambda a: a[..., ::-1].copy()[..., ::-1],
    np.asfortranarray,
    lambda a: a.astype(a.dtype.newbyteorder(">")),
    _read_only,
    lambda a: a if a.dtype.hasobject else _misaligned(a),
]
# These have other values, but none that the array does not hold.
REPEATING: list[Callable[[Any], Any]] = [
    lambda a: np.broadcast_to(a[:1], a.shape) if a.ndim > 1 else a,
    lambda a: _overlapping(a) if a.ndim == 2 else a,
]


class Draw:
    """StepKey the arguments of one call, and remembers what they are: the same for the same key."""

    def __init__(self, *key: int, oddity: float = 0.0, repeats: bool = True) -> None:
        self.random = random.Random(repr(key))
        self.numbers = np.random.default_rng(key)
        self.oddity = oddity
        self.layouts = LAYOUTS + REPEATING if repeats else LAYOUTS
        self.ordinary = True
        self.log: list[str] = []
        self.guarded: list[tuple[str, Any, bytes]] = []

    def choice(self, values: Sequence[Any]) -> Any:
        return values[self.random.randrange(len(values))]

    def maybe(self, chance: float = 0.5) -> bool:
        return self.random.random() < chance

    def odd(self) -> bool:
        """Whether the next thing is odd; the draw is no longer ordinary then."""
        if odd := self.random.random() < self.oddity:
            self.ordinary = False
        return odd

    def setting(self, name: str, kind: Kind, odd: Sequence[Any] = ODD) -> Any:
        value = self.choice(odd) if self.odd() else kind(self) if callable(kind) else self.choice(kind)
        self.log.append(f"{name}={value!r:.100}")
        return value

    def count(self, name: str, kind: Kind = COUNT) -> Any:
        return self.setting(name, kind, ODD_COUNTS)

    def settings(
        self, kinds: dict[str, Kind], chance: float = 0.5, odd: Sequence[Any] = ODD
    ) -> dict[str, Any]:
        return {name: self.setting(name, kind, odd) for name, kind in kinds.items() if self.maybe(chance)}

    def made(self, *groups: Classes) -> Any:
        """An object of one of the classes, with some of their parameters."""
        kinds = self.choice(groups)
        kind = self.choice(list(kinds))
        self.log.append(kind.__name__)
        signature = inspect.signature(kind).parameters
        needed = [name for name in kinds[kind] if signature[name].default is inspect.Parameter.empty]
        values = self.settings({name: kinds[kind][name] for name in needed}, 1)
        values |= self.settings({name: how for name, how in kinds[kind].items() if name not in needed})
        if kind is st.SGD and "nesterov" in values:
            values.setdefault("momentum", 0.5)
        return kind(**values)

    def rate(self) -> Any:
        return self.made(SCHEDULES) if self.maybe(0.2) else self.choice(RATES)

    def floats(self, name: str, shape: tuple[int, ...], dtype: Any = None) -> Any:
        dtype = dtype or self.choice([np.float32, np.float64])
        return self.array(name, self.numbers.standard_normal(shape).astype(dtype))

    def whole(self, name: str, shape: int | tuple[int, ...], below: int) -> Any:
        """Integers of any kind, as labels are."""
        return self.array(name, self.numbers.integers(0, max(below, 1), shape).astype(self.choice(INTEGERS)))

    def array(self, name: str, good: Any) -> Any:
        """It in some layout; or something odd made of it. That it is not changed is checked later."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value = self._spoiled(good) if self.odd() else self._laid_out(good)
        if isinstance(value, np.ndarray):
            self.log.append(f"{name}={value.shape} {value.dtype} strides {value.strides}")
        else:
            self.log.append(f"{name}={value!r:.100}")
        return self.guard(name, value)

    def guard(self, name: str, value: Any) -> Any:
        """It, which must not be changed."""
        root = value
        while isinstance(getattr(root, "base", None), np.ndarray):
            root = root.base
        if isinstance(root, np.ndarray):
            self.guarded.append((name, root, root.tobytes()))
        return value

    def changed(self) -> list[str]:
        """Names of guarded arrays that were changed."""
        return [name for name, array, before in self.guarded if array.tobytes() != before]

    def _laid_out(self, a: Any) -> Any:
        if a.ndim == 0 or a.size == 0:
            return a
        return a.tolist() if self.maybe(0.1) else self.choice(self.layouts)(a)

    def _spoiled(self, a: Any) -> Any:
        way = self.random.randrange(5)
        if way == 0:
            return self.choice([*NUMBERS, *SCALARS, *NO_NUMBERS])
        if way == 1:
            sides = [self.choice(SIDES[:5]) for _ in range(self.random.randrange(4))]
            return self.numbers.standard_normal(sides).astype(a.dtype)
        if way == 2:
            flat = a.ravel()
            views = [a.T, a[..., None], flat, flat[:0], a[None], flat[1:], np.ma.masked_array(a), a.tolist()]
            return self.choice(views)
        if way == 3:
            return self._laid_out(a.astype(self.choice(DTYPES)))
        if a.size == 0 or a.dtype.kind not in "iuf":
            return a
        a, value = a.copy(), self.choice(VALUES)
        if a.dtype.kind == "f" or value in (-1, 1e6):
            a.flat[self.random.randrange(a.size)] = np.array(value).astype(a.dtype)
        return a * np.array(value) if self.maybe(0.3) else a
