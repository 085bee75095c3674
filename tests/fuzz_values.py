"""What the fuzzers draw: arrays of all kinds and layouts, settings good and bad, layers and networks.

A draw is ordinary until it takes something from the lists of odd things: an ordinary call must succeed.
"""

from __future__ import annotations

import inspect
import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

import steepest as st
from steepest import initializers, schedules


@dataclass(frozen=True)
class Returns:
    """A function of the caller's own, which returns one and the same."""

    value: Any

    def __call__(self, *_: Any) -> Any:
        return self.value


SIDES = (0, 1, 2, 3, 17, 33, 64)
WIDTHS = SIDES[1:]
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
DTYPES = [
    *(bool, *INTEGERS, np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128),
    *(object, "U3", "S3", "M8[s]", "m8[s]", ">f4", ">f8", ">i8", [("a", "f4"), ("b", "i8")]),
]
VALUES = [np.nan, np.inf, -np.inf, 1e-46, 5e-324, 1e39, 1e300, -1e300, 2.0**63, 2.0**64, -1, 0.5, 1e6]
NO_NUMBERS: list[Any] = [None, "x", b"x", [], {}, {1}, 1j, object(), [[1], [1, 2]], "2020", Decimal(1)]
NUMBERS: list[Any] = [0, -1, 3, 0.5, 1.0, np.nan, np.inf, -np.inf, 1e-46, 5e-324, 1e39, 1e300]
LARGE = [2**31, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**400]
SCALARS = [np.float16(0.1), np.longdouble(0.1), np.int8(-1), np.array(0.1), np.array([0.1]), np.complex64(1)]
FUNCTIONS = [Returns(value) for value in (None, -1.0, np.nan, 1e300, "x")]
ODD = [*NUMBERS, *LARGE, *SCALARS, *FUNCTIONS, *NO_NUMBERS, True, np.True_, np.datetime64("2020")]
# A count says how often something is done: one of 2**62 may rightly take years.
ODD_COUNTS = [0, -1, 1.0, 2.5, True, np.True_, np.nan, np.int8(-1), *NO_NUMBERS]

POSITIVE = [0.5, 1, 1e-3, np.float32(0.25), np.float64(0.1), np.int64(2), np.uint8(1)]
NOT_NEGATIVE = [*POSITIVE, 0, 0.0, np.float64(0)]
RATES = [0.1, 1e-3, np.float32(0.01), np.float64(0.05)]
FRACTION = [0.0, 0.5, 0.9, 0, np.float64(0.25), np.float32(0.5)]
INNER = [0.5, 0.9, np.float64(0.25), np.float32(0.5)]
PROBABILITY = [1, 0.5, np.float32(0.75), np.float64(1)]
FLAG = [True, False, np.True_, np.False_]
COUNT = [1, 2, 3, np.int32(2), np.uint8(3), np.int64(1)]
SEED = [0, 7, 2**32, 2**64 - 1, np.uint64(2**64 - 1), np.int8(3)]
REDUCTION = ["mean", "sum"]

Kind = Sequence[Any] | Callable[["Draw"], Any]  # of a parameter: good values, or what draws one
Classes = dict[Callable[..., Any], dict[str, Kind]]

SCHEDULES: Classes = {
    schedules.Constant: {"rate": RATES},
    schedules.Step: {"rate": RATES, "every": COUNT, "factor": PROBABILITY},
    schedules.Exponential: {"rate": RATES, "decay": PROBABILITY},
    schedules.InverseScaling: {"rate": RATES, "power": NOT_NEGATIVE},
    schedules.Cosine: {"rate": RATES, "steps": COUNT, "final": [0, np.float64(1e-3)]},
    schedules.Warmup: {"steps": COUNT, "after": lambda d: d.rate()},
}
OPTIMIZERS: Classes = {
    st.SGD: {"learning_rate": lambda d: d.rate(), "momentum": INNER, "nesterov": FLAG},
    st.AdaGrad: {"learning_rate": lambda d: d.rate(), "epsilon": POSITIVE},
    st.RMSProp: {"learning_rate": lambda d: d.rate(), "decay": FRACTION, "epsilon": POSITIVE},
    **{
        kind: {
            "learning_rate": lambda d: d.rate(),
            "beta_1": FRACTION,
            "beta_2": FRACTION,
            "epsilon": POSITIVE,
            "epsilon_hat": FLAG,
        }
        for kind in (st.Adam, st.AdamW)
    },
}
OPTIMIZERS[st.AdamW]["weight_decay"] = NOT_NEGATIVE
STRENGTH = [1e-3, 0, np.float32(0.01), np.float64(1e-4)]
PENALTIES: Classes = {
    st.L2: {"strength": STRENGTH},
    st.L1: {"strength": STRENGTH, "proximal": FLAG},
    st.ElasticNet: {"strength": STRENGTH, "beta": NOT_NEGATIVE},
}
LABEL_LOSSES: Classes = {
    st.SoftmaxCrossEntropy: {"label_smoothing": FRACTION},
    st.MulticlassHinge: {"margin": NOT_NEGATIVE, "squared": FLAG},
}
TARGET_LOSSES: Classes = {
    st.SquaredError: {"reduction": REDUCTION, "factor": POSITIVE},
    st.AbsoluteError: {"reduction": REDUCTION},
    st.Huber: {"delta": POSITIVE, "reduction": REDUCTION},
    st.BinaryCrossEntropy: {"reduction": REDUCTION},
    st.PoissonDeviance: {"reduction": REDUCTION},
}
AVERAGES: Classes = {
    st.PolyakAverage: {"start": [0, 3, np.int64(1)]},
    st.ExponentialAverage: {"decay": FRACTION},
}
CONSTRAINTS: Classes = {st.MaxNorm: {"limit": POSITIVE}}
ACTIVATIONS: Classes = {
    **{kind: {} for kind in (st.ReLU, st.Sigmoid, st.Tanh, st.LeCunTanh, st.Softplus, st.GELU, st.Identity)},
    st.LeakyReLU: {"negative_slope": NOT_NEGATIVE},
    st.ELU: {"alpha": POSITIVE},
}
INITIALIZERS: Classes = {
    initializers.KaimingNormal: {"negative_slope": NOT_NEGATIVE},
    initializers.KaimingUniform: {"negative_slope": NOT_NEGATIVE},
    initializers.XavierNormal: {},
    initializers.LeCunUniform: {},
    initializers.Normal: {"std": [0.1, np.float32(0.5), 0]},
}
STOPPING: Classes = {
    st.EarlyStopping: {
        "patience": COUNT,
        "min_delta": NOT_NEGATIVE,
        "mode": ["min", "max"],
        "restore_best": FLAG,
    }
}
GROUPS = [
    *(SCHEDULES, OPTIMIZERS, PENALTIES, LABEL_LOSSES, TARGET_LOSSES),
    *(AVERAGES, CONSTRAINTS, ACTIVATIONS, INITIALIZERS, STOPPING),
]


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


# Of arrays that are not empty. The last two have other values, but none that the array does not hold.
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
    lambda a: np.broadcast_to(a[:1], a.shape) if a.ndim > 1 else a,
    lambda a: _overlapping(a) if a.ndim == 2 else a,
]


class Draw:
    """Draws the arguments of one call, and remembers what they are: the same for the same key."""

    def __init__(self, *key: int, oddity: float = 0.0) -> None:
        self.random = random.Random(repr(key))
        self.numbers = np.random.default_rng(key)
        self.oddity = oddity
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
        return a.tolist() if self.maybe(0.1) else self.choice(LAYOUTS)(a)

    def _spoiled(self, a: Any) -> Any:
        way = self.random.randrange(5)
        if way == 0:
            return self.choice(ODD)
        if way == 1:
            sides = [self.choice(SIDES) for _ in range(self.random.randrange(4))]
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
