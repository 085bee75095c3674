"""Layers: the building blocks of a model. They hold no parameters and do no work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, ClassVar, TypeAlias

from .. import _checks
from .._description import Description, Rule
from ..backends.protocol import ActivationName
from ..initializers import Initializer, checked_initializer
from .regularization import BatchNorm, Dropout, FractionalMaxPool2d, Residual


@dataclass(frozen=True)
class Linear(Description):
    """Fully connected layer, y = x @ weight + bias.

    Parameters
    ----------
    in_features, out_features : int
        Number of input and output features, at least 1. `weight` has the shape (in_features, out_features).
    bias : bool, default True
        Whether a bias, (out_features,), is added.
    initializer : Initializer, optional
        How the initial weight is drawn, see `steepest.initializers`; by default the model decides. It is not
        stored in model files, and layers that differ only in it are equal.
    """

    in_features: int
    out_features: int
    bias: bool = True
    initializer: Initializer | None = field(default=None, kw_only=True, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {
        "in_features": partial(_checks.integer, minimum=1),
        "out_features": partial(_checks.integer, minimum=1),
        "bias": _checks.flag,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_initializer(self.initializer)

    def __repr__(self) -> str:
        bias = "" if self.bias else ", bias=False"
        initializer = "" if self.initializer is None else f", initializer={self.initializer!r}"
        return f"Linear({self.in_features}, {self.out_features}{bias}{initializer})"


@dataclass(frozen=True)
class Maxout(Description):
    """Fully connected layer with several pieces, which returns the largest: y = max_p (x @ W_p + b_p).

    Parameters
    ----------
    in_features, out_features : int
        Number of input and output features, at least 1.
    pieces : int, default 2
        At least 2. `weight` is (in_features, pieces * out_features) and `bias` (pieces * out_features,):
        column p * out_features + j is piece p of output j.

    Notes
    -----
    Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", ICML 2013. If pieces are equal,
    the first one gets the gradient.
    """

    in_features: int
    out_features: int
    pieces: int = 2
    initializer: Initializer | None = field(default=None, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {
        "in_features": partial(_checks.integer, minimum=1),
        "out_features": partial(_checks.integer, minimum=1),
        "pieces": partial(_checks.integer, minimum=2),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_initializer(self.initializer)

    def __repr__(self) -> str:
        return f"Maxout({self.in_features}, {self.out_features}, pieces={self.pieces})"


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
class LeakyReLU(Description):
    """x above 0, negative_slope * x below; its derivative at 0 is taken as negative_slope.

    Parameters
    ----------
    negative_slope : float, default 0.01
        Not negative.
    """

    negative_slope: float = 0.01
    activation: ClassVar[ActivationName] = "leaky_relu"
    _rules: ClassVar[Mapping[str, Rule]] = {"negative_slope": _checks.non_negative}


@dataclass(frozen=True)
class ELU(Description):
    """x above 0, alpha * (exp(x) - 1) below; its derivative at 0 is taken as alpha.

    Parameters
    ----------
    alpha : float, default 1.0
        Greater than 0. The function tends to -alpha for very negative x.
    """

    alpha: float = 1.0
    activation: ClassVar[ActivationName] = "elu"
    _rules: ClassVar[Mapping[str, Rule]] = {"alpha": _checks.positive}


@dataclass(frozen=True)
class LeCunTanh:
    """1.7159 * tanh(2/3 * x), which maps 1 to 1 and -1 to -1 (LeCun et al., "Efficient BackProp", 1998)."""

    activation: ClassVar[ActivationName] = "lecun_tanh"


@dataclass(frozen=True)
class Softplus:
    """log(1 + exp(x)), a smooth ReLU, computed without overflow or loss of accuracy for any x."""

    activation: ClassVar[ActivationName] = "softplus"


@dataclass(frozen=True)
class GELU:
    """x * Phi(x), Phi the normal distribution function, exactly (Hendrycks and Gimpel, 2016).

    Its derivative needs its input, so it is not fused into the `Linear` layer before it.
    """

    activation: ClassVar[ActivationName] = "gelu"


@dataclass(frozen=True)
class Identity:
    """Return the input. A placeholder that costs nothing."""

    activation: ClassVar[ActivationName] = "identity"


Activation: TypeAlias = ReLU | Sigmoid | Tanh | LeakyReLU | ELU | LeCunTanh | Softplus | GELU | Identity
Layer: TypeAlias = Linear | Maxout | Activation | Dropout | BatchNorm | Residual | FractionalMaxPool2d


def slope_of(layer: Activation) -> float:
    """The parameter of an activation that has one."""
    if isinstance(layer, LeakyReLU):
        return layer.negative_slope
    return layer.alpha if isinstance(layer, ELU) else 0.0


# The closed list of what a model file may name.
_LAYERS: Mapping[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        Linear,
        Maxout,
        ReLU,
        Sigmoid,
        Tanh,
        LeakyReLU,
        ELU,
        LeCunTanh,
        Softplus,
        GELU,
        Identity,
        Dropout,
        BatchNorm,
        Residual,
        FractionalMaxPool2d,
    )
}


def to_config(layer: Layer) -> dict[str, Any]:
    """The layer as plain values: its name under "layer", and its fields, layers inside of it as lists.

    Raises
    ------
    ValueError
        For a class that `from_config` does not know, as one derived from a layer.
    """
    if _LAYERS.get(type(layer).__name__) is not type(layer):
        raise ValueError(f"{layer!r:.80} is a {type(layer).__name__}, which cannot be described")
    values = {name: _plain(getattr(layer, name)) for name in _kept(type(layer))}
    return {"layer": type(layer).__name__} | values


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [to_config(layer) for layer in value]
    return value  # JSON carries a float to the last bit


def _kept(kind: type[Layer]) -> list[str]:
    """The fields that a file keeps: those that layers are compared by."""
    return [field.name for field in fields(kind) if field.compare]


def from_config(config: object) -> Layer:
    """The layer that `to_config` described.

    Raises
    ------
    ValueError
        If `config` is not a mapping, names an unknown layer, or has missing, unknown or invalid fields.
    """
    if not isinstance(config, Mapping):
        raise ValueError(f"a layer's description must be a mapping, not {config!r:.80}")
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
        if kind is Residual:
            return _residual(values)
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error


def _residual(values: dict[str, Any]) -> Residual:
    inner = values.pop("layers")
    if not isinstance(inner, list):
        raise TypeError(f"layers must be a list, not {inner!r:.80}")
    return Residual(*map(from_config, inner), **values)
