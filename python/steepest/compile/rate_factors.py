"""Check: what each layer multiplies the learning rate by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .. import _checks
from ..layers import Layer
from .plan import parametric, path_of, walk


def rate_factors_of(
    rate_factors: Mapping[int, float] | None, frozen: Iterable[int], layers: Sequence[Layer]
) -> tuple[float, ...]:
    """The factor of each layer with parameters, 0 if it is frozen; none at all if all are 1.

    Raises
    ------
    ValueError
        If a layer is not there, has no parameters or is given twice, a factor is not positive and finite, or
        all layers are frozen.
    TypeError
        If a layer's number is not an integer, or a factor not a real number.
    """
    if rate_factors is not None and not isinstance(rate_factors, Mapping):
        raise TypeError(
            f"rate_factors must map layers to factors, as in {{0: 0.1}}, not {rate_factors!r:.80}"
        )
    if isinstance(frozen, int | str | Mapping) or not isinstance(frozen, Iterable):
        raise TypeError(f"frozen must be numbers of layers, as in {{0, 2}}, not {frozen!r:.80}")
    own: dict[str, float] = {}
    for number, factor in (rate_factors or {}).items():
        if (path := path_of(number)) in own:
            raise ValueError(f"layer {path} has two rate factors")
        own[path] = _checks.positive(factor, f"the rate factor of layer {path}")
    for number in frozen:
        if own.setdefault(path := path_of(number), 0.0):
            raise ValueError(f"layer {path} is frozen, but has a rate factor too")
    known, learning = dict(walk(layers)), [path for path, _ in parametric(layers)]
    for path in own.keys() - set(learning):
        what = f"{known[path]!r:.80} has no parameters" if path in known else "there is no such layer"
        raise ValueError(
            f"layer {path} can be neither frozen nor given a rate: {what}; layers with parameters are "
            f"{', '.join(learning)}"
        )
    factors = tuple(own.get(path, 1.0) for path in learning)
    if not any(factors):
        raise ValueError("all layers with parameters are frozen: there is nothing to learn")
    return () if set(factors) == {1.0} else factors
