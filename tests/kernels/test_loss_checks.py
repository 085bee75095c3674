"""What losses refuse: descriptions, names, targets and weights."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from support.strategies import numbers, small_model
from support.tolerances import assert_equal_models

import steepest as st
from steepest import functional
from steepest.losses import as_loss


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
        (
            lambda: st.SoftmaxCrossEntropy(0, 2.0),
            TypeError,
            "class_weight must be .* or a sequence with one number",
        ),
        (lambda: st.SoftmaxCrossEntropy(0, {0, 1}), TypeError, "class_weight must be 'balanced', a mapping"),
        (lambda: st.SoftmaxCrossEntropy(0, "11"), ValueError, "class_weight is '11', but must be one of"),
        (lambda: st.SoftmaxCrossEntropy(0, [1, "a"]), TypeError, r"class_weight\[1\] must be a real number"),
        (lambda: st.SoftmaxCrossEntropy(0, [1, -1]), ValueError, r"class_weight\[1\] is -1, but must be fin"),
        (lambda: st.SoftmaxCrossEntropy(0, [np.inf]), ValueError, r"class_weight\[0\] is inf, but must be"),
        (lambda: st.SoftmaxCrossEntropy(0, [0, 0.0]), ValueError, "class_weight is zero for all 2 classes"),
        (
            lambda: as_loss(st.SquaredError),
            TypeError,
            r"loss is the class SquaredError: write st\.SquaredError\(\)",
        ),
        (lambda: as_loss(None), TypeError, "loss must be a name .* or a function of scores and targets"),
        (
            lambda: as_loss("mean"),
            ValueError,
            "loss is 'mean', but must be one of .*'absolute_error', 'huber'",
        ),
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
        (y, "binary_cross_entropy", r"one integer per sample, but the loss compares 3 outputs.*np.eye\(3\)"),
        (y, "huber", "one integer per sample, but the loss compares 3 outputs"),
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
