"""The bundled and generated data, and the split that keeps the classes' proportions."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from steepest import datasets


def test_digits_are_the_published_ones() -> None:
    X, y = datasets.load_digits()
    assert (X.shape, X.dtype.name, y.shape, y.dtype.name) == ((1797, 64), "float32", (1797,), "int64")
    assert (X.min(), X.max()) == (0.0, 16.0)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]  # UCI's own counts
    digest = hashlib.sha256(X.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    digest = hashlib.sha256(y.astype(np.uint8).tobytes()).hexdigest()
    assert digest == "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"


def test_digits_are_new_arrays_each_time() -> None:
    datasets.load_digits().data[:] = -1
    assert datasets.load_digits().data.min() == 0


def test_digits_agree_with_scikit_learn() -> None:
    sklearn_datasets = pytest.importorskip("sklearn.datasets")
    X, y = sklearn_datasets.load_digits(return_X_y=True)
    np.testing.assert_array_equal(datasets.load_digits().data, X)
    np.testing.assert_array_equal(datasets.load_digits().target, y)


def test_spiral_is_the_course_notes_code() -> None:
    N, K = 100, 3
    random = np.random.RandomState(0)
    X = np.zeros((N * K, 2))
    for j in range(K):
        r = np.linspace(0.0, 1, N)
        t = np.linspace(j * 4, (j + 1) * 4, N) + random.randn(N) * 0.2
        X[N * j : N * (j + 1)] = np.c_[r * np.sin(t), r * np.cos(t)]
    data, target = datasets.spiral()
    np.testing.assert_array_equal(data, X)
    np.testing.assert_array_equal(target, np.repeat([0, 1, 2], N))
    assert (data.dtype.name, target.dtype.name) == ("float64", "int64")


@pytest.mark.parametrize("samples", [2, 7, 200])
def test_two_moons_lie_on_their_circles(samples: int) -> None:
    X, y = datasets.two_moons(samples, noise=0.0)
    assert X.shape == (samples, 2)
    assert np.bincount(y).tolist() == [samples - samples // 2, samples // 2]
    upper, lower = X[y == 0], X[y == 1]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0, rtol=1e-15)
    np.testing.assert_allclose(np.hypot(lower[:, 0] - 1.0, lower[:, 1] - 0.5), 1.0, rtol=1e-15)


def test_two_moons_depend_on_the_seed_alone() -> None:
    same, again, other = (datasets.two_moons(50, 0.2, seed).data for seed in (1, 1, 2))
    np.testing.assert_array_equal(same, again)
    assert not np.array_equal(same, other)


def test_lecture_polynomial_is_the_lecture_s_table() -> None:
    x, y = datasets.lecture_polynomial()
    assert x.shape == (8, 1)
    pairs = " ".join(f"{a:g} {b:g}" for a, b in zip(x[:, 0], y, strict=True))
    assert pairs == "10 6 15 9 20 11 25 12 29 13 40 11 50 10 60 9"


@given(
    counts=st.lists(st.integers(2, 40), min_size=1, max_size=6),
    fraction=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32),
)
def test_split_is_a_partition_with_exact_proportions(counts: list[int], fraction: float, seed: int) -> None:
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    train, test = datasets.stratified_split(y, fraction, seed)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(y.size))
    assert (np.diff(train) > 0).all() and (np.diff(test) > 0).all()
    for label, count in enumerate(counts):
        assert np.sum(y[test] == label) == min(max(round(fraction * count), 1), count - 1)


def test_split_depends_on_the_seed_alone() -> None:
    y = np.array(["a", "b"] * 50)
    splits = [datasets.stratified_split(y, 0.2, seed)[1].tolist() for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


def test_split_gives_each_sample_its_chance() -> None:
    y = np.repeat([0, 1], 10)
    drawn = sum(np.bincount(datasets.stratified_split(y, 0.3, seed)[1], minlength=20) for seed in range(400))
    # Binomial(400, 0.3): mean 120, standard deviation 9.2; six of them leave no room for chance.
    assert np.abs(drawn - 120).max() < 6 * 9.2


@pytest.mark.parametrize(
    ("y", "fraction", "message"),
    [
        (["a", "a", "b"], 0.2, "class 'b' has 1 sample, but needs 2"),
        ([0, 0, 1, 1], 0.0, "test_fraction is 0.0, but must be between 0 and 1"),
        ([0, 0, 1, 1], 1.0, "test_fraction is 1.0, but must be between 0 and 1"),
        ([0, 0, 1, 1], float("nan"), "test_fraction is nan"),
        ([[0, 0], [1, 1]], 0.2, r"y has shape \(2, 2\)"),
        ([], 0.2, r"y has shape \(0,\)"),
    ],
)
def test_split_refuses(y: ArrayLike, fraction: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        datasets.stratified_split(y, fraction)


def test_generators_refuse() -> None:
    with pytest.raises(ValueError, match="samples_per_class is 0, but must be at least 1"):
        datasets.spiral(samples_per_class=0)
    with pytest.raises(ValueError, match="classes is 0, but must be at least 1"):
        datasets.spiral(classes=0)
    with pytest.raises(ValueError, match="noise is -1, but must be finite and not negative"):
        datasets.spiral(noise=-1)
    with pytest.raises(ValueError, match="samples is 1, but must be at least 2"):
        datasets.two_moons(samples=1)
    with pytest.raises(ValueError, match="noise is nan"):
        datasets.two_moons(noise=float("nan"))
