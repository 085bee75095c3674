"""`ReduceOnPlateau`, `ModelCheckpoint`, `CSVLog`, `TerminateOnTime`, and how callbacks are given."""

from __future__ import annotations

import copy
import csv
import pickle
import time

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st
from steepest.training.callbacks import terminate_on_time

FIT = {"batch_size": 100, "progress": False}


def scripted(values):
    """A metric that takes these values, one an epoch, whatever the model does."""
    coming = iter(values)
    return {"error": lambda labels, scores: next(coming)}


def fit(trainer, data, values, callbacks):
    options = {"validation_data": data, "metrics": scripted(values), "callbacks": callbacks}
    return trainer.fit(*data, epochs=len(values), **options, **FIT)


# ---- ReduceOnPlateau --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "values", "reductions", "rate"),
    [
        ({"patience": 2}, [5, 4, 4, 4, 4, 4, 3], [3, 5], 0.001),
        ({"patience": 1}, [5, 4, 3, 2], [], 0.1),
        ({"patience": 1, "factor": 0.5}, [5, 6, 4, 4], [1, 3], 0.025),
        ({"patience": 1, "min_rate": 0.02}, [5, 5, 5, 5], [1], 0.02),
        ({"patience": 1, "min_rate": 0.2}, [5, 5, 5], [], 0.1),
        ({"patience": 1, "min_delta": 1.0}, [5, 4.5, 3.5], [1], 0.01),
        ({"patience": 2, "mode": "max"}, [1, 2, 3, 2, 2], [4], 0.01),
        ({"patience": 2}, [np.nan, np.nan, 1], [1], 0.01),
    ],
)
def test_the_rate_is_reduced(backend, data, options, values, reductions, rate):
    slower, trainer = st.ReduceOnPlateau(monitor="error", **options), st.Trainer(small_model())
    with backend.computing():
        fit(trainer, data, values, [slower])
    assert slower.reductions == reductions
    assert trainer.optimizer.learning_rate == pytest.approx(rate)


def test_reduced_rates_have_the_bits_of_rates_by_epoch(backend, data):
    """From the epoch after; momentum stays; a kept trainer goes on with the last rate."""
    slower = st.ReduceOnPlateau(0.5, patience=2, monitor="error")
    reduced, planned = (st.Trainer(small_model(), optimizer=st.SGD(0.2, momentum=0.5)) for _ in range(2))
    planned.optimizer = st.SGD(lambda epoch: [0.2, 0.2, 0.2, 0.1, 0.1, 0.05, 0.05][epoch], momentum=0.5)
    with backend.computing():
        fit(reduced, data, [1, 1, 1, 1, 1], [slower])
        assert slower.reductions == [2, 4]
        reduced.fit(*data, epochs=2, **FIT)
        planned.fit(*data, epochs=7, **FIT)
    assert_equal_models(reduced.model, planned.model)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_rate_stays_one_that_the_model_can_hold(data, dtype):
    trainer = st.Trainer(small_model(dtype))
    fit(trainer, data, [1] * 10, [st.ReduceOnPlateau(1e-200, patience=1, monitor="error")])
    assert trainer.optimizer.learning_rate == float(np.finfo(dtype).smallest_normal)


def test_one_object_is_for_several_fits(data):
    slower = st.ReduceOnPlateau(patience=1, monitor="error")
    for _ in range(2):
        fit(st.Trainer(small_model()), data, [1, 1], [slower])
        assert slower.reductions == [1]
    assert pickle.loads(pickle.dumps(slower)) == copy.copy(slower) == slower
    assert repr(slower).startswith("ReduceOnPlateau(factor=0.1, patience=1, min_rate=0.0")


def test_a_schedule_is_not_reduced(data):
    trainer = st.Trainer(small_model(), optimizer=st.SGD(st.schedules.Constant(0.1)))
    with pytest.raises(ValueError, match=r"a learning rate that is a number, .* is Constant\(rate=0.1\)"):
        trainer.fit(*data, callbacks=st.ReduceOnPlateau(monitor="loss"), **FIT)
    assert trainer.steps_done == 0


# ---- ModelCheckpoint --------------------------------------------------------------------------------------


def test_each_epoch_is_saved(backend, data, tmp_path):
    """Under its number over all fits of the trainer."""
    states = []
    save = st.ModelCheckpoint(tmp_path / "{epoch:02d}-{loss:.3f}.safetensors")
    trainer = st.Trainer(small_model())
    callbacks = [save, lambda state: states.append((state.loss, state.model.state_dict()))]
    with backend.computing():
        for _ in range(2):
            trainer.fit(*data, epochs=2, callbacks=callbacks, **FIT)
    names = [f"{epoch:02d}-{loss:.3f}.safetensors" for epoch, (loss, _) in enumerate(states)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name, (_, state) in zip(names, states, strict=True):
        saved = st.load(tmp_path / name).state_dict()
        assert all(np.array_equal(saved[key], state[key]) for key in state)


def test_every_so_many(data, tmp_path):
    save = st.ModelCheckpoint(str(tmp_path / "{epoch}.safetensors"), every=3)
    small_model().fit(*data, epochs=7, callbacks=save, **FIT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.safetensors", "5.safetensors"]


@pytest.mark.parametrize(
    ("mode", "values", "saved"),
    [("min", [3, 4, 2, 2, 1.5], [0, 2, 4]), ("max", [3, 4, 2, 4, 5], [0, 1, 4]), ("min", [np.nan, 1], [1])],
)
def test_only_the_best_is_saved(data, tmp_path, mode, values, saved):
    save = st.ModelCheckpoint(
        tmp_path / "{epoch}-{error}.st", save_best_only=True, monitor="error", mode=mode
    )
    fit(st.Trainer(small_model()), data, values, [save])
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{i}-{float(values[i])}.st" for i in saved]


def test_what_early_stopping_restores_was_saved(data, tmp_path):
    path, values = tmp_path / "best.safetensors", [3, 2, 2.5, 4]
    trainer = st.Trainer(small_model())
    save = st.ModelCheckpoint(path, save_best_only=True, monitor="error")
    fit(trainer, data, values, [save, st.EarlyStopping(patience=2, monitor="error")])
    assert_equal_models(st.load(path), trainer.model)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("{step}.st", {}, ValueError, r"\{step\} is not one of epoch, loss, which this fit has"),
        ("{validation_loss}.st", {}, ValueError, r"\{validation_loss\} is not one of epoch, loss"),
        ("{epoch.__class__}.st", {}, ValueError, r"\{epoch.__class__\} is not one of"),
        ("{}.st", {}, ValueError, r"\{\} is not one of"),
        ("{epoch:q}.st", {}, ValueError, "path is .*but Unknown format code"),
        ("{epoch.st", {}, ValueError, "double braces that mean themselves"),
        ("no/model.st", {}, FileNotFoundError, "there is no folder '.*no'"),
        ("model.st", {"save_best_only": True}, ValueError, "this fit computes loss: it has no validation"),
    ],
)
def test_a_path_is_checked_before_the_fit(data, tmp_path, name, options, error, message):
    model = small_model()
    with pytest.raises(error, match=message):
        model.fit(*data, callbacks=st.ModelCheckpoint(f"{tmp_path}/{name}", **options), **FIT)
    assert_equal_models(model, small_model())


def test_double_braces_are_braces(data, tmp_path):
    small_model().fit(*data, epochs=1, callbacks=st.ModelCheckpoint(tmp_path / "{{epoch}}.st"), **FIT)
    assert (tmp_path / "{epoch}.st").exists()


# ---- CSVLog -----------------------------------------------------------------------------------------------


def test_a_log_has_a_line_for_each_epoch(backend, data, tmp_path):
    path, seen = tmp_path / "log.csv", []
    options = {"validation_data": data, "metrics": ["accuracy"]}
    callbacks = [st.CSVLog(path), lambda state: seen.append(len(path.read_text().splitlines()))]
    with backend.computing():
        history = small_model().fit(*data, epochs=3, callbacks=callbacks, **options, **FIT)
    assert seen == [2, 3, 4]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "validation_loss", "accuracy", "seconds"]
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]
    for name in ("loss", "validation_loss", "accuracy", "seconds"):
        assert [float(row[name]) for row in rows] == history[name]


def test_a_log_is_replaced_or_continued(data, tmp_path):
    path, trainer = tmp_path / "log.csv", st.Trainer(small_model())
    for append in (False, True, True):
        trainer.fit(*data, epochs=2, callbacks=st.CSVLog(path, append=append), **FIT)
    lines = path.read_text().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["epoch", "0", "1", "2", "3", "4", "5"]
    with pytest.raises(ValueError, match="has the columns epoch, loss, seconds, but this fit writes epoch,"):
        trainer.fit(*data, validation_data=data, callbacks=st.CSVLog(path, append=True), **FIT)
    assert trainer.epochs_done == 6 and path.read_text().splitlines() == lines
    trainer.fit(*data, epochs=1, callbacks=st.CSVLog(path), **FIT)
    assert len(path.read_text().splitlines()) == 2


def test_a_log_that_cannot_be_written_ends_a_fit_before_it_begins(data, tmp_path):
    trainer = st.Trainer(small_model())
    with pytest.raises(OSError):
        trainer.fit(*data, callbacks=st.CSVLog(tmp_path / "no" / "log.csv"), **FIT)
    assert trainer.steps_done == 0


def test_columns_with_commas_are_quoted(data, tmp_path):
    path, metrics = tmp_path / "log.csv", {"a, b": lambda labels, scores: 1}
    small_model().fit(*data, epochs=1, metrics=metrics, callbacks=st.CSVLog(path), **FIT)
    with path.open(newline="") as file:
        assert next(csv.DictReader(file))["a, b"] == "1.0"


# ---- TerminateOnTime --------------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """A clock of whole seconds, which tests set."""
    now = [0.0]
    monkeypatch.setattr(terminate_on_time, "perf_counter", lambda: now[0])
    return now


def test_time_ends_a_fit_between_epochs(backend, data, clock):
    def later(state):
        clock[0] += 1

    model, same = small_model(), small_model()
    limit = st.TerminateOnTime(2.5)
    with backend.computing():
        for again in (model, small_model()):  # the clock begins with each fit
            history = again.fit(*data, epochs=9, callbacks=[later, limit], **FIT)
            assert (history.epochs, history.status) == (3, "timed_out")
        same.fit(*data, epochs=3, **FIT)
        assert small_model().fit(*data, epochs=2, callbacks=limit, **FIT).status == "finished"
    assert_equal_models(model, same)


def test_time_ends_a_fit_between_batches(backend, data, clock):
    def later(state):
        clock[0] += 1

    trainer = st.Trainer(small_model())
    options = {"batch_callbacks": [later, st.TerminateOnTime(4.5)], "shuffle": False}
    by_hand = st.Trainer(small_model())
    with backend.computing():
        history = trainer.fit(*data, epochs=9, **options, **FIT)
        for step in range(5):
            part = slice(step % 3 * 100, step % 3 * 100 + 100)
            by_hand.step(data[0][part], data[1][part])
    assert (history.epochs, history.status, trainer.steps_done) == (1, "timed_out", 5)
    assert_equal_models(trainer.model, by_hand.model)


def test_time_ends_a_fit_within_an_epoch(backend, data):
    """An epoch of three seconds and more, if it ran to its end."""
    X, y = (np.repeat(array, 200, axis=0) for array in data)
    trainer = st.Trainer(small_model(), lambda scores, targets: (time.sleep(1e-3), (0.0, 0 * scores))[1])
    with backend.computing():
        limit = st.TerminateOnTime(0.1)
        history = trainer.fit(X, y, epochs=9, batch_size=20, callbacks=limit, progress=False)
    assert (history.epochs, history.status) == (0, "timed_out")
    assert 0 < trainer.steps_done < 3000


def test_a_cancelled_fit_is_not_timed_out(data, clock):
    trainer = st.Trainer(small_model())
    callbacks = [lambda state: trainer.cancel(), st.TerminateOnTime(1)]
    assert trainer.fit(*data, callbacks=callbacks, **FIT).status == "cancelled"


# ---- all --------------------------------------------------------------------------------------------------


class Interrupting(st.EpochCallback):
    def __init__(self):
        self.asked = 0
        self.calls = []

    def begin(self, trainer, monitored):
        self.calls.append("begin")

    def __call__(self, state):
        self.calls.append("call")

    def interrupts(self):
        self.asked += 1
        return self.asked >= 3

    def end(self, trainer, history):
        self.calls.append(history.status)


def test_a_callback_interrupts(backend, data):
    for name in ("callbacks", "batch_callbacks"):
        callback = Interrupting()
        with backend.computing():
            small_model().fit(*data, epochs=10**6, **{name: callback}, **FIT)
        assert callback.calls[0] == "begin" and callback.calls[-1] == "stopped"


def test_one_in_both_lists_begins_once(data):
    callback = Interrupting()
    small_model().fit(*data, epochs=1, callbacks=callback, batch_callbacks=[callback], **FIT)
    assert callback.calls.count("begin") == 1


def test_one_callback_needs_no_list(data):
    for callbacks in (lambda state: state.epoch == 1, (lambda state: state.epoch == 1,)):
        assert small_model().fit(*data, callbacks=callbacks, **FIT).epochs == 2
    assert small_model().fit(*data, epochs=1, callbacks=None, batch_callbacks=None, **FIT).epochs == 1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: st.ReduceOnPlateau(1.0), ValueError, "factor is 1.0, but must be between 0 and 1"),
        (lambda: st.ReduceOnPlateau(patience=0), ValueError, "patience is 0, but must be at least 1"),
        (lambda: st.ReduceOnPlateau(min_rate=-1), ValueError, "min_rate is -1, but"),
        (lambda: st.ReduceOnPlateau(min_delta=-1), ValueError, "min_delta is -1, but"),
        (lambda: st.ReduceOnPlateau(monitor=1), TypeError, "monitor must be a name"),
        (lambda: st.ReduceOnPlateau(mode="up"), ValueError, "mode is 'up', but must be one of"),
        (lambda: st.ModelCheckpoint(1), TypeError, "path must be a path, not 1"),
        (lambda: st.ModelCheckpoint(b"a"), TypeError, "path must be a path, not b'a'"),
        (lambda: st.ModelCheckpoint("a", 1), TypeError, "save_best_only must be True or False, not 1"),
        (lambda: st.ModelCheckpoint("a", every=0), ValueError, "every is 0, but must be at least 1"),
        (lambda: st.ModelCheckpoint("a", monitor=1), TypeError, "monitor must be a name"),
        (lambda: st.ModelCheckpoint("a", mode="up"), ValueError, "mode is 'up', but must be one of"),
        (lambda: st.CSVLog(1), TypeError, "path must be a path, not 1"),
        (lambda: st.CSVLog("a", 1), TypeError, "append must be True or False, not 1"),
        (lambda: st.TerminateOnTime(0), ValueError, "seconds is 0, but must be finite and greater than 0"),
        (lambda: st.TerminateOnTime("1"), TypeError, "seconds must be a real number, not '1'"),
    ],
)
def test_bad_arguments_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
