"""Plots of models and fits with matplotlib, which is imported when the first one is drawn.

The functions neither show nor save a figure: that is up to the caller, as in
``axes.figure.savefig("curve.svg")``.
"""

from ..training.history import History
from .confusion import confusion_matrix
from .curves import learning_curves
from .histograms import weight_histograms
from .image_templates import templates
from .rates import LearningRates, learning_rate_finder
from .regions import decision_regions
from .regression import regression_fit

__all__ = [
    "LearningRates",
    "confusion_matrix",
    "decision_regions",
    "learning_curves",
    "learning_rate_finder",
    "regression_fit",
    "templates",
    "weight_histograms",
]

History._draw = learning_curves  # a history can be drawn, but stands below this package
