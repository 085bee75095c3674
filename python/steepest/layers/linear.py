"""Layers that multiply by a weight matrix, which they learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from .. import _checks
from .._description import Rule
from ..compile.stage import Stage
from ..initializers import (
    Initializer,
    checked_bias_initializer,
    checked_initializer,
    initializer_from_config,
)
from ._base import Layer, MatrixLayer, Plan

__all__ = ["Linear", "Maxout"]


@dataclass(frozen=True)
class Linear(MatrixLayer):
    """Fully connected layer, y = x @ weight + bias.

    Parameters
    ----------
    in_features, out_features : int
        Number of input and output features, at least 1. `weight` has the shape (in_features, out_features).
    bias : bool, default True
        Whether a bias, (out_features,), is added.
    initializer : Initializer, optional
        How the initial weight is drawn, see `steepest.initializers`; by default the model decides. It is not
        stored in model files, and layers that differ only in it are equal.
    bias_initializer : Initializer, optional
        How the initial bias is drawn, as a row of (1, out_features); by default it is zero. Biases are drawn
        after the weights of all layers, which do not depend on it. `initializers.Normal`, `Zeros` or a rule
        of your own: the others scale by the sizes of a matrix. Model files store it, unless it is of your
        own; layers that differ only in it are equal.

    Raises
    ------
    TypeError
        If a number of features is not an integer, `bias` not a bool, or `initializer` or `bias_initializer`
        not an initializer.
    ValueError
        If a number of features is below 1, or `bias_initializer` scales by the sizes of a matrix or is given
        without a bias.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Linear(3, 2))
    >>> {key: array.shape for key, array in model.state_dict().items()}
    {'0.weight': (3, 2), '0.bias': (2,)}
    """

    in_features: int
    out_features: int
    bias: bool = True
    initializer: Initializer | None = field(default=None, kw_only=True, compare=False)
    bias_initializer: Initializer | None = field(default=None, kw_only=True, compare=False)
    optional_fields: ClassVar[frozenset[str]] = frozenset({"bias_initializer"})
    _rules: ClassVar[Mapping[str, Rule]] = {
        "in_features": partial(_checks.integer, minimum=1),
        "out_features": partial(_checks.integer, minimum=1),
        "bias": _checks.flag,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_initializer(self.initializer)
        checked_bias_initializer(self.bias_initializer, bias=self.bias)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Layer:
        """A file describes the rule for the bias, if there is one."""
        rules = {name: initializer_from_config(values[name]) for name in cls.optional_fields & values.keys()}
        return cls(**{**values, **rules})

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Weight, and bias if there is one."""
        weight = {"weight": (self.in_features, self.out_features)}
        return {**weight, "bias": (self.out_features,)} if self.bias else weight

    def compile(self, plan: Plan) -> None:
        """To a product."""
        plan.append(Stage(self.in_features, self.out_features))

    def __repr__(self) -> str:
        bias = "" if self.bias else ", bias=False"
        initializer = "" if self.initializer is None else f", initializer={self.initializer!r}"
        of_bias = "" if self.bias_initializer is None else f", bias_initializer={self.bias_initializer!r}"
        return f"Linear({self.in_features}, {self.out_features}{bias}{initializer}{of_bias})"


@dataclass(frozen=True)
class Maxout(MatrixLayer):
    """Fully connected layer with several pieces, which returns the largest: y = max_p (x @ W_p + b_p).

    Parameters
    ----------
    in_features, out_features : int
        Number of input and output features, at least 1.
    pieces : int, default 2
        At least 2. `weight` is (in_features, pieces * out_features) and `bias` (pieces * out_features,):
        column p * out_features + j is piece p of output j.
    initializer : Initializer, optional
        As for `Linear`.

    Raises
    ------
    TypeError
        If a number is not an integer, or `initializer` is not an initializer.
    ValueError
        If a number of features is below 1, or `pieces` below 2.

    Notes
    -----
    After Goodfellow, Warde-Farley, Mirza, Courville and Bengio, "Maxout networks", ICML 2013. If pieces are
    equal, the first one gets the gradient.

    Examples
    --------
    >>> import steepest as st
    >>> model = st.Sequential(st.Maxout(3, 2, pieces=4))
    >>> {key: array.shape for key, array in model.state_dict().items()}
    {'0.weight': (3, 8), '0.bias': (8,)}
    """

    in_features: int
    out_features: int
    pieces: int = 2
    initializer: Initializer | None = field(default=None, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {
        "in_features": partial(_checks.integer, minimum=1),
        "out_features": partial(_checks.integer, minimum=1),
        "pieces": partial(_checks.integer, minimum=2),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_initializer(self.initializer)

    @property
    def columns(self) -> int:
        """Of the weight: the outputs of all pieces."""
        return self.pieces * self.out_features

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Weight and bias of all pieces."""
        return {"weight": (self.in_features, self.columns), "bias": (self.columns,)}

    def compile(self, plan: Plan) -> None:
        """To a product of all pieces, and the choice of the largest."""
        plan.append(Stage(self.in_features, self.columns))
        plan.append(Stage(self.columns, self.out_features, kind="maxout", parameters="none"))

    def __repr__(self) -> str:
        return f"Maxout({self.in_features}, {self.out_features}, pieces={self.pieces})"
