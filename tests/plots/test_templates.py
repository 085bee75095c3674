"""Weights as images, and histograms of weights."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st

pytest.importorskip("matplotlib")
from matplotlib import pyplot
from matplotlib.figure import Figure
from support.pictures import linear_classifier


def panels(figure):
    """Those with a template, not the empty ones and the color bar."""
    return [axes for axes in figure.axes if axes.images]


@pytest.mark.parametrize("outputs", [1, 3, 5, 7, 10, 26])
def test_templates_are_the_columns_on_one_symmetric_scale(outputs):
    weight = np.random.default_rng(0).standard_normal((12, outputs))
    figure = st.plots.templates(linear_classifier(weight), (3, 4))
    shown = panels(figure)
    assert [axes.get_title() for axes in shown] == [str(i) for i in range(outputs)]
    for axes, column in zip(shown, weight.T, strict=True):
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), column.reshape(3, 4))
        assert image.get_clim() == (-np.abs(weight).max(), np.abs(weight).max())
        assert image.get_cmap().name == "RdBu_r" and not axes.axison
    assert "weight" in [axes.get_ylabel() for axes in figure.axes]
    figure.canvas.draw()


def test_templates_in_color_share_the_scale_too():
    weight = np.random.default_rng(0).standard_normal((2 * 3 * 3, 2))
    figure = st.plots.templates(linear_classifier(weight), (2, 3, 3), classes=["cat", "car"])
    assert [axes.get_title() for axes in panels(figure)] == ["cat", "car"]
    limit = np.abs(weight).max()
    for axes, column in zip(panels(figure), weight.T, strict=True):
        drawn = np.asarray(axes.images[0].get_array())
        np.testing.assert_allclose(drawn, (column.reshape(2, 3, 3) / limit + 1) / 2, rtol=1e-12)
    assert len(figure.axes) == 2  # no color bar


def test_templates_of_zero_and_of_a_chosen_layer():
    (axes,) = panels(st.plots.templates(linear_classifier(np.zeros((4, 1))), (2, 2)))
    assert axes.images[0].get_clim() == (-1, 1)
    model = st.Sequential(st.Linear(4, 6), st.ReLU(), st.Linear(6, 2))
    figure = Figure()
    assert st.plots.templates(model, [3, 2], layer=2, figure=figure) is figure
    second = model.state_dict()["2.weight"]
    np.testing.assert_array_equal(panels(figure)[1].images[0].get_array(), second[:, 1].reshape(3, 2))


@pytest.mark.parametrize(
    ("shape", "options", "error", "message"),
    [
        ((3, 5), {}, ValueError, r"shape \(3, 5\) holds 15 numbers, but layer 0 takes 12"),
        ((2, 3, 2), {}, ValueError, r"shape \(2, 3, 2\) has 2 channels, but an image in color has 3$"),
        ((3, 2, 2), {}, ValueError, r"in color has 3: transpose to \(height, width, 3\)"),
        ((12,), {}, ValueError, r"shape is \(12,\), but must be \(height, width\)"),
        (12, {}, ValueError, "shape is 12, but must be"),
        ((3.0, 4), {}, TypeError, r"a size in shape must be an integer, not 3\.0"),
        ((0, 4), {}, ValueError, "a size in shape is 0, but must be at least 1"),
        ((3, 4), {"layer": 1}, ValueError, r"layer 1 is ReLU\(\), but templates are the columns of a Linear"),
        ((3, 4), {"layer": 3}, ValueError, "layer is 3, but must be at most 2"),
        ((3, 4), {"layer": "0"}, TypeError, "layer must be an integer"),
        ((3, 4), {"classes": "abc"}, ValueError, "classes has 3 names, but layer 0 has 2 outputs"),
    ],
)
def test_templates_refuse(shape, options, error, message):
    model = st.Sequential(st.Linear(12, 2), st.ReLU(), st.Linear(2, 2))
    with pytest.raises(error, match=message):
        st.plots.templates(model, shape, **options)
    assert not pyplot.get_fignums()


def test_titles_fit_their_panels():
    names = ["a", "stochastic depth and early stopping", "LeakyReLU(negative_slope=0.1)"]
    model = linear_classifier(np.ones((4, 3)))
    figure = st.plots.templates(model, (2, 2), classes=names)
    figure.canvas.draw()
    for axes in panels(figure):
        title, panel = axes.title.get_window_extent(), axes.get_window_extent()
        assert title.width <= 1.15 * panel.width and figure.bbox.contains(title.x0, title.y1)


# ---- histograms -----------------------------------------------------------------------------------------


def counts(axes):
    """Edges and heights of the bars."""
    return [bar.get_x() for bar in axes.patches], [bar.get_height() for bar in axes.patches]


def test_histograms_are_of_each_weight():
    model = st.Sequential(st.Linear(5, 40), st.BatchNorm(40), st.ReLU(), st.Linear(40, 3))
    figure = st.plots.weight_histograms(model, bins=7)
    state = model.state_dict()
    assert [axes.get_xlabel() for axes in figure.axes] == ["0.weight", "3.weight"]
    for axes in figure.axes:
        values = state[axes.get_xlabel()].astype(float)
        heights, edges = np.histogram(values, 7)
        lefts, drawn = counts(axes)
        np.testing.assert_array_equal(drawn, heights)
        np.testing.assert_allclose(lefts, edges[:-1])
        assert axes.get_title() == f"mean {values.mean():.3g}, std {values.std():.3g}"
    figure.canvas.draw()


def test_histograms_of_chosen_arrays_and_where_they_are_drawn():
    model, figure = st.Sequential(st.Linear(5, 4)), Figure()
    assert st.plots.weight_histograms(model, keys=["0.bias"], figure=figure) is figure
    (axes,) = figure.axes
    assert axes.get_xlabel() == "0.bias" and sum(counts(axes)[1]) == 4


def test_histograms_of_estimators():
    pytest.importorskip("sklearn.base")
    from sklearn.linear_model import Ridge
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = np.random.default_rng(0).standard_normal((30, 4))
    net = MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=1000, random_state=0).fit(X, X[:, 0])
    figure = st.plots.weight_histograms(net)
    assert [axes.get_xlabel() for axes in figure.axes] == ["coefs_[0]", "coefs_[1]"]
    (axes,) = st.plots.weight_histograms(make_pipeline(StandardScaler(), Ridge()).fit(X, X[:, 0])).axes
    assert axes.get_xlabel() == "coef_" and sum(counts(axes)[1]) == 4


def test_histograms_refuse():
    model = st.Sequential(st.Linear(5, 4))
    for given, options, error, message in [
        (model, {"keys": ["1.weight"]}, ValueError, "no array '1.weight', but 0.weight, 0.bias"),
        (model, {"keys": []}, ValueError, "keys is empty, but at least one"),
        (model, {"bins": 0}, ValueError, "bins is 0, but must be at least 1"),
        (model, {"bins": 2.5}, TypeError, "bins must be an integer"),
        ("model", {}, TypeError, "model must be a st.Sequential, or a fitted estimator with coefs_ or coef_"),
    ]:
        with pytest.raises(error, match=message):
            st.plots.weight_histograms(given, **options)
    assert not pyplot.get_fignums()
