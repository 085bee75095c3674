"""`EarlyStopping`: when it stops, what it restores, what it refuses; and callbacks that frame a fit."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st

FIT = {"batch_size": 32, "progress": False}


def scripted(values):
    """A metric that takes these values, one an epoch, whatever the model does."""
    coming = iter(values)
    return {"error": lambda labels, scores: next(coming)}


def fitted(stopping, values, data, epochs=None, **options):
    """The model, the history, and what the model was after each epoch."""
    model, states = small_model(), []
    history = model.fit(
        *data,
        **FIT,
        epochs=epochs or len(values),
        validation_data=data,
        metrics=scripted(values),
        callbacks=[stopping, lambda state: states.append(state.model.state_dict())],
        **options,
    )
    return model, history, states


@pytest.mark.parametrize(
    ("options", "values", "epochs", "best"),
    [
        ({"patience": 2}, [5, 4, 4, 4, 1], 4, 1),  # equal is no improvement
        ({"patience": 1}, [5, 4, 3, 3, 1], 4, 2),
        ({"patience": 2}, [5, 6, 4, 6, 3, 6], 6, 4),  # all epochs ran
        ({"patience": 3}, [5, 4, 3, 2], 4, 3),
        ({"patience": 2, "min_delta": 1.0}, [5, 4, 4.5, 1], 3, 0),  # 5 to 4 is not more than 1
        ({"patience": 2, "min_delta": 1.0}, [5, 4.5, 3.5, 1], 4, 3),  # against the best, not the last
        ({"patience": 2, "mode": "max"}, [1, 2, 2, 2, 9], 4, 1),
        ({"patience": 2, "mode": "max", "min_delta": 1}, [1, 2, 3.5, 1, 1, 1], 5, 2),
        ({"patience": 2}, [5, np.nan, np.nan, 1], 3, 0),
        ({"patience": 2}, [np.nan, 5, 4, 3], 4, 3),
        ({"patience": 2}, [np.nan, np.inf, 5], 2, None),
        ({"patience": 9}, [-1, 0, 1, 2], 4, 0),
    ],
)
@pytest.mark.parametrize("restore_best", [True, False])
def test_it_stops_and_restores(backend, data, options, values, epochs, best, restore_best):
    stopping = st.EarlyStopping(monitor="error", restore_best=restore_best, **options)
    with backend.computing():
        model, history, states = fitted(stopping, values, data)
    assert (history.epochs, history.best_epoch) == (epochs, best)
    assert history.status == "stopped" or epochs == len(values)
    restored = states[best if restore_best and best is not None else -1]
    for key, value in model.state_dict().items():
        assert np.array_equal(value, restored[key]), key


def test_the_status_tells_whether_it_stopped_the_fit(data):
    for values, status in (([1, 2, 3], "stopped"), ([3, 2, 1], "finished"), ([2, 1, 3], "finished")):
        assert fitted(st.EarlyStopping(2, monitor="error"), values, data)[1].status == status


@pytest.mark.parametrize("monitor", ["loss", "validation_loss"])
def test_it_monitors_what_a_fit_computes(backend, data, monitor):
    """With a learning rate so large that the first epoch is not the worst."""
    X, y = data
    fit = FIT | {"epochs": 60, "optimizer": st.SGD(2.0, 0.9), "validation_data": (X[:40], y[::-1][:40])}
    with backend.computing():
        model = small_model()
        history = model.fit(X, y, **fit, callbacks=[st.EarlyStopping(3, monitor=monitor)])
        values = getattr(history, monitor)
        assert history.best_epoch == int(np.argmin(values)) and history.epochs == history.best_epoch + 4
        again = small_model()
        again.fit(X, y, **fit | {"epochs": history.best_epoch + 1})
    assert_equal_models(model, again)


def test_one_object_serves_several_fits(data):
    stopping = st.EarlyStopping(2, monitor="error")
    first = fitted(stopping, [1, 2, 3], data)[1]
    second = fitted(stopping, [9, 8, 8, 7, 7, 7], data)[1]
    assert (first.epochs, first.best_epoch, second.epochs, second.best_epoch) == (3, 0, 6, 3)
    assert stopping == st.EarlyStopping(2, monitor="error") != st.EarlyStopping(3, monitor="error")
    assert repr(stopping).startswith("EarlyStopping(patience=2, min_delta=0.0, monitor='error', mode='auto'")


def test_it_restores_after_a_cancelled_fit_but_not_after_an_error(data):
    def end(state):
        if state.epoch == 2:
            state.trainer.cancel()

    def fail(state):
        return state.epoch == 2 and 1 / 0

    trainer, first = st.Trainer(small_model()), small_model()
    first.fit(*data, **FIT, epochs=1)
    options = FIT | {"epochs": 9, "validation_data": data}
    stopping = st.EarlyStopping(monitor="error")
    history = trainer.fit(*data, **options, metrics=scripted([1, 2, 3]), callbacks=[stopping, end])
    assert (history.status, history.epochs, history.best_epoch) == ("cancelled", 3, 0)
    assert_equal_models(trainer.model, first)

    failed, third = st.Trainer(small_model()), small_model()
    third.fit(*data, **FIT, epochs=3)
    with pytest.raises(ZeroDivisionError):
        failed.fit(*data, **options, metrics=scripted([1, 2, 3]), callbacks=[stopping, fail])
    assert_equal_models(failed.model, third)


@pytest.mark.parametrize("averaging", [st.PolyakAverage(), st.ExponentialAverage(0.9)])
def test_the_average_goes_back_too(backend, data, averaging):
    with backend.computing():
        model, history, _ = fitted(
            st.EarlyStopping(2, monitor="error"), [3, 2, 4, 4], data, averaging=averaging
        )
        best = small_model()
        best.fit(*data, **FIT, epochs=2, averaging=averaging)
    assert history.best_epoch == 1
    assert_equal_models(model, best)


def test_what_cannot_be_monitored_is_refused_before_training(data):
    model, options = small_model(), FIT | {"epochs": 1}
    for stopping, more, message in [
        (st.EarlyStopping(), {}, "'validation_loss', but this fit computes loss: it has no validation data"),
        (
            st.EarlyStopping(monitor="accuracy"),
            {"validation_data": data, "metrics": {"top": st.accuracy}},
            "monitor is 'accuracy', but this fit computes loss, validation_loss, top$",
        ),
        (st.EarlyStopping(monitor="seconds"), {}, "monitor is 'seconds', but this fit computes loss"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.fit(*data, **options, **more, callbacks=[stopping])
    assert_equal_models(model, small_model())


@pytest.mark.parametrize("mode", ["min", "max"])
def test_an_epoch_without_a_number_is_never_the_best(data, mode):
    values = [np.nan, 1, np.nan, np.nan]
    assert fitted(st.EarlyStopping(9, monitor="error", mode=mode), values, data)[1].best_epoch == 1
    assert fitted(st.EarlyStopping(9, monitor="error", mode=mode), [np.nan] * 3, data)[1].best_epoch is None


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"patience": 0}, ValueError, "patience is 0, but must be at least 1"),
        ({"patience": 1.0}, TypeError, r"patience must be an integer, not 1\.0"),
        ({"min_delta": -0.1}, ValueError, r"min_delta is -0\.1, but must be finite and not negative"),
        ({"min_delta": None}, TypeError, "min_delta must be a real number, not None"),
        ({"monitor": 3}, TypeError, "monitor must be a name such as 'validation_loss', not 3"),
        ({"mode": "least"}, ValueError, "mode is 'least', but must be one of"),
        ({"restore_best": 1}, TypeError, "restore_best must be True or False, not 1"),
    ],
)
def test_its_parameters_are_checked(options, error, message):
    with pytest.raises(error, match=message):
        st.EarlyStopping(**options)


class Recorder(st.EpochCallback):
    """Records when it is told of what."""

    def __init__(self):
        self.told = []

    def begin(self, trainer, monitored):
        self.told.append(("begin", trainer.epochs_done, tuple(monitored)))

    def __call__(self, state):
        self.told.append(("epoch", state.epoch))

    def end(self, trainer, history):
        self.told.append(("end", trainer.epochs_done, history.status))


@pytest.mark.parametrize("epochs", [0, 2])
def test_an_epoch_callback_frames_the_fit(backend, data, epochs):
    recorder, trainer = Recorder(), st.Trainer(small_model())
    with backend.computing():
        trainer.model(data[0])
        trainer.fit(*data, **FIT, epochs=epochs, callbacks=[recorder], validation_data=data)
    assert recorder.told == [
        ("begin", 0, ("loss", "validation_loss")),
        *(("epoch", epoch) for epoch in range(epochs)),
        ("end", epochs, "finished"),
    ]
    with pytest.raises(NotImplementedError):
        small_model().fit(*data, callbacks=[st.EpochCallback()])
