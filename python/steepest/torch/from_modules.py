"""What each module of PyTorch is here. This file is imported only where PyTorch is used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from .. import _advice, layers
from ..layers import Layer
from ..model import Sequential, restored
from . import parts
from .to_modules import PARTS, PLAIN, other_momentum

_AFFINE = "it has no weight or bias, but must have both, if only ones and zeros"
_Read = tuple[Layer, dict[str, Tensor]]  # a layer, and its tensors by their names


def model_of(module: object) -> Sequential:
    """The model; raises as `from_torch` does."""
    if isinstance(module, Mapping):
        raise TypeError(
            "module must be a torch.nn.Module, not a state: load it into its module, which has the layers"
        )
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, not {module!r:.80}")
    _check_parameters(module)
    read = list(_read(module, ""))
    state = _numbered(read)
    if meta := [name for name, tensor in module.state_dict().items() if tensor.is_meta]:
        raise ValueError(f"{meta[0]} is on PyTorch's meta device, so that it has no numbers: load them first")
    wide = any(tensor.dtype == torch.float64 for tensor in state.values())
    dtype = torch.float64 if wide else torch.float32
    arrays = {key: tensor.cpu().to(dtype).numpy() for key, tensor in state.items()}
    return restored([layer for layer, _ in read], arrays, "float64" if wide else "float32")


def _numbered(read: list[_Read]) -> dict[str, Tensor]:
    return {f"{i}.{name}": tensor for i, (_, own) in enumerate(read) for name, tensor in own.items()}


def _check_parameters(module: nn.Module) -> None:
    """Refuse what is no number, and one parameter in two places, which would be two here."""
    names: dict[int, str] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if not parameter.is_floating_point():
            raise TypeError(f"{name} has dtype {parameter.dtype}, but must hold real numbers")
        if names.setdefault(id(parameter), name) != name:
            raise ValueError(
                f"{names[id(parameter)]} and {name} are one parameter, but here each layer has its own"
            )


def _read(module: nn.Module, place: str) -> Iterator[_Read]:
    """The layers of a module, in the order in which it runs them."""
    if module._forward_hooks or module._forward_pre_hooks or is_parametrized(module):
        raise ValueError(
            f"{_at(module, place)} with hooks or parametrizations, which change what it computes: "
            "remove them first (a lazy module loses its own when it is run once)"
        )
    if "forward" in vars(module):
        raise TypeError(f"{_at(module, place)} with a forward of its own, which cannot be seen")
    inner = (pair for name, one in module._modules.items() for pair in _read(one, f"{place}.{name}"))
    if type(module) is parts.Residual:
        made, probability = list(inner), module.survival_probability
        yield layers.Residual(*(one for one, _ in made), survival_probability=probability), _numbered(made)
    elif isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        yield from inner
    else:
        layer = _layer(module, place)
        own = {name: tensor for name, tensor in module.state_dict().items() if name != "num_batches_tracked"}
        if isinstance(layer, layers.Linear):
            own["weight"] = own["weight"].T
        yield layer, own


def _layer(module: nn.Module, place: str) -> Layer:
    kind = type(module)  # no class derived from it, which may compute something else
    if kind in _PLAIN:
        return _PLAIN[kind]()
    if kind not in _MATCHES:
        advice = _advice.instead_of(kind.__name__)
        if kind in (nn.Softmax, nn.LogSoftmax):
            advice = ": leave it out, as in st.from_torch(module[:-1]); model.predict_proba(X) has it"
        elif module._modules:
            advice = ": only an nn.Sequential says in which order its modules run"
        raise TypeError(f"{_at(module, place)}, which has no match here{advice}")
    try:
        return _MATCHES[kind](module)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{_at(module, place)}, which has no match here: {error}") from error


def _at(module: nn.Module, place: str) -> str:
    return f"module {place[1:]}{place and ' '}is {type(module).__name__}"


def _batch_norm(module: nn.BatchNorm1d) -> Layer:
    _need(module.track_running_stats, "it has no running statistics")
    _need(module.affine and module.bias is not None, _AFFINE)
    _need(module.momentum is not None, "momentum is None, the mean of all batches, but must be a number")
    return layers.BatchNorm(module.num_features, other_momentum(module.momentum), module.eps)


def _layer_norm(module: nn.LayerNorm) -> Layer:
    shape = tuple(module.normalized_shape)
    _need(len(shape) == 1, f"normalized_shape is {shape}, but must be of one dimension")
    _need(module.elementwise_affine and module.bias is not None, _AFFINE)
    return layers.LayerNorm(shape[0], module.eps)


def _gelu(module: nn.GELU) -> Layer:
    _need(module.approximate == "none", f"approximate is {module.approximate!r}, but must be 'none'")
    return layers.GELU()


def _softplus(module: nn.Softplus) -> Layer:
    _need(module.beta == 1, f"beta is {module.beta}, but must be 1")
    _need(module.threshold >= 20, f"threshold is {module.threshold}, but must be at least 20")
    return layers.Softplus()


def _flatten(module: nn.Flatten) -> Layer:
    dims = module.start_dim, module.end_dim
    _need(dims == (1, -1), f"start_dim and end_dim are {dims}, but must be (1, -1)")
    return layers.Identity()


def _need(good: bool, reason: str) -> None:
    if not good:
        raise ValueError(reason)


_PLAIN: Mapping[type[nn.Module], type[Layer]] = {module: kind for kind, module in PLAIN.items()}
_MATCHES: Mapping[type[nn.Module], Callable[[Any], Layer]] = {
    nn.BatchNorm1d: _batch_norm,
    nn.Dropout: lambda module: layers.Dropout(module.p),
    nn.ELU: lambda module: layers.ELU(module.alpha),
    nn.Flatten: _flatten,
    nn.GELU: _gelu,
    nn.LayerNorm: _layer_norm,
    nn.LeakyReLU: lambda module: layers.LeakyReLU(module.negative_slope),
    nn.Linear: lambda module: layers.Linear(module.in_features, module.out_features, module.bias is not None),
    nn.Softplus: _softplus,
    **dict.fromkeys(PARTS.values(), lambda module: module.layer),
}
