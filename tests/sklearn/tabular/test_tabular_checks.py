"""scikit-learn's own checks of the estimators of tables, on the default backend."""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is that folder where there is no other
from sklearn.utils.estimator_checks import parametrize_with_checks

from steepest.sklearn import TabularClassifier, TabularRegressor

SMALL = {"n_members": 2, "hidden_layer_sizes": (16,), "max_steps": 100}
BY_FOLDS = "a row that stands twice may be in two folds, a row of weight 2 is in one"


def expected(estimator):
    return {"check_sample_weight_equivalence_on_dense_data": BY_FOLDS}


@pytest.mark.filterwarnings("ignore:the target can be predicted without an error:UserWarning")
@parametrize_with_checks(
    [TabularClassifier(**SMALL), TabularRegressor(**SMALL)], expected_failed_checks=expected
)
def test_estimator_of_tables(estimator, check):
    check(estimator)
