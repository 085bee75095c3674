"""Check: the penalty of each layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .. import _checks
from ..layers import Layer, MatrixLayer
from ..penalties import Penalties, Penalty, as_penalty
from .plan import parametric, walk


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
        own = {_path(number): as_penalty(one) for number, one in penalty.items()}
    known = dict(walk(layers))
    for path in own.keys() - set(with_weights):
        what = f"{known[path]!r} has no weights" if path in known else "there is no such layer"
        has = ", ".join(with_weights)
        raise ValueError(f"there is a penalty for layer {path}, but {what}; those with weights are {has}")
    return tuple(own.get(path) for path, _ in learning)


def _path(number: object) -> str:
    """As the keys of a state have it: 3, or "3.0" inside of a Residual."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer | str):
        raise TypeError(f"the number of a layer with a penalty must be an integer, not {number!r:.80}")
    return _checks.shown(number)
