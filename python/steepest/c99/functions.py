"""The functions of one number that a file may define: each in double, with what <math.h> has in C99."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..backends.reference.activations import HEIGHT, SELU_ALPHA, SELU_SCALE, STRETCH
from .text import literal


@dataclass(frozen=True)
class Function:
    """A function of x: its body, in which $name stands for another one, or for a number.

    `takes_slope` says whether it takes the number in an activation's formula too.
    """

    body: str
    needs: tuple[str, ...] = ()
    takes_slope: bool = False
    numbers: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> str:
        """In C."""
        return "double x, double slope" if self.takes_slope else "double x"


def _numbers(**values: float) -> dict[str, str]:
    return {name: literal(value) for name, value in values.items()}


# By the names of activations. -inf * 0 would be NaN.
FUNCTIONS: Mapping[str, Function] = {
    "sigmoid": Function(
        """
        const double small = exp(-fabs(x));
        return (x >= 0 ? 1 : small) / (1 + small);
        """
    ),
    "elu": Function("return x > 0 ? x : slope * expm1(x);", takes_slope=True),
    "selu": Function(
        "return $scale * (x > 0 ? x : $alpha * expm1(x));",
        numbers=_numbers(scale=SELU_SCALE, alpha=SELU_ALPHA),
    ),
    "softplus": Function("return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));"),
    "gelu": Function(
        "return (x < -40 ? -40 : x) * (erfc(x * $root) / 2);", numbers=_numbers(root=-math.sqrt(0.5))
    ),
    "silu": Function("return (x < -1000 ? -1000 : x) * $sigmoid(x);", needs=("sigmoid",)),
    "mish": Function("return (x < -1000 ? -1000 : x) * tanh($softplus(x));", needs=("softplus",)),
    "lecun_tanh": Function(
        "return $height * tanh($stretch * x);", numbers=_numbers(height=HEIGHT, stretch=STRETCH)
    ),
}
