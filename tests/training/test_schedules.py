"""Learning rates that change with the step: their values, what is refused, and where they act."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st
from steepest import schedules
from steepest.training import rates as _rates

RULES = [
    schedules.Constant(0.05),
    schedules.Step(0.1, 3, 0.5),
    schedules.Exponential(0.1, 0.9),
    schedules.InverseScaling(0.1),
    schedules.Cosine(0.1, 7, 0.01),
    schedules.CosineLog(0.1, 7, 2),
    schedules.FlatCosine(0.1, 7, 0.4, 0.01),
    schedules.Warmup(3, schedules.Exponential(0.1, 0.9)),
]


def test_values():
    assert [schedules.Constant(0.5)(t) for t in (0, 9)] == [0.5, 0.5]
    assert [schedules.Step(8.0, 2, 0.5)(t) for t in range(6)] == [8, 8, 4, 4, 2, 2]
    assert schedules.Step(1.0, 10)(25) == pytest.approx(0.01)
    assert [schedules.Exponential(8.0, 0.5)(t) for t in range(4)] == [8, 4, 2, 1]
    assert [schedules.InverseScaling(6.0)(t) for t in (0, 3, 8)] == [6, 3, 2]
    assert [schedules.InverseScaling(6.0, 1)(t) for t in (0, 1, 2)] == [6, 3, 2]
    cosine = [schedules.Cosine(3.0, 4, 1.0)(t) for t in range(6)]
    assert cosine == pytest.approx([3, 2 + math.sqrt(0.5), 2, 2 - math.sqrt(0.5), 1, 1])
    assert schedules.Cosine(3.0, 4)(4) == 0
    waves = [schedules.CosineLog(3.0, 45)(t) for t in (0, 3, 9, 21, 45, 99)]
    assert waves == pytest.approx([0.0] * 6, abs=1e-12) and waves[4:] == [0, 0]
    top = 45 * (2**1.5 - 1) / 15  # the middle of the second wave, where log2 is 1.5
    assert schedules.CosineLog(3.0, 4500)(round(100 * top)) == pytest.approx(3.0, abs=1e-4)
    assert schedules.CosineLog(3.0, 3, 1)(1) == pytest.approx(
        1.5 - 1.5 * math.cos(2 * math.pi * math.log2(4 / 3))
    )
    assert 0 <= schedules.CosineLog(3.0, 1000, 1023)(999) <= 3
    flat = [schedules.FlatCosine(3.0, 8, 0.5, 1.0)(t) for t in range(10)]
    assert flat == pytest.approx([3, 3, 3, 3, 3, 2 + math.sqrt(0.5), 2, 2 - math.sqrt(0.5), 1, 1])
    assert flat[:5] == [3] * 5 and flat[8:] == [1, 1]
    one = schedules.FlatCosine(3.0, 4, 0, 1.0), schedules.Cosine(3.0, 4, 1.0)
    assert [one[0](t) for t in range(6)] == [one[1](t) for t in range(6)]
    assert [schedules.Warmup(4, 2.0)(t) for t in range(6)] == [0, 0.5, 1, 1.5, 2, 2]
    assert [schedules.Warmup(2, schedules.Step(4.0, 1, 0.5))(t) for t in range(5)] == [0, 2, 4, 2, 1]
    assert schedules.Exponential(1.0, 0.5)(10**6) == 0  # too small for a number, but no error
    assert pickle.loads(pickle.dumps(RULES)) == RULES
    assert sorted(schedules.__all__) == sorted(set(schedules.__all__))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: schedules.Constant(-1.0), ValueError, "rate is -1.0, but must be finite and not negative"),
        (lambda: schedules.Constant("1"), TypeError, "rate must be a real number, not '1'"),
        (lambda: schedules.Step(1.0, 0), ValueError, "every is 0, but must be at least 1"),
        (lambda: schedules.Step(1.0, 1.5), TypeError, "every must be an integer"),
        (lambda: schedules.Step(1.0, 1, 0.0), ValueError, r"factor is 0.0, but must be in \(0, 1\]"),
        (lambda: schedules.Exponential(1.0, 1.5), ValueError, r"decay is 1.5, but must be in \(0, 1\]"),
        (lambda: schedules.InverseScaling(1.0, -1), ValueError, "power is -1, but must be finite"),
        (lambda: schedules.Cosine(1.0, 0), ValueError, "steps is 0, but must be at least 1"),
        (lambda: schedules.Cosine(1.0, 5, -1.0), ValueError, "final is -1.0, but must be finite"),
        (lambda: schedules.CosineLog(1.0, 0), ValueError, "steps is 0, but must be at least 1"),
        (lambda: schedules.CosineLog(1.0, 5, 0), ValueError, "cycles is 0, but must be at least 1"),
        (lambda: schedules.CosineLog(1.0, 5, 1024), ValueError, "cycles is 1024, but must be at most 1023"),
        (lambda: schedules.CosineLog(1.0, 5, 2.0), TypeError, "cycles must be an integer"),
        (lambda: schedules.FlatCosine(1.0, 5, 1.0), ValueError, r"flat is 1.0, but must be in \[0, 1\)"),
        (lambda: schedules.FlatCosine(1.0, 5, final=-1.0), ValueError, "final is -1.0, but must be finite"),
        (lambda: schedules.FlatCosine(1.0, 5, by="row"), ValueError, "by is 'row', but must be one of"),
        (lambda: schedules.Warmup(0, 1.0), ValueError, "steps is 0, but must be at least 1"),
        (lambda: schedules.Warmup(1, -1.0), ValueError, "after is -1.0, but must be finite"),
    ],
)
def test_bad_numbers_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("kind", [st.SGD, st.AdaGrad, st.RMSProp, st.Adam, st.AdamW])
def test_a_schedule_is_a_rate_for_each_step(backend, data, kind, rule):
    """A fit is a loop of steps, each with an optimizer of that step's rate, counted over all calls."""
    X, y = data
    scheduled, by_hand, in_steps = (st.Trainer(small_model(), "softmax", kind(rule)) for _ in range(3))
    with backend.computing():
        for epochs in (1, 2):
            scheduled.fit(X, y, epochs=epochs, batch_size=100, shuffle=False, progress=False)
        for step in range(9):
            batch = np.s_[step % 3 * 100 : step % 3 * 100 + 100]
            by_hand.optimizer = kind(lambda _, step=step: rule(step))
            assert by_hand.step(X[batch], y[batch]) == in_steps.step(X[batch], y[batch])
    assert scheduled.steps_done == by_hand.steps_done == in_steps.steps_done == 9
    assert_equal_models(scheduled.model, by_hand.model)
    assert_equal_models(scheduled.model, in_steps.model)


def test_a_rate_of_zero_changes_nothing(backend, data):
    trainer = st.Trainer(small_model(), "softmax", st.Adam(lambda step: 0))
    with backend.computing():
        trainer.fit(*data, epochs=2, progress=False)
        trainer.step(*data)
    assert_equal_models(trainer.model, small_model())


@pytest.mark.parametrize(
    ("rate", "error", "message"),
    [
        (
            -0.5,
            ValueError,
            "learning rate of step 4 is -0.5, but must be finite and not negative; it comes from ",
        ),
        (math.nan, ValueError, "learning rate of step 4 is nan, but"),
        (np.float32(np.inf), ValueError, "learning rate of step 4 is inf, but"),
        (
            "0.1",
            TypeError,
            "learning rate of step 4 is '0.1', but must be a real number; it comes from <function",
        ),
        (None, TypeError, "learning rate of step 4 is None, but"),
        (True, TypeError, "learning rate of step 4 is True, but"),
    ],
)
def test_a_bad_rate_is_named_before_anything_changes(backend, data, rate, error, message):
    X, y = data
    trainer = st.Trainer(small_model(), "softmax", st.SGD(lambda step: rate if step == 4 else 0.1))
    callbacks = [lambda state: None]
    with backend.computing():
        for more in ({}, {"callbacks": callbacks}):
            with pytest.raises(error, match=message):
                trainer.fit(X, y, epochs=2, batch_size=100, progress=False, **more)
        assert trainer.steps_done == 0
        assert_equal_models(trainer.model, small_model())
        for _ in range(4):
            trainer.step(X, y)
        before = trainer.model.state_dict()
        with pytest.raises(error, match=message):
            trainer.step(X, y)
    assert trainer.steps_done == 4
    assert np.array_equal(trainer.model.state_dict()["0.weight"], before["0.weight"])


def test_a_bad_rate_after_a_warm_up_is_named():
    with pytest.raises(
        TypeError, match="learning rate of step 0 is None, but must be a real number; it comes from"
    ):
        schedules.Warmup(3, lambda step: None)(1)


def test_a_long_fit_asks_piece_by_piece(backend, data, monkeypatch):
    """Each rate once, in order, and the bits of a fit that asks at once."""
    X, y = data
    asked: list[int] = []

    def rule(step):
        asked.append(step)
        return 0.1 / (1 + step)

    fit = {"epochs": 11, "batch_size": 100, "progress": False}
    at_once, by_pieces, by_epochs = (
        st.Trainer(small_model(), "softmax", st.SGD(rule, 0.5)) for _ in range(3)
    )
    with backend.computing():
        at_once.fit(X, y, **fit)
        monkeypatch.setattr(_rates, "AHEAD", 7)  # two epochs, and a third of one
        by_pieces.fit(X, y, **fit)
        by_epochs.fit(X, y, **fit, callbacks=[lambda state: None])
    assert asked == [*range(33)] * 3
    assert_equal_models(at_once.model, by_pieces.model)
    assert_equal_models(at_once.model, by_epochs.model)


def test_a_callback_replaces_a_schedule(backend, data):
    trainer, plain = (st.Trainer(small_model(), "softmax", st.SGD(schedules.Constant(0.1))) for _ in range(2))

    def slower(state):
        state.trainer.optimizer = st.SGD(lambda step: 0.01 * step)

    with backend.computing():
        trainer.fit(*data, epochs=2, batch_size=100, progress=False, callbacks=[slower])
        plain.fit(*data, epochs=1, batch_size=100, progress=False)
        plain.optimizer = st.SGD(lambda step: 0.01 * step)
        plain.fit(*data, epochs=1, batch_size=100, progress=False)
    assert_equal_models(trainer.model, plain.model)


def test_divergence_tells_the_rate_of_its_step(backend, data):
    X, y = data
    trainer = st.Trainer(small_model(), "squared_error", st.SGD(lambda step: 1e-3 if step < 5 else 1e30))
    with backend.computing(), pytest.raises(st.DivergenceError, match=r"learning rate 1e\+30;") as caught:
        trainer.fit(X, np.eye(3)[y], epochs=4, batch_size=100, progress=False)
    assert (caught.value.epoch, caught.value.step, caught.value.learning_rate) == (2, 0, 1e30)
    assert trainer.steps_done == 6 == 3 * trainer.epochs_done


def test_a_cancelled_fit_counts_its_steps(backend, data):
    """So that it goes on with the rate of the next."""
    trainer = st.Trainer(small_model(), "softmax", st.SGD(schedules.InverseScaling(0.1)))
    with backend.computing():
        trainer.fit(
            *data, epochs=9, batch_size=100, callbacks=[lambda state: trainer.cancel()], progress=False
        )
        assert trainer.steps_done == 3
        trainer.fit(*data, epochs=1, batch_size=100, progress=False)
    plain = st.Trainer(small_model(), "softmax", trainer.optimizer)
    with backend.computing():
        plain.fit(*data, epochs=2, batch_size=100, progress=False)
    assert_equal_models(trainer.model, plain.model)
