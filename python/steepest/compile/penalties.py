"""Check: the penalty of each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..layers import Layer, MatrixLayer
from ..penalties import Penalties, Penalty, as_penalty
from .plan import parametric, path_of, walk


def per_layer(penalty: Penalties, layers: Sequence[Layer]) -> tuple[Penalty | None, ...]:
    """The penalty of each parametric layer; None for a normalization, whose scales are not.

    Raises
    ------
    ValueError
        If a mapping names a layer that is not there, or has no weights.
    TypeError
        If something is not a penalty, or the number of a layer is not an integer.
    """
    learning = parametric(layers)
    with_weights = [path for path, layer in learning if isinstance(layer, MatrixLayer)]
    if not isinstance(penalty, Mapping):
        own = dict.fromkeys(with_weights, as_penalty(penalty))
    else:
        own = {path_of(number, "a layer with a penalty"): as_penalty(one) for number, one in penalty.items()}
    known = dict(walk(layers))
    for path in own.keys() - set(with_weights):
        what = f"{known[path]!r} has no weights" if path in known else "there is no such layer"
        has = ", ".join(with_weights)
        raise ValueError(f"there is a penalty for layer {path}, but {what}; those with weights are {has}")
    return tuple(own.get(path) for path, _ in learning)
