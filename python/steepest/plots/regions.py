"""Which class is predicted where, in the plane of two features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _checks
from .._checks import Array
from ..backends import active
from ..layers import Identity, Linear
from ..training.model import Model
from .classes import index_in, one_dimensional
from .drawing import axes_or_new, legend_beside, palette
from .grid import feature_names, rows_like

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["decision_regions"]


def decision_regions(
    model: Any,
    X: ArrayLike,
    y: ArrayLike,
    *,
    ax: Axes | None = None,
    classes: Sequence[object] | None = None,
    features: Sequence[str] | None = None,
    resolution: int = 300,
) -> Axes:
    """Draw which class a model of two features predicts at each point, and the samples in their colors.

    For a linear `Sequential` (only `Linear` and `Identity` layers), dashed lines show where the score of a
    class is 0, in the color of the class. The score grows at right angles to its line; a region ends where
    another class has the larger score, so these lines are not its edges.

    Parameters
    ----------
    model : Sequential or estimator
        A model with two features, or a fitted classifier with `predict`, scikit-learn's or ours, also a
        pipeline. A `Sequential` with one output predicts class 1 where that is greater than 0, else class 0.
    X : array_like or DataFrame, (samples, 2)
        The samples to draw, at least one.
    y : array_like, (samples,)
        Their class indices, integers from 0; of an estimator, its classes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    classes : sequence, optional
        Names of the outputs for the legend; by default their numbers, or the classes of the estimator.
    features : sequence of two str, optional
        Names of the features for the axes; by default the columns of a DataFrame, or "feature 0" and
        "feature 1".
    resolution : int, default 300
        Number of points along each side at which the model predicts, at least 2. The plot extends beyond the
        samples by a tenth of their range.

    Returns
    -------
    matplotlib.axes.Axes
        The legend is to the right of the axes if the figure has a layout engine, as in
        ``plt.subplots(layout="constrained")``, else inside.

    Raises
    ------
    ValueError, TypeError
        If the model does not have two features, does not predict classes, or the samples or names do not fit.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 8), st.ReLU(), st.Linear(8, 2))
    >>> axes = st.plots.decision_regions(model, X, y, ax=Figure().subplots(), classes=["upper", "lower"])
    >>> [text.get_text() for text in axes.get_legend().get_texts()]
    ['upper', 'lower']
    """
    described = _OfSequential(model, X, y) if isinstance(model, Model) else _OfEstimator(model, X, y)
    points, labels, outputs = described.points, described.labels, len(described.names)
    names = described.names if classes is None else [str(name) for name in classes]
    if len(names) != outputs:
        raise ValueError(f"classes has {len(names)} names, but the model has {described.counted}")
    axis_names = feature_names(features, X, 2)
    resolution = _checks.integer(resolution, "resolution", minimum=2)
    (left, bottom), (right, top) = low, high = _extent(points)
    # Pixels of an image are predicted at their centers.
    steps = (np.arange(resolution) + 0.5) / resolution
    across, up = np.meshgrid(left + steps * (right - left), bottom + steps * (top - bottom))
    predicted = described.predict(np.column_stack([across.ravel(), up.ravel()])).reshape(across.shape)
    ax = axes_or_new(ax)
    colors = palette(outputs)
    ax.imshow(
        _paler(colors)[predicted],
        origin="lower",
        extent=(left, right, bottom, top),
        aspect="auto",
        interpolation="bilinear",  # edges without stairs
    )
    for label, name in enumerate(names):
        first, second = points[labels == label].T
        dots = {"color": colors[label], "edgecolors": "white", "linewidths": 0.5}
        ax.scatter(first, second, s=16, label=name, zorder=3, **dots)
    if isinstance(model, Model) and all(isinstance(layer, Linear | Identity) for layer in model.layers):
        _draw_lines(model, ax, colors, names)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xlabel=axis_names[0], ylabel=axis_names[1])
    legend_beside(ax)
    return ax


class _OfSequential:
    """Points, labels and predictions of a `Sequential`."""

    def __init__(self, model: Model, X: ArrayLike, y: ArrayLike) -> None:
        if model.in_features != 2:
            raise ValueError(f"the model takes {model.in_features} features, but regions are drawn for 2")
        outputs = model.out_features
        self.model = model
        self.names = [f"class {i}" for i in range(max(outputs, 2))]
        self.counted = f"{outputs} outputs" if outputs > 1 else "1 output, for 2 classes"
        self.points = _checks.rows(X, 2, np.dtype(np.float64))
        _checks.not_empty(self.points)
        _checks.finite_rows(self.points, active().first_nonfinite_row)
        self.labels = _checks.labels(y, len(self.points), len(self.names), active().first_bad_label)

    def predict(self, grid: Array) -> Array:
        scores = self.model(grid)
        return scores.argmax(axis=1) if scores.shape[1] > 1 else (scores[:, 0] > 0).astype(np.int64)


class _OfEstimator:
    """Those of a fitted classifier with `predict`."""

    def __init__(self, model: Any, X: ArrayLike, y: ArrayLike) -> None:
        if not callable(getattr(model, "predict", None)):
            raise TypeError(f"model must be a st.Sequential, or an estimator with predict, not {model!r:.80}")
        if (taken := getattr(model, "n_features_in_", 2)) != 2:
            raise ValueError(f"the model takes {taken} features, but regions are drawn for 2")
        self.rows = rows_like(X, model)
        self.model = model
        self.points = _checks.packed(_checks.real_array(X, "X"), np.dtype(np.float64))
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise ValueError(f"X has shape {self.points.shape}, but must be (samples, 2)")
        _checks.not_empty(self.points)
        _checks.finite_rows(self.points, active().first_nonfinite_row)
        labels = one_dimensional(y, "y")
        if len(labels) != len(self.points):
            raise ValueError(f"X has {len(self.points)} samples, but y has {len(labels)}")
        self.classes = np.asarray(getattr(model, "classes_", np.unique(labels)))
        self.labels = index_in(self.classes, labels, "y")
        texts = self.classes.dtype.kind in "OSU"
        self.names = [str(one) if texts else f"class {one}" for one in self.classes]
        self.counted = f"{len(self.classes)} classes"

    def predict(self, grid: Array) -> Array:
        predicted = one_dimensional(self.model.predict(self.rows(grid)), "the prediction")
        if predicted.dtype.kind == "f" and self.classes.dtype.kind == "f":
            raise ValueError(
                "the model predicts real numbers, but regions are drawn for classes: see regression_fit"
            )
        return index_in(self.classes, predicted, "the prediction")


def _extent(points: Array) -> tuple[Array, Array]:
    """Lowest and highest coordinates of the plot, with a margin of 1 where all samples are equal."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, 0.1 * (high - low), 1.0)
    return low - margin, high + margin


def _paler(colors: Array) -> Array:
    return 0.35 * colors + 0.65


def _draw_lines(model: Model, ax: Axes, colors: Array, names: Sequence[str]) -> None:
    """Where each score w @ x + b is 0: through the point nearest to the origin, at right angles to w."""
    bias = model(np.zeros((1, 2)))[0].astype(np.float64)
    weight = model(np.eye(2)).astype(np.float64) - bias
    one = len(bias) == 1
    for number, ((a, b), c) in enumerate(zip(weight.T, bias, strict=True)):
        if size := a * a + b * b:
            nearest = (-c * a / size, -c * b / size)
            ax.axline(
                nearest,
                (nearest[0] - b, nearest[1] + a),
                color="black" if one else colors[number],
                linewidth=1.2,
                linestyle="dashed",
                label="score = 0" if one else f"score of {names[number]} = 0",
            )
