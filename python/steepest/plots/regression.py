"""What a model of one feature predicts, over the samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..backends import active
from ..training.model import Model
from .drawing import axes_or_new, legend_beside, palette
from .grid import feature_names, rows_like

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["regression_fit"]


def regression_fit(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    ax: Axes | None = None,
    feature: str | None = None,
    resolution: int = 300,
) -> Axes:
    """Draw the samples of one feature, and what a model predicts over their range.

    Parameters
    ----------
    model : Sequential, estimator or function
        A model with one feature, a fitted estimator with `predict`, or a function that takes an array
        (samples, 1) and returns a prediction for each row.
    X : array_like or DataFrame, (samples, 1) or (samples,)
        The samples, at least one.
    y : array_like, (samples,) or (samples, outputs)
        Their targets.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    feature : str, optional
        Name of the x axis; by default the column of a DataFrame, or "x".
    resolution : int, default 300
        Number of points at which the model predicts, at least 2. The curve extends beyond the samples by a
        twentieth of their range.

    Returns
    -------
    matplotlib.axes.Axes
        A curve for each output, with the samples as dots in the same color.

    Raises
    ------
    ValueError, TypeError
        If the model does not take one feature, or samples and targets do not fit it.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> x = np.linspace(-1, 1, 50)
    >>> model = st.Sequential(st.Linear(1, 20), st.Tanh(), st.Linear(20, 1))
    >>> history = model.fit(x[:, None], x**2, loss="squared_error", epochs=50, progress=False)
    >>> axes = st.plots.regression_fit(model, x, x**2, ax=Figure().subplots())
    >>> len(axes.lines), axes.get_xlabel()
    (1, 'x')
    """
    points = _checks.packed(_checks.real_array(X, "X"), np.dtype(np.float64))
    points = points[:, None] if points.ndim == 1 else points
    taken = getattr(model, "in_features", getattr(model, "n_features_in_", 1))
    if taken != 1 or points.ndim != 2 or points.shape[1] != 1:
        raise ValueError(
            f"a fit is drawn for 1 feature, but the model takes {taken} and X has shape {points.shape}"
        )
    _checks.not_empty(points)
    _checks.finite_rows(points, active().first_nonfinite_row)
    goals = _columns(_checks.real_array(y, "y"), len(points), "y")
    resolution = _checks.integer(resolution, "resolution", minimum=2)
    low, high = points.min(), points.max()
    margin = 0.05 * (high - low) or 1.0
    grid = np.linspace(low - margin, high + margin, resolution)[:, None]
    predicted = _columns(_predict(model, rows_like(X, model)(grid)), resolution, "the prediction")
    if predicted.shape[1] != goals.shape[1]:
        raise ValueError(f"y has {goals.shape[1]} outputs, but the model predicts {predicted.shape[1]}")
    ax = axes_or_new(ax)
    several = goals.shape[1] > 1
    for number, color in enumerate(palette(goals.shape[1])):
        name = f" {number}" if several else ""
        ax.scatter(
            points[:, 0], goals[:, number], s=12, color=color if several else "black", label=f"samples{name}"
        )
        ax.plot(grid[:, 0], predicted[:, number], color=color, label=f"prediction{name}")
    ax.set(xlabel=feature_names(feature, X, 1)[0], ylabel=str(getattr(y, "name", None) or "y"))
    legend_beside(ax)
    return ax


def _predict(model: Any, rows: Any) -> Any:
    if isinstance(model, Model):
        return model(rows)
    if callable(predict := getattr(model, "predict", None)):
        return predict(rows)
    if not callable(model):
        raise TypeError(f"model must be a st.Sequential, an estimator or a function, not {model!r:.80}")
    return model(rows)


def _columns(values: Any, samples: int, name: str) -> Array:
    """As (samples, outputs)."""
    array = np.asarray(values)
    array = array[:, None] if array.ndim == 1 else array
    if array.ndim != 2 or len(array) != samples:
        raise ValueError(f"{name} has shape {np.shape(values)}, but there are {samples} samples")
    return array
