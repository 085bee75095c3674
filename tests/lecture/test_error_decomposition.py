"""The error decomposition, on problems where each part is known."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st


def line(width, seed):
    """The same family for every width."""
    return st.Sequential(st.Linear(3, 1), dtype=np.float64, seed=seed)


def noisy_line(samples, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, 3))
    return X, X @ [1.0, -2.0, 0.5] + 0.3 + rng.standard_normal(samples)


def test_parts_of_a_linear_regression_are_those_of_its_closed_forms():
    """Descent from w to the minimum w* is w* + (I - rate H)^steps (w - w*), H the second derivative."""
    (X, y), (X_test, y_test) = train, test = noisy_line(400, 1), noisy_line(1000, 2)
    rate, epochs, longer, samples, seeds = 0.05, 7, 200, 20, (3, 4, 5)
    result = st.error_decomposition(
        line,
        train,
        test,
        samples=samples,
        epochs=epochs,
        longer=longer,
        seeds=seeds,
        loss="squared_error",
        optimizer=st.SGD(rate),
        batch_size=None,
    )

    def after(rows, seed, steps):
        A = np.column_stack([X[rows], np.ones(len(rows))])
        start = np.append(line(1, seed).state_dict()["0.weight"], 0.0)
        best = np.linalg.lstsq(A, y[rows], rcond=None)[0]
        return best + np.linalg.matrix_power(np.eye(4) - rate * 2 * A.T @ A / len(A), steps) @ (start - best)

    def error(w):
        return np.mean((X_test @ w[:3] + w[3] - y_test) ** 2)

    everything = np.arange(400)
    for i, seed in enumerate(seeds):
        drawn = np.random.default_rng(seed).permutation(400)[:samples]
        assert result.given[i] == pytest.approx(error(after(drawn, seed, epochs)), rel=1e-12)
        assert result.longer[i] == pytest.approx(error(after(drawn, seed, epochs * longer)), rel=1e-12)
        expected = error(after(everything, seed, epochs * longer))
        assert result.more_data[i] == pytest.approx(expected, rel=1e-12)
    # The same family, seeds and samples: nothing to approximate, to the bit.
    assert result.approximation == 0 and result.wider == result.more_data
    assert result.optimization > 0.5  # it started far away
    # Of the order of numbers to fit / samples, 4/20 (Hastie et al., Elements of Statistical Learning, 7.4).
    assert 0.05 < result.estimation < 0.8
    assert result.remaining == pytest.approx(1, abs=0.1)  # the variance of the noise


def test_approximation_of_a_rank_2_map_by_one_of_rank_1_is_its_second_singular_value_squared():
    """Of y = 3 x0, x1 for uncorrelated x of variance 1 the best map through one number leaves the 1 of x1.

    (Eckart and Young, 1936.) All samples are corners of one square, and all but one of them tell nearly all:
    there is nothing to estimate. There is no noise: nothing remains.
    """
    corners = np.tile([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], (50, 1))
    data = corners, corners * [3.0, 1.0]

    def through_a_neck(width, seed):
        neck = st.Linear(2, width, bias=False), st.Linear(width, 2, bias=False)
        return st.Sequential(*neck, dtype=np.float64, seed=seed)

    result = st.error_decomposition(
        through_a_neck,
        data,
        data,
        samples=199,  # all but one
        epochs=1000,
        longer=2,
        width=2,
        seeds=range(3),
        loss=st.SquaredError(),
        optimizer=st.SGD(0.02),
        batch_size=None,
    )
    assert result.approximation == pytest.approx(1, abs=1e-9)
    assert result.remaining == pytest.approx(0, abs=1e-9)
    assert result.optimization == pytest.approx(0, abs=1e-9)
    # Covariances of 199 corners are off by 1/200, so the error by some of its square.
    assert result.estimation == pytest.approx(0, abs=1e-4)
    assert max(result.spread.values()) < 1e-4


def test_error_rate_of_a_linear_classifier_on_xor_is_a_quarter_at_least():
    """A line separates at most three of the four corners; a wide net all four."""
    X = np.tile([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], (10, 1))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)

    def linear_or_net(width, seed):
        hidden = (st.Linear(2, 16), st.Tanh(), st.Linear(16, 2)) if width > 1 else (st.Linear(2, 2),)
        return st.Sequential(*hidden, dtype=np.float64, seed=seed)

    result = st.error_decomposition(
        linear_or_net, (X, y), (X, y), epochs=20, longer=10, measure="error_rate", seeds=(0, 1)
    )
    assert result.measure == "error_rate"
    assert result.wider == (0, 0) and min(result.more_data) >= 0.25
    assert result.approximation == np.mean(result.more_data)


@pytest.fixture(scope="module")
def example():
    return st.ErrorDecomposition(
        given=(1.0, 1.2), longer=(0.9, 0.9), more_data=(0.5, 0.7), wider=(0.25, 0.25), measure="loss"
    )


def test_parts_add_up_and_spread_is_that_of_their_differences(example):
    assert example.optimization == pytest.approx(0.2)
    assert example.estimation == pytest.approx(0.3)
    assert example.approximation == pytest.approx(0.35)
    assert example.remaining == pytest.approx(0.25)
    parts = example.remaining + example.approximation + example.estimation + example.optimization
    assert example.total == pytest.approx(parts) == pytest.approx(1.1)
    root = np.sqrt(0.5)  # of two values, the deviation is their difference over the root of 2
    spreads = {"remaining": 0.0, "approximation": 0.2 * root, "estimation": 0.2 * root}
    assert example.spread == pytest.approx(spreads | {"optimization": 0.2 * root})


def test_repr_has_the_numbers(example):
    assert repr(example).splitlines() == [
        "ErrorDecomposition(loss, 2 seeds)",
        "  remaining       0.2500 +- 0.0000",
        "  approximation   0.3500 +- 0.1414",
        "  estimation      0.3000 +- 0.1414",
        "  optimization    0.2000 +- 0.1414",
        "  total           1.1000 +- 0.1414",
    ]


def test_plot_stands_the_parts_on_each_other(example):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    _, ax = pyplot.subplots()
    assert example.plot(ax) is ax
    bars = [(bar.get_y(), bar.get_height()) for bar in ax.patches]
    expected = [(0, 0.25), (0.25, 0.35), (0.6, 0.3), (0.9, 0.2), (0, 1.1)]
    np.testing.assert_allclose(bars, expected, rtol=0, atol=1e-12)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert names == ["remaining", "approximation", "estimation", "optimization", "total"]
    assert ax.get_ylabel() == "test loss"
    assert example.plot() is not ax
    pyplot.close("all")


def test_settings_act():
    train, test = noisy_line(60, 1), noisy_line(60, 2)

    def run(**options):
        base = {"loss": "squared_error", "epochs": 2, "longer": 3, "samples": 20, "seeds": (0, 1)}
        return st.error_decomposition(line, train, test, **(base | options))

    base = run()
    assert run() == base  # deterministic
    assert run(samples=15) == run(samples=None)
    changes = {"samples": 30, "epochs": 3, "seeds": (0, 2), "penalty": st.L2(1.0), "batch_size": 5}
    for name, value in (changes | {"optimizer": st.SGD(0.01), "loss": st.SquaredError("sum")}).items():
        options = {name: value} | ({"optimizer": st.SGD(1e-4)} if name == "loss" else {})
        assert run(**options).given != base.given, name
    assert run(longer=4).given == base.given and run(longer=4).longer != base.longer
    asked = []

    def watched(width, seed):
        asked.append((width, seed))
        return line(width, seed)

    st.error_decomposition(watched, train, test, loss="squared_error", width=7, seeds=(8, 9))
    assert asked == [(1, 8), (1, 8), (7, 8), (1, 9), (1, 9), (7, 9)]


def test_misuse_is_named():
    train = test = noisy_line(8, 1)
    X, y = train
    for options, error, message in [
        ({"samples": 8}, ValueError, "samples is 8, but must be at most 7"),
        ({"samples": 0}, ValueError, "samples is 0, but must be at least 1"),
        ({"epochs": 0}, ValueError, "epochs is 0, but must be at least 1"),
        ({"longer": 1}, ValueError, "longer is 1, but must be at least 2"),
        ({"width": 1}, ValueError, "width is 1, but must be at least 2"),
        ({"seeds": (1,)}, ValueError, r"seeds are \[1\], but at least 2 are needed, all different"),
        ({"seeds": (1, 1)}, ValueError, r"seeds are \[1, 1\], but at least 2"),
        ({"seeds": 3}, TypeError, r"seeds must be a sequence of integers, not 3: write range\(3\)"),
        ({"seeds": (0, -1)}, ValueError, "seed is -1, but must be at least 0"),
        (
            {"measure": "accuracy"},
            ValueError,
            "measure is 'accuracy', but must be one of 'loss', 'error_rate'",
        ),
        ({"measure": "error_rate"}, ValueError, r"counts wrong labels, but SquaredError\(.* takes none"),
        ({"train": X}, TypeError, r"train must be a pair \(X, y\)"),
        ({"test": X}, TypeError, r"test must be a pair \(X, y\)"),
        ({"train": (X[:, 0], y)}, ValueError, r"train has X of shape \(8,\) and y of shape \(8,\), but X"),
        ({"train": (X, y[1:])}, ValueError, "X has 8 samples, but y has 7"),
        ({"train": (X[:1], y[:1])}, ValueError, "train has 1 samples, but must have at least 2"),
        ({"model_factory": lambda width, seed: None}, TypeError, r"model_factory\(1, 0\) must return a st"),
        ({"loss": "cross"}, ValueError, "loss is 'cross'"),
        ({"test": (X[:, 1:], y)}, ValueError, "X of test has 2 features, but the first layer takes 3"),
    ]:
        base = {"model_factory": line, "train": train, "test": test, "loss": "squared_error"}
        with pytest.raises(error, match=message):
            st.error_decomposition(**(base | options))
