"""A fit of one feature: the samples, the curve, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st

pytest.importorskip("matplotlib")
from matplotlib import pyplot
from support.pictures import legend, linear_classifier

x, y = np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.5])


def line(slope, bias):
    return linear_classifier(np.array([[slope]]), [bias])


def test_samples_and_predictions():
    ax = st.plots.regression_fit(line(2.0, 1.0), x, y, resolution=11)
    (dots,), (curve,) = ax.collections, ax.lines
    np.testing.assert_array_equal(dots.get_offsets(), np.column_stack([x, y]))
    across = np.linspace(-0.1, 2.1, 11)
    np.testing.assert_allclose(curve.get_xydata(), np.column_stack([across, 2 * across + 1]))
    assert legend(ax) == ["samples", "prediction"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")


def test_functions_estimators_and_data_frames():
    pytest.importorskip("sklearn.base")
    pandas = pytest.importorskip("pandas")
    from sklearn.linear_model import LinearRegression

    _, ax = pyplot.subplots()
    assert st.plots.regression_fit(np.sin, x, y, ax=ax, feature="time") is ax
    assert ax.get_xlabel() == "time"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.sin(ax.lines[0].get_xdata()))
    frame, goal = pandas.DataFrame({"length": x}), pandas.Series(y, name="weight")
    model = LinearRegression().fit(frame, goal)
    ax = st.plots.regression_fit(model, frame, goal)  # no warning of missing names
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "weight")


def test_several_outputs_have_their_colors():
    model = linear_classifier(np.array([[1.0, -1.0]]))
    ax = st.plots.regression_fit(model, x, np.column_stack([x, -x]))
    assert len(ax.lines) == 2 and legend(ax)[0] == "samples 0"
    assert ax.lines[0].get_color().tolist() == ax.collections[0].get_facecolor()[0, :3].tolist()


def test_regression_fit_refuses():
    wide = st.Sequential(st.Linear(2, 1))
    for model, X, goals, options, error, message in [
        (wide, x, y, {}, ValueError, r"for 1 feature, but the model takes 2 and X has shape \(3, 1\)"),
        (line(1, 0), np.ones((3, 2)), y, {}, ValueError, r"takes 1 and X has shape \(3, 2\)"),
        (line(1, 0), x, y[:2], {}, ValueError, r"y has shape \(2,\), but there are 3 samples"),
        (line(1, 0), x, np.ones((3, 2)), {}, ValueError, "y has 2 outputs, but the model predicts 1"),
        (line(1, 0), [np.nan, 1], [1, 2], {}, ValueError, "row 0 of X holds NaN"),
        (line(1, 0), [], [], {}, ValueError, "X has 0 samples"),
        ("model", x, y, {}, TypeError, "model must be a st.Sequential, an estimator or a function"),
        (line(1, 0), x, y, {"resolution": 1}, ValueError, "resolution is 1, but must be at least 2"),
    ]:
        with pytest.raises(error, match=message):
            st.plots.regression_fit(model, X, goals, **options)
    assert not pyplot.get_fignums()
