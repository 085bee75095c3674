"""Layers that make images smaller."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from .. import _checks
from .._description import Rule
from ..compile.stage import Stage
from ._base import Layer, Plan

__all__ = ["FractionalMaxPool2d"]


@dataclass(frozen=True)
class FractionalMaxPool2d(Layer):
    """Fractional max-pooling: the maximum of each region, with a ratio that need not be an integer.

    Rows are images in (height, width, channels) order and become images of floor(height / ratio) by
    floor(width / ratio). The regions do not overlap. Their boundaries are random in each training step, and
    fixed in ``model(X)``.

    Parameters
    ----------
    height, width, channels : int
        Size of the images, each from 1 to 65535.
    ratio : float
        Finite, at least 1, and at most the smaller of height and width.

    Raises
    ------
    TypeError
        If a size is not an integer, or `ratio` not a real number.
    ValueError
        If a parameter is outside its range.

    Notes
    -----
    After Graham, "Fractional max-pooling", arXiv:1412.6071, 2014: region i of n pixels in m parts begins at
    ceil(a (i + u)) - ceil(a u) with a = n / m, and u uniform in [0, 1) for the rows and for the columns
    (pseudo-random, disjoint); u = 1/2 in inference.

    Examples
    --------
    >>> import steepest as st
    >>> pool = st.FractionalMaxPool2d(8, 8, 1, ratio=1.5)
    >>> pool.pooled, st.Sequential(pool, st.Linear(pool.out_features, 10)).in_features
    ((5, 5), 64)
    """

    height: int
    width: int
    channels: int
    ratio: float

    keeps_bounds: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {
        **dict.fromkeys(("height", "width", "channels"), partial(_checks.integer, minimum=1, maximum=65535)),
        "ratio": partial(_checks.at_least, minimum=1),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ratio > min(self.height, self.width):
            raise ValueError(
                f"ratio is {self.ratio}, but must be at most {min(self.height, self.width)}, "
                f"the smaller side of {self.height} x {self.width} pixels"
            )

    @property
    def pooled(self) -> tuple[int, int]:
        """Height and width of the output."""
        return math.floor(self.height / self.ratio), math.floor(self.width / self.ratio)

    @property
    def out_features(self) -> int:
        """Number of output features."""
        return math.prod(self.pooled) * self.channels

    @property
    def features_in(self) -> int:
        """Number of input features."""
        return self.height * self.width * self.channels

    @property
    def features_out(self) -> int:
        """Number of output features."""
        return self.out_features

    def compile(self, plan: Plan) -> None:
        """To one stage."""
        image = (self.height, self.width, self.channels, *self.pooled)
        plan.append(
            Stage(
                self.features_in,
                self.out_features,
                kind="pool",
                number=plan.number,
                image=image,
                parameters="none",
            )
        )
