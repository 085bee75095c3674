"""What files of `to_c` promise to compute, number by number, and how far off another order may lie."""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np

import steepest as st

from ..tolerances import FUNCTION


def scores_of(model, x):
    """Of one sample: a list of numbers of the model's dtype."""
    state = {key: np.array(value) for key, value in model.state_dict().items()}
    real = model.dtype.type
    return _chain(model.layers, [real(value) for value in x], state, real, "")


def _chain(layers, row, state, real, path):
    for number, layer in enumerate(layers):
        own = f"{path}{number}."
        arrays = {key.removeprefix(own): value for key, value in state.items() if key.startswith(own)}
        row = _value(layer, row, arrays, real)
    return row


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


IN_DOUBLE = {
    "sigmoid": sigmoid,
    "softplus": softplus,
    "tanh": math.tanh,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
    "gelu": lambda x: max(x, -40.0) * (math.erfc(-x * math.sqrt(0.5)) / 2),
    "silu": lambda x: max(x, -1000.0) * sigmoid(x),
    "mish": lambda x: max(x, -1000.0) * math.tanh(softplus(x)),
    "lecun_tanh": lambda x: 1.7159 * math.tanh(2 / 3 * x),
}


@singledispatch
def _value(layer, row, arrays, real):
    """Of an activation, or of Dropout."""
    name = getattr(layer, "name", "identity")
    if name in IN_DOUBLE:
        return [real(IN_DOUBLE[name](float(x))) for x in row]
    if name == "elu":
        return [real(x if x > 0 else layer.alpha * math.expm1(x)) for x in map(float, row)]
    if name == "leaky_relu":
        return [x if x > 0 else real(layer.slope) * x for x in row]
    return [max(x, real(0)) for x in row] if name == "relu" else row


def _product(row, arrays, real):
    weight = arrays["weight"]
    sums = list(arrays.get("bias", np.zeros(weight.shape[1], real)))
    for i, x in enumerate(row):
        sums = [total + x * w for total, w in zip(sums, weight[i], strict=True)]
    return sums


@_value.register
def _(layer: st.Linear, row, arrays, real):
    return _product(row, arrays, real)


@_value.register
def _(layer: st.Maxout, row, arrays, real):
    sums = _product(row, arrays, real)
    return [max(sums[j :: layer.out_features]) for j in range(layer.out_features)]


@_value.register
def _(layer: st.BatchNorm, row, arrays, real):
    columns = zip(
        row, *(arrays[k].tolist() for k in ("running_mean", "running_var", "weight", "bias")), strict=True
    )
    return [real((float(x) - m) / math.sqrt(v + layer.epsilon) * w + b) for x, m, v, w, b in columns]


@_value.register
def _(layer: st.LayerNorm, row, arrays, real):
    n, wide = len(row), [float(x) for x in row]
    scale = 2.0**-560 if max(map(abs, wide)) > 1e150 else 1.0
    wide = [x * scale for x in wide]
    mean = _sum(wide) / n
    rest = _sum(x - mean for x in wide) / n
    centered = [x - mean - rest for x in wide]
    variance = _sum(x * x for x in centered) / n
    deviation = math.sqrt(variance + max(layer.epsilon * scale * scale, 2.0**-1022))
    columns = zip(centered, arrays["weight"].tolist(), arrays["bias"].tolist(), strict=True)
    return [real(x / deviation * w + b) for x, w, b in columns]


def _sum(values):
    """Not `sum`, which compensates for roundings since Python 3.12."""
    total = 0.0
    for value in values:
        total += value
    return total


@_value.register
def _(layer: st.Scale, row, arrays, real):
    return [x * w for x, w in zip(row, arrays["weight"], strict=True)]


@_value.register
def _(layer: st.Residual, row, arrays, real):
    inside = _chain(layer.layers, row, arrays, real, "")
    return [x + real(layer.survival_probability) * y for x, y in zip(row, inside, strict=True)]


@_value.register
def _(layer: st.Standardize, row, arrays, real):
    columns = zip(row, arrays["mean"].tolist(), arrays["scale"].tolist(), strict=True)
    return [real((float(x) - mean) / scale) for x, mean, scale in columns]


@_value.register
def _(layer: st.PiecewiseLinear, row, arrays, real):
    knots, ramps = list(map(float, arrays["knots"])), []
    for x, bins in zip(row, layer.bins_of_features, strict=True):
        own, knots = (knots[: bins + 1], knots[bins + 1 :]) if bins else ([], knots)
        for k in range(bins):
            passed, width = float(x) - own[k], own[k + 1] - own[k]
            part = 0.0 if passed <= 0 else 1.0 if passed >= width else passed / width
            ramps.append(real(2 * part - 1))
    return [row[i] for i in layer.given] + ramps


@_value.register
def _(layer: st.PeriodicEmbedding, row, arrays, real):
    k, m = layer.frequencies, layer.outputs - 1
    weight, mixed = arrays["weight"], [[] for _ in range(m)]
    for place, column in enumerate(range(layer.features) if layer.columns is None else layer.columns):
        own, waves = weight[:, place], []
        for w, b in zip(own[:k].tolist(), own[k : 2 * k].tolist(), strict=True):
            turns = float(real(float(row[column]) * w + b))
            waves.append(real(math.cos(2 * math.pi * (turns - round(turns)))))
        for o in range(m):
            total = own[(2 + m) * k + o]
            for wave, factor in zip(waves, own[(2 + o) * k :], strict=False):
                total = total + wave * factor
            mixed[o].append(total)
    return [*row, *(total for output in mixed for total in output)]


@_value.register
def _(layer: st.FractionalMaxPool2d, row, arrays, real):
    """Region i of n pixels in m begins at ceil(a (i + 1/2)) - ceil(a / 2), a = n / m."""
    rows, columns = layer.pooled
    down, right = _cuts(layer.height, rows), _cuts(layer.width, columns)
    image = np.array(row).reshape(layer.height, layer.width, layer.channels)
    regions = (
        image[down[i] : down[i + 1], right[j] : right[j + 1]] for i in range(rows) for j in range(columns)
    )
    return [max(region[..., c].ravel()) for region in regions for c in range(layer.channels)]


def _cuts(n, m):
    begins = [math.ceil(n * (2 * i + 1) / (2 * m)) for i in range(m + 1)]
    return [begin - begins[0] for begin in begins]


# ---- the bound -------------------------------------------------------------------------------------------


def bound(model, x):
    """Roundings in a row of samples x, and the magnitude that each is relative to: see `tolerance`.

    What a layer adds is relative to the magnitude of its own terms, and what it is given grows at most as
    these magnitudes do: by the absolute weights, and by the largest slope of a function.
    """
    state = {key: np.array(value, np.float64) for key, value in model.state_dict().items()}
    return _bounds(model.layers, np.abs(np.asarray(x, np.float64)), state)


def _bounds(layers, size, state):
    depth = 0
    for number, layer in enumerate(layers):
        arrays = {k.removeprefix(f"{number}."): v for k, v in state.items() if k.startswith(f"{number}.")}
        own, size = _bound(layer, size, arrays)
        depth += own
    return depth, size


@singledispatch
def _bound(layer, size, arrays):
    """Of an activation: no slope is above 1.8, or the number in it, and no value at 0 above 1."""
    if not getattr(layer, "name", None) or layer.name in ("relu", "identity"):
        return 0, size
    return FUNCTION, max(1.8, layer.slope) * size + 1


@_bound.register
def _(layer: st.Linear, size, arrays):
    return size.shape[1] + 1, size @ abs(arrays["weight"]) + abs(arrays.get("bias", 0))


@_bound.register
def _(layer: st.Maxout, size, arrays):
    sums = size @ abs(arrays["weight"]) + abs(arrays["bias"])
    return size.shape[1] + 1, sums.reshape(len(size), layer.pieces, -1).max(axis=1)


@_bound.register
def _(layer: st.BatchNorm, size, arrays):
    deviation = np.sqrt(arrays["running_var"] + layer.epsilon)
    normal = (size + abs(arrays["running_mean"])) / deviation
    return FUNCTION, normal * abs(arrays["weight"]) + abs(arrays["bias"])


@_bound.register
def _(layer: st.LayerNorm, size, arrays):
    """The deviation of what comes in is at least that of epsilon."""
    normal = 3 * size.max(axis=1, keepdims=True) / math.sqrt(layer.epsilon)
    return FUNCTION, normal * abs(arrays["weight"]) + abs(arrays["bias"])


@_bound.register
def _(layer: st.Scale, size, arrays):
    return 1, size * abs(arrays["weight"])


@_bound.register
def _(layer: st.Residual, size, arrays):
    depth, inside = _bounds(layer.layers, size, arrays)
    return depth + 2, size + inside


@_bound.register
def _(layer: st.Standardize, size, arrays):
    return 3, (size + abs(arrays["mean"])) / arrays["scale"]


@_bound.register
def _(layer: st.PiecewiseLinear, size, arrays):
    """Places on up to as many ramps as a feature has."""
    given = size[:, list(layer.given)]
    ones = np.ones((len(size), layer.features_out - len(layer.given)))
    return FUNCTION + 2 * max(layer.bins_of_features), np.concatenate([given, ones], axis=1)


@_bound.register
def _(layer: st.PeriodicEmbedding, size, arrays):
    k, m = layer.frequencies, layer.outputs - 1
    w, b, mixing, shifts = np.split(abs(arrays["weight"]), [k, 2 * k, (2 + m) * k])
    columns = slice(None) if layer.columns is None else list(layer.columns)
    waves = 2 * np.pi * (size[:, None, columns] * w + b) + 1
    mixed = np.einsum("nkf,mkf->nmf", waves, mixing.reshape(m, k, -1)) + shifts
    return FUNCTION + k, np.concatenate([size, mixed.reshape(len(size), -1)], axis=1)


@_bound.register
def _(layer: st.FractionalMaxPool2d, size, arrays):
    return 0, np.broadcast_to(size.max(axis=1, keepdims=True), (len(size), layer.out_features))
