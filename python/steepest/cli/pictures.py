"""The picture of ``--plot``: learning curves, and which answers were right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import plots
from ..storage.atomic import replacing
from ..training.history import History
from .errors import UserError
from .output import STANDARD, check_output

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CLASSES = 30
_KINDS = (".png", ".svg", ".pdf")
_PANEL = 5.5  # inches


def check(path: Path | None, force: bool, *inputs: Path | None) -> None:
    """Refuse, before any work, a picture that could not be drawn or written."""
    if path is None:
        return
    if path == STANDARD or path.suffix.lower() not in _KINDS:
        raise UserError(f"--plot {path}: the name must end in {', '.join(_KINDS[:-1])} or {_KINDS[-1]}")
    check_output(path, force, *inputs)
    try:
        import matplotlib as matplotlib
    except ImportError:
        raise ImportError(
            "pictures are drawn by matplotlib, which is missing: pip install 'steepest[plot]'"
        ) from None


def draw(
    path: Path,
    history: History | None,
    task: str,
    names: Sequence[str],
    truth: NDArray[Any],
    answers: NDArray[Any],
    title: str,
) -> None:
    """Draw and write it.

    Parameters
    ----------
    names : sequence of str
        Labels of the classes, or names of the targets.
    truth, answers : (rows,) int64 of classes, or (rows, targets) of numbers or of 0 and 1.
    title : str
        Which rows these are.
    """
    from matplotlib.figure import Figure

    panels = (history is not None) + 1
    figure = Figure(figsize=(_PANEL * panels, 4.5), layout="constrained")
    axes = list(np.atleast_1d(figure.subplots(1, panels)))
    if history is not None:
        plots.learning_curves(history, ax=axes[0])
    last = axes[-1]
    if task == "classification" and len(names) <= _MOST_CLASSES:
        plots.confusion_matrix(truth, answers, classes=list(names), ax=last)
    elif task == "regression":
        _numbers(last, names, truth, answers)
    else:
        _shares(last, names, truth, answers)
    last.set_title(title)
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower(), dpi=120)


def _numbers(ax: Axes, names: Sequence[str], truth: NDArray[Any], answers: NDArray[Any]) -> None:
    """Predicted beside true numbers; right ones lie on the diagonal."""
    for name, true, predicted in zip(names, truth.T, answers.T, strict=True):
        ax.scatter(true, predicted, s=12, alpha=0.6, label=name)
    low, high = float(min(truth.min(), answers.min())), float(max(truth.max(), answers.max()))
    ax.plot([low, high], [low, high], color="gray", linewidth=1, label="predicted = true")
    ax.set(xlabel="true", ylabel="predicted")
    ax.legend(fontsize="small")


def _shares(ax: Axes, names: Sequence[str], truth: NDArray[Any], answers: NDArray[Any]) -> None:
    """How many rows were right, of each of several targets, or of too many classes for a matrix."""
    if truth.ndim == 2:
        right = (truth == answers).mean(axis=0)
        labels = list(names)
    else:
        rows = np.bincount(truth, minlength=len(names))
        order = np.argsort(-rows, kind="stable")[:_MOST_CLASSES]
        hits = np.bincount(truth[truth == answers], minlength=len(names))
        right = hits[order] / np.maximum(rows[order], 1)
        labels = [names[i] for i in order]
    ax.barh(labels, right)
    ax.invert_yaxis()
    ax.set(xlabel="fraction of rows that are right", xlim=(0, 1))
