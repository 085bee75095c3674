"""Small data sets, bundled or generated, and a split that keeps the proportions of the classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks

__all__ = ["Dataset", "lecture_polynomial", "load_digits", "spiral", "stratified_split", "two_moons"]

_MOST = 2**40  # samples: no memory holds more, and NumPy's own errors name nothing


class Dataset(NamedTuple):
    """Samples and their targets; unpacks as ``X, y``.

    Attributes
    ----------
    data : ndarray, (samples, features)
    target : ndarray, (samples,)
        int64 class indices, or float64 values for a regression.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.spiral()
    >>> X.shape, y.shape
    ((300, 2), (300,))
    """

    data: NDArray[Any]
    target: NDArray[Any]


def load_digits() -> Dataset:
    """Return the 1,797 handwritten digits of 8 x 8 pixels that come with the package.

    Returns
    -------
    Dataset
        data: (1797, 64) float32, each row an image read row by row, with pixels 0 (white) to 16 (black);
        target: (1797,) int64, the digit 0 to 9. The arrays are new at each call.

    Notes
    -----
    The test set of E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine
    Learning Repository, 1998, doi:10.24432/C50P49, CC BY 4.0; in the order of scikit-learn's `load_digits`.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.load_digits()
    >>> X.shape, X.dtype.name, X.max().item(), y[:5].tolist()
    ((1797, 64), 'float32', 16.0, [0, 1, 2, 3, 4])
    """
    with np.load(Path(__file__).parent / "data" / "digits.npz", allow_pickle=False) as arrays:
        return Dataset(arrays["data"].astype(np.float32), arrays["target"].astype(np.int64))


def spiral(samples_per_class: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Return the spiral of the CS231n course notes, bit for bit: interleaved arms that no line can separate.

    Arm j has radii r = linspace(0, 1) and angles t = linspace(4j, 4(j + 1)) + noise * randn, and its points
    are (r sin t, r cos t).

    Parameters
    ----------
    samples_per_class, classes : int
        Points on an arm, and the number of arms; at least 1 each.
    noise : float
        Standard deviation of the angles, in radians; at least 0.
    seed : int
        Seed of NumPy's legacy generator, which the notes use: ``np.random.seed(seed)`` gives the same points.

    Returns
    -------
    Dataset
        data: (samples_per_class * classes, 2) float64, arm by arm; target: the arm, int64.

    Raises
    ------
    ValueError
        If a count is below 1 or the noise is negative.
    TypeError
        If a count or the seed is not an integer, or the noise is not a number.

    Notes
    -----
    Source: CS231n, "Putting it together: minimal neural network case study".

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.spiral(samples_per_class=2, classes=2, noise=0.0)
    >>> X[0].tolist(), y.tolist()
    ([0.0, 0.0], [0, 0, 1, 1])
    """
    samples_per_class = _checks.integer(samples_per_class, "samples_per_class", minimum=1, maximum=_MOST)
    classes = _checks.integer(classes, "classes", minimum=1)
    noise = _checks.non_negative(noise, "noise")
    seed = _checks.integer(seed, "seed", minimum=0, maximum=2**32 - 1)
    random = np.random.RandomState(seed)  # legacy: the published losses come from it
    radius = np.linspace(0.0, 1.0, samples_per_class)
    arms = []
    for arm in range(classes):
        angle = np.linspace(4 * arm, 4 * (arm + 1), samples_per_class)
        angle += random.randn(samples_per_class) * noise
        arms.append(np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]))
    return Dataset(np.concatenate(arms), np.repeat(np.arange(classes, dtype=np.int64), samples_per_class))


def two_moons(samples: int = 200, noise: float = 0.1, seed: int = 0) -> Dataset:
    """Return two interleaved half circles, which no line can separate.

    The upper moon is (cos t, sin t) and the lower one (1 - cos t, 1/2 - sin t), with t from 0 to pi.

    Parameters
    ----------
    samples : int
        Total number of points, at least 2. If it is odd, the upper moon has one more.
    noise : float
        Standard deviation of the normal noise added to both coordinates; at least 0.
    seed : int
        Seed of the noise.

    Returns
    -------
    Dataset
        data: (samples, 2) float64, the upper moon first; target: (samples,) int64, 0 for the upper moon,
        1 for the lower.

    Raises
    ------
    ValueError
        If there are fewer than 2 samples or the noise is negative.
    TypeError
        If `samples` or `seed` is not an integer, or the noise is not a number.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons(4, noise=0.0)
    >>> X.round(6).tolist()
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]]
    >>> y.tolist()
    [0, 0, 1, 1]
    """
    samples, seed = _checks.integer(samples, "samples", minimum=2, maximum=_MOST), _checks.seed(seed)
    noise = _checks.non_negative(noise, "noise")
    lower = samples // 2
    upper = samples - lower
    t_upper, t_lower = np.linspace(0.0, np.pi, upper), np.linspace(0.0, np.pi, lower)
    points = np.concatenate(
        [
            np.column_stack([np.cos(t_upper), np.sin(t_upper)]),
            np.column_stack([1.0 - np.cos(t_lower), 0.5 - np.sin(t_lower)]),
        ]
    )
    points += noise * np.random.default_rng(seed).standard_normal(points.shape)
    return Dataset(points, np.repeat(np.arange(2, dtype=np.int64), [upper, lower]))


def lecture_polynomial() -> Dataset:
    """Return the eight points to which the lecture fits polynomials of increasing degree.

    Returns
    -------
    Dataset
        data: (8, 1) float64, x from 10 to 60; target: (8,) float64, y.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.lecture_polynomial()
    >>> X[:, 0].tolist()
    [10.0, 15.0, 20.0, 25.0, 29.0, 40.0, 50.0, 60.0]
    >>> y.tolist()
    [6.0, 9.0, 11.0, 12.0, 13.0, 11.0, 10.0, 9.0]
    """
    x = [10.0, 15.0, 20.0, 25.0, 29.0, 40.0, 50.0, 60.0]
    y = [6.0, 9.0, 11.0, 12.0, 13.0, 11.0, 10.0, 9.0]
    return Dataset(np.array(x)[:, np.newaxis], np.array(y))


def stratified_split(
    y: ArrayLike, test_fraction: float = 0.2, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split samples at random into a training and a test set with the same proportions of classes.

    Parameters
    ----------
    y : array_like, (samples,)
        The class of each sample: integers, strings, or anything else that can be sorted.
    test_fraction : float
        Fraction of each class that goes to the test set, greater than 0 and less than 1. Of a class of n
        samples it gets round(test_fraction * n), but at least 1 and at most n - 1.
    seed : int
        Seed of the random choice.

    Returns
    -------
    train, test : (n,) int64 and (m,) int64
        Row numbers in ascending order; each row is in exactly one of the two.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional or is empty, if `test_fraction` is not between 0 and 1, or if a class
        has a single sample, which cannot be in both sets.
    TypeError
        If `test_fraction` is not a number or `seed` is not an integer.

    Examples
    --------
    >>> import steepest as st
    >>> train, test = st.datasets.stratified_split(["a", "a", "b", "b", "b", "b"], test_fraction=0.5)
    >>> len(train), len(test)
    (3, 3)
    """
    labels = np.asarray(y)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"y has shape {labels.shape}, but must have one dimension and at least one sample")
    test_fraction = _checks.inside(test_fraction, "test_fraction")
    classes, index, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if counts.min() < 2:
        lonely = classes[counts.argmin()].item()
        raise ValueError(f"class {lonely!r} has 1 sample, but needs 2: one to train on and one to test with")
    random = np.random.default_rng(_checks.seed(seed))
    is_test = np.zeros(labels.size, dtype=bool)
    members_of = np.split(np.argsort(index, kind="stable"), np.cumsum(counts)[:-1])
    for members in members_of:
        share = min(max(round(test_fraction * members.size), 1), members.size - 1)
        is_test[random.permutation(members)[:share]] = True
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)
