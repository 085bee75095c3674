"""What displays read off fitted estimators."""

from __future__ import annotations

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def final_step(estimator: Any) -> Any:
    """The estimator, or the last of a pipeline; refuses one that is not fitted."""
    check_is_fitted(estimator)
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator
