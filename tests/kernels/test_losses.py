"""Losses one by one: known values, edges, weights, equivalences, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import FUNCTION, assert_close, assert_equal_models, assert_same_bits

import steepest as st
from steepest import functional

DTYPES = [np.float32, np.float64]


def test_known_values(implementation):
    predictions, targets = [[1.0, -2.0], [0.5, 3.0]], [[0, 0], [0.5, 5]]
    third = np.log(3.0)  # the sigmoid of log 3 is 3/4
    with implementation.computing():
        absolute = functional.absolute_error(predictions, targets)
        huber = functional.huber(predictions, targets)
        wide = functional.huber(predictions, targets, 2.0, "sum")
        binary = functional.binary_cross_entropy([[0.0, third], [-third, 0.0]], [[1, 1], [1, 0.5]])
        smooth = functional.softmax_cross_entropy([[third, 0, 0, 0]], [0], label_smoothing=0.2)
        halves = functional.squared_error(predictions, targets, factor=0.5)
        counts = functional.poisson_deviance([[0.0, third], [-third, 0.0]], [[0, 3], [1, 2]])
    assert halves[0] == (5 + 4) / 4 and halves[1].tolist() == [[0.5, -1], [0, -1]]
    # Half of 2 (t log(t / m) - t + m): 1, 0, log 3 - 2 / 3 and 2 log 2 - 1.
    assert counts[0] == pytest.approx((np.log(3) + 2 * np.log(2) - 2 / 3) / 2, rel=1e-15)
    assert counts[1] == pytest.approx(np.array([[1, 0], [-2 / 3, -1]]) / 2, abs=1e-15)
    assert absolute[0] == 2.5 and absolute[1].tolist() == [[0.5, -0.5], [0, -0.5]]
    assert huber[0] == (0.5 + 1.5 + 1.5) / 2 and huber[1].tolist() == [[0.5, -0.5], [0, -0.5]]
    assert wide[0] == 0.5 + 2 + 2 and wide[1].tolist() == [[1, -2], [0, -2]]
    assert binary[0] == pytest.approx((2 * np.log(2) - np.log(0.75) - np.log(0.25)) / 2, rel=1e-15)
    assert binary[1] == pytest.approx(np.array([[-0.5, -0.25], [-0.75, 0]]) / 2, rel=1e-15)
    # Probabilities 1/2 and three times 1/6; targets 0.85 and three times 0.05.
    assert smooth[0] == pytest.approx(0.85 * np.log(2) + 0.15 * np.log(6), rel=1e-15)
    assert smooth[1][0] == pytest.approx([0.5 - 0.85] + [1 / 6 - 0.05] * 3, rel=1e-14)


def test_slopes_at_kinks(implementation):
    """An absolute error of 0 has slope 0; Huber's loss has no kink, and is even."""
    for n in (1, 5, 19):
        zeros = np.zeros((3, n))
        with implementation.computing():
            assert functional.absolute_error(zeros, zeros)[0] == 0
            assert not functional.absolute_error(zeros, -zeros)[1].any()
            for delta in (0.5, 1.0, 3.0):
                value, slope = functional.huber(zeros + delta, zeros, delta, "sum")
                mirrored = functional.huber(zeros, zeros + delta, delta, "sum")
                assert value == mirrored[0] == 3 * n * delta * delta / 2
                assert (slope == delta).all() and (mirrored[1] == -delta).all()
                above = np.nextafter(delta, 9)
                value, slope = functional.huber(zeros + above, zeros, delta, "sum")
                assert value == pytest.approx(3 * n * delta * delta / 2) and (slope == delta).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_log_cosh_keeps_its_digits_near_zero_and_far_from_it(backend, dtype):
    for error in [*np.logspace(-8, 4, 97), 0.8799, 0.88, 0.8801]:
        e = float(dtype(error))
        exact = e + math.log1p(math.exp(-2 * e)) - math.log(2) if e > 1 else math.log1p(math.sinh(e) ** 2) / 2
        with backend.computing():
            value, slope = functional.log_cosh(np.array([[e]], dtype), np.zeros((1, 1), dtype))
        assert abs(value - exact) <= 6 * np.finfo(dtype).eps * exact
        assert_close(slope, np.tanh(np.array([[e]])).astype(dtype), 4, 1)


def test_log_cosh_by_hand(backend):
    predictions, targets = np.array([[0.0, 3.0], [1.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 0.0]])
    each = np.log(np.cosh(predictions - targets)).sum(axis=1)
    with backend.computing():
        assert_close(np.array(functional.log_cosh(predictions, targets)[0]), each.mean(), 8, 3)
        assert_close(np.array(functional.log_cosh(predictions, targets, "sum")[0]), each.sum(), 8, 6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("outputs", [1, 7, 33])
def test_huge_scores(implementation, dtype, outputs):
    s = np.full((2, outputs), 1e4, dtype) * np.array([[1], [-1]], dtype)
    answers = np.array([[1.0], [0.0]], dtype).repeat(outputs, axis=1)
    with implementation.computing():
        right = functional.binary_cross_entropy(s, answers)
        wrong = functional.binary_cross_entropy(s, 1 - answers)
        half = functional.binary_cross_entropy(s, np.full_like(answers, 0.5))
        huber = functional.huber(s, np.zeros_like(s))
        absolute = functional.absolute_error(s, np.zeros_like(s))
    assert right[0] == 0 and not right[1].any()
    assert wrong[0] == absolute[0] == outputs * 1e4
    assert wrong[1].tolist() == (np.sign(s) / 2).tolist() == absolute[1].tolist() == huber[1].tolist()
    assert half[0] == outputs * 5e3 and huber[0] == outputs * (1e4 - 0.5)
    assert half[1].tolist() == (np.sign(s) / 4).tolist()


@pytest.mark.parametrize("classes", [3, 33])
def test_huge_scores_smoothed(implementation, classes):
    scores = np.zeros((1, classes))
    scores[0, :2] = 1e4, -1e4
    with implementation.computing():
        value, gradient = functional.softmax_cross_entropy(scores, [0], label_smoothing=0.3)
    assert value == pytest.approx(3e3, rel=1e-14)
    expected = np.eye(classes)[0] * 0.3 - 0.3 / classes
    assert gradient[0] == pytest.approx(expected, rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("outputs", [1, 33])
def test_a_small_binary_loss_keeps_its_digits(implementation, dtype, outputs):
    """log(1 + e) of a small e, which 1 + e would swallow."""
    for score in (-3.0, -20.0, -50.0, -80.0):
        s = np.full((1, outputs), score, dtype)
        exact = outputs * np.log1p(np.exp(np.float64(score)))
        with implementation.computing():
            value, gradient = functional.binary_cross_entropy(s, np.zeros_like(s))
        depth = outputs + FUNCTION
        assert_close(np.float64(value), np.float64(exact), depth, exact, dtype)
        assert_close(gradient, np.full_like(s, 1 / (1 + np.exp(-np.float64(score)))), FUNCTION, gradient)


def test_binary_targets_may_be_bool_integers_or_a_vector(backend):
    scores, answers = numbers((40, 1)), np.arange(40) % 3 == 0
    with backend.computing():
        expected = functional.binary_cross_entropy(scores, answers[:, None].astype(float))
        for targets in (answers, answers[:, None], answers.astype(np.uint8), answers.tolist()):
            value, gradient = functional.binary_cross_entropy(scores, targets)
            assert value == expected[0]
            assert_same_bits(gradient, expected[1])
        models = [st.Sequential(st.Linear(6, 1)) for _ in range(3)]
        X = numbers((40, 6), np.float32)
        kinds = answers, answers.astype(np.int8), answers[:, None].astype(np.float32)
        for model, targets in zip(models, kinds, strict=True):
            model.fit(X, targets, loss="binary_cross_entropy", epochs=2, progress=False)
    assert_equal_models(models[0], models[1])
    assert_equal_models(models[0], models[2])


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("classes", [2, 5, 16, 40])
def test_smoothing_is_the_cross_entropy_of_smooth_targets(implementation, classes, smoothing):
    scores, labels = 3 * numbers((23, classes)), np.arange(23) % classes
    targets = (1 - smoothing) * np.eye(classes)[labels] + smoothing / classes
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    with implementation.computing():
        value, gradient = functional.softmax_cross_entropy(scores, labels, label_smoothing=smoothing)
    assert value == pytest.approx(-(targets * logs).sum(axis=1).mean(), rel=1e-13)
    assert gradient == pytest.approx((np.exp(logs) - targets) / 23, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_smoothing_is_plain_to_the_bit(implementation, dtype):
    for classes in (2, 10, 33):
        scores, labels = numbers((23, classes), dtype), np.arange(23) % classes
        scores[0, 0] = -np.inf  # which no target but 0 can bear
        labels[0] = 1
        with implementation.computing():
            plain = functional.softmax_cross_entropy(scores, labels)
            smooth = functional.softmax_cross_entropy(scores, labels, label_smoothing=0.0)
            infinite, _ = functional.softmax_cross_entropy(scores, labels, label_smoothing=0.1)
        assert np.isfinite(plain[0]) and plain[0] == smooth[0] and infinite == np.inf
        assert_same_bits(plain[1], smooth[1])


def test_two_classes_are_one_binary_output(implementation):
    """Softmax of two scores is the sigmoid of their difference."""
    scores, labels = 5 * numbers((50, 2)), np.arange(50) % 2
    for smoothing in (0.0, 0.2):
        targets = (1 - smoothing) * labels + smoothing / 2
        with implementation.computing():
            two = functional.softmax_cross_entropy(scores, labels, label_smoothing=smoothing)
            one = functional.binary_cross_entropy(scores[:, 1:] - scores[:, :1], targets)
        assert one[0] == pytest.approx(two[0], rel=1e-14)
        assert np.hstack([-one[1], one[1]]) == pytest.approx(two[1], rel=1e-12, abs=1e-17)


def test_a_large_delta_is_half_the_squared_error_and_a_small_one_the_absolute(implementation):
    predictions, targets = numbers((31, 17)), numbers((31, 17), seed=1)
    with implementation.computing():
        squared, slope = functional.squared_error(predictions, targets)
        half = functional.huber(predictions, targets, 100.0)
        absolute = functional.absolute_error(predictions, targets)
        tiny = functional.huber(predictions, targets, 1e-9)
    assert half[0] == pytest.approx(squared / 2) and half[1] == pytest.approx(slope / 2)
    assert tiny[0] / 1e-9 == pytest.approx(absolute[0]) and tiny[1] / 1e-9 == pytest.approx(absolute[1])


TARGET_LOSSES = [
    functional.squared_error,
    functional.absolute_error,
    functional.huber,
    functional.binary_cross_entropy,
]


@pytest.mark.parametrize("loss", TARGET_LOSSES)
@pytest.mark.parametrize("outputs", [1, 3, 20])
def test_weights_and_reductions_of_target_losses(implementation, loss, outputs):
    """Weights of one change nothing, weights of zero leave out, and a sum is the mean times the samples."""
    s, t = numbers((16, outputs)), np.random.default_rng(1).random((16, outputs))
    some = np.arange(16) % 3 != 1
    s[~some] = np.nan
    with implementation.computing():
        left = loss(s, t, sample_weight=some.astype(float))
        alone = loss(s[some], t[some])
        ones = loss(s[some], t[some], sample_weight=np.ones(some.sum()))
        total = loss(s[some], t[some], reduction="sum")
    assert left[0] == pytest.approx(alone[0], rel=1e-14) and ones[0] == pytest.approx(alone[0], rel=1e-14)
    assert_same_bits(left[1][some], alone[1])
    assert not left[1][~some].any()
    assert_same_bits(ones[1], alone[1])
    assert total[0] == pytest.approx(alone[0] * some.sum(), rel=1e-14)
    assert total[1] == pytest.approx(alone[1] * some.sum(), rel=1e-14, abs=1e-16)
