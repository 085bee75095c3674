"""Losses one by one: known values, edges, weights, equivalences, and what is refused."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.tolerances import FUNCTION, assert_close, assert_equal_models, assert_same_bits

import steepest as st
from steepest import functional
from steepest.losses import as_loss

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


# ---- class weights --------------------------------------------------------------------------------------


def test_class_weights_are_sample_weights(backend, data):
    X, y = data
    by_class, own = (0.25, 2.0, 0.0), np.random.default_rng(2).integers(1, 4, 300)
    for weight, product in [(None, np.array(by_class)[y]), (own, own * np.array(by_class)[y])]:
        how = {"optimizer": st.SGD(0.05, 0.9), "penalty": st.L2(1e-3), "epochs": 3, "progress": False}
        classes, samples = small_model(), small_model()
        with backend.computing():
            loss = st.SoftmaxCrossEntropy(0.1, by_class)
            history = classes.fit(X, y, loss=loss, sample_weight=weight, **how)
            expected = samples.fit(X, y, loss=st.SoftmaxCrossEntropy(0.1), sample_weight=product, **how)
            scores = samples(X)
            a = functional.softmax_cross_entropy(scores, y, class_weight=by_class, sample_weight=weight)
            b = functional.softmax_cross_entropy(scores, y, sample_weight=product)
            first = classes.loss_and_gradients(X, y, loss=loss, sample_weight=weight)
            second = samples.loss_and_gradients(X, y, loss=st.SoftmaxCrossEntropy(0.1), sample_weight=product)
        assert history.loss == expected.loss and a[0] == b[0] and first[0] == second[0]
        assert_same_bits(a[1], b[1])
        assert_equal_models(classes, samples)


def test_a_step_weighs_classes(backend, data):
    """Also one that could be quick: labels and rows as kernels read them, and no sample weights."""
    X, y = data
    by_class = [1.0, 0.5, 3.0]
    weighted, plain = (
        st.Trainer(small_model(), st.SoftmaxCrossEntropy(0.0, by_class)),
        st.Trainer(small_model()),
    )
    with backend.computing():
        assert weighted.step(X, y) == plain.step(X, y, np.array(by_class)[y])
    assert_equal_models(weighted.model, plain.model)


def test_validation_weighs_classes_too(backend):
    """Over parts of 8192 samples, one of them of a class that does not count."""
    X, y = numbers((9000, 6), np.float32), np.r_[np.zeros(8192, int), np.arange(808) % 3]
    loss, model = st.SoftmaxCrossEntropy(0.2, (0, 1, 3)), small_model()
    with backend.computing():
        history = model.fit(X, y, loss=loss, epochs=1, validation_data=(X, y), progress=False)
        expected, _ = model.loss_and_gradients(X, y, loss=loss)
    assert history.validation_loss[0] == pytest.approx(expected, rel=1e-5)


def test_class_weights_are_kept_as_numbers():
    loss = st.SoftmaxCrossEntropy(0.1, np.array([1, 2, 0]))
    assert loss.class_weight == (1.0, 2.0, 0.0) and all(type(w) is float for w in loss.class_weight)
    assert loss == st.SoftmaxCrossEntropy(0.1, [1, 2, 0]) and hash(loss)
    assert repr(loss) == "SoftmaxCrossEntropy(label_smoothing=0.1, class_weight=(1.0, 2.0, 0.0))"


# ---- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: st.Huber(0.0), ValueError, "delta is 0.0, but must be finite and greater than 0"),
        (lambda: st.Huber(np.inf), ValueError, "delta is inf, but must be finite and greater than 0"),
        (lambda: st.Huber("1"), TypeError, "delta must be a real number, not '1'"),
        (lambda: st.Huber(1.0, "max"), ValueError, "reduction is 'max', but must be one of 'mean', 'sum'"),
        (lambda: st.AbsoluteError(1), ValueError, "reduction is 1, but must be one of"),
        (lambda: st.PoissonDeviance("max"), ValueError, "reduction is 'max', but must be one of"),
        (lambda: st.SquaredError(factor=0), ValueError, "factor is 0, but must be finite and greater than 0"),
        (lambda: st.BinaryCrossEntropy("none"), ValueError, "reduction is 'none', but must be one of"),
        (lambda: st.SoftmaxCrossEntropy(1.0), ValueError, r"label_smoothing is 1.0, but must be in \[0, 1\)"),
        (lambda: st.SoftmaxCrossEntropy(-0.1), ValueError, "label_smoothing is -0.1, but must be in"),
        (lambda: st.SoftmaxCrossEntropy(np.nan), ValueError, "label_smoothing is nan, but must be in"),
        (lambda: st.SoftmaxCrossEntropy(True), TypeError, "label_smoothing must be a real number"),
        (lambda: st.SoftmaxCrossEntropy(0, 2.0), TypeError, "class_weight must be a sequence of one number"),
        (lambda: st.SoftmaxCrossEntropy(0, {0: 1.0}), TypeError, "class_weight must be a sequence"),
        (lambda: st.SoftmaxCrossEntropy(0, "11"), TypeError, "class_weight must be a sequence"),
        (lambda: st.SoftmaxCrossEntropy(0, [1, "a"]), TypeError, r"class_weight\[1\] must be a real number"),
        (lambda: st.SoftmaxCrossEntropy(0, [1, -1]), ValueError, r"class_weight\[1\] is -1, but must be fin"),
        (lambda: st.SoftmaxCrossEntropy(0, [np.inf]), ValueError, r"class_weight\[0\] is inf, but must be"),
        (lambda: st.SoftmaxCrossEntropy(0, [0, 0.0]), ValueError, "class_weight is zero for all 2 classes"),
        (lambda: as_loss(st.SquaredError), TypeError, "not the class SquaredError"),
        (lambda: as_loss(None), TypeError, "loss must be a name .* or a function of scores and targets"),
        (lambda: as_loss("mae"), ValueError, "loss is 'mae', but must be one of .*'absolute_error', 'huber'"),
    ],
)
def test_bad_descriptions_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_names():
    for name, loss in [
        ("absolute_error", st.AbsoluteError()),
        ("huber", st.Huber()),
        ("binary_cross_entropy", st.BinaryCrossEntropy()),
        ("poisson", st.PoissonDeviance()),
    ]:
        assert as_loss(name) == as_loss(loss) == loss and st.Trainer(small_model(), name).loss == loss


def test_bad_targets_and_weights_are_named(backend, data):
    X, y = data
    targets = np.full((300, 3), 0.5)
    targets[7, 2], targets[9, 0] = 1.5, -1
    unknown = np.where(np.arange(300)[:, None] == 3, np.nan, 0.5).repeat(3, axis=1)
    rule = r"but targets of binary cross-entropy must be in \[0, 1\]"
    cases = [
        (targets, "binary_cross_entropy", rf"y of sample 7 is 1\.5, {rule}"),
        (targets[9:], "binary_cross_entropy", rf"y of sample 0 is -1\.0, {rule}"),
        (unknown, "binary_cross_entropy", rf"y of sample 3 is nan, {rule}"),
        (targets, "poisson", r"y of sample 9 is -1\.0, but targets of a Poisson deviance must be at least 0"),
        (y, "binary_cross_entropy", r"one integer a sample, but the loss compares 3 outputs.*np.eye\(3\)"),
        (y, "huber", "one integer a sample, but the loss compares 3 outputs"),
        (targets[:, :2], "absolute_error", r"y has shape \(300, 2\).*\(samples, 3\)"),
        (y, st.SoftmaxCrossEntropy(0, (1, 2)), "class_weight has 2 numbers, but there are 3 classes"),
        (0 * y, st.SoftmaxCrossEntropy(0, (0, 2, 1)), "class_weight is zero for all 300 samples"),
        (
            y,
            st.SoftmaxCrossEntropy(0, (1e300,) * 3),
            "class_weight of sample 0 is 1e.300, but must be at most 3.4.*, the largest number of float32",
        ),
    ]
    big = st.SoftmaxCrossEntropy(0, (1e300,) * 3)
    model = small_model()
    with backend.computing():
        model(X)
        for t, loss, message in cases:
            trainer, rows = st.Trainer(model, loss), X[: len(t)]
            for learn in (trainer.step, trainer.fit):
                with pytest.raises(ValueError, match=message):
                    learn(rows, t)
            with pytest.raises(ValueError, match=message):
                model.loss_and_gradients(rows, t, loss=loss)
        with pytest.raises(ValueError, match=r"class_weight times sample_weight of sample 0 is inf"):
            small_model(np.float64).fit(X, y, loss=big, sample_weight=np.full(300, 1e300))
        with pytest.raises(ValueError, match="class_weight times sample_weight is zero for all"):
            model.fit(X, y, loss=st.SoftmaxCrossEntropy(0, (0, 1, 1)), sample_weight=(y == 0) * 1.0)
        with pytest.raises(ValueError, match=r"targets of sample 1 is 2\.0, but targets of binary"):
            functional.binary_cross_entropy([[0.0], [1.0]], [0, 2])
        with pytest.raises(ValueError, match=r"logits has shape \(2,\), but must be 2-D"):
            functional.binary_cross_entropy([0.0, 1.0], [0, 1])
        functional.exp(X)  # for the proof, which asks what computed last
    assert_equal_models(model, small_model())


@pytest.mark.parametrize(
    ("loss", "bad_targets"),
    [("binary_cross_entropy", (1.0001, -0.0001, np.nan)), ("poisson", (-0.0001, np.nan, np.inf))],
)
def test_the_quick_way_leaves_bad_targets(native, loss, bad_targets):
    """A step on plain arrays sees a target out of range before anything is changed."""
    X, model = numbers((20, 6), np.float32), small_model()
    targets = np.random.default_rng(0).random((20, 3)).astype(np.float32)
    trainer = st.Trainer(copy.deepcopy(model), loss)
    with native.computing():
        quick = trainer.model.compiled.network().try_step(X, targets, trainer.learning.state, 0.1)
        assert quick == st.Trainer(model, loss).step(X, targets)
        for bad in bad_targets:
            wrong = targets.copy()
            wrong[19, 2] = bad
            assert trainer.model.compiled.network().try_step(X, wrong, trainer.learning.state, 0.1) is None
    assert_equal_models(trainer.model, model)
