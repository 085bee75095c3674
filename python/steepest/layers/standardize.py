"""`Standardize`: features of one scale, whatever the data's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import _checks
from .._description import Rule
from ._base import Layer, Plan

__all__ = ["Standardize"]


def _optional_features(value: Any, name: str) -> int | None:
    return None if value is None else _checks.integer(value, name, minimum=1)


@dataclass(frozen=True)
class Standardize(Layer):
    """Features of mean 0 and standard deviation 1: z = (x - mean) / scale, as the first layer of a model.

    Networks learn slowly, or not at all, from features of very different scales. The first `fit` sets mean
    and scale from its training rows (without those that `validation_split` holds out), later fits keep them;
    `Sequential.standardize` sets them for loops of your own. They are saved with the model, so that it takes
    raw data everywhere. `Sequential.folded` merges them into the `Linear` behind.

    Parameters
    ----------
    features : int, optional
        At least 1. By default as many as the next layer takes. `mean` and `scale` are (features,).

    Raises
    ------
    TypeError
        If `features` is not an integer.
    ValueError
        If it is less than 1; when a model is made, if this is not its first layer.

    Notes
    -----
    scale is the (biased) standard deviation, and 1 for a feature that is constant. Sample weights do not
    affect it. z is computed in float64 and then rounded to the model's dtype, so that little is lost of
    features that vary little around a large number, if X is float64. A standardized copy of X is made, also
    of an X that is mapped from a file. X cannot be sparse: `sklearn.preprocessing.MaxAbsScaler` scales such
    data without making them dense.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Standardize(), st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
    >>> history = model.fit(1000 * X + 5000, y, optimizer="adam", progress=False)
    >>> model.state_dict()["0.mean"].round(-2).tolist()
    [5500.0, 5300.0]
    """

    features: int | None = None
    _rules: ClassVar[Mapping[str, Rule]] = {"features": _optional_features}

    @property
    def features_in(self) -> int | None:
        """Number of input features."""
        return self.features

    def running_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Mean and scale of each feature."""
        return {} if self.features is None else dict.fromkeys(("mean", "scale"), (self.features,))

    def compile(self, plan: Plan) -> None:
        """To no stage: `compile.inputs` does it where samples come in."""
        if plan.path != "0":
            raise ValueError(
                f"layer {plan.path} is {self!r}, but must be the first: it standardizes the model's inputs"
            )
