"""Losses and metrics by epoch."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st

pytest.importorskip("matplotlib")
import matplotlib as mpl
from matplotlib import pyplot
from support.pictures import legend


def test_curves_are_the_histories(data):
    X, y = data
    history = st.Sequential(st.Linear(6, 3)).fit(X, y, epochs=4, validation_data=(X, y))
    ax = st.plots.learning_curves(history)
    objective, validation = ax.lines
    np.testing.assert_array_equal(objective.get_xydata(), np.column_stack([range(1, 5), history.loss]))
    np.testing.assert_array_equal(validation.get_ydata(), history.validation_loss)
    assert (objective.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert [line.get_label() for line in ax.lines] == ["training loss", "validation loss"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_curves_of_several_fits_have_their_colors_and_names():
    _, ax = pyplot.subplots()
    histories = {"slow": st.History(loss=[3.0, 2.0, 1.0]), "fast": st.History([2.0], [4.0])}
    assert st.plots.learning_curves(histories, ax=ax) is ax
    assert legend(ax) == ["slow training loss", "fast training loss", "fast validation loss"]
    slow, fast, validation = (mpl.colors.to_rgb(line.get_color()) for line in ax.lines)
    assert slow != fast == validation


def test_curves_refuse():
    for history, error, message in [
        (st.History(), ValueError, "the history has 0 epochs, but at least 1 is needed"),
        ({"a": st.History([1.0]), "b": st.History()}, ValueError, "history 'b' has 0 epochs, but at least 1"),
        ({}, ValueError, "the mapping has 0 histories, but at least 1 is needed"),
        ([1.0, 2.0], TypeError, r"history must be a st.History, .*not \[1\.0, 2\.0\]"),
    ]:
        with pytest.raises(error, match=message):
            st.plots.learning_curves(history)
    assert not pyplot.get_fignums()


def test_a_single_loss_needs_no_legend():
    ax = st.plots.learning_curves(st.History(loss=[3.0, 2.0]))
    assert not legend(ax) and ax.get_ylabel() == "training loss"
    ax = st.plots.learning_curves({"slow": st.History([3.0, 2.0]), "fast": st.History([2.0])})
    assert legend(ax) == ["slow", "fast"] and ax.get_ylabel() == "training loss"


@pytest.mark.parametrize("epochs", [1, 2, 5, 13, 1000])
def test_epochs_are_integers(epochs):
    ax = st.plots.learning_curves(st.History(loss=[1.0] * epochs))
    ax.figure.canvas.draw()
    shown = [tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]
    assert shown and all(tick == round(tick) for tick in shown)
    assert (ax.lines[0].get_marker() == "o") == (epochs == 1)  # a point is no line


def test_metrics_have_a_scale_of_their_own():
    history = st.History([3.0, 2.0], [4.0, 3.0], {"accuracy": [0.5, 0.75], "f1": [0.25, 0.5]})
    ax = st.plots.learning_curves(history)
    right = ax.figure.axes[1]
    assert [line.get_label() for line in right.lines] == ["accuracy", "f1"]
    np.testing.assert_array_equal(right.lines[0].get_xydata(), [[1, 0.5], [2, 0.75]])
    colors = {mpl.colors.to_rgb(line.get_color()) for line in [ax.lines[0], *right.lines]}
    assert len(colors) == 3 and right.get_ylabel() == "metrics"
    assert legend(right) == ["training loss", "validation loss", "accuracy", "f1"]
    ax = st.plots.learning_curves(history, metrics=["f1"])
    assert [line.get_label() for line in ax.figure.axes[1].lines] == ["f1"]
    assert ax.figure.axes[1].get_ylabel() == "f1"
    assert len(st.plots.learning_curves(history, metrics=[]).figure.axes) == 1


def test_the_best_epoch_is_marked(data):
    X, y = data
    model = st.Sequential(st.Linear(6, 3))
    options = {"validation_data": (X[:30], y[:30]), "metrics": {"accuracy": st.accuracy}}
    stopping = st.EarlyStopping(2, monitor="accuracy")
    history = model.fit(X, y, epochs=50, callbacks=[stopping], progress=False, **options)
    ax = st.plots.learning_curves(history)
    mark = ax.lines[-1]
    assert list(mark.get_xdata()) == [history.best_epoch + 1] * 2
    assert mark.get_label() == f"best epoch: {history.best_epoch + 1}"


def test_curves_of_estimators():
    pytest.importorskip("sklearn.base")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from steepest.sklearn import MLPClassifier

    X = np.random.default_rng(0).standard_normal((200, 3))
    y = X[:, 0] > 0
    net = MLPClassifier((4,), early_stopping=True, max_iter=500, random_state=0).fit(X, y)
    ax = st.plots.learning_curves(net)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), net.loss_curve_)
    right = ax.figure.axes[1]
    np.testing.assert_array_equal(right.lines[0].get_ydata(), net.validation_scores_)
    best = int(np.argmax(net.validation_scores_)) + 1
    assert legend(right) == ["training loss", "validation loss", f"best epoch: {best}", "validation score"]
    piped = make_pipeline(StandardScaler(), MLPClassifier((4,), tol=0.05, random_state=0)).fit(X, y)
    ax = st.plots.learning_curves({"net": net, "piped": piped}, metrics=[])
    names = ["net training loss", "net validation loss", f"net best epoch: {best}", "piped training loss"]
    assert legend(ax) == names


def test_an_unknown_metric_is_named():
    history = {"a": st.History([1.0], [], {"f1": [0.5]})}
    with pytest.raises(ValueError, match="no history has the metric 'auc': its metrics are f1"):
        st.plots.learning_curves(history, metrics=["auc"])
    with pytest.raises(ValueError, match="no history has the metric 'auc': it has no metrics"):
        st.plots.learning_curves(st.History([1.0]), metrics="auc")
    assert not pyplot.get_fignums()
