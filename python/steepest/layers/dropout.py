"""Layers that drop elements at random."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._description import Rule
from ..compile.stage import Stage
from ._base import Layer, Plan

__all__ = ["Dropout"]


@dataclass(frozen=True)
class Dropout(Layer):
    """Inverted dropout: in training, set elements to 0 with probability p, and divide the others by 1 - p.

    Nothing is dropped in ``model(X)``.

    Parameters
    ----------
    p : float, default 0.5
        Probability of dropping, in [0, 1).
    mask : array_like of bool, (features,) or (samples, features), optional
        Which elements to keep, instead of random ones; meant for tests, and not stored in model files. With
        several rows, row i is for the i-th sample of each batch.

    Raises
    ------
    TypeError
        If `p` is not a real number, or `mask` does not hold numbers.
    ValueError
        If `p` is outside [0, 1), or `mask` has another shape, or holds something else than 0 and 1.

    Notes
    -----
    After Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15, 2014. The draw for an element is a function of the seed, the
    layer, the training step, the sample's place in its batch and the feature, whatever the threads.

    Examples
    --------
    >>> import steepest as st
    >>> st.Sequential(st.Linear(8, 4), st.ReLU(), st.Dropout(0.2), st.Linear(4, 2)).layers[2]
    Dropout(0.2)
    """

    p: float = 0.5
    mask: NDArray[np.bool_] | None = field(default=None, compare=False)
    keeps_bounds: ClassVar[bool] = True
    _rules: ClassVar[Mapping[str, Rule]] = {"p": _checks.fraction}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mask is not None:
            object.__setattr__(self, "mask", _checks.mask(self.mask))

    @property
    def features_in(self) -> int | None:
        """What the mask is for, if one is given."""
        return None if self.mask is None else int(self.mask.shape[-1])

    def check_batch(self, samples: int, path: str) -> None:
        """Refuse a batch that is larger than the given mask."""
        if self.mask is not None and self.mask.ndim == 2 and len(self.mask) < samples:
            raise ValueError(
                f"a batch has {samples} samples, but the mask of layer {path} has {len(self.mask)}"
            )

    def compile(self, plan: Plan) -> None:
        """To one stage."""
        n = plan.features
        mask = None if self.mask is None else self.mask.reshape(-1, n)
        plan.append(
            Stage(n, n, kind="dropout", number=plan.number, rate=self.p, mask=mask, parameters="none")
        )

    def __repr__(self) -> str:
        return f"Dropout({self.p})" if self.mask is None else f"Dropout({self.p}, mask=...)"
