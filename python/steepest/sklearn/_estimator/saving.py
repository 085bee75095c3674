"""Estimators in model files: what `save` writes beside the network of one, and `steepest.load` reads."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import fields
from math import isfinite, isinf
from os import PathLike
from typing import Any

import numpy as np

from ... import schedules
from ..._checks import Array, caller_level
from ...losses import BinaryCrossEntropy
from ...model import Sequential
from ...storage import ESTIMATOR_KEY
from ...storage.json_text import located, parsed_json, written_json

KINDS = ("LinearClassifier", "LinearRegressor", "MLPClassifier", "MLPRegressor")
_VERSION = 1
_FIELDS = {"version", "kind", "labels", "names", "column", "parameters"}
# Parameters that the layers and the loss say, and those that some losses do.
_OF_NETWORK = {"activation", "batch_norm", "dropout", "fit_intercept", "hidden_layer_sizes", "loss"}
_OF_LOSSES = {"huber_delta": {"huber"}, "margin": {"hinge", "squared_hinge"}}
_SCHEDULES: dict[str, Any] = {name: getattr(schedules, name) for name in schedules.__all__}
_DTYPES = re.compile(r"O|U|[<>|][biuf][1248]|[<>][mM]8\[\d{0,9}[A-Za-z]{1,2}\]")  # of labels
_MOST_CHARACTERS = 2**22  # of labels in an array, where each takes the memory of the longest


def save(estimator: Any, path: str | PathLike[str]) -> None:
    """Write a fitted estimator; see its `save`."""
    own = type(estimator)
    if not own.__module__.startswith("steepest."):
        raise ValueError(
            f"{own.__name__} is a class of your own, whose code no file has: to_sequential().save writes its "
            "network"
        )
    parameters, left_out = _plain_parameters(estimator)
    with located("the estimator cannot be saved"):
        model = estimator.to_sequential()
        labels = getattr(estimator, "classes_", None)
        names = getattr(estimator, "feature_names_in_", None)
        described = {
            "version": _VERSION,
            "kind": own.__name__,
            "labels": None if labels is None or _without_labels(model) else _plain_labels(labels),
            "names": None if names is None else list(names),
            "column": own.__name__ == "LinearRegressor" and estimator.coef_.shape[:-1] == (1,),
            "parameters": parameters,
        }
        text = written_json(described)
        restored_estimator(model, text, {own.__name__: own})  # as `load` will
    model.save(path, metadata={ESTIMATOR_KEY: text})
    if left_out:
        warnings.warn(
            f"{path} leaves out {', '.join(left_out)}, which no text describes: what is read has the default",
            UserWarning,
            stacklevel=caller_level(),
        )


def restored_estimator(model: Sequential, text: str, kinds: Mapping[str, Any]) -> Any:
    """The estimator that a file describes, which may come from anybody; kinds: the classes by their names.

    Raises
    ------
    ValueError
        If the description is damaged, or does not fit the network.
    """
    found = parsed_json(text)
    version = found.get("version") if isinstance(found, dict) else None
    if type(version) is int and version != _VERSION:
        raise ValueError("it was written by another release of steepest")
    if version != _VERSION or found.keys() != _FIELDS:
        raise ValueError("the fields are not those of an estimator")
    if found["kind"] not in KINDS:
        raise ValueError(f"its kind is {found['kind']!r:.80}, but must be one of {', '.join(KINDS)}")
    kind, labels = kinds[found["kind"]], found["labels"]
    classes = {} if labels is None else {"classes": _labels(labels)}
    classifies = found["kind"].endswith("Classifier") and not _without_labels(model)
    if (labels is not None) != classifies:
        raise ValueError("it has classes without labels, or labels without classes")
    made = kind.from_sequential(model, feature_names=found["names"], **classes)
    if found["column"] is not False:  # y was one column, and so are predictions
        if found["column"] is not True or found["kind"] != "LinearRegressor" or model.out_features != 1:
            raise ValueError("only a LinearRegressor of one output may have predictions of one column")
        made.coef_, made.intercept_ = made.coef_[np.newaxis], np.array([made.intercept_])
    parameters = {name: _value(value) for name, value in found["parameters"].items()}
    if unknown := sorted(parameters.keys() - (made.get_params().keys() - _of_network(made))):
        raise ValueError(f"{kind.__name__} has no parameter {unknown[0]!r:.80}, or its network says it")
    made.set_params(**parameters)
    made._validate_params()
    return made


def _without_labels(model: Sequential) -> bool:
    """Whether outputs are numbers of labels, each of which a sample may have."""
    return isinstance(model.loss, BinaryCrossEntropy) and model.out_features > 1


def _of_network(estimator: Any) -> set[str]:
    """The names of the parameters that its layers and its loss say."""
    return _OF_NETWORK | {name for name, losses in _OF_LOSSES.items() if estimator.loss in losses}


def _plain_parameters(estimator: Any) -> tuple[dict[str, Any], list[str]]:
    """Those that the network does not say, and the names of those that are no plain values."""
    plain, left_out, network = {}, [], _of_network(estimator)
    for name, value in estimator.get_params(deep=False).items():
        if name in network:
            continue
        try:
            plain[name] = _plain(value)
        except TypeError:
            left_out.append(name)
    return plain, left_out


def _plain(value: Any) -> Any:
    """As JSON has it: a tuple, a dict, an infinite number or a schedule as an object of one key."""
    # NumPy counts durations among the integers.
    if isinstance(value, np.bool_ | np.integer | np.floating) and not isinstance(value, np.timedelta64):
        value = value.item()
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, float) and isinf(value):
        return {"number": str(value)}
    if isinstance(value, dict):
        return {"pairs": [[_plain(key), _plain(own)] for key, own in value.items()]}
    if isinstance(value, list | tuple):
        values = [_plain(own) for own in value]
        return values if isinstance(value, list) else {"tuple": values}
    if type(value) in _SCHEDULES.values():
        own = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"schedule": {"name": type(value).__name__} | own}
    raise TypeError(f"{value!r:.80} is no number, text, or list or dict of them")


def _value(plain: Any) -> Any:
    """What `_plain` was given."""
    if isinstance(plain, list):
        return [_value(own) for own in plain]
    if not isinstance(plain, dict):
        return plain
    ((way, own),) = plain.items()
    if way == "tuple":
        return tuple(_value(each) for each in own)
    if way == "pairs":
        return {_value(key): _value(each) for key, each in own}
    if way == "schedule":
        return _SCHEDULES[own["name"]](**{key: _value(each) for key, each in own.items() if key != "name"})
    if way == "number" and own in ("inf", "-inf"):
        return float(own)
    raise ValueError(f"{way!r:.80} is no way to write a value")


def _plain_labels(labels: Array) -> dict[str, Any]:
    """Their dtype, and each as a plain value: dates as numbers of their unit."""
    dtype = labels.dtype.kind if labels.dtype.kind in "OU" else labels.dtype.str
    if not _DTYPES.fullmatch(dtype):
        raise ValueError(f"labels are of dtype {labels.dtype}, but must be numbers, texts or dates")
    return {"dtype": dtype, "values": _plain_values(labels)}


def _plain_values(labels: Array) -> list[Any]:
    values: list[Any] = (labels.astype(np.int64) if labels.dtype.kind in "Mm" else labels).tolist()
    return values


def _labels(plain: Any) -> Array:
    """What `_plain_labels` was given."""
    if not isinstance(plain, dict) or plain.keys() != {"dtype", "values"}:
        raise ValueError("the fields are not those of labels")
    written, values = plain["dtype"], plain["values"]
    if not isinstance(written, str) or not _DTYPES.fullmatch(written):
        raise ValueError(f"labels are of dtype {written!r:.80}, but must be numbers, texts or dates")
    texts = written in ("O", "U")
    if not isinstance(values, list) or (texts and not all(isinstance(each, str) for each in values)):
        raise ValueError(f"labels are not of dtype {written}")
    if written == "U" and (size := len(values) * max(map(len, values), default=0)) > _MOST_CHARACTERS:
        raise ValueError(
            f"labels take {size} characters, each as many as the longest, but may take {_MOST_CHARACTERS}"
        )
    dtype = np.dtype(written)
    with np.errstate(all="ignore"):  # a number too large for the dtype is infinite, and found by comparison
        labels = np.array(values, np.int64 if dtype.kind in "Mm" else dtype).astype(dtype, copy=False)
    if labels.ndim != 1 or _plain_values(labels) != values:
        raise ValueError(f"labels are not of dtype {written}")
    return labels
