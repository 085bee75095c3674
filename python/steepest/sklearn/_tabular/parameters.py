"""Declare: what estimators of tables are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Integral
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from ..._checks import integer
from .._common.parameters import BELOW_1, COUNT, NON_NEGATIVE, POSITIVE, Names, parameter
from . import recipe
from .encoder import CATEGORICAL, CATEGORICAL_TEXT


@dataclass(eq=False, repr=False)
class TabularParameters(BaseEstimator):
    """What classes and numbers have in common."""

    n_members: int = parameter(
        4,
        [COUNT],
        "Number of networks whose answers are averaged. Each has another fifth of the rows held out.",
    )
    _: KW_ONLY
    hidden_layer_sizes: Sequence[int] = parameter(
        (128, 128, 128),
        ["array-like", COUNT],
        "Number of units in each hidden layer.",
        "int or array-like of int",
    )
    bins: int | str = parameter(
        "auto",
        [Names("auto"), Interval(Integral, 0, 2**20, closed="both")],
        "Number of quantile bins of each number, for its piecewise linear encoding; 0 for none. "
        f'"auto" is {recipe.BINS}, or less, so that all numbers together have at most {recipe.MOST_RAMPS}.',
        'int or "auto"',
    )
    embedding: str = parameter(
        "auto",
        [Names("auto", "piecewise_linear", "periodic")],
        "What is made of each number beside itself: ramps between its quantiles "
        "(`steepest.PiecewiseLinear`), or cosines with frequencies that are learned "
        "(`steepest.PeriodicEmbedding`), which suit some sharp thresholds better. "
        '"auto" trains a network with both for half of the steps, on the rows of the first member, and gives '
        f"all members the better one; of more than {recipe.MOST_TRIED} inputs, or without bins, it is "
        "the first.",
        '"auto", "piecewise_linear" or "periodic"',
    )
    dropout: float = parameter(
        0.1, [BELOW_1], "Probability that a unit of a hidden layer is dropped in a step."
    )
    weight_decay: float | str = parameter(
        "auto",
        [Names("auto"), NON_NEGATIVE],
        f'That of AdamW. "auto" is {recipe.WEIGHT_DECAY}.',
        'float or "auto"',
    )
    max_steps: int | str = parameter(
        "auto",
        [Names("auto"), COUNT],
        f"Number of steps of each member, of up to {recipe.BATCH} rows, rounded down to whole epochs, at "
        'least one. "auto" is 1000, growing beyond 4000 rows with their number to the power 3/4, and at '
        "least 8 epochs and at most 256.",
        'int or "auto"',
    )
    max_time: float | None = parameter(
        None,
        [POSITIVE, None],
        "Seconds after which a fit ends with what it has found so far. Encoding the table is not cut short.",
    )
    categorical_features: str | Sequence[Any] | None = parameter(
        "from_dtype", CATEGORICAL, CATEGORICAL_TEXT, '"from_dtype" or array-like'
    )
    n_threads: int | None = parameter(
        None,
        [COUNT, None],
        "Maximum number of threads; by default `steepest.get_num_threads()`. Members are fitted side by "
        "side. It does not change the result.",
    )
    progress: bool = parameter(
        False, ["boolean"], "Show a progress bar of the members if stderr is a terminal."
    )
    random_state: Any = parameter(
        None,
        ["random_state"],
        "Seed of all draws: what is held out, initial weights, the order of the rows, and what is dropped.",
    )

    def _hidden(self) -> list[int]:
        sizes: Any = self.hidden_layer_sizes
        given = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
        return [integer(n, f"hidden_layer_sizes[{i}]", minimum=1) for i, n in enumerate(given)]

    def _bins(self, numbers: int) -> int:
        return recipe.bins_of(numbers) if self.bins == "auto" else int(self.bins)

    def _weight_decay(self) -> float:
        return recipe.WEIGHT_DECAY if self.weight_decay == "auto" else float(self.weight_decay)

    def _max_steps(self) -> int | None:
        return None if self.max_steps == "auto" else int(self.max_steps)
