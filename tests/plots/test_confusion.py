"""Confusion matrices: what is counted, in which order, by what it is divided, and every refusal."""

from __future__ import annotations

import numpy as np
import pytest

import steepest as st

pytest.importorskip("matplotlib")
from matplotlib import pyplot
from matplotlib.figure import Figure

TRUE, FOUND = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 1, 1, 1, 2, 0])
COUNTS = np.array([[1, 2, 0], [0, 1, 0], [1, 0, 1]])


def ticks(ax):
    names = [[label.get_text() for label in axis.get_ticklabels()] for axis in (ax.yaxis, ax.xaxis)]
    assert names[0] == names[1]
    return names[0]


def test_counts_are_drawn_and_written():
    ax = st.plots.confusion_matrix(TRUE, FOUND)
    np.testing.assert_array_equal(ax.images[0].get_array(), COUNTS)
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in ax.texts}
    assert written == {place: str(count) for place, count in np.ndenumerate(COUNTS)}
    assert ticks(ax) == ["0", "1", "2"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted", "true")
    ax.figure.canvas.draw()


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_fractions_are_scikit_learn_s(normalize):
    theirs = pytest.importorskip("sklearn.metrics").confusion_matrix(TRUE, FOUND, normalize=normalize)
    ax = st.plots.confusion_matrix(TRUE, FOUND, normalize=normalize, ax=Figure().subplots())
    np.testing.assert_allclose(ax.images[0].get_array(), theirs)
    assert [text.get_text() for text in ax.texts] == [f"{share:.0%}" for share in theirs.ravel()]


def test_classes_are_names_of_integers_or_the_values_in_order():
    ax = st.plots.confusion_matrix(TRUE, FOUND, classes=["ant", "bee", "cat", "dog"])
    assert ticks(ax) == ["ant", "bee", "cat", "dog"]  # no dog: a row and a column of zeros
    np.testing.assert_array_equal(ax.images[0].get_array()[:3, :3], COUNTS)
    assert ax.images[0].get_array()[3].sum() == 0
    words = np.array(["ant", "bee", "cat"])
    ax = st.plots.confusion_matrix(words[TRUE], words[FOUND], classes=["cat", "ant", "bee"])
    assert ticks(ax) == ["cat", "ant", "bee"]
    np.testing.assert_array_equal(ax.images[0].get_array(), COUNTS[[2, 0, 1]][:, [2, 0, 1]])
    ax = st.plots.confusion_matrix(TRUE + 5, FOUND + 5, classes=[7, 6, 5])
    np.testing.assert_array_equal(ax.images[0].get_array(), COUNTS[::-1, ::-1])
    assert ticks(st.plots.confusion_matrix([True, False], [True, True])) == ["False", "True"]


def test_a_row_without_samples_is_0():
    ax = st.plots.confusion_matrix([0, 0], [0, 1], normalize="true")
    np.testing.assert_array_equal(ax.images[0].get_array(), [[0.5, 0.5], [0, 0]])


def test_many_classes_have_colors_alone():
    ax = st.plots.confusion_matrix(np.arange(40), np.arange(40))
    assert not ax.texts and len(ax.figure.axes) == 2  # a color bar
    assert ticks(ax) == [str(number) for number in range(0, 40, 2)]


def test_confusion_refuses():
    for labels, predicted, options, error, message in [
        ([0, 1], [0], {}, ValueError, "labels has 2 samples, but predicted has 1"),
        ([], [], {}, ValueError, "labels has 0 samples, but at least 1 is needed"),
        (np.eye(2), [0, 1], {}, ValueError, r"labels has shape \(2, 2\), but must have one label per sample"),
        (
            [0, 3],
            [0, 1],
            {"classes": "ab"},
            ValueError,
            "3 of sample 1 in labels is not one of the 2",
        ),
        (["a"], ["c"], {"classes": ["a", "b"]}, ValueError, "c of sample 0 in predicted is not one of the 2"),
        ([0], [0], {"normalize": "rows"}, ValueError, "normalize"),
        ([0], [0], {"normalize": 1}, ValueError, "normalize"),
    ]:
        with pytest.raises(error, match=message):
            st.plots.confusion_matrix(labels, predicted, **options)
    assert not pyplot.get_fignums()
