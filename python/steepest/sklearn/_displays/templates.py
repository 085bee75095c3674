"""Weights drawn as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._checks import Array
from ...plots.drawing import draw_templates, image_shape
from .estimators import final_step


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
    steepest.plots.templates : The same of a `Sequential`.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from steepest.sklearn import LinearClassifier, TemplateDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = LinearClassifier(random_state=0, tol=0.1).fit(X / 16, y)
    >>> display = TemplateDisplay.from_estimator(classifier, (8, 8))
    >>> len(display.images_)
    10
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
        estimator = final_step(estimator)
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
