"""scikit-learn's estimators for networks and linear models, computed by steepest, and others of tables.

The former are drop-in replacements for scikit-learn's: the parameters are the same, with additional ones.
"""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("steepest.sklearn needs scikit-learn: pip install 'steepest[sklearn]'") from error

from ._convert import from_sklearn, to_sklearn
from ._displays.loss_curve import LossCurveDisplay
from ._displays.templates import TemplateDisplay
from ._fitting.many import fit_many
from ._linear.classifier import LinearClassifier
from ._linear.regressor import LinearRegressor
from ._mlp.classifier import MLPClassifier
from ._mlp.regressor import MLPRegressor
from ._tabular.classifier import TabularClassifier
from ._tabular.encoder import TableEncoder
from ._tabular.regressor import TabularRegressor

__all__ = [
    "LinearClassifier",
    "LinearRegressor",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "TableEncoder",
    "TabularClassifier",
    "TabularRegressor",
    "TemplateDisplay",
    "fit_many",
    "from_sklearn",
    "to_sklearn",
]
