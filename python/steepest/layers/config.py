"""Layers to and from plain values, as model files have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ..initializers import Initializer, initializer_to_config
from ._base import LAYERS, Layer, is_ours

_DEEPEST = 32  # layers inside of layers, in a file


def to_config(layer: Layer) -> dict[str, Any]:
    """The layer as plain values: its name under "layer", and its fields, layers inside of it as lists.

    Raises
    ------
    ValueError
        For a class that `from_config` does not know, as one derived from a layer.

    Examples
    --------
    >>> import steepest as st
    >>> st.layers.to_config(st.LeakyReLU(0.2))
    {'layer': 'LeakyReLU', 'negative_slope': 0.2}
    """
    if not is_ours(layer):
        raise ValueError(f"{layer!r:.80} is a {type(layer).__name__}, which cannot be described")
    values = {name: _plain(getattr(layer, name)) for name in _kept(type(layer))}
    optional = {name: _plain(getattr(layer, name)) for name in sorted(layer.optional_fields)}
    values |= {name: value for name, value in optional.items() if value is not None}
    return {"layer": type(layer).__name__} | values


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [to_config(one) if isinstance(one, Layer) else one for one in value]
    if isinstance(value, Initializer):
        return initializer_to_config(value)
    return value  # JSON carries a float to the last bit


def _kept(kind: type[Any]) -> list[str]:
    """The fields that a file always keeps: those that layers are compared by, but for the optional ones."""
    return [field.name for field in fields(kind) if field.compare and field.name not in kind.optional_fields]


def from_config(config: object) -> Layer:
    """The layer that `to_config` described.

    Raises
    ------
    ValueError
        If `config` is not a mapping, names an unknown layer, or has missing, unknown or invalid fields.

    Examples
    --------
    >>> import steepest as st
    >>> st.layers.from_config({"layer": "LeakyReLU", "negative_slope": 0.2})
    LeakyReLU(negative_slope=0.2)
    """
    return _layer(config, "")


def layers_from_configs(configs: Sequence[object], prefix: str = "") -> list[Layer]:
    """Those of a model, or inside of a layer; errors say which by its number behind `prefix`: "3.0".

    Raises
    ------
    ValueError
        As `from_config`, or if they are nested too deeply.
    """
    if prefix.count(".") > _DEEPEST:
        raise ValueError(f"layers are nested more than {_DEEPEST} deep, one inside the other")
    return [_layer(config, f"layer {prefix}{i}", f"{prefix}{i}.") for i, config in enumerate(configs)]


def _layer(config: object, place: str, prefix: str = "") -> Layer:
    where = f"{place}: " if place else ""
    if not isinstance(config, Mapping):
        raise ValueError(f"{where}a layer's description must be a mapping, not {config!r:.80}")
    values = dict(config)
    name = values.pop("layer", None)
    kind = LAYERS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"{where}unknown layer {name!r:.80}; known are {', '.join(sorted(LAYERS))}")
    expected = set(_kept(kind))
    if not expected <= values.keys() <= expected | kind.optional_fields:
        raise ValueError(
            f"{where}{name} takes the fields {sorted(expected)}, but got {sorted(map(str, values))!s:.200}"
        )
    where = f"{place} ({name}): " if place else f"{name}: "
    if isinstance(values.get("layers"), list):
        values["layers"] = layers_from_configs(values["layers"], prefix)
    try:
        return kind.from_plain(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{where}{error}") from error
