"""A layer that learns the scale of each feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from .. import _checks
from .._description import Rule
from ..compile.stage import Stage
from ._base import Layer, Plan

__all__ = ["Scale"]


@dataclass(frozen=True)
class Scale(Layer):
    """Multiply each feature by a number that is learned, y = x * weight.

    As the first layer, after `Standardize` if there is one, it weighs the inputs. A penalty or weight decay
    does not act on its weight.

    Parameters
    ----------
    features : int
        At least 1. `weight`, which starts with ones, is (features,).

    Raises
    ------
    TypeError
        If `features` is not an integer.
    ValueError
        If it is below 1.

    Notes
    -----
    The scaling layer of Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and
    boosted trees on tabular data", NeurIPS 2024; they give it a higher learning rate than the other layers.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Scale(3), st.Linear(3, 2))
    >>> model.state_dict()["0.weight"].tolist()
    [1.0, 1.0, 1.0]
    """

    features: int
    _rules: ClassVar[Mapping[str, Rule]] = {"features": partial(_checks.integer, minimum=1)}

    @property
    def features_in(self) -> int:
        """Number of input features."""
        return self.features

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Scale of each feature."""
        return {"weight": (self.features,)}

    def compile(self, plan: Plan) -> None:
        """To one stage."""
        plan.append(Stage(self.features, self.features, kind="scale", parameters="scale"))
