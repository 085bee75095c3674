"""The loop over epochs by itself, on a backend that only counts."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import steepest as st
from steepest.backends.data import EpochResults, FitRequest
from steepest.training.divergence import DivergenceError
from steepest.training.loop import EpochLoop, Fitting, Part


class Counting(Fitting):
    """Five batches an epoch; each epoch's loss is its number, each batch's the number of the batch."""

    def __init__(self, at_once=2, **ends):
        self.at_once = at_once
        self.ends = ends  # status and step of the call that has such a number
        self.asked = []
        self.kept = np.zeros(1)
        self.told = False

    def epochs_at_once(self):
        return self.at_once

    def request(self, epochs, part):
        self.asked.append((epochs, *part[:2]))
        steps = epochs * (part.batches or 5)
        rates = np.arange(1.0, steps + 1)
        return FitRequest(epochs, 2, True, 0, rates, 0, part.first_batch, part.batches, part.sums)

    def fit(self, request, should_stop):
        self.kept += 1
        should_stop(0.5)
        status, step, finished = self.ends.get(f"call{len(self.asked)}", ("finished", 0, request.epochs))
        first = request.first_batch
        value = [float(first)] if request.batches else [1.0] * finished
        sums = request.sums[0] + sum(range(first, first + (request.batches or 0))), 10.0
        return EpochResults(value[:finished], [0.25] * finished, status, step, sums)

    def stopped(self):
        return self.told

    def copies(self):
        return [(self.kept, self.kept.copy())]

    def data_loss(self):
        return 1.0

    def objective(self, rows):
        return 1.0


def loop_of(fitting, epochs=5, **options):
    return EpochLoop(fitting, 9, 2, epochs, 3, progress=False, **options)


def test_epochs_are_run_as_many_at_once_as_may_be():
    fitting = Counting()
    with loop_of(fitting) as loop:
        calls = list(loop)
    assert loop.batches == 5
    assert fitting.asked == [(2, 0, None), (2, 0, None), (1, 0, None)]
    assert [call.losses for call in calls] == [[1.0, 1.0], [1.0, 1.0], [1.0]]
    assert all(call.part is None and not call.cancelled and call.failure is None for call in calls)


def test_an_epoch_in_parts_carries_its_sums():
    fitting = Counting(at_once=0)
    with loop_of(fitting, epochs=2, group=2) as loop:
        calls = list(loop)
    assert fitting.asked == [(1, 0, 2), (1, 2, 2), (1, 4, 1)] * 2
    assert [call.part for call in calls] == [(2, 0.0), (2, 2.0), (1, 4.0)] * 2
    assert [call.losses for call in calls] == [[], [], [1.0]] * 2  # (0 + 1 + 2 + 3 + 4) / 10
    assert [call.seconds for call in calls] == [[], [], [0.75]] * 2


def test_whoever_iterates_may_break_off():
    fitting = Counting(at_once=0)
    with loop_of(fitting, group=1) as loop:
        for call in loop:
            if call.losses:
                break
    assert len(fitting.asked) == 5


@pytest.mark.parametrize("status", ["finished", "cancelled"])
def test_being_stopped_is_told(status):
    fitting = Counting(call1=(status, 0, 1))
    fitting.told = status == "finished"
    with loop_of(fitting) as loop:
        call = next(iter(loop))
    assert call.cancelled and call.losses == [1.0] and call.failure is None


@pytest.mark.parametrize(
    ("status", "error", "message"),
    [
        ("diverged", DivergenceError, r"in epoch 3, step 2 .* learning rate 8\.0"),
        ("overflowed", DivergenceError, r"in epoch 3 .* learning rate 8\.0"),
        ("invalid_label", ValueError, r"the label of sample 2 was changed .* 3 classes 0\.\.2"),
    ],
)
def test_failures_are_told_with_where_they_were(status, error, message):
    fitting = Counting(call2=(status, 2, 1))
    with loop_of(fitting) as loop:
        calls = loop.__iter__()
        assert next(calls).failure is None
        call = next(calls)
    assert call.losses == [1.0]  # of the epoch before
    with pytest.raises(error, match=message):
        raise call.failure


@pytest.mark.parametrize("status", ["diverged", "overflowed", "invalid_label", "cancelled"])
def test_a_failed_part_takes_its_epoch_back(status):
    fitting = Counting(at_once=0, call5=(status, 3, 0))
    with loop_of(fitting, group=2) as loop:
        calls = [call for _, call in zip(range(5), loop, strict=False)]
    assert fitting.asked[4] == (1, *Part(2, 2)[:2]) and calls[4].part is None and not calls[4].losses
    assert fitting.kept[0] == (5 if status == "cancelled" else 3)
    if status == "diverged":
        assert (calls[4].failure.epoch, calls[4].failure.step, calls[4].failure.learning_rate) == (1, 3, 2.0)


def test_a_fit_leaves_nothing_that_only_a_search_for_circles_would_free(data):
    """Of a network that is used once, the buffers end with it."""
    models = []
    gc.disable()
    try:
        for options in ({}, {"batch_callbacks": [lambda state: None]}):
            model = st.Sequential(st.Linear(6, 3))
            model.fit(*data, epochs=2, progress=False, **options)
            models.append(weakref.ref(model))
            del model
        assert [model() for model in models] == [None, None]
    finally:
        gc.enable()
