"""The loss of each epoch, drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._checks import Array
from ...plots.drawing import axes_or_new
from .estimators import final_step


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
    steepest.plots.learning_curves : The same of a `History`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from steepest.sklearn import LossCurveDisplay, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(random_state=0, tol=0.01).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(classifier)
    >>> display.ax_.get_ylabel()
    'loss'
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
        estimator = final_step(estimator)
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


def _nonempty(estimator: Any, name: str) -> Any:
    """A curve, or None where an estimator has none."""
    curve = getattr(estimator, name, None)
    return None if curve is None or len(curve) == 0 else curve


def _epochs(curve: Any) -> Array:
    return np.arange(1, len(curve) + 1)


def _full_names(options: dict[str, Any]) -> dict[str, Any]:
    """So that "c" replaces "color", which matplotlib refuses to take both of."""
    from matplotlib import cbook, lines

    named: dict[str, Any] = cbook.normalize_kwargs(options, lines.Line2D)
    return named
