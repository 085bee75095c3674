"""Displays: what is drawn, from whose attributes, and every refusal."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
pytest.importorskip("matplotlib")
from matplotlib import pyplot
from matplotlib.figure import Figure
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import steepest.sklearn
from steepest.sklearn import LinearClassifier, LossCurveDisplay, TemplateDisplay


@pytest.fixture(autouse=True)
def _screenless(monkeypatch):
    pyplot.switch_backend("agg")
    monkeypatch.setattr(pyplot, "show", lambda *a, **k: pytest.fail("a picture was shown"))
    yield
    pyplot.close("all")


@pytest.fixture
def samples():
    """60 samples of 6 features in 3 classes."""
    random = np.random.default_rng(0)
    X = random.standard_normal((60, 6))
    return X, np.array(["ant", "bee", "cat"])[np.argmax(X[:, :3], axis=1)]


def network(**options):
    return MLPClassifier((4,), max_iter=3, n_iter_no_change=99, random_state=0, **options)


@pytest.fixture(autouse=True)
def _short_fits():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


# ---- loss curves ----------------------------------------------------------------------------------------


def test_the_loss_of_each_epoch(samples):
    net = network().fit(*samples)
    display = LossCurveDisplay.from_estimator(net)
    np.testing.assert_array_equal(display.line_.get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(display.line_.get_ydata(), net.loss_curve_)
    assert display.line_.get_label() == "MLPClassifier loss"
    assert display.validation_line_ is None and display.score_ax_ is None
    assert display.figure_ is display.ax_.figure
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
    display.figure_.canvas.draw()


def test_validation_scores_have_a_scale_of_their_own(samples):
    net = network(early_stopping=True).fit(*samples)
    display = LossCurveDisplay.from_estimator(net, name="small")
    assert display.score_ax_ is not display.ax_ and display.score_ax_.figure is display.figure_
    assert display.score_ax_.get_ylabel() == "validation score"
    np.testing.assert_array_equal(display.validation_line_.get_ydata(), net.validation_scores_)
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["small loss", "small validation score"]


def test_a_validation_loss_shares_the_scale_and_the_color():
    display = LossCurveDisplay(loss_curve=[3, 2, 1], validation_loss_curve=[4, 3], validation_scores=[0, 1])
    assert display.plot(c="red") is display
    assert display.score_ax_ is None and display.validation_line_.axes is display.ax_
    np.testing.assert_array_equal(display.validation_line_.get_xydata(), [[1, 4], [2, 3]])
    assert display.line_.get_color() == display.validation_line_.get_color() == "red"
    assert display.validation_line_.get_linestyle() == "--"
    assert display.line_.get_label() == "loss"


def test_a_loss_is_drawn_in_the_axes_and_the_manner_that_are_given(samples):
    ax = Figure().subplots()
    pipeline = make_pipeline(StandardScaler(), network()).fit(*samples)
    display = LossCurveDisplay.from_estimator(pipeline, ax=ax, lw=3, label="mine")
    assert display.ax_ is ax and display.line_.get_linewidth() == 3 and display.line_.get_label() == "mine"
    again = display.plot(name="other")
    assert again.ax_ is not ax and again.line_.get_label() == "other loss"


def test_a_loss_is_refused(samples):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        LossCurveDisplay.from_estimator(network())
    for other in (GaussianNB(), network(solver="lbfgs", max_fun=1)):
        other.fit(*samples)
        with pytest.raises(ValueError, match="has no loss_curve_: it was not fitted epoch by epoch"):
            LossCurveDisplay.from_estimator(other)


def test_the_curves_of_our_own_estimators(samples):
    X, y = samples
    for estimator in (LinearClassifier(max_iter=3), steepest.sklearn.MLPClassifier(max_iter=3)):
        display = LossCurveDisplay.from_estimator(estimator.fit(X, y))
        assert display.validation_line_ is None
        display = LossCurveDisplay.from_estimator(estimator.fit(X, y, validation_data=(X[:9], y[:9])))
        assert display.score_ax_ is None
        curve = estimator.validation_loss_curve_
        np.testing.assert_array_equal(display.validation_line_.get_ydata(), curve)
        assert len(curve) == 3


# ---- templates ------------------------------------------------------------------------------------------


def titles(display):
    return [axes.get_title() for axes in display.axes_]


def drawn(display):
    return np.stack([image.get_array() for image in display.images_])


def test_templates_of_a_linear_classifier_are_titled_by_its_classes(samples):
    model = LogisticRegression().fit(*samples)
    for estimator in (model, make_pipeline(StandardScaler(with_mean=False, with_std=False), model)):
        display = TemplateDisplay.from_estimator(estimator.fit(*samples), (2, 3))
        assert titles(display) == ["ant", "bee", "cat"]
        np.testing.assert_array_equal(drawn(display), model.coef_.reshape(3, 2, 3))
    np.testing.assert_array_equal(drawn(display.plot()), drawn(display))
    display.figure_.canvas.draw()


def test_templates_of_our_own_estimators(samples):
    X, y = samples
    model = LinearClassifier(max_iter=3).fit(X, y)
    display = TemplateDisplay.from_estimator(model, (2, 3))
    assert titles(display) == ["ant", "bee", "cat"]
    np.testing.assert_array_equal(drawn(display), model.coef_.reshape(3, 2, 3))
    net = steepest.sklearn.MLPClassifier(4, max_iter=3).fit(X, y)
    assert drawn(TemplateDisplay.from_estimator(net, (3, 2))).shape == (4, 3, 2)


def test_templates_of_two_classes_and_of_sparse_weights(samples):
    X, y = samples
    model = LogisticRegression().fit(X, y == "bee").sparsify()
    display = TemplateDisplay.from_estimator(model, (3, 2))
    assert titles(display) == ["True"]
    np.testing.assert_array_equal(drawn(display), model.coef_.toarray().reshape(1, 3, 2))


def test_templates_of_a_network_are_its_first_layer(samples):
    net = network().fit(*samples)
    figure = Figure()
    display = TemplateDisplay.from_estimator(net, (2, 3), figure=figure, cmap="gray", vmin=-7)
    assert display.figure_ is figure
    assert titles(display) == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(drawn(display), net.coefs_[0].T.reshape(4, 2, 3))
    assert display.images_[0].get_cmap().name == "gray" and display.images_[0].get_clim()[0] == -7
    flat = MLPClassifier((), max_iter=3).fit(*samples)
    assert titles(TemplateDisplay.from_estimator(flat, (2, 3))) == ["ant", "bee", "cat"]


def test_templates_of_a_regressor_and_with_given_titles(samples):
    X, _ = samples
    model = LinearRegression().fit(X, X[:, 0])
    display = TemplateDisplay.from_estimator(model, (1, 2, 3), display_labels=["slope"])
    assert titles(display) == ["slope"] and drawn(display).shape == (1, 1, 2, 3)
    assert titles(TemplateDisplay.from_estimator(model, (2, 3))) == ["0"]


def test_templates_are_refused(samples):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        TemplateDisplay.from_estimator(LogisticRegression(), (2, 3))
    with pytest.raises(ValueError, match="has neither coefs_ nor coef_, so there are no weights to draw"):
        TemplateDisplay.from_estimator(GaussianNB().fit(*samples), (2, 3))
    model = LogisticRegression().fit(*samples)
    with pytest.raises(ValueError, match=r"shape \(2, 4\) holds 8 numbers, but the estimator takes 6"):
        TemplateDisplay.from_estimator(model, (2, 4))
    with pytest.raises(ValueError, match="display_labels has 2 labels, but there are 3 templates"):
        TemplateDisplay.from_estimator(model, (2, 3), display_labels="ab")
    assert not pyplot.get_fignums()
