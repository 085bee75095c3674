"""Check: the penalty of each linear layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import _checks
from .layers import Layer, Linear
from .penalties import Penalties, Penalty, as_penalty


def per_layer(penalty: Penalties, layers: Sequence[Layer]) -> tuple[Penalty | None, ...]:
    """The penalty of each linear layer.

    Raises
    ------
    ValueError
        If a mapping names a layer that is not there, or has no weights.
    TypeError
        For anything that is no penalty, and for a number that is no integer.
    """
    linear = [number for number, layer in enumerate(layers) if isinstance(layer, Linear)]
    if not isinstance(penalty, Mapping):
        return (as_penalty(penalty),) * len(linear)
    for number, own in penalty.items():
        _checks.integer(number, "the number of a layer with a penalty", minimum=0, maximum=len(layers) - 1)
        if number not in linear:
            raise ValueError(
                f"there is a penalty for layer {number}, but {layers[number]!r} has no weights; those with "
                f"weights are {', '.join(map(str, linear))}"
            )
        as_penalty(own)
    return tuple(penalty.get(number) for number in linear)
