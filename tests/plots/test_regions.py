"""Decision regions: colors, lines, names, edges, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st

pytest.importorskip("matplotlib")
import matplotlib as mpl
from matplotlib import pyplot
from matplotlib.collections import PathCollection
from support.pictures import CORNERS, legend, linear_classifier

from steepest.plots.drawing import CLASS_COLORS

COLORS = np.array([mpl.colors.to_rgb(color) for color in CLASS_COLORS])


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
    np.testing.assert_allclose(drawn, 0.35 * COLORS[predicted] + 0.65, rtol=1e-6)
    dots = [collection for collection in ax.collections if isinstance(collection, PathCollection)]
    for label, collection in enumerate(dots):
        np.testing.assert_array_equal(collection.get_offsets(), X[y == label])
        np.testing.assert_allclose(collection.get_facecolor()[0, :3], COLORS[label])
    assert legend(ax) == ["a", "b", "c", *(f"score of {name} = 0" for name in "abc")]
    assert image.get_interpolation() == "bilinear"  # no stairs at the edges
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 0", "feature 1")


def test_lines_of_a_linear_model_are_where_its_scores_are_0():
    bias = np.array([0.5, 0.0, -1.0])
    model = linear_classifier(CORNERS.T, bias)
    ax = st.plots.decision_regions(model, CORNERS, [0, 1, 2])
    assert len(ax.lines) == 3
    for label, line in enumerate(ax.lines):
        for point in (line.get_xy1(), line.get_xy2()):
            assert CORNERS[label] @ point + bias[label] == pytest.approx(0, abs=1e-12)
        np.testing.assert_allclose(mpl.colors.to_rgb(line.get_color()), COLORS[label])
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
        (single, CORNERS, labels, {}, ValueError, "label 2 of sample 2 is not one of the 2 classes"),
        (
            single,
            CORNERS,
            [0, 1, 1],
            {"classes": "abc"},
            ValueError,
            "3 names, but the model has 1 output",
        ),
        (
            two,
            CORNERS,
            labels,
            {"features": ["a"]},
            ValueError,
            "features has 1 names, but there are 2",
        ),
        (
            "model",
            CORNERS,
            labels,
            {},
            TypeError,
            "model must be a st.Sequential, or an estimator with",
        ),
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


def test_one_output_is_class_1_where_it_is_positive():
    model = linear_classifier(np.array([[1.0], [0.0]]))
    ax = st.plots.decision_regions(model, CORNERS, [1, 0, 0], resolution=20)
    drawn = np.asarray(ax.images[0].get_array())
    np.testing.assert_allclose(drawn[0, [0, -1]], 0.35 * COLORS[:2] + 0.65)
    assert legend(ax) == ["class 0", "class 1", "score = 0"]


def test_the_legend_hides_no_sample():
    _, ax = pyplot.subplots(layout="constrained")
    st.plots.decision_regions(linear_classifier(CORNERS.T), CORNERS, [0, 1, 2], ax=ax)
    ax.figure.canvas.draw()
    assert ax.get_legend().get_window_extent().x0 >= ax.get_window_extent().x1
    assert ax.get_legend().get_window_extent().x1 <= ax.figure.bbox.x1
    _, tight = pyplot.subplots()  # nobody makes room there
    st.plots.decision_regions(linear_classifier(CORNERS.T), CORNERS, [0, 1, 2], ax=tight)
    tight.figure.canvas.draw()
    assert tight.get_legend().get_window_extent().x1 <= tight.figure.bbox.x1


def test_regions_name_the_features():
    model = linear_classifier(CORNERS.T)
    ax = st.plots.decision_regions(model, CORNERS, [0, 1, 2], features=["length", "width"])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("length", "width")
    frame = pytest.importorskip("pandas").DataFrame(CORNERS, columns=["long", "wide"])
    ax = st.plots.decision_regions(model, frame, [0, 1, 2])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("long", "wide")


# ---- estimators -----------------------------------------------------------------------------------------


@pytest.fixture
def flowers():
    """Two features and names of classes, in no order of the alphabet."""
    pytest.importorskip("sklearn.base")
    random = np.random.default_rng(0)
    X = np.concatenate([random.normal(center, 0.3, (20, 2)) for center in CORNERS])
    return X, np.repeat(["rose", "iris", "lily"], 20)


def test_regions_of_estimators(flowers):
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from steepest.sklearn import LinearClassifier, MLPClassifier

    X, y = flowers
    for classifier in (
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), LinearClassifier(tol=0.01)),
        MLPClassifier(solver="lbfgs", random_state=0),
    ):
        classifier.fit(X, y)
        ax = st.plots.decision_regions(classifier, X, y, resolution=30)
        assert legend(ax) == ["iris", "lily", "rose"]
        left, right, bottom, top = ax.images[0].get_extent()
        steps = (np.arange(30) + 0.5) / 30
        grid = [(left + a * (right - left), bottom + b * (top - bottom)) for b in steps for a in steps]
        predicted = np.searchsorted(classifier.classes_, classifier.predict(grid)).reshape(30, 30)
        np.testing.assert_allclose(np.asarray(ax.images[0].get_array()), 0.35 * COLORS[predicted] + 0.65)
        dots = [collection.get_offsets() for collection in ax.collections]
        for name, drawn in zip(classifier.classes_, dots, strict=True):
            np.testing.assert_array_equal(drawn, X[y == name])


def test_an_estimator_of_a_data_frame_is_given_one(flowers):
    pandas = pytest.importorskip("pandas")
    from sklearn.tree import DecisionTreeClassifier

    X, y = pandas.DataFrame(flowers[0], columns=["a", "b"]), pandas.Series(flowers[1])
    ax = st.plots.decision_regions(DecisionTreeClassifier().fit(X, y), X, y, classes=["I", "L", "R"])
    assert legend(ax) == ["I", "L", "R"] and ax.get_xlabel() == "a"


def test_regions_of_integer_classes_that_do_not_begin_at_0(flowers):
    from sklearn.neighbors import KNeighborsClassifier

    X, y = flowers[0], np.repeat([7, 3, 5], 20)
    ax = st.plots.decision_regions(KNeighborsClassifier().fit(X, y), X, y)
    assert legend(ax) == ["class 3", "class 5", "class 7"]


def test_regions_of_estimators_refuse(flowers):
    from sklearn.linear_model import LinearRegression
    from sklearn.neighbors import KNeighborsClassifier

    X, y = flowers
    fitted, wide = (KNeighborsClassifier().fit(rows, y) for rows in (X, np.ones((60, 3))))
    numbers = np.arange(60.0)
    for model, rows, labels, options, message in [
        (wide, X, y, {}, "the model takes 3 features, but regions are drawn for 2"),
        (fitted, X[:, :1], y, {}, r"X has shape \(60, 1\), but must be \(samples, 2\)"),
        (fitted, X, y[:9], {}, "X has 60 samples, but y has 9"),
        (
            fitted,
            X,
            np.repeat(["rose", "oak"], 30),
            {},
            "oak of sample 30 in y is not one of the 3 classes",
        ),
        (fitted, X, y, {"classes": ["a"]}, "classes has 1 names, but the model has 3 classes"),
        (LinearRegression().fit(X, numbers), X, numbers, {}, "the model predicts real numbers, but regions"),
    ]:
        with pytest.raises(ValueError, match=message):
            st.plots.decision_regions(model, rows, labels, **options)
    assert not pyplot.get_fignums()
