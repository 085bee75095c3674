"""Interruptions, divergence and pickles: the networks go on as scikit-learn's do, or better."""

from __future__ import annotations

import copy
import pickle
import re
import signal
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
import joblib
import sklearn.neural_network as theirs
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from support.networks import arrays, assert_same_models
from support.tolerances import assert_same_bits

from steepest.sklearn import LinearClassifier, MLPClassifier, MLPRegressor
from steepest.training.progress import Progress

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

X, Y = load_digits(return_X_y=True)
X, Y = X[:300] / 16, Y[:300]
XR, YR = load_diabetes(return_X_y=True)
YR = YR / 100
SGD = {"solver": "sgd", "learning_rate_init": 0.01}
SETTINGS = [
    pytest.param({}, id="adam"),
    pytest.param(SGD, id="sgd"),
    pytest.param({**SGD, "learning_rate": "invscaling"}, id="invscaling"),
    pytest.param({"batch_norm": True, "dropout": 0.3}, id="normalized"),
    pytest.param({"learning_rate_schedule": lambda step: 0.01 / (1 + step)}, id="schedule"),
]


def classifier(**parameters):
    return MLPClassifier(**{"hidden_layer_sizes": (12,), "random_state": 3, "max_iter": 5, **parameters})


# ---- interruptions and divergence -------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"early_stopping": True}], ids=["plain", "early stopping"])
def test_an_interruption_between_epochs_keeps_them(options):
    def interrupt(model):
        if model.n_iter_ == 3:
            raise KeyboardInterrupt

    model = classifier(callbacks=[interrupt], max_iter=50, **options)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model.fit(X, Y)
    assert model.n_iter_ == len(model.loss_curve_) == 3
    assert_same_models(model, classifier(max_iter=3, **options).fit(X, Y))


def test_an_interruption_within_a_call_keeps_what_its_epochs_told(monkeypatch):
    """Many epochs are run in one call of the core, which still tells their losses."""
    monkeypatch.setattr(
        Progress, "move", lambda bar, epochs: signal.raise_signal(signal.SIGINT) if epochs > 5 else None
    )
    rng = np.random.RandomState(4)
    model = classifier(hidden_layer_sizes=(150,), max_iter=500, random_state=rng)
    with pytest.warns(UserWarning, match=r"Training interrupted by user\."):
        model.fit(X, Y)
    monkeypatch.undo()
    epochs, batches = model.n_iter_, 2
    assert 5 <= epochs < 500 and model.t_ == 300 * epochs
    longer = classifier(hidden_layer_sizes=(150,), max_iter=epochs, random_state=np.random.RandomState(4))
    assert model.loss_curve_ == longer.fit(X, Y).loss_curve_
    assert model.loss_ == longer.loss_ and model.best_loss_ == longer.best_loss_
    begun = -(-int(model._optimizer.state.steps[0]) // batches)
    assert epochs <= begun <= epochs + 1
    fresh = np.random.RandomState(4)
    classifier(hidden_layer_sizes=(150,), max_iter=begun, random_state=fresh).fit(X, Y)
    assert rng.randint(2**31) == fresh.randint(2**31)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_non_finite_weights_leave_those_of_the_best_epoch():
    """Here the first one, where it began."""
    epochs = []

    def keep(model):
        epochs.append([array.copy() for array in arrays(model)])

    options = {"solver": "sgd", "learning_rate_init": 1e3, "momentum": 0.0}
    model = MLPRegressor(hidden_layer_sizes=(), random_state=0, callbacks=[keep], **options)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="Solver produced non-finite parameter w"):
        model.fit(XR * 100, YR)
    options["learning_rate_init"] = 1e-300
    begun = MLPRegressor(hidden_layer_sizes=(), random_state=0, max_iter=1, **options).fit(XR * 100, YR)
    assert len(epochs) > 2
    for array, kept in zip(arrays(model), arrays(begun), strict=True):
        np.testing.assert_allclose(array, kept, atol=1e-12)


@pytest.mark.parametrize("options", [{}, {"solver": "sgd", "momentum": 0.9}, {"batch_norm": True}], ids=str)
@pytest.mark.parametrize("called", [False, True])
def test_a_loss_that_rises_goes_back_to_the_best_epoch(options, called):
    """From a schedule that spoils what was learned: to the parameters of a fit that had ended there."""
    rate = 0.05 if "solver" in options else 0.001
    schedule = {"learning_rate_schedule": lambda step: rate if step < 6 else 1e3}
    best = classifier(max_iter=3, **schedule, **options).fit(X, Y)  # of two batches an epoch
    assert best.loss_curve_[2] == min(best.loss_curve_)
    model = classifier(max_iter=8, callbacks=[lambda model: None] * called, **schedule, **options)
    with pytest.warns(ConvergenceWarning, match=r"rose from .* in epoch 2 .* are those of that epoch"):
        model.fit(X, Y)
    assert_same_bits(model.coefs_[0], best.coefs_[0])
    assert_same_bits(model.coefs_[-1], best.coefs_[-1])
    assert model.n_iter_ == len(model.loss_curve_) == 8 and model.loss_ > 2 * model.best_loss_


@pytest.mark.parametrize("kind", [MLPClassifier, LinearClassifier])
def test_epochs_that_are_all_worse_than_the_beginning_are_told(kind):
    sgd = {"solver": "sgd", "learning_rate_schedule": lambda step: 20.0 if step < 2 else 1e-3}
    model = kind(**sgd, max_iter=4, batch_size=50, random_state=0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(X, Y)
    assert any(
        re.search(r"after the best epoch, .* but was 2\.\d+ before the f", str(w.message)) for w in told
    )
    assert min(model.loss_curve_) > 4.7
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        kind(**sgd).partial_fit(X, Y, classes=range(10))


# ---- going on ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, joblib.hash], ids=["deepcopy", "hash"])
def test_a_fitted_model_is_plain_data(copied):
    model = classifier().fit(X, Y)
    before = joblib.hash(model)
    copied(model)
    model.predict(X)
    assert joblib.hash(model) == before


@pytest.mark.parametrize("options", SETTINGS[:4])
@pytest.mark.parametrize("seeded", [3, None], ids=["seed", "generator"])
def test_a_pickle_goes_on_with_the_same_bits(options, seeded):
    model = classifier(random_state=seeded or np.random.RandomState(8), **options)
    for _ in range(2):
        model.partial_fit(X, Y, classes=range(10))
    again = pickle.loads(pickle.dumps(model))
    for _ in range(3):
        model.partial_fit(X[:150], Y[:150])
        again.partial_fit(X[:150], Y[:150])
        assert_same_models(model, again)
    assert again.t_ == model.t_ and again.loss_curve_ == model.loss_curve_


def test_a_schedule_goes_on_in_a_copy():
    model = classifier(**SETTINGS[4].values[0]).partial_fit(X, Y, classes=range(10))
    again = copy.deepcopy(model)
    assert_same_models(model.partial_fit(X, Y), again.partial_fit(X, Y))
    assert again._optimizer.state.steps[0] == 4


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_mapped_model_is_fitted_on(solver, tmp_path):
    model = classifier(solver=solver, warm_start=True).fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    before = [array.copy() for array in arrays(mapped)]
    predicted = mapped.predict_proba(X)
    assert_same_models(mapped.fit(X, Y), model.fit(X, Y))
    untouched = joblib.load(tmp_path / "model", mmap_mode="r")
    for array, kept in zip(arrays(untouched), before, strict=True):
        assert_same_bits(array, kept)
    assert_same_bits(untouched.predict_proba(X), predicted)


def test_a_second_fit_forgets_the_first():
    model = classifier(batch_norm=True).fit(X[:100, :9], Y[:100] > 4)
    assert_same_models(model.fit(X, Y), classifier(batch_norm=True).fit(X, Y))
    assert model.loss_curve_ == classifier(batch_norm=True).fit(X, Y).loss_curve_


@pytest.mark.parametrize("first", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, SGD, {"batch_norm": True, "dropout": 0.1}], ids=str)
def test_precision_stays_that_of_the_first_samples(first, options):
    other = np.float64 if first == np.float32 else np.float32
    model = classifier(**options, warm_start=True).partial_fit(X.astype(first), Y, classes=range(10))
    assert {array.dtype for array in arrays(model)} == {np.dtype(first)}
    expected = copy.deepcopy(model).partial_fit(X.astype(other).astype(first), Y, np.ones(len(Y)))
    assert_same_models(model.partial_fit(X.astype(other), Y, np.ones(len(Y))), expected)
    model.fit(X.astype(other), Y)
    assert {array.dtype for array in arrays(model)} == {np.dtype(first)}


def test_generators_of_other_kinds():
    """Set back after a plateau as NumPy's own generator is."""
    options = {"max_iter": 90, "tol": 0.5, "n_iter_no_change": 1}
    kinds = (np.random.PCG64, np.random.MT19937)
    for kind in kinds:
        mine, other = (np.random.RandomState(kind(3)) for _ in range(2))
        model = classifier(**options, random_state=mine).fit(X, Y)
        theirs.MLPClassifier((12,), **options, random_state=other).fit(X, Y)
        assert model.n_iter_ < 90 and mine.randint(2**31) == other.randint(2**31)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"solver": "lbfgs"}, {"solver": "adam"}),
        ({"solver": "lbfgs"}, {"solver": "sgd", "early_stopping": True}),
        ({}, {"early_stopping": True}),
        ({"early_stopping": True}, {"early_stopping": False}),
    ],
    ids=str,
)
def test_a_warm_start_may_have_other_settings(first, then):
    """Where scikit-learn lacks the records that these add to."""
    model = classifier(warm_start=True, **first).fit(X, Y)
    before = len(getattr(model, "loss_curve_", []))
    model.set_params(**then).fit(X, Y)
    assert len(model.loss_curve_) == before + model.n_iter_ and model.n_iter_ == 5
    if model.early_stopping:
        assert len(model.validation_scores_) == 5
        assert model.best_validation_score_ == max(model.validation_scores_)
    else:
        assert model.best_loss_ == min(model.loss_curve_[before:])


def test_partial_fit_after_a_failed_one():
    model = classifier().partial_fit(X, Y, classes=range(10))
    expected = copy.deepcopy(model).partial_fit(X, Y)
    with pytest.raises(ValueError, match="contains NaN"):
        model.partial_fit(X * np.nan, Y)
    assert_same_models(model.partial_fit(X, Y), expected)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_the_last_step_of_one_batch_epochs_is_looked_at():
    """The loss of such an epoch is that before its step: the curve says 844, 350, and the model 11,726."""
    X = np.linspace(-10, 10, 30)[:, None]
    model = MLPRegressor(
        hidden_layer_sizes=(8,),
        activation="tanh",
        solver="sgd",
        learning_rate_init=1.0,
        momentum=0,
        batch_size=30,
    )
    model.set_params(max_iter=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"rose from 349.6\d* in epoch 1 \S+ from 0\) to 11726"):
        model.fit(X, 40 + X[:, 0])
    assert np.mean((model.predict(X) - 40 - X[:, 0]) ** 2) / 2 < model.loss_curve_[0]
