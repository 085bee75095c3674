"""The learning-rate finder: it changes nothing, repeats, keeps its rule, and what it suggests learns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import steepest as st

finder = st.plots.learning_rate_finder


@pytest.fixture
def digits():
    X, y = st.datasets.load_digits()
    return X / 16, y


def net(**options):
    return st.Sequential(st.Linear(64, 20), st.ReLU(), st.Linear(20, 10), **options)


def test_it_keeps_its_rule_and_changes_nothing(digits, backend):
    model = net()
    before = model.state_dict()
    with backend.computing():
        found = finder(model, *digits, steps=60)
        again = finder(model, *digits, steps=60)
    assert found == again
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[key])
    assert found.rates[0] == pytest.approx(1e-6) and len(found.rates) == len(found.losses) <= 60
    np.testing.assert_allclose(np.diff(np.log(found.rates)), np.log(1e7) / 59)
    assert found.suggestion == pytest.approx(found.rates[int(np.argmin(found.losses))] / 10)
    assert all(loss <= 4 * min(found.losses[: i + 1]) for i, loss in enumerate(found.losses[:-1]))


@pytest.mark.parametrize(
    "optimizer", [st.SGD(), st.SGD(momentum=0.9), st.Adam(), st.RMSProp(), st.Lion()], ids=repr
)
def test_what_it_suggests_learns(digits, optimizer):
    """Better than a tenth of it."""
    X, y = digits
    rate = finder(net(seed=3), X, y, optimizer=optimizer).suggestion
    scores = []
    for learning_rate in (rate / 10, rate):
        model = net(seed=3)
        chosen = dataclasses.replace(optimizer, learning_rate=learning_rate)
        model.fit(X, y, optimizer=chosen, epochs=5, progress=False)
        scores.append(st.accuracy(y, model(X)))
    assert scores[1] > max(scores[0], 0.6)


def test_losses_penalties_batches_and_seeds_count(digits):
    X, y = digits
    plain = finder(net(), X, y, steps=30)
    assert finder(net(), X, y, steps=30, seed=1).losses != plain.losses
    assert finder(net(), X, y, steps=30, batch_size=32).losses != plain.losses
    assert finder(net(), X, y, steps=30, penalty=st.L2(0.1)).losses[0] > plain.losses[0]
    hinge = finder(net(), X, y, steps=30, loss="hinge")
    assert hinge.losses[0] != plain.losses[0]
    narrow = finder(net(), X, y, steps=30, lowest=1e-3, highest=1.0)
    assert narrow.rates[0] == pytest.approx(1e-3) and narrow.rates[-1] <= 1.0 + 1e-9


def test_more_samples_a_batch_than_there_are():
    X, y = st.datasets.two_moons()
    found = finder(st.Sequential(st.Linear(2, 2)), X, y, batch_size=10**4, steps=50)
    assert found.suggestion > 0.01


def test_sparse_rows_and_lists():
    sparse = pytest.importorskip("scipy.sparse")
    X, y = st.datasets.two_moons()
    dense = finder(st.Sequential(st.Linear(2, 16)), X, y, steps=30)
    rows = finder(st.Sequential(st.Linear(2, 16)), sparse.coo_array(X), list(y), steps=30)
    np.testing.assert_allclose(rows.losses, dense.losses, rtol=1e-5)


def test_the_curve_and_the_suggestion_are_drawn():
    pytest.importorskip("matplotlib")
    found = st.plots.LearningRates([0.01, 0.1, 1.0], [2.0, 1.0, 3.0], 0.01)
    ax = found.plot()
    curve, mark = ax.lines
    np.testing.assert_array_equal(curve.get_xydata(), np.column_stack([found.rates, found.losses]))
    assert mark.get_xdata()[0] == 0.01 and mark.get_label() == "suggestion: 0.01"
    assert ax.get_xscale() == "log" and found.plot(ax) is ax


def test_the_finder_refuses(digits):
    X, y = digits
    for model, rows, labels, options, error, message in [
        ("net", X, y, {}, TypeError, "model must be a st.Sequential"),
        (net(), X[:, 1:], y, {}, ValueError, "X has 63 features, but the first layer takes 64"),
        (net(), X, y[1:], {}, ValueError, "X has 1797 samples, but y has 1796"),
        (net(), X[:0], y[:0], {}, ValueError, "0 samples"),
        (
            net(),
            X,
            y,
            {"lowest": 1.0, "highest": 0.5},
            ValueError,
            "lowest is 1, but must be less than",
        ),
        (net(), X, y, {"lowest": 0.0}, ValueError, "lowest"),
        (net(), X, y, {"steps": 1}, ValueError, "steps is 1, but must be at least 2"),
        (net(), X, y, {"batch_size": 0}, ValueError, "batch_size is 0, but must be at least 1"),
        (net(), X, y, {"optimizer": 0.1}, TypeError, "optimizer must be"),
        (net(), X, y, {"lowest": 100.0, "highest": 1e4}, ValueError, "the loss did not fall at any rate"),
    ]:
        with pytest.raises(error, match=message):
            finder(model, rows, labels, **options)
