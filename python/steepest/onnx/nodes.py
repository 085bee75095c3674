"""What each layer is in ONNX, in inference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch

import numpy as np

from .._checks import Array
from ..backends.reference.activations import HEIGHT, STRETCH
from ..layers import (
    Activation,
    BatchNorm,
    Dropout,
    Layer,
    LayerNorm,
    Linear,
    Maxout,
    PeriodicEmbedding,
    PiecewiseLinear,
    Residual,
    Scale,
    Standardize,
    is_ours,
)
from ..layers.piecewise_linear import NARROWEST
from .graph import DOUBLE, FLOAT, Graph

Arrays = Mapping[str, Array]  # of a layer, by their names behind its path

# Of each activation by its name: the node or nodes, from x and the number in its formula.
_ACTIVATIONS: Mapping[str, Callable[[Graph, str, float], str]] = {
    "identity": lambda graph, x, slope: x,
    "relu": lambda graph, x, slope: graph.node("Relu", x),
    "sigmoid": lambda graph, x, slope: graph.node("Sigmoid", x),
    "tanh": lambda graph, x, slope: graph.node("Tanh", x),
    "leaky_relu": lambda graph, x, slope: graph.node("LeakyRelu", x, alpha=slope),
    "elu": lambda graph, x, slope: graph.node("Elu", x, alpha=slope),
    "selu": lambda graph, x, slope: graph.node("Selu", x),  # its constants are those of the paper too
    "softplus": lambda graph, x, slope: graph.node("Softplus", x),
    "gelu": lambda graph, x, slope: graph.node("Gelu", x),
    "silu": lambda graph, x, slope: graph.node("Mul", x, graph.node("Sigmoid", x)),
    "mish": lambda graph, x, slope: graph.node("Mul", x, graph.node("Tanh", graph.node("Softplus", x))),
    "lecun_tanh": lambda graph, x, slope: _times(
        graph, graph.node("Tanh", _times(graph, x, STRETCH)), HEIGHT
    ),
}


def append_layers(graph: Graph, x: str, layers: Sequence[Layer], state: Arrays) -> str:
    """What layers make of x; `state` has all arrays of the model by their keys."""
    for number, layer in enumerate(layers):
        if not is_ours(layer):
            raise ValueError(f"{layer!r:.80} is of class {type(layer).__name__}, which has no form in ONNX")
        path = f"{number}."
        own = {key.removeprefix(path): array for key, array in state.items() if key.startswith(path)}
        x = _append(layer, graph, x, own)
    return x


@singledispatch
def _append(layer: Layer, graph: Graph, x: str, arrays: Arrays) -> str:
    raise ValueError(f"{layer!r:.80} has no form in ONNX")


@_append.register
def _(layer: Activation, graph: Graph, x: str, arrays: Arrays) -> str:
    return _ACTIVATIONS[layer.name](graph, x, layer.slope)


@_append.register
def _(layer: Dropout, graph: Graph, x: str, arrays: Arrays) -> str:
    return x


@_append.register
def _(layer: Linear, graph: Graph, x: str, arrays: Arrays) -> str:
    return graph.node(
        "Gemm", x, *(_float(graph, arrays[name]) for name in ("weight", "bias") if name in arrays)
    )


@_append.register
def _(layer: Maxout, graph: Graph, x: str, arrays: Arrays) -> str:
    sums = graph.node("Gemm", x, _float(graph, arrays["weight"]), _float(graph, arrays["bias"]))
    shape = graph.constant(np.array([0, layer.pieces, layer.out_features]))
    pieces = graph.node("Reshape", sums, shape)
    return graph.node("ReduceMax", pieces, graph.constant(np.array([1])), keepdims=0)


@_append.register
def _(layer: BatchNorm, graph: Graph, x: str, arrays: Arrays) -> str:
    names = ("weight", "bias", "running_mean", "running_var")
    own = [_float(graph, arrays[name]) for name in names]
    return graph.node("BatchNormalization", x, *own, epsilon=layer.epsilon)


@_append.register
def _(layer: LayerNorm, graph: Graph, x: str, arrays: Arrays) -> str:
    own = [_float(graph, arrays[name]) for name in ("weight", "bias")]
    return graph.node("LayerNormalization", x, *own, epsilon=layer.epsilon)


@_append.register
def _(layer: Scale, graph: Graph, x: str, arrays: Arrays) -> str:
    return graph.node("Mul", x, _float(graph, arrays["weight"]))


@_append.register
def _(layer: Residual, graph: Graph, x: str, arrays: Arrays) -> str:
    inside = append_layers(graph, x, layer.layers, arrays)
    if layer.survival_probability < 1:
        inside = _times(graph, inside, layer.survival_probability)
    return graph.node("Add", x, inside)


@_append.register
def _(layer: Standardize, graph: Graph, x: str, arrays: Arrays) -> str:
    mean, scale = (graph.constant(arrays[name].astype(np.float64)) for name in ("mean", "scale"))
    centered = graph.node("Sub", graph.cast(x, DOUBLE), mean)
    return graph.cast(graph.node("Div", centered, scale), FLOAT)


@_append.register
def _(layer: PiecewiseLinear, graph: Graph, x: str, arrays: Arrays) -> str:
    bins = layer.bins_of_features
    encoded = [feature for feature, number in enumerate(bins) if number]
    knots = np.split(arrays["knots"].astype(np.float64), np.cumsum([bins[i] + 1 for i in encoded])[:-1])
    widths = np.maximum(np.concatenate([np.diff(own) for own in knots]), NARROWEST)
    column = some_columns(graph, x, np.repeat(encoded, [bins[i] for i in encoded]))
    begins = graph.constant(np.concatenate([own[:-1] for own in knots]))
    passed = graph.node("Div", graph.node("Sub", graph.cast(column, DOUBLE), begins), graph.constant(widths))
    zero, one, two = (graph.constant(np.float64(n)) for n in (0, 1, 2))
    part = graph.node("Min", graph.node("Max", passed, zero), one)
    ramps = graph.cast(graph.node("Sub", graph.node("Mul", part, two), one), FLOAT)
    if not layer.given:
        return ramps
    return graph.node("Concat", some_columns(graph, x, np.array(layer.given)), ramps, axis=1)


@_append.register
def _(layer: PeriodicEmbedding, graph: Graph, x: str, arrays: Arrays) -> str:
    """Turns are taken without whole ones, whose cosines float32 has not enough digits for."""
    k, m = layer.frequencies, layer.outputs - 1
    w, b, mixing, shifts = np.split(arrays["weight"].astype(np.float64), [k, 2 * k, (2 + m) * k])
    columns = np.array(layer.columns if layer.columns is not None else range(layer.features))
    chosen = graph.cast(some_columns(graph, x, columns), DOUBLE)
    each = graph.node("Unsqueeze", chosen, graph.constant(np.array([1])))
    turns = graph.node("Add", graph.node("Mul", each, graph.constant(w)), graph.constant(b))
    rest = graph.cast(graph.node("Sub", turns, graph.node("Round", turns)), FLOAT)
    cosines = graph.node("Cos", _times(graph, rest, 2 * np.pi))
    factors = _float(graph, mixing.reshape(m, k, -1))
    mixed = graph.node("Einsum", cosines, factors, equation="nkf,mkf->nmf")
    shape = graph.constant(np.array([0, m * len(columns)]))
    flat = graph.node("Reshape", graph.node("Add", mixed, _float(graph, shifts)), shape)
    return graph.node("Concat", x, flat, axis=1)


def _float(graph: Graph, values: Array) -> str:
    return graph.constant(np.ascontiguousarray(values, np.float32))


def _times(graph: Graph, x: str, factor: float) -> str:
    return graph.node("Mul", x, graph.constant(np.float32(factor)))


def some_columns(graph: Graph, x: str, which: Array) -> str:
    """Some columns of x, by their numbers."""
    return graph.node("Gather", x, graph.constant(which.astype(np.int64)), axis=1)
