"""What each layer is in PyTorch. This file is imported only where PyTorch is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from .. import layers
from ..compile.plan import walk
from ..layers import Layer
from ..training.model import Model
from . import parts

# Layers without settings and arrays.
PLAIN: Mapping[type[Layer], type[nn.Module]] = {
    layers.Identity: nn.Identity,
    layers.Mish: nn.Mish,
    layers.ReLU: nn.ReLU,
    layers.SELU: nn.SELU,
    layers.SiLU: nn.SiLU,
    layers.Sigmoid: nn.Sigmoid,
    layers.Tanh: nn.Tanh,
}
# What torch.nn lacks.
PARTS: Mapping[type[Layer], type[parts.Part]] = {
    layers.LeCunTanh: parts.LeCunTanh,
    layers.Maxout: parts.Maxout,
    layers.PeriodicEmbedding: parts.PeriodicEmbedding,
    layers.PiecewiseLinear: parts.PiecewiseLinear,
    layers.Scale: parts.Scale,
    layers.Standardize: parts.Standardize,
}
_OTHERS: Mapping[type[Layer], Callable[[Any], nn.Module]] = {
    layers.BatchNorm: lambda own: nn.BatchNorm1d(own.features, own.epsilon, other_momentum(own.momentum)),
    layers.Dropout: lambda own: nn.Dropout(own.p),
    layers.ELU: lambda own: nn.ELU(own.alpha),
    layers.GELU: lambda own: nn.GELU(),
    layers.LayerNorm: lambda own: nn.LayerNorm(own.features, own.epsilon),
    layers.LeakyReLU: lambda own: nn.LeakyReLU(own.negative_slope),
    layers.Linear: lambda own: nn.Linear(own.in_features, own.out_features, own.bias),
    # Above the usual threshold of 20 it would be x itself, which float64 tells from the function up to 36.
    layers.Softplus: lambda own: nn.Softplus(threshold=40),
}


def other_momentum(momentum: float) -> float:
    """How much of the new, instead of the old; decimals stay decimals, 0.1 for 0.9."""
    return round(1 - momentum, 15)


def module_of(model: Model) -> nn.Sequential:
    """The model in evaluation mode, with copies of its arrays."""
    model.compiled.check_inputs()
    with torch.device("meta"):  # takes no memory, and draws nothing from PyTorch's generator
        made = nn.Sequential(*_modules(model.layers))
    made.load_state_dict(_tensors(model), assign=True)
    return made.eval()


def _tensors(model: Model) -> dict[str, Tensor]:
    arrays = model.compiled.copied_state()
    state = {key: torch.tensor(array, device="cpu") for key, array in arrays.items()}
    for path, layer in walk(model.layers):
        if isinstance(layer, layers.Linear):
            state[f"{path}.weight"] = state[f"{path}.weight"].T.contiguous()
        elif isinstance(layer, layers.BatchNorm):
            state[f"{path}.num_batches_tracked"] = torch.tensor(0, device="cpu")
    return state


def _modules(several: Sequence[Layer], prefix: str = "") -> list[nn.Module]:
    return [_module(layer, f"{prefix}{number}") for number, layer in enumerate(several)]


def _module(layer: Any, path: str) -> nn.Module:
    kind = type(layer)  # no layer derived from it, which may compute something else
    if kind is layers.Residual:
        inner = _modules(layer.layers, f"{path}.")
        return parts.Residual(*inner, survival_probability=layer.survival_probability)
    if kind in PLAIN:
        return PLAIN[kind]()
    if kind in PARTS:
        return PARTS[kind](layer)
    if kind not in _OTHERS or getattr(layer, "mask", None) is not None:
        raise ValueError(f"layer {path} is {layer!r:.80}, which has no match in PyTorch")
    return _OTHERS[kind](layer)
