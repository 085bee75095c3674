"""Displays in scikit-learn's manner: the loss of each epoch, and weights as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._checks import Array
from ..plots.drawing import axes_or_new, draw_templates, image_shape


class LossCurveDisplay:
    """The loss of each epoch of a fit, with that of validation or its score if there is one.

    It is recommended to use `from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    loss_curve : array-like of shape (n_epochs,)
    validation_loss_curve : array-like of shape (n_epochs,), default=None
        Drawn dashed, in the color of the loss.
    validation_scores : array-like of shape (n_epochs,), default=None
        If there is no `validation_loss_curve`, these are drawn dashed, with a separate scale on the right.
    name : str, default=None
        Name of the estimator, for the legend.

    Attributes
    ----------
    line_ : matplotlib Artist
        The loss.
    validation_line_ : matplotlib Artist or None
        The validation loss or score.
    ax_ : matplotlib Axes
        The x axis counts epochs from 1.
    score_ax_ : matplotlib Axes or None
        The axes of the validation scores, which share the x axis with `ax_`.
    figure_ : matplotlib Figure

    See Also
    --------
    TemplateDisplay : The weights as images.

    Examples
    --------
    >>> from steepest.sklearn import LossCurveDisplay, MLPClassifier
    >>> classifier = MLPClassifier(random_state=0).fit(X, y)  # doctest: +SKIP
    >>> LossCurveDisplay.from_estimator(classifier)  # doctest: +SKIP
    """

    def __init__(
        self,
        *,
        loss_curve: Any,
        validation_loss_curve: Any = None,
        validation_scores: Any = None,
        name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, name: str | None = None, **kwargs: Any
    ) -> LossCurveDisplay:
        """Draw the loss of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted estimator with a `loss_curve_`, from steepest or scikit-learn. Of a pipeline, the last
            step is used.
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        name : str, default=None
            Name for the legend; by default the name of the class.
        **kwargs : dict
            Arguments for matplotlib's `plot`.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        ValueError
            If the estimator has no loss of each epoch.
        """
        estimator = _final_step(estimator)
        curves = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
        loss, validation_loss, scores = (_nonempty(estimator, name) for name in curves)
        if loss is None:
            raise ValueError(f"{estimator!r:.80} has no loss_curve_: it was not fitted epoch by epoch")
        display = cls(
            loss_curve=loss,
            validation_loss_curve=validation_loss,
            validation_scores=scores,
            name=type(estimator).__name__ if name is None else name,
        )
        return display.plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, name: str | None = None, **kwargs: Any) -> LossCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; by default in a new figure.
        name : str, default=None
            For the legend; by default that of the display.
        **kwargs : dict
            For matplotlib's `plot` of the loss.

        Returns
        -------
        LossCurveDisplay
            This one.
        """
        self.ax_ = axes_or_new(ax)
        self.figure_ = self.ax_.figure
        name = (self.name if name is None else name) or ""
        options = {"label": f"{name} loss".strip()} | _full_names(kwargs)
        (self.line_,) = self.ax_.plot(_epochs(self.loss_curve), self.loss_curve, **options)
        self.ax_.set(xlabel="epoch", ylabel="loss")
        self.validation_line_ = self.score_ax_ = None
        if self.validation_loss_curve is not None:
            self._draw_validation(self.ax_, self.validation_loss_curve, f"{name} validation loss")
        elif self.validation_scores is not None:
            self.score_ax_ = self.ax_.twinx()
            self.score_ax_.set_ylabel("validation score")
            self._draw_validation(self.score_ax_, self.validation_scores, f"{name} validation score")
        self.ax_.legend(handles=[line for line in (self.line_, self.validation_line_) if line])
        return self

    def _draw_validation(self, ax: Any, curve: Any, label: str) -> None:
        options = {"color": self.line_.get_color(), "linestyle": "dashed", "label": label.strip()}
        (self.validation_line_,) = ax.plot(_epochs(curve), curve, **options)


class TemplateDisplay:
    """What each output of a linear model, or unit of a network's first layer, compares its input with.

    It is recommended to use `from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    weights : ndarray of shape (n_features, n_outputs)
        Each column is an image.
    image_shape : tuple, (height, width) or (height, width, 3)
        How the features are an image. With one channel, weights of 0 are white, positive ones red and
        negative ones blue; with three, 0 is gray and each channel brightens with its weights. All images
        share one scale, symmetric about 0, from the weight largest in size.
    display_labels : sequence of length n_outputs, default=None
        The titles of the images; by default their numbers.

    Attributes
    ----------
    images_ : list of matplotlib AxesImage
        One an output.
    axes_ : list of matplotlib Axes
        Those of the images.
    figure_ : matplotlib Figure

    See Also
    --------
    LossCurveDisplay : The loss of each epoch.

    Examples
    --------
    >>> from steepest.sklearn import LinearClassifier, TemplateDisplay
    >>> classifier = LinearClassifier().fit(X, y)  # doctest: +SKIP
    >>> TemplateDisplay.from_estimator(classifier, (8, 8))  # doctest: +SKIP
    """

    def __init__(
        self, weights: Array, image_shape: Sequence[int], *, display_labels: Sequence[object] | None = None
    ) -> None:
        self.weights = weights
        self.image_shape = image_shape
        self.display_labels = display_labels

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        image_shape: Sequence[int],
        *,
        display_labels: Sequence[object] | None = None,
        figure: Any = None,
        **kwargs: Any,
    ) -> TemplateDisplay:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted, with `coefs_` or `coef_`; of scikit-learn too. Of a pipeline, its last step.
        image_shape : tuple, (height, width) or (height, width, 3)
            How a row of features is an image.
        display_labels : sequence of length n_outputs, default=None
            The titles; by default the classes where each image is of one (of two classes, the second), else
            numbers.
        figure : matplotlib Figure, default=None
            To draw in, a SubFigure too; by default a new one.
        **kwargs : dict
            For matplotlib's `imshow`, of images of one channel.

        Returns
        -------
        TemplateDisplay

        Raises
        ------
        ValueError
            If the estimator has no weights, or shape or labels do not fit them.
        """
        estimator = _final_step(estimator)
        weights = _first_weights(estimator)
        if display_labels is None:
            display_labels = _class_names(estimator, weights.shape[1])
        return cls(weights, image_shape, display_labels=display_labels).plot(figure=figure, **kwargs)

    def plot(self, *, figure: Any = None, **kwargs: Any) -> TemplateDisplay:
        """Draw.

        Parameters
        ----------
        figure : matplotlib Figure, default=None
            To draw in, a SubFigure too; by default a new one.
        **kwargs : dict
            For matplotlib's `imshow`, of images of one channel.

        Returns
        -------
        TemplateDisplay
            This one.
        """
        features, outputs = self.weights.shape
        pixels = image_shape(self.image_shape, features, "the estimator")
        labels = list(range(outputs)) if self.display_labels is None else list(self.display_labels)
        if len(labels) != outputs:
            raise ValueError(f"display_labels has {len(labels)} labels, but there are {outputs} templates")
        self.figure_, self.images_ = draw_templates(self.weights, pixels, labels, figure, **kwargs)
        self.axes_ = [image.axes for image in self.images_]
        return self


def _final_step(estimator: Any) -> Any:
    check_is_fitted(estimator)
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator


def _nonempty(estimator: Any, name: str) -> Any:
    """A curve, or None where an estimator has none."""
    curve = getattr(estimator, name, None)
    return None if curve is None or len(curve) == 0 else curve


def _first_weights(estimator: Any) -> Array:
    """(n_features, n_outputs)."""
    if hasattr(estimator, "coefs_"):
        return np.asarray(estimator.coefs_[0])
    if not hasattr(estimator, "coef_"):
        raise ValueError(f"{estimator!r:.80} has neither coefs_ nor coef_, so there are no weights to draw")
    coef = estimator.coef_
    return np.atleast_2d(coef.toarray() if hasattr(coef, "toarray") else coef).T


def _class_names(estimator: Any, outputs: int) -> list[object] | None:
    """The class of each output; None if outputs are not classes."""
    classes = getattr(estimator, "classes_", None)
    if classes is None or len(getattr(estimator, "coefs_", ())) > 1:
        return None
    if outputs == 1 and len(classes) == 2:
        return [classes[1]]
    return list(classes) if outputs == len(classes) else None


def _epochs(curve: Any) -> Array:
    return np.arange(1, len(curve) + 1)


def _full_names(options: dict[str, Any]) -> dict[str, Any]:
    """So that "c" replaces "color", which matplotlib refuses to take both of."""
    from matplotlib import cbook, lines

    named: dict[str, Any] = cbook.normalize_kwargs(options, lines.Line2D)
    return named
