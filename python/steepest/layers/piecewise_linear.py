"""`PiecewiseLinear`: numbers as ramps, of which a linear layer makes curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from .. import _checks
from .._description import Rule
from ._base import Layer, Plan

__all__ = ["PiecewiseLinear"]

NARROWEST = 1e-300  # in other libraries, instead of an interval between two equal knots: a step


_MOST_OUT = 2**31 - 1  # that 32 bits can name
_MOST = 2**20  # features, and bins of one: as many as a table may have


def _bins(value: Any, name: str) -> int | tuple[int, ...]:
    several = isinstance(value, Sequence | np.ndarray) and not isinstance(value, str | bytes)
    if not several or getattr(value, "ndim", None) == 0:
        return _checks.integer(value, name, minimum=1, maximum=_MOST)
    bins = tuple(_checks.integer(n, f"{name}[{i}]", minimum=0, maximum=_MOST) for i, n in enumerate(value))
    if not any(bins):
        raise ValueError(f"{name} is {value!r:.80}, but at least one feature must have bins")
    return bins


@dataclass(frozen=True)
class PiecewiseLinear(Layer):
    """Piecewise linear encoding of features, as the first layer of a model.

    A network learns a curve of a number, or a step in it, far sooner from ramps between the quantiles of the
    data than from the number itself. Of a number x with the knots k_0 <= k_1 <= ... it makes one ramp for
    each interval between two knots::

        r_i(x) = 2 * clip((x - k_i) / (k_{i+1} - k_i), 0, 1) - 1

    which is a step from -1 to 1 behind k_i where both are equal. The first `fit` places the knots at the
    quantiles of its training rows, later fits keep them; `Sequential.standardize` sets them for loops of your
    own. They are saved with the model.

    Parameters
    ----------
    features : int
        Number of features, 1 to 2^20.
    bins : int or sequence of int, default 16
        Number of ramps of each feature, 1 to 2^20, or one number for each; a feature of 0 is left as it is.
    keep_features : bool, default False
        Whether features with ramps are given too, not only their ramps.

    Raises
    ------
    TypeError
        If a number is not an integer, or `keep_features` not a bool.
    ValueError
        If a number is out of its range, there are not as many as features, or more than 2^31 - 1 ramps; when
        a model is made, if this is not its first layer.

    Notes
    -----
    After Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022, with ramps from -1 instead of 0. First come the features that are given as they are, then
    the ramps, feature by feature. `knots` is (sum of bins + 1 of each feature with bins,). Of a feature with
    no more values than knots they are at these values.

    A `Linear` or `Maxout` right behind it never sees the ramps: what it makes of a feature is a curve, linear
    between knots, so that it interpolates between two values, however many ramps there are. X cannot be
    sparse.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> model = st.Sequential(st.PiecewiseLinear(1, bins=8), st.Linear(8, 1))
    >>> momentum = st.SGD(0.05, momentum=0.9)
    >>> history = model.fit(
    ...     x, np.abs(x), loss="squared_error", optimizer=momentum, epochs=200, progress=False
    ... )
    >>> bool(np.abs(model(x) - np.abs(x)).max() < 1e-5)  # 0.5 without the layer
    True
    """

    features: int
    bins: int | Sequence[int] = 16
    keep_features: bool = False
    _rules: ClassVar[Mapping[str, Rule]] = {
        "features": partial(_checks.integer, minimum=1, maximum=_MOST),
        "bins": _bins,
        "keep_features": _checks.flag,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.bins, int) and len(self.bins) != self.features:
            raise ValueError(f"bins has {len(self.bins)} numbers, but features is {self.features}")
        if self.features_out > _MOST_OUT:
            raise ValueError(f"bins makes {self.features_out} features, but {_MOST_OUT} can be told apart")

    @property
    def bins_of_features(self) -> tuple[int, ...]:
        """Number of ramps of each feature."""
        return (self.bins,) * self.features if isinstance(self.bins, int) else tuple(self.bins)

    @property
    def given(self) -> tuple[int, ...]:
        """The features that are given as they are."""
        return tuple(i for i, n in enumerate(self.bins_of_features) if self.keep_features or n == 0)

    @property
    def features_in(self) -> int:
        """Number of input features."""
        return self.features

    @property
    def features_out(self) -> int:
        """Number of features that are given as they are, and of ramps."""
        if isinstance(self.bins, int):
            return self.features * (self.bins + self.keep_features)
        return len(self.given) + sum(self.bins)

    def running_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """The knots."""
        if isinstance(self.bins, int):
            return {"knots": (self.features * (self.bins + 1),)}
        return {"knots": (sum(n + 1 for n in self.bins if n),)}

    def compile(self, plan: Plan) -> None:
        """To no stage: `compile.encoding` does it where samples come in, for the product behind it."""
        if plan.path != "0":
            raise ValueError(
                f"layer {plan.path} is {self!r:.80}, but must be the first: it encodes the model's inputs"
            )
        plan.encode(self.features_out, tuple(n for n in self.bins_of_features if n))
