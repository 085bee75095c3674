"""The loss of a model as a string in its file: what its scores mean, for `predict_proba` and others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ..losses import LOSSES, Loss
from .json_text import located, parsed_json, written_json

_KEY = "steepest.loss"
_KINDS: dict[str, Any] = {type(loss).__name__: type(loss) for loss in LOSSES.values()}
_LEFT_OUT = {"class_weight"}  # of the training alone


def with_loss(metadata: Mapping[str, str], loss: Loss | None) -> dict[str, str]:
    """Metadata with a loss; functions of the user's cannot be saved."""
    if loss is None or _KINDS.get(type(loss).__name__) is not type(loss):
        return dict(metadata)
    kept: Any = loss
    names = [field.name for field in fields(kept) if field.name not in _LEFT_OUT]
    values = {name: getattr(loss, name) for name in names}
    return {**metadata, _KEY: written_json({"loss": type(loss).__name__} | values)}


def without_loss(metadata: Mapping[str, str]) -> tuple[dict[str, str], Loss | None]:
    """The same metadata without it, and the loss.

    Raises
    ------
    ValueError, TypeError
        If it is damaged.
    """
    rest = dict(metadata)
    if (text := rest.pop(_KEY, None)) is None:
        return rest, None
    with located("its loss is damaged"):
        values = parsed_json(text)
        name = values.pop("loss", None) if isinstance(values, dict) else None
        kind = _KINDS.get(name) if isinstance(name, str) else None
        if kind is None:
            raise ValueError(f"{name!r:.80} is none that a file can have")
        if not values.keys() <= {field.name for field in fields(kind)} - _LEFT_OUT:
            raise ValueError(f"{name} has other fields: {', '.join(values)!s:.80}")
        return rest, kind(**values)
