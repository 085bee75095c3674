"""What each layer is in C, in inference: loops whose order is what `to_c` promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch

import numpy as np

from .._checks import Array
from ..backends.reference.stages.pool import cuts
from ..layers import (
    Activation,
    BatchNorm,
    Dropout,
    FractionalMaxPool2d,
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
from .functions import FUNCTIONS
from .source import Row, Source
from .text import literal

Arrays = Mapping[str, Array]

# Of activations that need no function of their own.
_EXPRESSIONS = {
    "identity": "$x",
    "relu": "$x < 0 ? 0 : $x",
    "leaky_relu": "$x > 0 ? $x : $slope * $x",
    "tanh": "($real)tanh((double)$x)",
}


def append_layers(source: Source, x: Row, layers: Sequence[Layer], state: Arrays, path: str = "") -> Row:
    """What layers make of x; `state` has all arrays of the model by their keys."""
    for number, layer in enumerate(layers):
        if not is_ours(layer):
            raise ValueError(f"{layer!r:.80} is of class {type(layer).__name__}, which has no form in C")
        own = f"{path}{number}."
        source.comment(f"Layer {own[:-1]}: {name_of(layer)}")
        x = _append(layer, source, x, state, own)
    return x


def name_of(layer: Layer) -> str:
    """In comments, where the layers inside it follow."""
    return f"{layer!r:.80}" if not layer.inner else type(layer).__name__


@singledispatch
def _append(layer: Layer, source: Source, x: Row, state: Arrays, path: str) -> Row:
    raise ValueError(f"{layer!r:.80} has no form in C")


@_append.register
def _(layer: Activation, source: Source, x: Row, state: Arrays, path: str) -> Row:
    if layer.name in _EXPRESSIONS:
        return source.each(x, _EXPRESSIONS[layer.name], slope=source.number(layer.slope))
    slope = f", {literal(layer.slope)}" if FUNCTIONS[layer.name].takes_slope else ""
    function = source.function(layer.name)
    return source.each(x, "($real)$function((double)$x$slope)", function=function, slope=slope)


@_append.register
def _(layer: Dropout, source: Source, x: Row, state: Arrays, path: str) -> Row:
    return x


@_append.register
def _(layer: Linear, source: Source, x: Row, state: Arrays, path: str) -> Row:
    return _product(source, x, state, path)


@_append.register
def _(layer: Maxout, source: Source, x: Row, state: Arrays, path: str) -> Row:
    sums = _product(source, x, state, path)
    y = source.row(layer.out_features, sums)
    source.add(
        """
        for (int j = 0; j < $m; ++j) {
            $y[j] = $x[j];
            for (int p = 1; p < $pieces; ++p)
                if ($x[p * $m + j] > $y[j]) $y[j] = $x[p * $m + j];
        }
        """,
        x=sums.name,
        y=y.name,
        m=y.features,
        pieces=layer.pieces,
    )
    return y


@_append.register
def _(layer: BatchNorm, source: Source, x: Row, state: Arrays, path: str) -> Row:
    return source.each(
        x,
        "($real)(((double)$x - $mean[i]) / sqrt((double)$var[i] + $epsilon) * $weight[i] + $bias[i])",
        epsilon=literal(layer.epsilon),
        weight=source.constant(f"{path}weight", state[f"{path}weight"]),
        bias=source.constant(f"{path}bias", state[f"{path}bias"]),
        mean=source.constant(f"{path}running_mean", state[f"{path}running_mean"]),
        var=source.constant(f"{path}running_var", state[f"{path}running_var"]),
    )


@_append.register
def _(layer: LayerNorm, source: Source, x: Row, state: Arrays, path: str) -> Row:
    """Scaled where the squares of huge numbers would be infinite, as in the reference."""
    y = source.row(layer.features, x)
    source.add(
        """
        {
            double largest = 0, mean = 0, rest = 0, variance = 0;
            for (int i = 0; i < $n; ++i) largest = fmax(largest, fabs((double)$x[i]));
            const double scale = largest > 1e150 ? 0x1p-560 : 1;
            for (int i = 0; i < $n; ++i) mean += (double)$x[i] * scale;
            mean /= $n;
            for (int i = 0; i < $n; ++i) rest += (double)$x[i] * scale - mean;
            rest /= $n;
            for (int i = 0; i < $n; ++i) {
                const double centered = (double)$x[i] * scale - mean - rest;
                variance += centered * centered;
            }
            variance /= $n;
            const double deviation = sqrt(variance + fmax($epsilon * scale * scale, DBL_MIN));
            for (int i = 0; i < $n; ++i) {
                const double centered = (double)$x[i] * scale - mean - rest;
                $y[i] = ($real)(centered / deviation * $weight[i] + $bias[i]);
            }
        }
        """,
        x=x.name,
        y=y.name,
        n=layer.features,
        epsilon=literal(layer.epsilon),
        weight=source.constant(f"{path}weight", state[f"{path}weight"]),
        bias=source.constant(f"{path}bias", state[f"{path}bias"]),
    )
    return y


@_append.register
def _(layer: Scale, source: Source, x: Row, state: Arrays, path: str) -> Row:
    return source.each(x, "$x * $weight[i]", weight=source.constant(f"{path}weight", state[f"{path}weight"]))


@_append.register
def _(layer: Residual, source: Source, x: Row, state: Arrays, path: str) -> Row:
    source.keep(x)
    inside = append_layers(source, x, layer.layers, state, path)
    source.release(x)
    share = layer.survival_probability
    scaled = "$x" if share == 1 else "$share * $x"
    source.comment(f"Layer {path[:-1]}: the shortcut")
    return source.each(inside, f"$kept[i] + {scaled}", kept=x.name, share=source.number(share))


@_append.register
def _(layer: Standardize, source: Source, x: Row, state: Arrays, path: str) -> Row:
    mean, scale = (source.constant(f"{path}{name}", state[f"{path}{name}"]) for name in ("mean", "scale"))
    return source.each(x, "($real)(((double)$x - $mean[i]) / $scale[i])", mean=mean, scale=scale)


@_append.register
def _(layer: PiecewiseLinear, source: Source, x: Row, state: Arrays, path: str) -> Row:
    """A ramp of 0 width is a step: nothing is divided by it."""
    bins = layer.bins_of_features
    features = np.repeat(np.arange(layer.features), bins)
    # Before each feature's knots stand those of others, one more than they have ramps.
    encoded = [i for i, n in enumerate(bins) if n]
    begins = np.arange(len(features)) + np.repeat(np.arange(len(encoded)), [bins[i] for i in encoded])
    y = source.row(layer.features_out, x)
    if layer.given:
        source.add(
            "for (int j = 0; j < $m; ++j) $y[j] = $x[$given[j]];",
            x=x.name,
            y=y.name,
            m=len(layer.given),
            given=source.constant(f"{path}given", np.array(layer.given)),
        )
    source.add(
        """
        for (int r = 0; r < $ramps; ++r) {
            const double begin = (double)$knots[$begins[r]], end = (double)$knots[$begins[r] + 1];
            const double passed = (double)$x[$features[r]] - begin, width = end - begin;
            const double part = passed <= 0 ? 0 : passed >= width ? 1 : passed / width;
            $y[$m + r] = ($real)(2 * part - 1);
        }
        """,
        x=x.name,
        y=y.name,
        m=len(layer.given),
        ramps=len(features),
        features=source.constant(f"{path}features", features),
        begins=source.constant(f"{path}begins", begins),
        knots=source.constant(f"{path}knots", state[f"{path}knots"]),
    )
    return y


@_append.register
def _(layer: PeriodicEmbedding, source: Source, x: Row, state: Arrays, path: str) -> Row:
    """Turns are taken without whole ones, whose cosines float has not enough digits for."""
    columns = np.array(layer.columns if layer.columns is not None else range(layer.features))
    y = source.row(layer.features_out, x)
    wave = source.row(layer.frequencies, x, y)
    source.add(
        """
        for (int i = 0; i < $n; ++i) $y[i] = $x[i];
        for (int c = 0; c < $cosines; ++c) {
            for (int k = 0; k < $k; ++k) {
                const $real turns = ($real)((double)$x[$columns[c]] * $weight[k][c] + $weight[$k + k][c]);
                $wave[k] = ($real)cos($circle * ((double)turns - rint((double)turns)));
            }
            for (int o = 0; o < $m; ++o) {
                $real sum = $weight[(2 + $m) * $k + o][c];
                for (int k = 0; k < $k; ++k) sum += $wave[k] * $weight[(2 + o) * $k + k][c];
                $y[$n + o * $cosines + c] = sum;
            }
        }
        """,
        x=x.name,
        y=y.name,
        wave=wave.name,
        n=layer.features,
        k=layer.frequencies,
        m=layer.outputs - 1,
        cosines=len(columns),
        circle=literal(2 * np.pi),
        columns=source.constant(f"{path}columns", columns),
        weight=source.constant(f"{path}weight", state[f"{path}weight"]),
    )
    return y


@_append.register
def _(layer: FractionalMaxPool2d, source: Source, x: Row, state: Arrays, path: str) -> Row:
    """With the boundaries of inference."""
    rows, columns = layer.pooled
    y = source.row(layer.out_features, x)
    source.add(
        """
        for (int r = 0; r < $rows; ++r)
            for (int s = 0; s < $columns; ++s)
                for (int c = 0; c < $channels; ++c) {
                    $real largest = $x[($down[r] * $width + $right[s]) * $channels + c];
                    for (int i = $down[r]; i < $down[r + 1]; ++i)
                        for (int j = $right[s]; j < $right[s + 1]; ++j) {
                            const $real pixel = $x[(i * $width + j) * $channels + c];
                            if (pixel > largest) largest = pixel;
                        }
                    $y[(r * $columns + s) * $channels + c] = largest;
                }
        """,
        x=x.name,
        y=y.name,
        rows=rows,
        columns=columns,
        channels=layer.channels,
        width=layer.width,
        down=source.constant(f"{path}down", np.array(cuts(layer.height, rows, 1 << 15))),
        right=source.constant(f"{path}right", np.array(cuts(layer.width, columns, 1 << 15))),
    )
    return y


def _product(source: Source, x: Row, state: Arrays, path: str) -> Row:
    """Rows of the weight one after the other: sums in the order of inputs that compilers can vectorize."""
    weight, bias = state[f"{path}weight"], state.get(f"{path}bias")
    y = source.row(weight.shape[1], x)
    source.add(
        """
        for (int j = 0; j < $m; ++j) $y[j] = $bias;
        for (int i = 0; i < $n; ++i)
            for (int j = 0; j < $m; ++j) $y[j] += $x[i] * $weight[i][j];
        """,
        x=x.name,
        y=y.name,
        n=x.features,
        m=y.features,
        weight=source.constant(f"{path}weight", weight),
        bias="0" if bias is None else f"{source.constant(f'{path}bias', bias)}[j]",
    )
    return y
