"""Estimators in model files: what `save` writes beside the network of one, and `steepest.load` reads."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from math import isfinite
from os import PathLike
from typing import Any

import numpy as np

from ..._checks import Array, caller_level
from ...losses import BinaryCrossEntropy
from ...model import Sequential
from ...storage import ESTIMATOR_KEY
from ...storage.json_text import located, parsed_json, written_json

KINDS = ("LinearClassifier", "LinearRegressor", "MLPClassifier", "MLPRegressor")
_VERSION = 1
_FIELDS = {"version", "kind", "labels", "names", "parameters"}
_OF_NETWORK = {  # parameters that the layers and the loss say
    *("activation", "batch_norm", "dropout", "fit_intercept", "hidden_layer_sizes", "huber_delta", "loss"),
    "margin",
}


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
    if not isinstance(found, dict) or found.keys() != _FIELDS:
        raise ValueError("the fields are not those of an estimator")
    if type(found["version"]) is not int or found["version"] != _VERSION:
        raise ValueError("it was written by another release of steepest")
    if found["kind"] not in KINDS:
        raise ValueError(f"its kind is {found['kind']!r:.80}, but must be one of {', '.join(KINDS)}")
    kind, labels = kinds[found["kind"]], found["labels"]
    classes = {} if labels is None else {"classes": _labels(labels)}
    classifies = found["kind"].endswith("Classifier") and not _without_labels(model)
    if (labels is not None) != classifies:
        raise ValueError("it has classes without labels, or labels without classes")
    made = kind.from_sequential(model, feature_names=found["names"], **classes)
    parameters = {name: _value(value) for name, value in found["parameters"].items()}
    if unknown := sorted(parameters.keys() - (made.get_params().keys() - _OF_NETWORK)):
        raise ValueError(f"{kind.__name__} has no parameter {unknown[0]!r:.80}, or its network says it")
    made.set_params(**parameters)
    made._validate_params()
    return made


def _without_labels(model: Sequential) -> bool:
    """Whether outputs are numbers of labels, each of which a sample may have."""
    return isinstance(model.loss, BinaryCrossEntropy) and model.out_features > 1


def _plain_parameters(estimator: Any) -> tuple[dict[str, Any], list[str]]:
    """Those that the network does not say, and the names of those that are no plain values."""
    plain, left_out = {}, []
    for name, value in estimator.get_params(deep=False).items():
        if name in _OF_NETWORK:
            continue
        try:
            plain[name] = _plain(value)
        except TypeError:
            left_out.append(name)
    return plain, left_out


def _plain(value: Any) -> Any:
    """As JSON has it: a tuple or dict as an object of one key."""
    if isinstance(value, np.bool_ | np.integer | np.floating):
        value = value.item()
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, dict):
        return {"pairs": [[_plain(key), _plain(own)] for key, own in value.items()]}
    if isinstance(value, list | tuple):
        values = [_plain(own) for own in value]
        return values if isinstance(value, list) else {"tuple": values}
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
    raise ValueError(f"{way!r:.80} is no way to write a value")


def _plain_labels(labels: Array) -> dict[str, Any]:
    """Their dtype, and each as a plain value: dates as numbers of their unit."""
    kind = labels.dtype.kind
    values = labels.astype(np.int64) if kind in "Mm" else labels
    return {
        "dtype": kind if kind in "OU" else labels.dtype.str,
        "values": [_plain(label) for label in values.tolist()],
    }


def _labels(plain: Any) -> Array:
    """What `_plain_labels` was given."""
    if not isinstance(plain, dict) or plain.keys() != {"dtype", "values"}:
        raise ValueError("the fields are not those of labels")
    values, dtype = [_value(each) for each in plain["values"]], np.dtype(plain["dtype"])
    if dtype.kind in "Mm":
        return np.array(values, np.int64).view(dtype)
    if plain["dtype"] not in ("O", "U") and dtype.kind not in "biuf":
        raise ValueError(f"labels are of dtype {dtype}, but must be numbers, texts or dates")
    labels = np.array(values, dtype)
    if labels.ndim != 1 or labels.tolist() != values:
        raise ValueError(f"labels are not of dtype {dtype}")
    return labels
