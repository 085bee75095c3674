"""scikit-learn's own checks of estimators, all of them: none is expected to fail."""

from __future__ import annotations

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor


# Of fits on which the checks have set a few epochs.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([MLPClassifier(), MLPRegressor()])
def test_estimator(estimator, check, backend):
    with st.config(backend.backend, backend.threads or None, backend.isa or None):
        check(estimator)
