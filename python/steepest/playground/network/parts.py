"""What a network can be made of: every layer, loss, optimizer, penalty and schedule, with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from ... import losses, optimizers, penalties, schedules
from ...layers import LAYERS, Layer
from ...layers._base import Activation
from ..fields import Choice, Field, Record, Settings

ACTIVATIONS: Mapping[str, type[Layer]] = {
    name: kind for name, kind in LAYERS.items() if issubclass(kind, Activation)
}
NORMALIZATIONS: Mapping[str, type[Layer]] = {name: LAYERS[name] for name in ("BatchNorm", "LayerNorm")}
LOSSES: Mapping[str, type[Any]] = {type(loss).__name__: type(loss) for loss in losses.LOSSES.values()}
OPTIMIZERS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in optimizers.OPTIMIZERS.values()}
PENALTIES: Mapping[str, type[Any]] = {name: getattr(penalties, name) for name in penalties.__all__}
SCHEDULES: Mapping[str, type[Any]] = {
    name: getattr(schedules, name) for name in schedules.__all__ if name != "Constant"
}
# For settings that have no default: numbers with which a run of some thousand steps shows what they do.
_SUGGESTED: Mapping[str, Mapping[str, Any]] = {
    "Step": {"every": 2000},
    "Exponential": {"decay": 0.9998},
    "Cosine": {"steps": 10_000},
    "CosineLog": {"steps": 10_000},
    "FlatCosine": {"steps": 10_000},
    "Warmup": {"steps": 1000},
    "ElasticNet": {"beta": 0.5},
}
# What the page has a control of its own for, or no use.
_ELSEWHERE = {"learning_rate", "rate", "after", "strength", "class_weight", "reduction", "lazy", "features"}
_KINDS = {"float": "number", "int": "integer", "bool": "flag"}


def part(kinds: Mapping[str, Any]) -> Field:
    """The rule for one of these classes with settings: {"name": ..., "settings": {...}}."""
    return Record({"name": Choice([*kinds]), "settings": Settings()}, {"settings": {}})


def described(kinds: Mapping[str, type[Any]]) -> list[dict[str, Any]]:
    """For menus: the names, and of each setting its name, kind and usual value."""
    return [{"name": name, "settings": _settings(kind)} for name, kind in kinds.items()]


def _settings(kind: type[Any]) -> list[dict[str, Any]]:
    found = []
    for field in fields(kind):
        if field.name in _ELSEWHERE or not field.init:
            continue
        usual = field.default if field.default is not MISSING else None
        value = _SUGGESTED.get(kind.__name__, {}).get(field.name, usual)
        if field.name == "by":
            found.append({"name": "by", "kind": "word", "value": value, "words": ["step", "epoch"]})
        elif str(field.type) in _KINDS and value is not None:
            found.append({"name": field.name, "kind": _KINDS[str(field.type)], "value": value})
    return found


def made(kinds: Mapping[str, type[Any]], given: Mapping[str, Any], **more: object) -> Any:
    """The object that a part describes, checked by its own rules; what is left out has its usual value."""
    kind = kinds[given["name"]]
    known = [setting["name"] for setting in _settings(kind)]
    if unknown := [name for name in given["settings"] if name not in known]:
        raise ValueError(
            f"{given['name']} has no setting {unknown[0]!r}; it has {', '.join(known) or 'none'}"
        )
    return kind(**{**_SUGGESTED.get(given["name"], {}), **given["settings"], **more})


def rate_argument(schedule: Mapping[str, Any]) -> str:
    """What a schedule calls the rate that the page has a control for."""
    return "after" if schedule["name"] == "Warmup" else "rate"


def code(kinds: Mapping[str, type[Any]], given: Mapping[str, Any], **more: str) -> str:
    """The same as Python, without settings that have their usual value."""
    usual = {setting["name"]: setting["value"] for setting in _settings(kinds[given["name"]])}
    required = [field.name for field in fields(kinds[given["name"]]) if field.default is MISSING]
    named = {**_SUGGESTED.get(given["name"], {}), **given["settings"]}
    shown = [f"{k}={v!r}" for k, v in named.items() if k in required or usual.get(k) != v]
    return f"{given['name']}({', '.join([*shown, *(f'{k}={v}' for k, v in more.items())])})"
