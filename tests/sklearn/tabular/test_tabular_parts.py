"""The parts of estimators of tables: folds, ramps, the recipe, scores, temperatures, and what a leak is."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is that folder where there is no other
from scipy.special import log_softmax
from sklearn import metrics

from steepest.sklearn import TableEncoder
from steepest.sklearn._tabular import calibration, recipe, scores
from steepest.sklearn._tabular.folds import Fold, folds
from steepest.sklearn._tabular.knots import knots_of
from steepest.sklearn._tabular.leaks import leaks


@pytest.mark.parametrize("members", [1, 4, 5, 7])
@pytest.mark.parametrize("sizes", [[40, 25], [100, 3, 1], [7], [2], [1, 1]])
def test_folds(sizes, members):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    found = folds(groups, members, np.random.RandomState(0))
    assert len(found) == members
    for learned, held in found:
        assert sorted([*learned, *held]) == list(range(len(groups)))
        assert abs(len(held) - len(groups) / min(5, len(groups))) < 1
        for group, size in enumerate(sizes):  # a fifth of each
            assert abs((groups[held] == group).sum() - size / min(5, len(groups))) < 1
    held = np.concatenate([fold.held_out for fold in found[: min(5, len(groups))]])
    assert len(set(held.tolist())) == len(held)


def test_a_row_alone_is_held_out_of_nothing():
    ((learned, held),) = folds(np.zeros(1, dtype=np.int64), 1, np.random.RandomState(0))
    assert learned.tolist() == held.tolist() == [0]


def test_knots_are_different_quantiles():
    X = np.array([[0, 5], [1, 5], [2, 6], [3, 6], [4, 6]], dtype=np.float32)
    assert [knots.tolist() for knots in knots_of(X, np.array([5, 0]), 2)] == [[0, 2, 4], []]
    assert [knots.tolist() for knots in knots_of(X, np.array([5, 0]), 0)] == [[], []]
    assert knots_of(X[:, :1] > 2, np.array([2]), 16)[0].size == 0  # two values need no ramp
    column = np.repeat(np.arange(4, dtype=np.float32), [50, 1, 1, 50])[:, np.newaxis]
    assert 2 < knots_of(column, np.array([4]), 16)[0].size <= 4  # few values


def test_initial_network():
    nothing, knots = np.empty(0, np.float32), np.array([0, 1, 3], np.float32)
    model = recipe.network(
        [nothing] * 20 + [knots] * 10, False, [400, 300], 3, 0.2, recipe.of_classes(0.1), seed=1
    )
    state = model.state_dict()
    first, second, last = recipe.linear_layers(model)
    assert (state[f"{last}.weight"] == 0).all() and (state[f"{last}.bias"] == 0).all()
    assert abs(state[f"{first}.weight"].std() * math.sqrt(50) - 1) < 0.02
    assert abs(state[f"{second}.weight"].std() * math.sqrt(400) - 1) < 0.02
    assert abs(state[f"{second}.bias"].std() - 1) < 0.15
    assert state["0.knots"].tolist() == [0, 1, 3] * 10 and model.in_features == 30
    assert recipe.rate_factors(model) == {first: 50**-0.5, second: 400**-0.5, last: 300**-0.5}
    bare = recipe.network([nothing] * 4, False, [5], 1, 0.0, recipe.of_numbers(), seed=1)
    assert [type(layer).__name__ for layer in bare.layers] == ["Linear", "Mish", "Linear"]


def test_length():
    lengths = {rows: recipe.epochs(rows, None) for rows in (10, 1000, 4000, 16000, 10**7)}
    assert lengths == {10: 256, 1000: 125, 4000: 32, 16000: 23, 10**7: 8}
    assert [recipe.batches(rows) for rows in (1, 64, 128, 129, 4000)] == [
        (1, 1), (1, 64), (1, 128), (2, 86), (32, 126)
    ]  # fmt: skip
    for rows in (*range(1, 1000), 16385):
        count, size = recipe.batches(rows)
        assert 1 <= rows - (count - 1) * size <= size <= recipe.BATCH
        assert count == 1 or rows - (count - 1) * size >= size / 2
    assert recipe.epochs(1000, 40) == 5 and recipe.epochs(1000, 1) == 1


random = np.random.default_rng(3)
WEIGHT = random.random(50)
CODES = random.integers(0, 3, 50)
PROBABILITIES = random.dirichlet(np.ones(3), 50)
TARGETS = random.standard_normal((50, 2))
ANSWERS = TARGETS + random.standard_normal((50, 2))


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_scores_are_those_of_scikit_learn(weight):
    expected = {
        "accuracy": metrics.accuracy_score(CODES, PROBABILITIES.argmax(axis=1), sample_weight=weight),
        "log_loss": metrics.log_loss(CODES, PROBABILITIES, sample_weight=weight),
        "r2": metrics.r2_score(TARGETS, ANSWERS, sample_weight=weight),
        "squared_error": metrics.mean_squared_error(TARGETS, ANSWERS, sample_weight=weight),
        "absolute_error": metrics.mean_absolute_error(TARGETS, ANSWERS, sample_weight=weight),
    }
    found = {name: metric(CODES, PROBABILITIES, weight) for name, metric in scores.OF_CLASSES.items()}
    found |= {name: metric(TARGETS, ANSWERS, weight) for name, metric in scores.OF_NUMBERS.items()}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


def test_r2_of_constants():
    assert scores.r2(np.ones((3, 1)), np.ones((3, 1)), None) == 1
    assert scores.r2(np.ones((3, 1)), np.zeros((3, 1)), None) == 0


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_temperature_is_found(true):
    wide = random.standard_normal((20_000, 3)) * 3
    probabilities = np.exp(log_softmax(wide / true, axis=1))
    codes = (probabilities.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    assert calibration.temperature(wide, codes, None) == pytest.approx(true, rel=0.05)


def test_temperature_has_limits():
    right = np.array([[1.0, 0], [0, 1]])
    found = [calibration.temperature(right, np.array(codes), None) for codes in ([0, 1], [1, 0])]
    np.testing.assert_allclose(found, [0.25, 4], rtol=1e-3)


def test_temperature_minimizes_the_weighted_loss():
    wide = random.standard_normal((50, 3)) + 2 * np.eye(3)[CODES]
    own = calibration.temperature(wide, CODES, WEIGHT)
    step = 1e-3
    loss = [
        scores.log_loss(CODES, np.exp(log_softmax(wide / t, 1)), WEIGHT)
        for t in (own - step, own, own + step)
    ]
    assert loss[1] <= min(loss) + 1e-7


@pytest.mark.parametrize("weight", [None, 3 * random.random(20_000)])
def test_factors_and_shifts_of_classes_are_found(weight):
    wide = random.standard_normal((20_000, 3)) * 3
    factors, shifts = np.array([0.8, 1.1, 1.2]), np.array([0.3, -0.1, -0.2])
    probabilities = np.exp(log_softmax(factors * wide + shifts, axis=1))
    codes = (probabilities.cumsum(axis=1) < random.random((20_000, 1))).sum(axis=1)
    found = calibration.by_class(wide, codes, weight)
    np.testing.assert_allclose(found[0], factors, atol=0.12)
    np.testing.assert_allclose(found[1], shifts, atol=0.12)


def test_factors_and_shifts_of_few_rows_stay_near_1_and_0():
    """Of rows that are all of one class, too, and where others have no row."""
    for codes in (np.zeros(20, dtype=np.int64), CODES[:20]):
        factors, shifts = calibration.by_class(random.standard_normal((20, 3)), codes, None)
        assert np.abs(factors - 1).max() < 0.5 and np.abs(shifts).max() < 0.5


def test_factors_and_shifts_minimize_the_penalized_weighted_loss():
    """By its central differences, which vanish there."""
    wide = random.standard_normal((50, 3)) + 2 * np.eye(3)[CODES]
    best = np.concatenate(calibration.by_class(wide, CODES, WEIGHT))

    def loss(parameters):
        off = parameters - [1, 1, 1, 0, 0, 0]
        own = scores.log_loss(CODES, np.exp(log_softmax(parameters[:3] * wide + parameters[3:], 1)), WEIGHT)
        return own + off @ off / (2 * 0.01 * WEIGHT.sum() ** 2 / (WEIGHT @ WEIGHT))

    slopes = [(loss(best + step) - loss(best - step)) / 2e-4 for step in 1e-4 * np.eye(6)]
    np.testing.assert_allclose(slopes, 0, atol=2e-3)


FOLD = Fold(np.arange(100, 600), np.arange(100))


def found_leaks(X, targets):
    encoder = TableEncoder().fit(X)
    return list(leaks(encoder.encodings_, encoder.transform(X), targets, FOLD))


def test_leaks_are_found():
    number = random.standard_normal(600)
    noise = random.standard_normal(600)
    codes = random.integers(0, 4, 600)
    X = np.column_stack([noise, codes.astype(object), np.array(list("abcd"), dtype=object)[codes], number])
    assert found_leaks(X, codes) == ["x1", "x2"]
    assert found_leaks(X, np.column_stack([3 * number + 1])) == ["x3"]
    assert not found_leaks(X, np.column_stack([number + 0.1 * noise]))
    assert not found_leaks(X, np.zeros(600, dtype=np.int64))
    few = Fold(np.arange(50, 600), np.arange(50))
    encoder = TableEncoder().fit(X)
    assert not list(leaks(encoder.encodings_, encoder.transform(X), codes, few))


def test_rare_classes_are_no_leak():
    """Where hardly any row held out is of another class, a constant predicts them all."""
    y = np.zeros(2000, dtype=np.int64)
    y[[5, 600, 1500]] = 1
    X = np.random.default_rng(0).random((2000, 2)) < 0.5
    encoder = TableEncoder().fit(X)
    for seed in range(8):
        fold = folds(y, 1, np.random.RandomState(seed))[0]
        assert not list(leaks(encoder.encodings_, encoder.transform(X), y, fold))
