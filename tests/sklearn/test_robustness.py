"""Unusual arrays, mistakes, interruptions and pickles: the networks keep their word as scikit-learn's do."""

from __future__ import annotations

import contextlib
import copy
import pickle
import re
import signal
import threading
import time
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
import joblib
import sklearn.neural_network as theirs
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits
from support.tolerances import assert_same_bits

import steepest.sklearn as ours
from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from steepest.training.loop import ProgressBar

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


def arrays(model):
    return [*model.coefs_, *model.intercepts_, *getattr(model, "batch_norms_", [])]


def assert_same_models(a, b):
    for p, q in zip(arrays(a), arrays(b), strict=True):
        assert_same_bits(p, q)


# ---- interruptions and divergence ------------------------------------------------------------------------


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
        ProgressBar, "move", lambda bar, epochs: signal.raise_signal(signal.SIGINT) if epochs > 5 else None
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


def test_non_finite_weights_leave_those_of_the_last_finished_epoch():
    epochs = []

    def keep(model):
        epochs.append([array.copy() for array in arrays(model)])

    options = {"solver": "sgd", "learning_rate_init": 1e3, "momentum": 0.0}
    model = MLPRegressor(hidden_layer_sizes=(), random_state=0, callbacks=[keep], **options)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="Solver produced non-finite parameter w"):
        model.fit(XR * 100, YR)
    assert epochs
    for array, kept in zip(arrays(model), epochs[-1], strict=True):
        assert_same_bits(array, kept)


# ---- going on --------------------------------------------------------------------------------------------


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


# ---- arrays ----------------------------------------------------------------------------------------------


def test_layout_of_the_samples_changes_no_bit():
    expected = classifier().fit(X, Y)
    wide = np.zeros((len(X), 2 * X.shape[1]))
    wide[:, ::2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    for x in (np.asfortranarray(X), wide[:, ::2], X[::-1].copy()[::-1], X.astype(">f8"), frozen, X.tolist()):
        model = classifier().fit(x, Y.tolist())
        assert_same_models(model, expected)
        assert_same_bits(model.predict_proba(x), expected.predict_proba(X))
    assert_same_bits(frozen, X)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float16, bool])
def test_other_numbers_are_float64(kind):
    x = (16 * X > 7).astype(kind)
    model = classifier().fit(x, Y)
    assert model.coefs_[0].dtype == np.float64
    assert_same_models(model, classifier().fit(x.astype(np.float64), Y))


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(np.asfortranarray, id="Fortran"),
        pytest.param(lambda a: np.repeat(a, 2, axis=0)[::2], id="strided"),
        pytest.param(lambda a: a.astype(">f8"), id="big-endian"),
        pytest.param(lambda a: np.frombuffer(a.tobytes()).reshape(a.shape), id="read-only"),
        pytest.param(
            lambda a: np.frombuffer(b"_" + a.tobytes(), np.uint8)[1:].view(np.float64).reshape(a.shape),
            id="unaligned",
        ),
        pytest.param(np.ndarray.tolist, id="lists"),
    ],
)
def test_odd_arrays_set_by_the_user_are_honored(odd):
    model = classifier().partial_fit(X, Y, classes=range(10))
    expected = copy.deepcopy(model)
    model.coefs_ = [odd(array) for array in model.coefs_]
    model.intercepts_ = [odd(array) for array in model.intercepts_]
    assert_same_bits(model.predict_proba(X), expected.predict_proba(X))
    assert_same_models(model.partial_fit(X, Y), expected.partial_fit(X, Y))


@pytest.mark.usefixtures("rows_of_their_own")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("layers", [(), (7,), (33, 5)], ids=str)
def test_a_row_does_not_depend_on_its_batch(dtype, layers):
    x, y = XR.astype(dtype), np.stack([YR, YR**2, -YR], axis=1)
    model = MLPRegressor(hidden_layer_sizes=layers, activation="tanh", random_state=0, max_iter=3).fit(x, y)
    together = model.predict(x)
    assert together.dtype == dtype
    for rows in (slice(0, 1), slice(5, 8), slice(3, 67), slice(440, None), slice(None, None, -1)):
        assert_same_bits(model.predict(x[rows]), together[rows])
    assert_same_bits(model.predict(sparse.csr_array(x)[7:9]), together[7:9])


@pytest.mark.parametrize(
    "options",
    [
        {},
        SGD,
        {"early_stopping": True},
        {"solver": "lbfgs"},
        {"batch_norm": True, "dropout": 0.3, "clip_norm": 1.0},
        {"loss": "hinge", "penalty": "elasticnet"},
    ],
    ids=str,
)
@pytest.mark.parametrize("samples", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_threads_change_no_bit(options, samples):
    weight = np.linspace(0.5, 2, len(Y))
    models = [
        classifier(hidden_layer_sizes=(60,), n_threads=n, **options).fit(samples(X), Y, weight)
        for n in (1, 2, 3)
    ]
    for model in models[1:]:
        assert_same_models(models[0], model)
        assert_same_bits(models[0].decision_function(X), model.decision_function(X))


@pytest.mark.parametrize("options", [{}, {"hidden_layer_sizes": []}, {"hidden_layer_sizes": 4}], ids=str)
def test_one_sample_is_enough(options):
    model = MLPRegressor(random_state=0, max_iter=2, **options).fit(XR[:1], YR[:1])
    assert model.predict(XR[:1]).shape == (1,)


def test_no_hidden_layer_is_a_linear_model():
    model = classifier(hidden_layer_sizes=()).fit(X, Y)
    assert [coef.shape for coef in model.coefs_] == [(64, 10)] and model.n_layers_ == 2
    np.testing.assert_allclose(model.decision_function(X), X @ model.coefs_[0] + model.intercepts_[0])


# ---- mistakes, in scikit-learn's words -------------------------------------------------------------------


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


def test_integers_set_by_the_user_are_computed_in_floating_point():
    model = MLPRegressor(hidden_layer_sizes=(), random_state=0, max_iter=1).fit(XR, YR)
    model.coefs_, model.intercepts_ = [np.arange(10)[:, None]], [np.array([3])]
    np.testing.assert_allclose(model.predict(XR), XR @ np.arange(10) + 3)


@pytest.mark.parametrize("call", ["fit", "predict"])
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor])
def test_sparse_arrays_written_by_another_thread_never_crash(kind, call):
    """Neither in the core nor in SciPy: both see a checked copy of where entries are."""
    X = sparse.random(300, 200, 0.1, format="csr", random_state=0)
    y = np.arange(300) % 2
    model = kind(max_iter=1, random_state=0).fit(X, y)
    indices, indptr, over = X.indices.copy(), X.indptr.copy(), threading.Event()

    def write():
        while not over.is_set():
            X.indices[::7], X.indptr[5:50] = 2**31 - 1, 2**31 - 1
            X.indices[:], X.indptr[:] = indices, indptr
            time.sleep(1e-4)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(60):
            with contextlib.suppress(ValueError, OverflowError, MemoryError, IndexError):
                model.fit(X, y) if call == "fit" else model.predict(X)
    finally:
        over.set()
        writer.join()
