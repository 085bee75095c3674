"""What is done to inputs before the first stage: `Standardize`, if a model begins with that."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from .. import _checks
from .._checks import Array
from ..backends import active
from ..backends.memory import write
from ..backends.protocol import Network
from .pool import POOL, Pool

AT_ONCE = 4096  # rows: what is computed in float64 stays small


class Inputs:
    """Mean and scale of each feature, which are known once a fit has seen the training rows.

    Parameters
    ----------
    features : int
    dtype : dtype
        Of the model; z = (x - mean) / scale is computed in float64 and rounded to it.

    Attributes
    ----------
    statistics : ndarray, (2, features)
        Mean and scale, both 0 until they are known; then nothing is done.
    """

    what = "mean and scale"  # in messages

    def __init__(self, features: int, dtype: np.dtype[Any]) -> None:
        self.features = features
        self.statistics: Array = np.zeros((2, features), dtype)
        self.forget()

    @property
    def known(self) -> bool:
        """Whether they have been set: no scale is 0 then."""
        return bool(self.statistics[1].all())

    def forget(self) -> None:
        """As at first."""
        self.statistics[...] = 0

    def learn(self, x: Array, pool: Pool = POOL) -> None:
        """Set them to mean and deviation of all rows of a pool; the scale of a constant feature is 1.

        Raises
        ------
        ValueError
            If a mean or deviation is larger than the dtype holds.
        """
        samples = pool.summed(lambda rows: np.array([len(rows)]), x)
        mean = pool.summed(_sums, x) / samples
        with np.errstate(over="ignore"):
            scale = np.sqrt(pool.summed(partial(_squares, mean=mean), x) / samples)
            new = np.array([mean, scale]).astype(self.statistics.dtype)
        if not np.isfinite(new).all():
            bad = int(np.flatnonzero(~np.isfinite(new).all(axis=0))[0])
            raise ValueError(
                f"feature {bad} has mean {mean[bad]:g} and standard deviation {scale[bad]:g}, too large for "
                f"{self.statistics.dtype}"
            )
        least, most = pool.extremes(x)
        new[1, (least == most) | (new[1] < np.finfo(new.dtype).tiny)] = 1
        write([(self.statistics, new)])

    def apply(self, x: Array) -> Array:
        """Standardized rows, in the model's dtype."""
        mean, scale = self.statistics.astype(np.float64)
        scale = scale if self.known else np.ones_like(scale)
        made = np.empty(x.shape, self.statistics.dtype)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
            for start in range(0, len(x), AT_ONCE):
                part = x[start : start + AT_ONCE].astype(np.float64)
                made[start : start + AT_ONCE] = (part - mean) / scale
        return made


class Checked:
    """A network that takes nothing unchecked, so that samples are standardized before it sees them.

    It is here, and not in a condition of each call, because that would cost other models 3 % of a small one.
    """

    def __init__(self, network: Network) -> None:
        self._network = network

    def try_forward(self, x: object) -> None:
        """Leave it to `forward`."""

    def try_step(self, *arguments: object) -> None:
        """Leave it to `step`."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)


def wide_rows(X: object, features: int, name: str = "X") -> Array:
    """Rows as they are given, in float32 or float64, which holds every other number."""
    narrow = isinstance(X, np.ndarray) and X.dtype == np.float32
    return _checks.rows(X, features, np.dtype(np.float32 if narrow else np.float64), name)


def rows_to_learn(X: object, features: int) -> Array:
    """The same, at least one, all finite."""
    x = wide_rows(X, features)
    _checks.not_empty(x, "X")
    _checks.finite_rows(x, active().first_nonfinite_row, "X")
    return x


def _sums(x: Array) -> Array:
    """Of each feature."""
    return np.asarray(sum(part.sum(axis=0) for part in _parts(x)))


def _squares(x: Array, mean: Array) -> Array:
    """Of each feature, the sum of squared deviations."""
    return np.asarray(sum(((part - mean) ** 2).sum(axis=0) for part in _parts(x)))


def _parts(x: Array) -> Iterator[Array]:
    """Some rows at a time in float64, at least none, in an order that does not depend on anything else."""
    return (x[start : start + AT_ONCE].astype(np.float64) for start in range(0, max(len(x), 1), AT_ONCE))
