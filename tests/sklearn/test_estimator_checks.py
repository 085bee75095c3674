"""scikit-learn's own checks of estimators, all of them: none is expected to fail."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor


# Of fits on which the checks have set a few epochs.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("on_backend")
@parametrize_with_checks([MLPClassifier(), MLPRegressor(), LinearClassifier(), LinearRegressor()])
def test_estimator(estimator, check):
    check(estimator)
