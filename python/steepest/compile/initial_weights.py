"""The weights that a model begins with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..backends.protocol import Stage
from ..initializers import Initializer, KaimingNormal, LeCunNormal, checked_initializer, drawn
from ..layers.regularization import BatchNorm
from .compiled import Compiled
from .plan import learners


def draw_weights(compiled: Compiled, seed: int, initializer: Initializer | None) -> None:
    """Set the weights, layer by layer, each by its own initializer, by the given one, or by the default."""
    checked_initializer(initializer)
    generator = np.random.Generator(np.random.PCG64(seed))
    parametric = zip(learners(compiled.layers), compiled.parametric_stages, compiled.parameters, strict=True)
    for (_, layer), stage, parameters in parametric:
        if isinstance(layer, BatchNorm):
            continue
        chosen = layer.initializer or initializer or _default_initializer(compiled.stages, stage)
        parameters.weight[...] = drawn(chosen, generator, stage.inputs, stage.outputs, compiled.dtype)


def _default_initializer(stages: Sequence[Stage], dense: Stage) -> Initializer:
    """The rule for a dense stage, by the activation that follows it; see `Sequential`."""
    number = next(n for n, stage in enumerate(stages) if stage is dense)
    # An activation that could not be fused is the stage behind.
    alone = dense.activation == "identity" and number + 1 < len(stages) and not stages[number + 1].dense
    follower = stages[number + 1] if alone else dense
    if follower.activation in ("relu", "elu", "gelu"):
        return KaimingNormal()
    return KaimingNormal(follower.slope) if follower.activation == "leaky_relu" else LeCunNormal()
