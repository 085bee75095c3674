"""Data to try things on: bundled digits, generated sets, and a split that keeps the classes' proportions."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _checks

__all__ = ["Dataset", "lecture_polynomial", "load_digits", "spiral", "stratified_split", "two_moons"]

_MOST = 2**40  # samples: no memory holds more, and NumPy's own errors name nothing


class Dataset(NamedTuple):
    """Samples and what is to be learned from them; unpacks as ``X, y``."""

    data: NDArray[Any]
    """(samples, features)"""
    target: NDArray[Any]
    """(samples,): int64 class indices, or float64 values for a regression"""


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
    Learning Repository, 1998, doi:10.24432/C50P49, CC BY 4.0; in the order that scikit-learn gives it.
    """
    with np.load(Path(__file__).parent / "data" / "digits.npz", allow_pickle=False) as arrays:
        return Dataset(arrays["data"].astype(np.float32), arrays["target"].astype(np.int64))


def spiral(samples_per_class: int = 100, classes: int = 3, noise: float = 0.2, seed: int = 0) -> Dataset:
    """Return the spiral of the CS231n course notes, to the bit: interleaved arms that no line can separate.

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

    Notes
    -----
    Source: CS231n, "Putting it together: minimal neural network case study".
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
    """Return two interleaved half circles, each the inside of the other's bend.

    The upper moon is (cos t, sin t) and the lower one (1 - cos t, 1/2 - sin t), with t from 0 to pi.

    Parameters
    ----------
    samples : int
        Points in all, at least 2; the upper moon has the odd one.
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
    """Return the lecture's eight points, to which it fits polynomials of rising degree.

    Returns
    -------
    Dataset
        data: (8, 1) float64, the abscissae 10 to 60; target: (8,) float64, the ordinates.
    """
    x = [10.0, 15.0, 20.0, 25.0, 29.0, 40.0, 50.0, 60.0]
    y = [6.0, 9.0, 11.0, 12.0, 13.0, 11.0, 10.0, 9.0]
    return Dataset(np.array(x)[:, np.newaxis], np.array(y))


def stratified_split(
    y: ArrayLike, test_fraction: float = 0.2, seed: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide samples at random into a training and a test set with the same proportions of classes.

    Parameters
    ----------
    y : array_like, (samples,)
        The class of each sample: integers, strings, anything that sorts.
    test_fraction : float
        The share of each class that goes to the test set, between 0 and 1, both excluded. A class of n
        samples gives round(test_fraction * n) of them, but at least 1 and at most n - 1.
    seed : int
        Seed of the choice.

    Returns
    -------
    train, test : (n,) int64 and (m,) int64
        Row numbers in ascending order; each row is in exactly one of the two.

    Raises
    ------
    ValueError
        If `y` is not one-dimensional or is empty, if `test_fraction` is not between 0 and 1, or if a class
        has a single sample, which cannot be in both sets.
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
