"""What a file says of a `TableEnsemble` beside its networks, and checks of what it may say."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..model import Sequential
from ..storage.json_text import located, parsed_json, written_json
from .described import finite, flag, list_of, require, string
from .encoding import Calendar, Encoding, OneHot, Scaled
from .members import Classes, Numbers

METADATA_KEY = "table_ensemble"
_COLDEST = 1e-30  # scores, which are float32, divided by less may be infinite
_VERSION = 1


def to_json(
    encodings: Sequence[Encoding], answers: Classes | Numbers, named: bool, targets: Sequence[str]
) -> str:
    """As `from_json` reads it; targets that have no names are left out.

    Raises
    ------
    ValueError
        If a label is of a type that a file cannot hold.
    """
    if isinstance(answers, Classes):
        for label in answers.labels:
            if not isinstance(label, bool | int | float | str):
                raise ValueError(
                    f"its label {label!r:.80} is a {type(label).__name__}, but must be a bool, a number or a "
                    "string"
                )
    described = {
        "version": _VERSION,
        "named": named,
        "columns": [asdict(encoding) | {"kind": encoding.kind} for encoding in encodings],
        "answers": asdict(answers),
    } | ({"targets": list(targets)} if targets else {})
    return written_json(described)


def from_json(
    text: str, networks: Sequence[Sequential]
) -> tuple[tuple[Encoding, ...], Classes | Numbers, bool, tuple[str, ...]]:
    """Read `to_json`'s text, which may come from anybody, for networks.

    Raises
    ------
    ValueError
        If the text is not valid, or does not fit the networks.
    """
    found = parsed_json(text)
    fields = {"version", "named", "columns", "answers"}
    require(
        isinstance(found, dict) and found.keys() - {"targets"} == fields,
        "the fields are not those of an ensemble",
    )
    version = found["version"]
    require(type(version) is int and version == _VERSION, "it was written by another release of steepest")
    encodings = tuple(_encoding(i, value) for i, value in enumerate(list_of(found["columns"])))
    names = {encoding.name for encoding in encodings}
    require(0 < len(encodings) == len(names), "two columns have one name, or there is none")
    answers = _answers(found["answers"])
    inputs = max(1, sum(len(encoding.counts) for encoding in encodings))
    outputs = len(answers.labels if isinstance(answers, Classes) else answers.mean)
    require(len(networks) > 0, "there is no network")
    for network in networks:
        if (inputs, outputs) != (network.in_features, network.out_features):
            raise ValueError(
                f"it makes {inputs} inputs and reads {outputs} outputs, but a network has "
                f"{network.in_features} and {network.out_features}"
            )
    targets = tuple(map(string, list_of(found.get("targets", []))))
    count = 1 if isinstance(answers, Classes) else outputs
    require(not targets or len(targets) == len(set(targets)) == count, "the targets are not those predicted")
    return encodings, answers, flag(found["named"]), targets


def _encoding(number: int, value: Any) -> Encoding:
    with located(f"column {number}"):
        return _checked_encoding(value)


def _checked_encoding(value: Any) -> Encoding:
    require(isinstance(value, dict), "it is not described by an object")
    kind, own = value.get("kind"), {name: one for name, one in value.items() if name != "kind"}
    if kind == "number":
        return _scaled(own)
    if kind == "category":
        require(own.keys() == {"name", "kinds"}, "a category has other fields")
        kinds = tuple(map(string, list_of(own["kinds"])))
        require(len(set(kinds)) == len(kinds), "kinds of a category repeat")
        return OneHot(string(own["name"]), kinds)
    require(kind == "date" and own.keys() == {"name", "days"}, "its kind is unknown")
    return Calendar(string(own["name"]), _scaled(own["days"]))


def _scaled(value: Any) -> Scaled:
    fields = {"name", "median", "scale", "gaps", "distinct"}
    newer = fields | {"codes", "tails"}
    require(isinstance(value, dict) and value.keys() in (fields, newer), "a number has other fields")
    scale, distinct = finite(value["scale"]), value["distinct"]
    codes = tuple(map(finite, list_of(value.get("codes", []))))
    require(all(map(operator.lt, codes, codes[1:])), "codes are not in order")
    require(scale >= 0, "a scale is negative")
    require(type(distinct) is int and distinct >= (scale > 0), "distinct is not a number of values")
    name, median = string(value["name"]), finite(value["median"])
    return Scaled(name, median, scale, flag(value["gaps"]), distinct, codes, flag(value.get("tails", False)))


def _answers(value: Any) -> Classes | Numbers:
    require(isinstance(value, dict), "the answers are not described by an object")
    if value.keys() == {"labels", "temperature"}:
        labels = tuple(map(_label, list_of(value["labels"])))
        require(len(set(labels)) == len(labels) > 1, "labels repeat, or there is one only")
        require(
            (temperature := finite(value["temperature"])) >= _COLDEST,
            f"temperature is {temperature}, but must be at least {_COLDEST}",
        )
        return Classes(labels, temperature)
    require(value.keys() == {"mean", "scale", "lowest", "highest", "one"}, "the answers have other fields")
    names = ("mean", "scale", "lowest", "highest")
    mean, scale, lowest, highest = (tuple(map(finite, list_of(value[name]))) for name in names)
    require(0 < len(mean) == len(scale) == len(lowest) == len(highest), "the answers have several lengths")
    require(all(one > 0 for one in scale), "a scale is not positive")
    require(all(map(operator.le, lowest, highest)), "a lowest number is above the highest")
    return Numbers(mean, scale, lowest, highest, flag(value["one"]) and len(mean) == 1)


def _label(value: object) -> Any:
    return value if isinstance(value, bool | int | str) else finite(value)
