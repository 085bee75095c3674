"""The weights and biases that a model begins with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..initializers import Initializer, checked_initializer, drawn
from ..layers import ACTIVATIONS, DrawnLayer, MatrixLayer
from .compiled import Compiled
from .plan import parametric
from .stage import Stage


def draw_weights(compiled: Compiled, seed: int, initializer: Initializer | None) -> None:
    """Set the weights, layer by layer, each by its own initializer, by the given one, or by the default.

    Layers that draw for themselves do so.

    Biases that are drawn come after all weights, which so are the same with and without.
    """
    checked_initializer(initializer)
    generator = np.random.Generator(np.random.PCG64(seed))
    layers, stages = parametric(compiled.layers), compiled.parametric_stages
    for (_, layer), stage, parameters in zip(layers, stages, compiled.parameters, strict=True):
        chosen: Initializer | DrawnLayer
        if isinstance(layer, MatrixLayer):
            chosen = layer.initializer or initializer or _default_initializer(compiled.stages, stage)
        elif isinstance(layer, DrawnLayer):
            chosen = layer
        else:
            continue
        rows, columns = stage.weight_rows, stage.weight_columns
        parameters.weight[...] = drawn(chosen, generator, rows, columns, compiled.dtype)
    for (_, layer), stage, parameters in zip(layers, stages, compiled.parameters, strict=True):
        if isinstance(layer, MatrixLayer) and layer.bias_initializer and parameters.bias is not None:
            row = drawn(layer.bias_initializer, generator, 1, stage.outputs, compiled.dtype)
            parameters.bias[...] = row[0]


def _default_initializer(stages: Sequence[Stage], dense: Stage) -> Initializer:
    """The rule for a dense stage, by the activation that follows it; see `Sequential`."""
    number = next(n for n, stage in enumerate(stages) if stage is dense)
    # An activation that could not be fused is the stage behind.
    alone = dense.activation == "identity" and number + 1 < len(stages) and not stages[number + 1].has_matrix
    follower = stages[number + 1] if alone else dense
    return ACTIVATIONS[follower.activation].initializer_before(follower.slope)
