"""scikit-learn's estimators for networks and linear models, computed by steepest.

Use them in place of scikit-learn's: the parameters are the same, and some more.
"""

from __future__ import annotations

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("steepest.sklearn needs scikit-learn: pip install 'steepest[sklearn]'") from error

from ._classifier import MLPClassifier
from ._fit_many import fit_many
from ._regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "fit_many"]
