"""Batch normalization made a part of the layers before it, which gives the same scores with less to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .._checks import Array
from ..layers import BatchNorm, Layer, Linear, Residual, Standardize


def folded(layers: Sequence[Layer], state: Mapping[str, Array]) -> tuple[list[Layer], dict[str, Array]]:
    """Layers and state in which each BatchNorm right behind a Linear is a part of it, and Standardize too.

    With a = weight / sqrt(running_var + epsilon): W' = W * a and b' = (b - running_mean) * a + bias, in
    float64.
    """
    made: list[Layer] = []
    new: dict[str, Array] = {}
    for number, layer in enumerate(layers):
        own, last = f"{number}.", made[-1] if made else None
        values = {key[len(own) :]: value for key, value in state.items() if key.startswith(own)}
        if isinstance(layer, BatchNorm) and isinstance(last, Linear):
            key = f"{len(made) - 1}."
            wide = {name: value.astype(np.float64) for name, value in values.items()}
            scale = wide["weight"] / np.sqrt(wide["running_var"] + layer.epsilon)
            bias = new.get(f"{key}bias", np.zeros(last.out_features))
            new[f"{key}weight"] = new[f"{key}weight"] * scale
            new[f"{key}bias"] = (bias - wide["running_mean"]) * scale + wide["bias"]
            made[-1] = Linear(last.in_features, last.out_features)
            continue
        if isinstance(last, Standardize) and isinstance(layer, Linear):
            mean, scale = (new.pop(f"0.{name}").astype(np.float64) for name in ("mean", "scale"))
            scale = scale if scale.all() else np.ones_like(scale)  # not known yet
            made.clear()
            weight = values["weight"].astype(np.float64) / scale[:, np.newaxis]
            bias = values.get("bias", np.zeros(layer.out_features)) - mean @ weight
            values, layer = {"weight": weight, "bias": bias}, Linear(layer.in_features, layer.out_features)
        target = f"{len(made)}."
        if isinstance(layer, Residual):
            inner, values = folded(layer.layers, values)
            layer = Residual(*inner, survival_probability=layer.survival_probability)
        new |= {f"{target}{name}": value for name, value in values.items()}
        made.append(layer)
    return made, new
