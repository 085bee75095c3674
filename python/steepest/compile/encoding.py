"""What `PiecewiseLinear` does to inputs before the first stage."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .._checks import Array
from ..backends.memory import write
from ..layers import PiecewiseLinear
from .inputs import AT_ONCE
from .pool import POOL, Pool


class Encoding:
    """Knots of each feature, which are known once a fit has seen the training rows.

    Parameters
    ----------
    layer : PiecewiseLinear
    dtype : dtype
        Of the model; samples are rounded to it, as knots are, and ramps computed in float64.
    for_product : bool
        Whether the first stage is a product, which takes the places of samples on ramps instead of these.

    Attributes
    ----------
    statistics : ndarray, (1, knots)
        The knots, ascending for each feature; before they are known they descend.
    """

    what = "knots"  # in messages

    def __init__(self, layer: PiecewiseLinear, dtype: np.dtype[Any], for_product: bool) -> None:
        self._given = list(layer.given)
        bins = layer.bins_of_features
        self._encoded = [i for i, n in enumerate(bins) if n]
        self._bins = [n for n in bins if n]
        self._width = layer.features_out
        self._for_product = for_product
        self.features = layer.features
        self.statistics: Array = np.zeros((1, sum(n + 1 for n in self._bins)), dtype)
        self.forget()

    @property
    def known(self) -> bool:
        """Whether they have been set."""
        return self._ascend(self.statistics[0])

    def check(self, knots: Array) -> None:
        """Refuse knots of which some descend, unless they are those of a new model."""
        if not self._ascend(knots) and (knots != _unknown(knots)).any():
            raise ValueError("0.knots descend, but those of each feature must ascend")

    def forget(self) -> None:
        """As at first."""
        self.statistics[0] = _unknown(self.statistics[0])

    def learn(self, x: Array, pool: Pool = POOL) -> None:
        """Set the knots of each feature: its values if there are no more, else quantiles of a pool's rows.

        Raises
        ------
        ValueError
            If a number is larger than the dtype holds.
        """
        columns = zip(self._encoded, self._bins, strict=True)
        new = [pool.of_all(partial(_knots_of, count=n + 1), x[:, i]) for i, n in columns]
        with np.errstate(over="ignore"):
            rounded = np.concatenate(new).astype(self.statistics.dtype)
        if not np.isfinite(rounded).all():
            largest = np.array([np.abs(knots).max() for knots in new])
            bad = int(largest.argmax())
            raise ValueError(
                f"feature {self._encoded[bad]} holds {largest[bad]:g}, too large for {rounded.dtype}"
            )
        write([(self.statistics, rounded[np.newaxis])])

    def apply(self, x: Array) -> Array:
        """Rows of features given as they are, and of ramps; for a product, of places on them instead."""
        parts = [x[start : start + AT_ONCE] for start in range(0, max(len(x), 1), AT_ONCE)]
        made = self._places if self._for_product else self._ramps
        return np.concatenate([made(self._rounded(part)) for part in parts])

    def _rounded(self, x: Array) -> Array:
        """In float64, but rounded as the knots are."""
        with np.errstate(over="ignore"):  # infinite ones are refused later
            return x.astype(self.statistics.dtype).astype(np.float64)

    def _ramps(self, x: Array) -> Array:
        made = [x[:, self._given]]
        for (column, knots), bins in zip(self._columns(x), self._bins, strict=True):
            passed = _passed(column, knots)[:, np.newaxis]
            made.append(2 * np.clip(passed - np.arange(bins), 0, 1) - 1)
        return np.concatenate(made, axis=1).astype(self.statistics.dtype)

    def _places(self, x: Array) -> Array:
        """Given features, then the fraction of each one's interval behind it, then the intervals' numbers."""
        passed = np.stack([_passed(column, knots) for column, knots in self._columns(x)], axis=1)
        interval = np.minimum(np.floor(passed), np.array(self._bins) - 1)
        made = np.concatenate([x[:, self._given], passed - interval, interval], axis=1)
        return made.astype(self.statistics.dtype)

    def _columns(self, x: Array) -> Iterator[tuple[Array, Array]]:
        """Each feature that is encoded, with its knots."""
        return zip(x[:, self._encoded].T, self._split(self.statistics[0]), strict=True)

    def _ascend(self, knots: Array) -> bool:
        return all((np.diff(own) >= 0).all() for own in self._split(knots))

    def _split(self, knots: Array) -> list[Array]:
        """Those of each feature that is encoded."""
        ends = np.cumsum([n + 1 for n in self._bins])
        return np.split(knots.astype(np.float64), ends[:-1])


def _unknown(knots: Array) -> Array:
    """What as many knots are before they are known."""
    return -np.arange(len(knots)).astype(knots.dtype)


def _passed(x: Array, knots: Array) -> Array:
    """How many ramps lie below each number, with the part of the one around it; NaN if it is not finite."""
    knots = np.maximum.accumulate(knots)  # ascending, if they are not known yet
    below = np.searchsorted(knots, x)
    inside = (below > 0) & (below < len(knots))
    last = np.where(inside, below - 1, 0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        part = (x - knots[last]) / (knots[last + 1] - knots[last])
    passed = np.where(inside, last + part, np.clip(below - 1, 0, len(knots) - 1))
    return np.where(np.isfinite(x), passed, np.nan)


def _knots_of(x: Array, count: int) -> Array:
    """As many knots as are asked for: the values of a feature, the last one repeated, or quantiles."""
    x = x.astype(np.float64)
    values = np.unique(x)
    if len(values) <= count:
        return np.concatenate([values, np.full(count - len(values), values[-1])])
    quantiles: Array = np.quantile(x, np.linspace(0, 1, count))
    return np.maximum.accumulate(quantiles)
