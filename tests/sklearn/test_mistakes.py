"""Mistakes are told in scikit-learn's words."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
import sklearn.neural_network as theirs
from sklearn.datasets import load_diabetes, load_digits

import steepest.sklearn as ours
from steepest.sklearn import MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, Y = load_digits(return_X_y=True)
X, Y = X[:300] / 16, Y[:300]
XR, YR = load_diabetes(return_X_y=True)
YR = YR / 100
SGD = {"solver": "sgd", "learning_rate_init": 0.01}


def said(mistake, module, name):
    """What kind of error a mistake raises, and what it says."""
    model = getattr(module, name)(hidden_layer_sizes=(4,), max_iter=2, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            mistake(model)
        except Exception as error:
            # Of several options the order is that of a set, another in each process.
            return type(error), sorted(re.findall(r"[\w.]+", str(error))), [str(w.message) for w in caught]
    return None, [], [str(w.message) for w in caught]


HOLES = np.where(np.arange(64) == 5, np.nan, X)
FIRST = {"classes": range(10)}
MISTAKES = {
    "lengths": lambda m: m.fit(X, Y[:-1]),
    "NaN": lambda m: m.fit(HOLES, Y),
    "infinite": lambda m: m.fit(X / np.where(X > 2, 1, 0), Y),
    "NaN in y": lambda m: m.fit(X, np.where(Y == 3, np.nan, Y)),
    "strings": lambda m: m.fit(np.full((300, 2), "a"), Y),
    "one dimension": lambda m: m.fit(X[:, 0], Y),
    "three dimensions": lambda m: m.fit(X.reshape(300, 8, 8), Y),
    "no samples": lambda m: m.fit(X[:0], Y[:0]),
    "no features": lambda m: m.fit(X[:, :0], Y),
    "complex": lambda m: m.fit(X * 1j, Y),
    "y of no kind": lambda m: m.fit(X, None),
    "a column": lambda m: m.fit(X, Y[:, None]),
    "not fitted": lambda m: m.predict(X),
    "features to predict": lambda m: m.fit(X, Y).predict(X[:, :9]),
    "NaN to predict": lambda m: m.fit(X, Y).predict(HOLES),
    "a row to predict": lambda m: m.fit(X, Y).predict(X[0]),
    "features to go on": lambda m: m.fit(X, Y).partial_fit(X[:, :9], Y),
    "features to start warm": lambda m: m.set_params(warm_start=True).fit(X, Y).fit(X[:, :9], Y),
    "weights' length": lambda m: m.fit(X, Y, sample_weight=np.ones(299)),
    "weights' shape": lambda m: m.fit(X, Y, sample_weight=np.ones((300, 1))),
    "NaN weights": lambda m: m.fit(X, Y, sample_weight=np.full(300, np.nan)),
    "units": lambda m: m.set_params(hidden_layer_sizes=(4, 0)).fit(X, Y),
    "negative units": lambda m: m.set_params(hidden_layer_sizes=-1).fit(X, Y),
    "solver": lambda m: m.set_params(solver="newton").fit(X, Y),
    "alpha": lambda m: m.set_params(alpha=-1).fit(X, Y),
    "rate": lambda m: m.set_params(learning_rate_init=0).fit(X, Y),
    "rate's name": lambda m: m.set_params(learning_rate="fast").fit(X, Y),
    "batch": lambda m: m.set_params(batch_size=0).fit(X, Y),
    "epochs": lambda m: m.set_params(max_iter=0).fit(X, Y),
    "momentum": lambda m: m.set_params(momentum=2).fit(X, Y),
    "tol": lambda m: m.set_params(tol=-1).fit(X, Y),
    "beta_1": lambda m: m.set_params(beta_1=1).fit(X, Y),
    "beta_2": lambda m: m.set_params(beta_2=1.5).fit(X, Y),
    "epsilon": lambda m: m.set_params(epsilon=0).fit(X, Y),
    "power_t": lambda m: m.set_params(power_t=-1).fit(X, Y),
    "fraction": lambda m: m.set_params(validation_fraction=1, early_stopping=True).fit(X, Y),
    "a small fraction": lambda m: m.set_params(validation_fraction=1e-9, early_stopping=True).fit(X, Y),
    "patience": lambda m: m.set_params(n_iter_no_change=0).fit(X, Y),
    "evaluations": lambda m: m.set_params(max_fun=0).fit(X, Y),
    "shuffle": lambda m: m.set_params(shuffle="yes").fit(X, Y),
    "seed": lambda m: m.set_params(random_state="seed").fit(X, Y),
    "incremental early stopping": lambda m: m.set_params(early_stopping=True).partial_fit(X, Y),
    "early stopping of lbfgs": lambda m: m.set_params(early_stopping=True, solver="lbfgs").fit(X, Y),
    "verbose": lambda m: m.set_params(verbose=-1).fit(X, Y),
}
OF_CLASSIFIERS = {
    "incremental lbfgs": lambda m: m.set_params(solver="lbfgs").partial_fit(X, Y),
    "no classes": lambda m: m.partial_fit(X, Y),
    "other classes": lambda m: m.partial_fit(X, Y, **FIRST).partial_fit(X, Y, classes=range(9)),
    "an unknown class": lambda m: m.partial_fit(X, Y % 9, classes=range(9)).partial_fit(X, Y),
    "a class that was not named": lambda m: m.partial_fit(X, Y, classes=range(5)),
    "warm with fewer classes": lambda m: m.set_params(warm_start=True).fit(X, Y).fit(X, Y % 5),
    "warm with other classes": lambda m: m.set_params(warm_start=True).fit(X, Y).fit(X, Y + 1),
    "numbers": lambda m: m.fit(X, Y + 0.5),
    "outputs": lambda m: m.fit(X, np.stack([Y, Y], axis=1)),
    "one class": lambda m: m.fit(X, np.zeros(300)),
    "rare class": lambda m: m.set_params(early_stopping=True).fit(X[:30], [9] + [0] * 29),
    "column by parts": lambda m: m.partial_fit(X, Y[:, None], **FIRST),
}
OF_REGRESSORS = {
    "words": lambda m: m.fit(X, np.where(Y > 4, "many", "few").astype(object)),
    "y of three dimensions": lambda m: m.fit(X, np.zeros((300, 2, 2))),
}


def assert_alike(mistake, name):
    """Both say the same of it; of solvers, of which there are more here, ours at least what theirs says."""
    (kind, words, warned), (their_kind, their_words, their_warned) = (
        said(mistake, module, name) for module in (ours, theirs)
    )
    assert (kind, warned) == (their_kind, their_warned)
    if mistake is MISTAKES["solver"]:
        assert set(their_words) <= set(words)
    else:
        assert words == their_words


@pytest.mark.parametrize("mistake", [*MISTAKES, *OF_CLASSIFIERS])
def test_mistakes_with_a_classifier(mistake):
    assert_alike({**MISTAKES, **OF_CLASSIFIERS}[mistake], "MLPClassifier")


@pytest.mark.parametrize("mistake", [*MISTAKES, *OF_REGRESSORS])
def test_mistakes_with_a_regressor(mistake):
    assert_alike({**MISTAKES, **OF_REGRESSORS}[mistake], "MLPRegressor")


def test_mistakes_that_they_do_not_name():
    """Where scikit-learn fails by chance, or not at all."""
    two = np.stack([YR, YR], axis=1)
    model = MLPRegressor(hidden_layer_sizes=(4,), random_state=0, max_iter=2).fit(XR, YR)
    message = "y has 2 outputs, but MLPRegressor is expecting 1 outputs"
    for call in (
        lambda: model.partial_fit(XR, two),
        lambda: model.set_params(warm_start=True).fit(XR, two),
        lambda: model.set_params(warm_start=False).fit(XR, YR, validation_data=(XR, two)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert model.n_outputs_ == 1 and model.predict(XR).shape == YR.shape
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as error:
        model.set_params(solver="lbfgs").partial_fit(XR, YR)
    assert "only available for stochastic optimizers. lbfgs is not stochastic" in str(error.value.__cause__)
