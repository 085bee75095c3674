"""Losses and metrics by epoch.

What is drawn is read by the names of its attributes, so that `History.plot` can call this: nothing is
imported that stands above a history.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import Array
from .drawing import axes_or_new, palette

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["learning_curves"]

_STYLES = ("dashdot", "dotted", (0, (5, 1, 1, 1, 1, 1)))  # of metrics


def learning_curves(history: Any, *, ax: Axes | None = None, metrics: Sequence[str] | None = None) -> Axes:
    """Draw the training loss of each epoch, and, where there are such, validation loss, metrics, best epoch.

    Parameters
    ----------
    history : History, estimator, or mapping of names to such
        A history, or a fitted estimator with a `loss_curve_`, such as `MLPClassifier`, scikit-learn's or ours
        (of a pipeline, the last step). Each has at least one epoch. In a mapping, each has its color, and its
        name in the legend.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.
    metrics : sequence of str, optional
        Names of the metrics to draw; by default all. ``[]`` draws none. An estimator that has recorded
        validation scores has "validation score".

    Returns
    -------
    matplotlib.axes.Axes
        The x axis counts epochs from 1. The training loss is a solid line and includes the penalty; the
        validation loss is dashed. Metrics have a scale of their own on the right. A vertical line marks the
        best epoch, if there is one.

    Raises
    ------
    ValueError
        If there is no history, one has no epoch, or none has a metric of that name.
    TypeError
        If something has no losses by epoch.
    ImportError
        If matplotlib is not installed.

    See Also
    --------
    steepest.sklearn.LossCurveDisplay : For estimators, in the manner of scikit-learn.

    Examples
    --------
    >>> import steepest as st
    >>> from matplotlib.figure import Figure
    >>> X, y = st.datasets.two_moons()
    >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=3, progress=False)
    >>> axes = st.plots.learning_curves(history, ax=Figure().subplots())
    >>> len(axes.lines), axes.get_xlabel(), axes.get_ylabel()
    (1, 'epoch', 'training loss')
    """
    several = isinstance(history, Mapping)
    courses = {str(name): _course(one, str(name)) for name, one in history.items()} if several else {}
    if several and not courses:
        raise ValueError("the mapping has 0 histories, but at least 1 is needed")
    courses = courses or {"": _course(history)}
    names = _metric_names(courses, metrics)
    ax = axes_or_new(ax)
    right = ax.twinx() if names else None
    plain = not names and not any(course.validation_loss for course in courses.values())
    colors = palette(len(courses) + (0 if several else len(names)))
    for (name, course), color in zip(courses.items(), colors, strict=False):
        epochs = np.arange(1, len(course.loss) + 1)
        _draw(ax, epochs, course.loss, f"{name} training loss" if not plain else name, color, "solid")
        _draw(ax, epochs, course.validation_loss, f"{name} validation loss", color, "dashed")
        for number, metric in enumerate(names):
            own = color if several else colors[1 + number]
            style = _STYLES[number % len(_STYLES)]
            _draw(right, epochs, course.metrics.get(metric, []), f"{name} {metric}", own, style)
        if course.best is not None:
            marked: dict[str, Any] = {"color": color if several else "gray", "linewidth": 1, "alpha": 0.7}
            ax.axvline(course.best + 1, label=f"{name} best epoch: {course.best + 1}".strip(), **marked)
    _label(ax, right, "training loss" if plain else "loss", names)
    return ax


@dataclass(frozen=True)
class _Course:
    """What is drawn of one fit."""

    loss: Sequence[float]
    validation_loss: Sequence[float]
    metrics: Mapping[str, Sequence[float]]
    best: int | None


def _course(history: Any, name: str | None = None) -> _Course:
    if hasattr(history, "steps") and hasattr(history, "named_steps"):  # a pipeline
        history = history[-1]
    if hasattr(history, "loss_curve_"):
        scores = _list(getattr(history, "validation_scores_", None))
        stopped = getattr(history, "early_stopping", False) and len(scores) > 0
        course = _Course(
            history.loss_curve_,
            _list(getattr(history, "validation_loss_curve_", None)),
            {"validation score": scores} if len(scores) else {},
            int(np.argmax(scores)) if stopped else None,
        )
    elif isinstance(getattr(history, "loss", None), list) and hasattr(history, "validation_loss"):
        course = _Course(history.loss, history.validation_loss, history.metrics, history.best_epoch)
    else:
        raise TypeError(
            "history must be a st.History, a fitted estimator with a loss_curve_, or a mapping of names to "
            f"such, not {history!r:.80}"
        )
    if len(course.loss) == 0:
        which = "the history" if name is None else f"history {name!r}"
        raise ValueError(f"{which} has 0 epochs, but at least 1 is needed")
    return course


def _list(curve: Any) -> Sequence[float]:
    return [] if curve is None else curve


def _metric_names(courses: Mapping[str, _Course], chosen: Sequence[str] | None) -> list[str]:
    """The metrics to draw, each once."""
    known = list(dict.fromkeys(name for course in courses.values() for name in course.metrics))
    if chosen is None:
        return known
    for name in [chosen] if isinstance(chosen, str) else chosen:
        if name not in known:
            has = f"its metrics are {', '.join(known)}" if known else "it has no metrics"
            raise ValueError(f"no history has the metric {name!r}: {has}")
    return [chosen] if isinstance(chosen, str) else list(chosen)


def _draw(ax: Any, epochs: Array, values: Sequence[float], label: str, color: Array, style: Any) -> None:
    if len(values):
        dot = "o" if len(values) == 1 else ""  # one point makes no line
        place = epochs[: len(values)]
        ax.plot(place, values, label=label.strip(), color=color, linestyle=style, marker=dot)


def _label(ax: Any, right: Any, ylabel: str, metrics: list[str]) -> None:
    """The words around, and a legend where there is more than one line."""
    from matplotlib.ticker import MaxNLocator

    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    handles, labels = ax.get_legend_handles_labels()
    if right is None:
        if len(handles) > 1 or any(labels):
            ax.legend()
        return
    right.set_ylabel(metrics[0] if len(metrics) == 1 else "metrics")
    more, names = right.get_legend_handles_labels()
    # On the axes that are drawn last, and where losses that fall and scores that rise leave room.
    few = len(handles) + len(more) <= 4
    above = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "ncols": 2}
    right.legend([*handles, *more], [*labels, *names], **({"loc": "center right"} if few else above))
