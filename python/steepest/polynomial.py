"""Polynomial regression: the powers of one variable as features of a linear model."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks

__all__ = ["PolynomialFeatures"]

_ROUNDING = 1e-12  # a power that varies by less than this share of its size is constant but for roundings


class PolynomialFeatures:
    """Standardized powers of one variable, on which a linear layer is a polynomial.

    With means and standard deviations over the samples given to `fit`::

        t = (x - mean(x)) / std(x),    feature p = (t**p - mean(t**p)) / std(t**p),   p = 1 .. degree

    There is no column of ones, because the `Linear` layer has a bias.

    Parameters
    ----------
    degree : int
        The highest power, at least 1.

    Raises
    ------
    ValueError
        If `degree` is below 1.
    TypeError
        If `degree` is not an integer.

    Notes
    -----
    A linear model with a bias on these features can represent every polynomial in x up to the degree. The
    number of steps that gradient descent needs grows with the condition number, the ratio of the largest
    curvature to the smallest (with momentum, with its square root). For the lecture's eight points and degree
    7 it is 5e6. If powers of x itself were standardized it would be 4e12, and for plain powers 1.5e30.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> x = np.array([0.0, 1.0, 2.0, 3.0])
    >>> square = st.PolynomialFeatures(2)
    >>> features = square.fit_transform(x)
    >>> features.shape, features.mean(axis=0).round(6).tolist(), features.std(axis=0).round(6).tolist()
    ((4, 2), [0.0, 0.0], [1.0, 1.0])
    >>> model = st.Sequential(st.Linear(2, 1), dtype=np.float64)
    >>> options = {"loss": "squared_error", "optimizer": st.SGD(0.4), "batch_size": None}
    >>> history = model.fit(features, x**2, epochs=200, progress=False, **options)
    >>> model(square.transform([1.5, 4.0])).round(3).tolist()
    [[2.25], [16.0]]
    """

    def __init__(self, degree: int) -> None:
        self.degree = _checks.integer(degree, "degree", minimum=1)
        self._fitted: tuple[float, float, NDArray[Any], NDArray[Any]] | None = None

    def fit(self, x: ArrayLike) -> PolynomialFeatures:
        """Compute the means and standard deviations of the powers of `x`.

        Parameters
        ----------
        x : array_like, (samples,) or (samples, 1)

        Returns
        -------
        PolynomialFeatures
            This object.

        Raises
        ------
        ValueError
            If the shape is another one, a value is not finite, or a power does not vary: if all values of x
            are equal, or x has only two distinct values and the degree is above 1.
        TypeError
            If `x` does not hold real numbers.

        Examples
        --------
        >>> import steepest as st
        >>> st.PolynomialFeatures(2).fit([[1.0], [3.0], [4.0]]).transform([[2.0]]).shape
        (1, 2)
        """
        values = _one_variable(x)
        with np.errstate(all="ignore"):
            center, spread = float(values.mean()), float(values.std())
        if values.min() == values.max():
            raise ValueError(
                f"the {len(values)} values of x are all {values[0]}, but must vary to be standardized"
            )
        if not (math.isfinite(spread) and spread >= np.finfo(np.float64).smallest_normal):
            raise ValueError(
                f"x has the standard deviation {spread}, but must have a finite one of at least 2.2e-308"
            )
        powers = self._powers(values, center, spread)
        with np.errstate(all="ignore"):
            mean, scale = powers.mean(axis=0), powers.std(axis=0)
        if not np.isfinite(scale).all():
            raise ValueError(f"x varies so much that its powers up to degree {self.degree} are not finite")
        if (constant := scale <= _ROUNDING * np.abs(powers).max(axis=0)).any():
            raise ValueError(
                f"x has {len(np.unique(values))} distinct values with one and the same power "
                f"{int(constant.argmax()) + 1} about their mean, but degree {self.degree} needs at least 3"
            )
        self._fitted = center, spread, mean, scale
        return self

    def transform(self, x: ArrayLike) -> NDArray[Any]:
        """Return the features of `x`.

        Parameters
        ----------
        x : array_like, (samples,) or (samples, 1)

        Returns
        -------
        ndarray, (samples, degree), float64

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError, TypeError
            As for `fit`, but the values need not vary.

        Examples
        --------
        >>> import steepest as st
        >>> features = st.PolynomialFeatures(3).fit([[1.0], [3.0], [4.0], [7.0]])
        >>> features.transform([[1.0], [2.0]]).shape
        (2, 3)
        """
        if self._fitted is None:
            raise RuntimeError("transform needs the means and deviations that fit takes: call fit first")
        center, spread, mean, scale = self._fitted
        return np.asarray((self._powers(_one_variable(x), center, spread) - mean) / scale)

    def fit_transform(self, x: ArrayLike) -> NDArray[Any]:
        """Fit to `x` and return its features.

        Parameters
        ----------
        x : array_like, (samples,) or (samples, 1)

        Returns
        -------
        ndarray, (samples, degree), float64

        Raises
        ------
        ValueError, TypeError
            As for `fit`.

        Examples
        --------
        >>> import steepest as st
        >>> st.PolynomialFeatures(3).fit_transform([[1.0], [3.0], [4.0], [7.0]]).shape
        (4, 3)
        """
        return self.fit(x).transform(x)

    def _powers(self, x: NDArray[Any], center: float, spread: float) -> NDArray[Any]:
        with np.errstate(all="ignore"):
            powers = np.asarray(((x - center) / spread)[:, np.newaxis] ** np.arange(1, self.degree + 1))
        if not (good := np.isfinite(powers).all(axis=1)).all():
            row = int(good.argmin())
            raise ValueError(
                f"x[{row}] is {x[row]}, so far from the mean {center} that power {self.degree} is not finite"
            )
        return powers

    def __repr__(self) -> str:
        return f"PolynomialFeatures({self.degree})"


def _one_variable(x: ArrayLike) -> NDArray[Any]:
    """`x` as (samples,) float64, of at least one sample, all finite."""
    array = _checks.real_array(x, "x")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(
            f"x has shape {array.shape}, but must be (samples,) or (samples, 1), with at least 1 sample"
        )
    values = np.asarray(array, np.float64)
    if not (finite := np.isfinite(values)).all():
        row = int(finite.argmin())
        raise ValueError(f"x[{row}] is {values[row]}, but must be finite")
    return values
