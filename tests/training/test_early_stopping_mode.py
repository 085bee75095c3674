"""Early stopping by a metric: whether the largest or the smallest is best, by names and functions."""

from __future__ import annotations

import numpy as np
import pytest
from support.strategies import small_model
from support.tolerances import assert_equal_models

import steepest as st

FIT = {"batch_size": 32, "progress": False}


LARGE = ["accuracy", "Accuracy", "val_accuracy", "top_5_accuracy", "balanced accuracy", "accuracy_score"]
LARGE += ["acc", "score", "r2", "r2_score", "auc", "roc-auc", "f1", "f1_score", "macro_f1"]
LARGE += ["precision", "average_precision", "recall"]
SMALL = ["error", "error_rate", "mse", "mae", "rmse", "mean_squared_error", "deviance", "log_loss"]
SMALL += ["hinge_loss", "cross_entropy", "validation_error", "error_2"]
UNKNOWN = ["error_score", "brier_score", "neg_mean_squared_error", "accuracy_loss", "loss_of_accuracy"]
UNKNOWN += ["mse_improvement", "1 - accuracy", "1-accuracy", "inaccuracy", "-loss", "d2_absolute_error_score"]
UNKNOWN += ["speed", "likelihood", "_", ""]


@pytest.mark.parametrize(("names", "best"), [(LARGE, 1), (SMALL, 2)])
def test_the_mode_follows_usual_names(data, names, best):
    for name in names:
        coming = iter([2, 3, 1])
        model, stopping = small_model(), st.EarlyStopping(monitor=name)
        metrics = {name: lambda labels, scores, coming=coming: next(coming)}
        history = model.fit(
            *data, **FIT, epochs=3, validation_data=data, metrics=metrics, callbacks=[stopping]
        )
        assert history.best_epoch == best, name


@pytest.mark.parametrize("name", UNKNOWN)
def test_the_mode_must_be_given_for_other_names(data, name):
    model, options = small_model(), FIT | {"epochs": 1, "validation_data": data}
    metrics = {name: lambda labels, scores: 1.0}
    with pytest.raises(
        ValueError, match=f"whether metric '{name}' should be minimized or maximized: give mode="
    ):
        model.fit(*data, **options, metrics=metrics, callbacks=[st.EarlyStopping(monitor=name)])
    assert_equal_models(model, small_model())
    for mode in ("min", "max"):
        stopping = st.EarlyStopping(monitor=name, mode=mode)
        assert model.fit(*data, **options, metrics=metrics, callbacks=[stopping]).best_epoch == 0


@pytest.mark.parametrize(("greater", "best"), [(True, 1), (np.False_, 2)])
@pytest.mark.parametrize("name", ["accuracy", "mse", "speed"])
def test_the_mode_follows_the_function_before_its_name(data, name, greater, best):
    values = iter([2, 3, 1])

    def metric(labels, scores):
        return next(values)

    metric.greater_is_better = greater
    options = FIT | {"epochs": 3, "validation_data": data, "metrics": {name: metric}}
    stopping = st.EarlyStopping(monitor=name)
    assert small_model().fit(*data, **options, callbacks=[stopping]).best_epoch == best
    metric.greater_is_better = "yes"
    with pytest.raises(TypeError, match=f"greater_is_better of metric '{name}' must be True or False"):
        small_model().fit(*data, **options, callbacks=[stopping])


def test_the_best_accuracy_is_kept_by_default(backend, data):
    """Under any name, as `st.accuracy` says of itself what it should become."""
    X, y = data
    fit = FIT | {"epochs": 12, "optimizer": st.SGD(3.0, 0.9), "metrics": {"how well": st.accuracy}}
    with backend.computing():
        model = small_model()
        stopping = st.EarlyStopping(20, monitor="how well")
        history = model.fit(X, y, **fit, validation_data=(X, y), callbacks=[stopping])
        assert st.accuracy(y, model(X)) == max(history.metrics["how well"])
    assert history.best_epoch == int(np.argmax(history.metrics["how well"]))
