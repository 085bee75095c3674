"""scikit-learn's own tests of its networks, run on these: the module as it is installed, with ours in it."""

from __future__ import annotations

import pytest

import steepest.sklearn

module = pytest.importorskip("sklearn.neural_network.tests.test_mlp")

PRIVATE = {"test_gradient"}  # of scikit-learn's _loss_grad_lbfgs: ours has the core's gradients, tested there

globals().update(
    {name: test for name, test in vars(module).items() if name.startswith("test_") and name not in PRIVATE}
)


@pytest.fixture(autouse=True)
def _ours(monkeypatch):
    for name in ("MLPClassifier", "MLPRegressor"):
        monkeypatch.setattr(module, name, getattr(steepest.sklearn, name))


@pytest.fixture
def global_random_seed():
    return 42
