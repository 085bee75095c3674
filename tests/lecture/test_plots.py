"""Pictures: the structure of what is drawn, the colors that mean something, and every refusal."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import steepest as st

mpl = pytest.importorskip("matplotlib")
from matplotlib import pyplot  # noqa: E402
from matplotlib.collections import PathCollection  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

TAB = np.array(mpl.colormaps["tab10"].colors)


@pytest.fixture(autouse=True)
def _screenless(monkeypatch):
    pyplot.switch_backend("agg")
    monkeypatch.setattr(pyplot, "show", lambda *a, **k: pytest.fail("a picture was shown"))
    yield
    pyplot.close("all")


def linear_classifier(weight, bias=None, dtype=np.float64):
    inputs, outputs = np.shape(weight)
    model = st.Sequential(st.Linear(inputs, outputs), dtype=dtype)
    model.load_state_dict({"0.weight": weight, "0.bias": np.zeros(outputs) if bias is None else bias})
    return model


def panels(figure):
    """Those with a template, not the empty ones and the color bar."""
    return [axes for axes in figure.axes if axes.images]


# ---- templates ------------------------------------------------------------------------------------------


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
        ((2, 3, 2), {}, ValueError, r"shape \(2, 3, 2\) has 2 channels, but an image in color has 3"),
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


# ---- decision regions -----------------------------------------------------------------------------------

CORNERS = np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, -1.0]])


def test_regions_are_the_predictions_in_paler_colors_of_the_samples():
    model = linear_classifier(CORNERS.T)
    X = np.array([[2.0, 0.0], [-2.0, 1.0], [1.0, -3.0], [-2.0, 2.0]])
    y = np.array([0, 1, 2, 1])
    ax = st.plots.decision_regions(model, X, y, resolution=50, classes=["a", "b", "c"])
    np.testing.assert_allclose(ax.get_xlim(), (-2.4, 2.4))  # a tenth of the extent beyond it
    np.testing.assert_allclose(ax.get_ylim(), (-3.5, 2.5))
    (image,) = ax.images
    np.testing.assert_allclose(image.get_extent(), (-2.4, 2.4, -3.5, 2.5))
    drawn = np.asarray(image.get_array())
    across, up = -2.4 + (np.arange(50) + 0.5) * 4.8 / 50, -3.5 + (np.arange(50) + 0.5) * 6 / 50
    predicted = model.predict(np.array([(a, b) for b in up for a in across])).reshape(50, 50)
    assert set(np.unique(predicted)) == {0, 1, 2}
    np.testing.assert_allclose(drawn, 0.35 * TAB[predicted] + 0.65, rtol=1e-6)
    dots = [collection for collection in ax.collections if isinstance(collection, PathCollection)]
    for label, collection in enumerate(dots):
        np.testing.assert_array_equal(collection.get_offsets(), X[y == label])
        np.testing.assert_allclose(collection.get_facecolor()[0, :3], TAB[label])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 0", "feature 1")


def test_lines_of_a_linear_model_are_where_its_scores_are_0():
    bias = np.array([0.5, 0.0, -1.0])
    model = linear_classifier(CORNERS.T, bias)
    ax = st.plots.decision_regions(model, CORNERS, [0, 1, 2])
    assert len(ax.lines) == 3
    for label, line in enumerate(ax.lines):
        for point in (line.get_xy1(), line.get_xy2()):
            assert CORNERS[label] @ point + bias[label] == pytest.approx(0, abs=1e-12)
        np.testing.assert_allclose(mpl.colors.to_rgb(line.get_color()), TAB[label])
    ax.figure.canvas.draw()


def test_lines_are_of_linear_models_alone():
    deep = st.Sequential(st.Linear(2, 4), st.Identity(), st.Linear(4, 3), dtype=np.float64)
    ax = st.plots.decision_regions(deep, CORNERS, [0, 1, 2])
    weight = deep.state_dict()["0.weight"] @ deep.state_dict()["2.weight"]
    for line, w in zip(ax.lines, weight.T, strict=True):
        assert w @ line.get_xy2() == pytest.approx(0, abs=1e-12)
    bent = st.Sequential(st.Linear(2, 4), st.ReLU(), st.Linear(4, 3))
    assert not st.plots.decision_regions(bent, CORNERS, [0, 1, 2]).lines
    one_score = linear_classifier(np.array([[0.0, 1.0], [0.0, 1.0]]))  # a weight of zero has no line
    assert len(st.plots.decision_regions(one_score, CORNERS, [0, 1, 1]).lines) == 1


def test_regions_draw_where_they_are_told_and_take_samples_in_a_line():
    _, ax = pyplot.subplots()
    model = st.Sequential(st.Linear(2, 12))  # more classes than there are listed colors
    assert st.plots.decision_regions(model, [[1, 2], [1, 3]], [0, 11], ax=ax, resolution=2) is ax
    assert ax.get_xlim() == (0, 2)
    assert len({tuple(collection.get_facecolor()[0]) for collection in ax.collections[::11]}) == 2


def test_regions_refuse():
    two, labels = linear_classifier(CORNERS.T), [0, 1, 2]
    wide, single = st.Sequential(st.Linear(3, 2)), st.Sequential(st.Linear(2, 1))
    for model, X, y, options, error, message in [
        (wide, np.ones((3, 3)), labels, {}, ValueError, "takes 3 features, but regions are drawn for 2"),
        (single, CORNERS, labels, {}, ValueError, "the model has 1 output, but .* at least 2"),
        ("model", CORNERS, labels, {}, TypeError, "model must be a st.Sequential, not 'model'"),
        (two, np.ones((3, 3)), labels, {}, ValueError, "X has 3 features, but the first layer takes 2"),
        (two, CORNERS[:0], [], {}, ValueError, "X has 0 samples, but at least 1"),
        (two, np.full((3, 2), np.inf), labels, {}, ValueError, "row 0 of X holds NaN or an infinity"),
        (two, CORNERS, [0, 1], {}, ValueError, "X has 3 samples, but y has 2"),
        (two, CORNERS, [0, 1, 3], {}, ValueError, r"label 3 of sample 2 is not one of the 3 classes"),
        (two, CORNERS, labels, {"classes": ["a"]}, ValueError, "classes has 1 names, but the model has 3"),
        (two, CORNERS, labels, {"resolution": 1}, ValueError, "resolution is 1, but must be at least 2"),
    ]:
        with pytest.raises(error, match=message):
            st.plots.decision_regions(model, X, y, **options)
    assert not pyplot.get_fignums()


# ---- learning curves ------------------------------------------------------------------------------------


def test_curves_are_the_histories(data):
    X, y = data
    history = st.Sequential(st.Linear(6, 3)).fit(X, y, epochs=4, validation_data=(X, y))
    ax = st.plots.learning_curves(history)
    objective, validation = ax.lines
    np.testing.assert_array_equal(objective.get_xydata(), np.column_stack([range(1, 5), history.loss]))
    np.testing.assert_array_equal(validation.get_ydata(), history.validation_loss)
    assert (objective.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert [line.get_label() for line in ax.lines] == ["objective", "validation loss"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_curves_of_several_fits_have_their_colors_and_names():
    _, ax = pyplot.subplots()
    histories = {"slow": st.History(loss=[3.0, 2.0, 1.0]), "fast": st.History([2.0], [4.0])}
    assert st.plots.learning_curves(histories, ax=ax) is ax
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["slow objective", "fast objective", "fast validation loss"]
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


# ---- matplotlib itself ----------------------------------------------------------------------------------


def test_importing_steepest_imports_no_matplotlib():
    code = "import steepest, sys; steepest.plots.templates; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_without_matplotlib_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    model = linear_classifier(CORNERS.T)
    for draw in (
        lambda: st.plots.templates(model, (1, 2)),
        lambda: st.plots.decision_regions(model, CORNERS, [0, 1, 2]),
        lambda: st.plots.learning_curves(st.History([1.0])),
    ):
        with pytest.raises(ImportError, match=r"missing: pip install 'steepest\[plot\]'"):
            draw()
