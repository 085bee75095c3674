"""Learning rates that change with the epoch: which functions these are; all ways agree on the epoch."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
from support.implementations import NATIVE, needs_native
from support.names import name_of
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st
from steepest import schedules
from steepest.training import rates

FIT = {"batch_size": 100, "progress": False}  # three batches an epoch
RULES = [
    schedules.Step(0.2, 2, 0.5, by="epoch"),
    schedules.Exponential(0.2, 0.7, by="epoch"),
    schedules.InverseScaling(0.2, 1.0, by="epoch"),
    schedules.Cosine(0.2, 8, 0.01, by="epoch"),
    schedules.CosineLog(0.2, 8, 2, by="epoch"),
    schedules.FlatCosine(0.2, 8, 0.25, 0.01, by="epoch"),
    schedules.Warmup(3, schedules.Exponential(0.2, 0.7, by="epoch"), by="epoch"),
    lambda epoch: 0.2 / (1 + epoch),
]


def halved(base, epoch):
    return base / 2**epoch


class Halved:
    def __call__(self, epoch, base=0.2):
        return halved(base, epoch)

    def of(self, epoch):
        return self(epoch)


def trainer(rule, momentum=0.5):
    return st.Trainer(small_model(), "softmax", st.SGD(rule, momentum))


def test_values():
    assert [schedules.Step(8.0, 2, 0.5, by="epoch")(t) for t in range(6)] == [8, 8, 4, 4, 2, 2]
    warm = schedules.Warmup(3, 4.0, by="epoch")
    assert [warm(t) for t in range(5)] == [1, 2, 3, 4, 4]  # no epoch is lost at rate 0
    later = schedules.Warmup(1, schedules.Step(4.0, 1, 0.5, by="epoch"), by="epoch")
    assert [later(t) for t in range(4)] == [2, 4, 2, 1]
    assert pickle.loads(pickle.dumps(RULES[:-1])) == RULES[:-1]
    assert eval(repr(RULES[-2]), vars(schedules)) == RULES[-2]
    assert schedules.Step(1.0, 2) != schedules.Step(1.0, 2, by="epoch")
    with pytest.raises(ValueError, match="epoch is -1, but must be at least 0"):
        RULES[0](-1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.Step(0.1, 2, by="batch"), "by is 'batch', but must be one of 'step', 'epoch'"),
        (
            lambda: schedules.Warmup(2, schedules.Step(0.1, 2), by="epoch"),
            r"the warm-up counts epochs, but after=Step\(.* counts steps: give both the same `by`",
        ),
        (
            lambda: schedules.Warmup(2, lambda epoch: 0.1),
            "the warm-up counts steps, but after=<function .* counts epochs",
        ),
    ],
)
def test_what_counts_otherwise_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("after", [0.1, schedules.Constant(0.1), lambda epoch: 0.1])
def test_a_warm_up_by_epoch_takes_what_counts_nothing_else(after):
    assert schedules.Warmup(1, after, by="epoch")(0) == 0.05


@pytest.mark.parametrize(
    ("rule", "unit"),
    [
        (lambda epoch: 0.1, "epoch"),
        (lambda epoch, base=0.1: base, "epoch"),
        (Halved(), "epoch"),
        (Halved().of, "epoch"),
        (partial(halved, 0.1), "epoch"),
        (lambda step: 0.1, "step"),
        (lambda e: 0.1, "step"),
        (lambda step, epoch=0: 0.1, "step"),
        (lambda *epoch: 0.1, "step"),
        (float, "step"),
        (0.1, "step"),
    ],
)
def test_the_name_of_the_parameter_decides(rule, unit):
    assert schedules.unit_of(rule) == unit


@pytest.mark.parametrize("rule", [lambda epoch, lr: lr, lambda step, *, lr: lr])
def test_a_function_of_more_is_refused(rule):
    with pytest.raises(TypeError, match=r"a function of one number, .* also needs lr"):
        st.Trainer(small_model(), optimizer=st.SGD(rule))


@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_all_ways_agree_on_the_epoch(backend, data, rule, monkeypatch):
    """One fit of 10 epochs, two of 5, in parts, epoch by epoch, and steps with the rate of their epoch."""
    X, y = data
    whole, halves, parts, observed, pieces, by_hand, own_loop = (trainer(rule) for _ in range(7))
    with backend.computing():
        losses = whole.fit(*data, epochs=10, shuffle=False, **FIT).loss
        both = [halves.fit(*data, epochs=5, shuffle=False, **FIT) for _ in range(2)]
        parts.fit(*data, epochs=10, shuffle=False, batch_callbacks=[lambda s: None], batch_group=2, **FIT)
        observed.fit(*data, epochs=10, shuffle=False, callbacks=[lambda s: None], **FIT)
        for epoch in range(10):
            for first in (0, 100, 200):
                by_hand.optimizer = st.SGD(lambda step, epoch=epoch: rule(epoch), 0.5)
                by_hand.step(X[first : first + 100], y[first : first + 100])
                own_loop.step(X[first : first + 100], y[first : first + 100])
            own_loop.epochs_done += 1
        monkeypatch.setattr(rates, "AHEAD", 4)  # an epoch, and a third of the next
        pieces.fit(*data, epochs=10, shuffle=False, **FIT)
    assert losses == both[0].loss + both[1].loss
    for other in (halves, parts, observed, pieces, by_hand, own_loop):
        assert_equal_models(whole.model, other.model)


@needs_native
@pytest.mark.parametrize("rule", RULES, ids=name_of)
def test_threads_change_no_bit(data, rule):
    models = []
    for implementation in NATIVE:
        one, two = trainer(rule), trainer(rule)
        with implementation.computing():
            one.fit(*data, epochs=10, **FIT)
            for _ in range(2):
                two.fit(*data, epochs=5, **FIT)
        assert_equal_models(one.model, two.model)
        models.append((implementation.isa, one.model))
    for isa, model in models:
        assert_equal_models(model, next(first for name, first in models if name == isa))


def test_each_epoch_is_asked_for_once(backend, data, monkeypatch):
    asked: list[int] = []

    def rule(epoch):
        asked.append(epoch)
        return 0.1

    monkeypatch.setattr(rates, "AHEAD", 7)
    kept = trainer(rule)
    with backend.computing():
        for _ in range(2):
            kept.fit(*data, epochs=5, **FIT)
            kept.step(*data)  # of the epoch that is next
    assert asked == [0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9, 10]


def test_a_callback_replaces_a_rate_in_the_middle_of_an_epoch(backend, data):
    def rule(epoch):
        return [0.1, 0.03, 0.5][epoch]

    def change(state):
        if state.step == 4:  # of 3 + 1
            state.trainer.optimizer = st.SGD(rule)

    replaced, by_hand = trainer(lambda epoch: 0.2, 0.0), trainer(lambda epoch: 0.2, 0.0)
    with backend.computing():
        replaced.fit(*data, epochs=3, batch_callbacks=[change], shuffle=False, **FIT)
        for step in range(9):
            rate = 0.2 if step < 4 else rule(step // 3)
            by_hand.optimizer = st.SGD(rate)
            part = slice(step % 3 * 100, step % 3 * 100 + 100)
            by_hand.step(data[0][part], data[1][part])
    assert_equal_models(replaced.model, by_hand.model)


def test_a_stopped_epoch_is_begun_again(backend, data):
    seen = []
    kept = trainer(lambda epoch: seen.append(epoch) or 0.1)
    with backend.computing():
        kept.fit(*data, epochs=3, batch_callbacks=[lambda state: state.step == 4], **FIT)
        assert (kept.epochs_done, kept.steps_done) == (1, 4)
        del seen[:]
        kept.fit(*data, epochs=1, **FIT)
    assert seen == [1]


@pytest.mark.parametrize("rate", [-1.0, np.nan, "0.1"])
def test_a_bad_rate_names_its_epoch(backend, data, rate):
    bad = trainer(lambda epoch: rate if epoch == 2 else 0.1)
    with backend.computing():
        with pytest.raises((ValueError, TypeError), match="the learning rate of epoch 2 is"):
            bad.fit(*data, epochs=4, **FIT)
        assert bad.steps_done == 0
        bad.step(*data)


def test_divergence_tells_the_rate_of_its_epoch(backend, data):
    X, y = data
    steep = st.Trainer(small_model(), "squared_error", st.SGD(lambda epoch: 1e-3 if epoch < 2 else 1e30))
    with backend.computing(), pytest.raises(st.DivergenceError) as caught:
        steep.fit(X, np.eye(3)[y], epochs=4, **FIT)
    assert (caught.value.epoch, caught.value.learning_rate) == (2, 1e30)


def test_a_fit_that_goes_back_counts_from_its_best_epoch(backend, data):
    X, y = data
    asked: list[int] = []

    def rule(epoch):
        asked.append(epoch)
        return 0.05 if epoch < 3 else 3.0

    kept = st.Trainer(small_model(), "squared_error", st.SGD(rule))
    with backend.computing():
        with pytest.warns(RuntimeWarning, match="the steps are too long"):
            history = kept.fit(X / 4, np.eye(3)[y], epochs=6, **FIT)
        assert kept.epochs_done in (history.best_epoch, history.best_epoch + 1) and kept.epochs_done <= 3
        assert asked == [0, 1, 2, 3, 4, 5]
        done = kept.epochs_done
        del asked[:]
        kept.fit(X / 4, np.eye(3)[y], epochs=1, **FIT)
    assert asked == [done]
