"""Layers with a shortcut beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import _checks
from .._description import Rule
from ..compile.stage import Stage
from ._base import Layer, Plan

__all__ = ["Residual"]


@dataclass(frozen=True, init=False)
class Residual(Layer):
    """Layers with a shortcut, y = x + layers(x), and optional stochastic depth.

    Parameters
    ----------
    *layers : layers
        They must return as many features as they take.
    survival_probability : float, default 1.0
        Probability, in (0, 1], that the layers take part in a training step; otherwise y = x for the whole
        batch. ``model(X)`` uses the mean: y = x + survival_probability * layers(x).

    Raises
    ------
    TypeError
        If `survival_probability` is not a real number.
    ValueError
        If there are no layers, or `survival_probability` is outside (0, 1].

    Notes
    -----
    After He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016; Huang, Sun, Liu,
    Sedra and Weinberger, "Deep networks with stochastic depth", ECCV 2016.

    Examples
    --------
    >>> import steepest as st
    >>> block = st.Residual(st.Linear(8, 8), st.ReLU(), st.Linear(8, 8))
    >>> list(st.Sequential(st.Linear(3, 8, bias=False), block).state_dict())
    ['0.weight', '1.0.weight', '1.0.bias', '1.2.weight', '1.2.bias']
    """

    layers: tuple[Layer, ...]
    survival_probability: float = 1.0
    _rules: ClassVar[Mapping[str, Rule]] = {"survival_probability": _checks.probability}

    def __init__(self, *layers: Layer, survival_probability: float = 1.0) -> None:
        if not layers:
            raise ValueError("Residual has 0 layers, but needs at least 1")
        object.__setattr__(self, "layers", layers)
        object.__setattr__(self, "survival_probability", survival_probability)
        self.__post_init__()

    @property
    def features_in(self) -> int | None:
        """What the first of its layers that takes a certain number takes."""
        return next((n for n in (layer.features_in for layer in self.layers) if n is not None), None)

    @property
    def inner(self) -> tuple[Layer, ...]:
        """The layers beside the shortcut."""
        return self.layers

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Residual:
        """A file has its layers in a list."""
        others = dict(values)
        inner = others.pop("layers")
        if not isinstance(inner, list):
            raise TypeError(f"layers must be a list, not {inner!r:.80}")
        return cls(*inner, **others)

    def compile(self, plan: Plan) -> None:
        """To its layers between two stages: one that keeps the rows, and one that adds them."""
        n, number = plan.features, plan.number
        split = plan.append(Stage(n, n, kind="residual_split", parameters="none"))
        plan.add(self.layers)
        if plan.features != n:
            raise ValueError(
                f"layer {plan.path} is {self!r:.80}, whose layers have {plan.features} features of {n}, but "
                "a shortcut needs as many as it takes"
            )
        rate = 1 - self.survival_probability
        add = plan.append(Stage(n, n, kind="residual_add", number=number, rate=rate, parameters="none"))
        plan.pair(split, add)

    def __repr__(self) -> str:
        chain = ", ".join(map(repr, self.layers))
        survival = self.survival_probability
        return f"Residual({chain}{'' if survival == 1 else f', survival_probability={survival}'})"
