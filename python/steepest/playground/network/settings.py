"""The settings of the network tab: their rules, their usual values, and the model that they describe."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...layers import Dropout, Layer, Linear, Maxout, Residual, Standardize
from ...model import Sequential
from ...optimizers import Optimizer
from ...penalties import Penalty
from ..fields import Choice, Flag, Integer, ListOf, Number, Optional, Record, Row, Text
from ..protocol import LONGEST
from . import parts
from .plane import CLASSIFICATION, INPUTS, MOST_CLASSES, MOST_SAMPLES, REGRESSION, SIDE

MOST_LAYERS, MOST_UNITS, MOST_POINTS = 6, 16, 500
KINDS = ["Linear", "Maxout"]  # of hidden layers
OWN = ["drawn", "table"]  # data that the user brings

USUAL_LAYER: Mapping[str, Any] = {
    "units": 4,
    "kind": "Linear",
    "activation": None,
    "normalization": None,
    "dropout": 0.0,
    "residual": False,
}
_LAYER = Record(
    {
        "units": Integer(1, MOST_UNITS),
        "kind": Choice(KINDS),
        "activation": Optional(parts.part(parts.ACTIVATIONS)),
        "normalization": Optional(Choice([*parts.NORMALIZATIONS])),
        "dropout": Number(0.0, 0.9),
        "residual": Flag(),
    },
    USUAL_LAYER,
)
_POINT = Row([Number(-SIDE, SIDE), Number(-SIDE, SIDE), Integer(0, MOST_CLASSES - 1)])
_DATA = Record(
    {
        "name": Choice([*CLASSIFICATION, *REGRESSION, *OWN]),
        "samples": Integer(10, MOST_SAMPLES),
        "noise": Number(0.0, 50.0),
        "seed": Integer(0, 2**31),
        "points": ListOf(_POINT, 0, MOST_POINTS),
        "target": Optional(Text(LONGEST)),
        "axes": Optional(Row([Text(LONGEST), Text(LONGEST)])),
    },
    {"name": "circle", "samples": 500, "noise": 0.0, "seed": 0, "points": [], "target": None, "axes": None},
)
DEFAULTS: Mapping[str, Any] = {
    "data": {},
    "test_share": 0.5,
    "batch_size": 10,
    "inputs": ["x1", "x2"],
    "standardize": False,
    "layers": [{"units": 4}, {"units": 2}],
    "activation": {"name": "Tanh"},
    "loss": {"name": "SoftmaxCrossEntropy"},
    "compare": None,
    "optimizer": {"name": "SGD"},
    "learning_rate": 0.03,
    "schedule": None,
    "penalty": None,
    "strength": 0.001,
    "seed": 0,
}
RULES = Record(
    {
        "data": _DATA,
        "test_share": Number(0.1, 0.9),
        "batch_size": Integer(1, MOST_SAMPLES),
        "inputs": ListOf(Choice([*INPUTS]), 1, len(INPUTS)),
        "standardize": Flag(),
        "layers": ListOf(_LAYER, 0, MOST_LAYERS),
        "activation": parts.part(parts.ACTIVATIONS),
        "loss": parts.part(parts.LOSSES),
        "compare": Optional(parts.part(parts.LOSSES)),
        "optimizer": parts.part(parts.OPTIMIZERS),
        "learning_rate": Number(1e-6, 1e3),
        "schedule": Optional(parts.part(parts.SCHEDULES)),
        "penalty": Optional(parts.part(parts.PENALTIES)),
        "strength": Number(0.0, 1e3),
        "seed": Integer(0, 2**31),
    },
    DEFAULTS,
)
# What can be changed while it learns; everything else begins anew.
LIVE = {"learning_rate", "schedule", "batch_size", "strength"}


def usual() -> dict[str, Any]:
    """All settings at their usual values."""
    return RULES.checked({}, "")


def blocks(settings: Mapping[str, Any], outputs: int) -> list[list[Layer]]:
    """The layers, grouped by what the page shows: one list for each hidden layer, and the output's."""
    width = len(settings["inputs"])
    found: list[list[Layer]] = []
    for hidden in settings["layers"]:
        found.append(_block(hidden, width, settings["activation"]))
        width = hidden["units"]
    found.append([Linear(width, outputs)])
    if settings["standardize"]:
        found[0].insert(0, Standardize())
    return found


def _block(hidden: Mapping[str, Any], width: int, activation: Mapping[str, Any]) -> list[Layer]:
    units = hidden["units"]
    layers: list[Layer] = [Linear(width, units) if hidden["kind"] == "Linear" else Maxout(width, units, 2)]
    if hidden["normalization"]:
        layers.append(_normalized(hidden["normalization"], units))
    if hidden["kind"] == "Linear":  # Maxout is an activation itself
        layers.append(parts.made(parts.ACTIVATIONS, hidden["activation"] or activation))
    if hidden["residual"]:
        if width != units:
            raise ValueError(
                f"a shortcut needs as many units as the layer before has: {units} units, but {width} before"
            )
        layers = [Residual(*layers)]
    if hidden["dropout"]:
        layers.append(Dropout(hidden["dropout"]))
    return layers


def _normalized(name: str, units: int) -> Layer:
    kind: Any = parts.NORMALIZATIONS[name]
    layer: Layer = kind(units)
    return layer


def model(found: Sequence[Sequence[Layer]], seed: int) -> Sequential:
    """The network of these blocks, with its initial weights."""
    return Sequential(*(layer for block in found for layer in block), seed=seed)


def keys(found: Sequence[Sequence[Layer]], state: Collection[str]) -> list[dict[str, str]]:
    """For each block, the keys of its arrays when it stands alone, and in the state of the whole model."""
    first, all_keys = 0, []
    for block in found:
        own = {}
        for key in state:
            layer, _, rest = key.partition(".")
            if first <= int(layer) < first + len(block):
                own[f"{int(layer) - first}.{rest}"] = key
        all_keys.append(own)
        first += len(block)
    return all_keys


def optimizer(settings: Mapping[str, Any]) -> Optimizer:
    """With its learning rate, or its schedule."""
    rate: Any = settings["learning_rate"]
    if (schedule := settings["schedule"]) is not None:
        rate = parts.made(parts.SCHEDULES, schedule, **{parts.rate_argument(schedule): rate})
    made: Optimizer = parts.made(parts.OPTIMIZERS, settings["optimizer"], learning_rate=rate)
    return made


def penalty(settings: Mapping[str, Any]) -> Penalty | None:
    """With its strength; None for none."""
    if settings["penalty"] is None:
        return None
    made: Penalty = parts.made(parts.PENALTIES, settings["penalty"], strength=settings["strength"])
    return made
