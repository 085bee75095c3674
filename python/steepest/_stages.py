"""Plan: layers compiled to the stages that a backend runs."""

from __future__ import annotations

from collections.abc import Sequence

from .backends.protocol import Stage, reads_input
from .layers import ELU, Identity, Layer, LeakyReLU, Linear


def compile_stages(layers: Sequence[Layer]) -> tuple[Stage, ...]:
    """Fuse each Linear with the activation right behind it, unless that `reads_input`; identities vanish.

    Raises
    ------
    ValueError
        If there is no Linear, or one takes another number of features than it is given.
    TypeError
        If something is no layer.
    """
    linears: list[Linear] = []
    for number, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(
                f"layer {number} is {layer!r:.80}, but must be one like st.Linear(784, 10) or st.ReLU()"
            )
        if isinstance(layer, Linear):
            given = linears[-1].out_features if linears else layer.in_features
            if layer.in_features != given:
                raise ValueError(f"layer {number} is {layer!r}, but the layer before gives {given} features")
            linears.append(layer)
    if not linears:
        raise ValueError("a model needs at least one Linear layer")
    stages: list[Stage] = []
    features = linears[0].in_features
    for layer in layers:
        if isinstance(layer, Linear):
            stages.append(Stage(features, layer.out_features, "identity"))
            features = layer.out_features
        elif isinstance(layer, Identity):
            continue
        elif _waits(stages) and not reads_input(layer.activation):
            stages[-1] = Stage(stages[-1].inputs, features, layer.activation, slope=_slope(layer))
        else:
            stages.append(Stage(features, features, layer.activation, dense=False, slope=_slope(layer)))
    return tuple(stages)


def _waits(stages: Sequence[Stage]) -> bool:
    """Whether the last stage can take an activation."""
    return bool(stages) and stages[-1].dense and stages[-1].activation == "identity"


def _slope(layer: Layer) -> float:
    """The parameter of an activation that has one."""
    if isinstance(layer, LeakyReLU):
        return float(layer.negative_slope)
    return float(layer.alpha) if isinstance(layer, ELU) else 0.0
