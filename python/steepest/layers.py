"""Layers as descriptions: what a model is made of. They hold no numbers and do no work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias

from . import _checks
from .backends.protocol import ActivationName
from .initializers import Initializer, checked_initializer


@dataclass(frozen=True)
class Linear:
    """Fully connected layer, y = x @ weight + bias.

    Parameters
    ----------
    in_features, out_features : int
        Sizes of a row before and after, at least 1. `weight` is (in_features, out_features).
    bias : bool, default True
        Whether a bias, (out_features,), is added.
    initializer : Initializer, optional
        How the initial weight is drawn, see `steepest.initializers`; by default as the model says. Two layers
        that differ in it alone are equal, and a file does not keep it.
    """

    in_features: int
    out_features: int
    bias: bool = True
    initializer: Initializer | None = field(default=None, kw_only=True, compare=False)

    def __post_init__(self) -> None:
        _checks.integer(self.in_features, "in_features", minimum=1)
        _checks.integer(self.out_features, "out_features", minimum=1)
        _checks.flag(self.bias, "bias")
        checked_initializer(self.initializer)

    def __repr__(self) -> str:
        bias = "" if self.bias else ", bias=False"
        initializer = "" if self.initializer is None else f", initializer={self.initializer!r}"
        return f"Linear({self.in_features}, {self.out_features}{bias}{initializer})"


@dataclass(frozen=True)
class ReLU:
    """Rectified linear unit, max(0, x); its derivative at 0 is taken as 0."""

    activation: ClassVar[ActivationName] = "relu"


@dataclass(frozen=True)
class Sigmoid:
    """Logistic function, 1 / (1 + exp(-x))."""

    activation: ClassVar[ActivationName] = "sigmoid"


@dataclass(frozen=True)
class Tanh:
    """Hyperbolic tangent."""

    activation: ClassVar[ActivationName] = "tanh"


@dataclass(frozen=True)
class Identity:
    """Does nothing; a place holder that costs nothing."""

    activation: ClassVar[ActivationName] = "identity"


Layer: TypeAlias = Linear | ReLU | Sigmoid | Tanh | Identity

# The closed list of what a model file may name.
_LAYERS: Mapping[str, type[Layer]] = {
    "Linear": Linear,
    "ReLU": ReLU,
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "Identity": Identity,
}


def to_config(layer: Layer) -> dict[str, Any]:
    """The layer as plain values: its name under "layer", and its fields, which are bools and ints."""
    values = {name: getattr(layer, name) for name in _kept(type(layer))}
    plain = {name: value if isinstance(value, bool) else int(value) for name, value in values.items()}
    return {"layer": type(layer).__name__} | plain


def _kept(kind: type[Layer]) -> list[str]:
    """The fields that a file keeps: those that layers are compared by."""
    return [field.name for field in fields(kind) if field.compare]


def from_config(config: object) -> Layer:
    """The layer that `to_config` described.

    Raises
    ------
    ValueError
        If `config` is no mapping, names no known layer, or has missing, unknown or impossible fields.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"a layer is described by a mapping, not by {config!r:.80}")
    values = dict(config)
    name = values.pop("layer", None)
    kind = _LAYERS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"unknown layer {name!r:.80}; known are {', '.join(_LAYERS)}")
    expected = set(_kept(kind))
    if values.keys() != expected:
        raise ValueError(
            f"{name} takes the fields {sorted(expected)}, but got {sorted(map(str, values))!s:.200}"
        )
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
