"""Networks are kept for predictions, as long as the arrays of an estimator are the same."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn import neural_network
from support.tolerances import assert_same_bits

from steepest.sklearn import MLPClassifier, from_sklearn
from steepest.sklearn._mlp import base
from steepest.sklearn._mlp.architecture import bound

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X = np.random.default_rng(3).standard_normal((50, 4))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def fitted(**options):
    return MLPClassifier((6,), max_iter=3, random_state=0, **options).fit(X, Y)


def test_the_network_is_kept_for_predictions():
    model = fitted()
    kept = model._compiled()
    model.predict(X)
    assert model._compiled() is kept and kept.parameters[0].weight is model.coefs_[0]
    model.partial_fit(X, Y)
    assert model._compiled().parameters[0].weight is model.coefs_[0]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fit_keeps_no_buffers(solver, monkeypatch):
    """They are of another network than that of predictions, which other threads may ask meanwhile."""
    made = []
    monkeypatch.setattr(base, "bound", lambda *arrays: made.append(bound(*arrays)) or made[-1])
    model = MLPClassifier((6,), solver=solver, max_iter=3, random_state=0, callbacks=[], tol=1.0).fit(X, Y)
    assert len(made) == 1 and made[0].parameters[0].weight is model.coefs_[0]
    assert model._compiled() is not made[0] and model._compiled() is model._compiled()


def test_converted_networks_keep_theirs():
    model = from_sklearn(neural_network.MLPClassifier((6,), max_iter=3, random_state=0).fit(X, Y))
    assert model._compiled() is model._compiled()


@pytest.mark.parametrize("batch_norm", [False, True])
def test_what_a_caller_changes_is_seen(batch_norm):
    model = fitted(batch_norm=batch_norm)
    before = model.predict_proba(X)

    def changed():
        """What a new estimator of the same arrays says, which is not what was said before."""
        new, said = pickle.loads(pickle.dumps(model)), model.predict_proba(X)
        assert_same_bits(said, new.predict_proba(X))
        return bool((said != before).any())

    model.coefs_[0] *= 2  # in place
    assert changed()
    before = model.predict_proba(X)
    model.coefs_[0] = model.coefs_[0] / 2  # another array
    assert changed()
    before = model.predict_proba(X)
    assert model.set_params(activation="tanh") is model and changed()
    before = model.predict_proba(X)
    model.intercepts_ = [-intercept for intercept in model.intercepts_]
    assert changed()


def test_read_only_arrays_are_read_anew():
    """A view that cannot be written to may be of an array that can."""
    model = fitted()
    base = model.coefs_[0].copy()
    view = base.view()
    view.setflags(write=False)
    model.coefs_[0] = view
    before = model.predict_proba(X)
    base *= 3
    assert (model.predict_proba(X) != before).any()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_keep_networks_of_their_own(copied):
    model = fitted()
    other = copied(model)
    assert_same_bits(other.predict_proba(X), model.predict_proba(X))
    assert other._compiled() is not model._compiled() and other._compiled() is other._compiled()
    other.coefs_[0] *= 0
    assert (other.predict_proba(X) != model.predict_proba(X)).any()
