"""Good values and odd ones of every setting, and the classes that take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

import steepest as st
from steepest import initializers, schedules

if TYPE_CHECKING:
    from .draw import Draw


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
FUNCTIONS = [Returns(value) for value in (None, -1.0, np.inf, 1e300, "x")]
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
    schedules.CosineLog: {"rate": RATES, "steps": COUNT, "cycles": COUNT},
    schedules.FlatCosine: {"rate": RATES, "steps": COUNT, "flat": FRACTION, "final": [0, np.float64(1e-3)]},
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
    **{kind: {} for kind in st.layers.ACTIVATIONS.values() if not fields(kind)},
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
