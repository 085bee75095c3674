"""scikit-learn's own tests of its networks, run on these: its installed module, imported with ours in it."""

from __future__ import annotations

from unittest import mock

import pytest
import sklearn.neural_network

from steepest.sklearn import MLPClassifier, MLPRegressor

# Its parametrizations hold the classes, so they are put in their place before it is imported.
with mock.patch.multiple(sklearn.neural_network, MLPClassifier=MLPClassifier, MLPRegressor=MLPRegressor):
    module = pytest.importorskip("sklearn.neural_network.tests.test_mlp")

pytestmark = pytest.mark.usefixtures("on_backend")
PRIVATE = {"test_gradient"}  # of scikit-learn's _loss_grad_lbfgs: ours has the core's gradients, tested there

globals().update(
    {name: test for name, test in vars(module).items() if name.startswith("test_") and name not in PRIVATE}
)


@pytest.fixture
def global_random_seed():
    return 42


def test_ours_are_tested():
    assert module.MLPClassifier is MLPClassifier and module.MLPRegressor is MLPRegressor
