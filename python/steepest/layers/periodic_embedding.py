"""`PeriodicEmbedding`: numbers as cosines, whose frequencies are learned."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import _checks
from .._description import Rule
from ..compile.stage import Stage
from ._base import DrawnLayer, Plan

__all__ = ["PeriodicEmbedding"]


def _columns(value: Any, name: str) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str | bytes):
        raise TypeError(f"{name} must be None or a sequence of integers, not {value!r:.80}")
    columns = tuple(_checks.integer(n, f"{name}[{i}]", minimum=0) for i, n in enumerate(value))
    if not columns or any(left >= right for left, right in pairwise(columns)):
        raise ValueError(f"{name} is {value!r:.80}, but must be some features, each above the one before")
    return columns


@dataclass(frozen=True)
class PeriodicEmbedding(DrawnLayer):
    """Give each feature, and beside it some mixtures of its cosines with frequencies that are learned.

    It gives all features as they are and, for 0 < o < outputs, of each feature x with cosines::

        y_o = a_o + sum_k A_ok * cos(2 * pi * (w_k * x + b_k))

    where each of them has its own frequencies w, phases b, and A and a. Behind `Standardize`, before the
    first `Linear`, it lets a small network learn what is periodic in a number, or changes fast with it. A
    penalty or weight decay does not act on its weight.

    Parameters
    ----------
    features : int
        How many come in, at least 1. What comes out is all of them, then y_1 of those with cosines, then
        their y_2, ...
    frequencies : int, default 16
        Number of cosines of each feature, K, at least 1.
    outputs : int, default 4
        What is given for each feature with cosines, itself included: at least 2. M = outputs - 1 are
        mixtures.
    std : float, default 0.1
        Standard deviation of the initial frequencies, in periods per unit of the feature: finite and greater
        than 0. It decides how fast a curve the layer learns at first: try 0.03 to 3.
    columns : sequence of int, default None
        Which features have cosines, ascending from 0; by default all. Of a column of 0 and 1 they would bring
        nothing.

    Raises
    ------
    TypeError
        If a number of features, frequencies or outputs is not an integer, `std` not a real number, or
        `columns` not a sequence of integers.
    ValueError
        If a parameter is outside its range, or, when a model is made, its dtype cannot hold `std` or what is
        drawn with it.

    Notes
    -----
    The layer PBLD ("periodic, bias, linear, dense") of Holzmüller, Grinsztajn and Steinwart, "Better by
    default: strong pre-tuned MLPs and boosted trees on tabular data", NeurIPS 2024 (arXiv:2407.04491), after
    Gorishniy, Rubachev and Babenko, "On embeddings for numerical features in tabular deep learning", NeurIPS
    2022 (arXiv:2203.05556). They give it a tenth of the other layers' learning rate, here
    ``rate_factors={0: 0.1}``.

    `weight` is ((2 + M) * K + M, C), with a column for each of the C features that have cosines. From the
    top, its rows are

    - w, (K, C), drawn from a normal distribution with `std`;
    - b, (K, C), in turns, uniform from [-1/2, 1/2);
    - A, (M, K, C) as M * K rows, uniform from [-1/sqrt(K), 1/sqrt(K));
    - a, (M, C), the same.

    Examples
    --------
    Ten periods of a wave, of which a network that is given the number alone explains next to nothing, as it
    does with the default `std`, which suits slower curves:

    >>> import numpy as np
    >>> import steepest as st
    >>> x = np.linspace(-1, 1, 512)[:, None]
    >>> y = np.sin(10 * np.pi * x)
    >>> def error(*first, width):
    ...     model = st.Sequential(*first, st.Linear(width, 32), st.ReLU(), st.Linear(32, 1))
    ...     how = {"optimizer": "adam", "epochs": 60, "batch_size": 32, "progress": False}
    ...     model.fit(x, y, loss="squared_error", **how)
    ...     return float(((model(x) - y) ** 2).mean())
    >>> error(width=1) > 0.4, error(st.PeriodicEmbedding(1, std=3.0), width=4) < 0.03
    (True, True)
    """

    features: int
    frequencies: int = 16
    outputs: int = 4
    std: float = 0.1
    columns: Sequence[int] | None = None
    optional_fields: ClassVar[frozenset[str]] = frozenset({"columns"})
    _rules: ClassVar[Mapping[str, Rule]] = {
        "features": partial(_checks.integer, minimum=1),
        "frequencies": partial(_checks.integer, minimum=1),
        "outputs": partial(_checks.integer, minimum=2),
        "std": _checks.positive,
        "columns": _columns,
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.columns is not None and self.columns[-1] >= self.features:
            raise ValueError(f"columns has {self.columns[-1]}, but features is {self.features}")

    @property
    def features_in(self) -> int:
        """Number of input features."""
        return self.features

    @property
    def features_out(self) -> int:
        """Number of output features."""
        return self.features + self._embedded * (self.outputs - 1)

    def parameter_shapes(self) -> Mapping[str, tuple[int, ...]]:
        """All parameters of each feature, one below the other."""
        return {"weight": (self._rows, self._embedded)}

    def draw(self, generator: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
        """Frequencies, phases, and what mixes the cosines, as Notes say."""
        frequencies = self.std * generator.standard_normal((self.frequencies, columns))
        phases = generator.uniform(-0.5, 0.5, frequencies.shape)
        bound = 1 / math.sqrt(self.frequencies)
        mixing = generator.uniform(-bound, bound, (rows - 2 * self.frequencies, columns))
        return np.concatenate([frequencies, phases, mixing])

    def compile(self, plan: Plan) -> None:
        """To one stage."""
        plan.append(
            Stage(
                self.features,
                self.features_out,
                kind="periodic",
                rows=self._rows,
                columns=tuple(self.columns or ()),
                parameters="rows",
            )
        )

    @property
    def _embedded(self) -> int:
        return self.features if self.columns is None else len(self.columns)

    @property
    def _rows(self) -> int:
        return (self.outputs + 1) * self.frequencies + self.outputs - 1
