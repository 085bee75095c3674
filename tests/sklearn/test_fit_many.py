"""fit_many: what single fits give, for many settings at once."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import ParameterGrid
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor, fit_many

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning"),
]
X, Y = load_iris(return_X_y=True)
GRID = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(5,), (4, 3)], "solver": ["adam", "sgd", "lbfgs"]}


def estimator(**options):
    return MLPClassifier(random_state=1, max_iter=25, **options)


def assert_same_fits(a, b):
    for one, other in zip(a, b, strict=True):
        assert one.get_params() == other.get_params() and one.n_iter_ == other.n_iter_
        assert getattr(one, "loss_curve_", None) == getattr(other, "loss_curve_", None)
        assert one.loss_ == other.loss_ and (one.classes_ == other.classes_).all()
        for p, q in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
            assert_same_bits(p, q)


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge:UserWarning")
@pytest.mark.parametrize("n_threads", [None, 1, 2, 5])
def test_a_grid_gives_the_bits_of_single_fits(n_threads):
    weight = np.random.default_rng(0).random(len(X))
    many = fit_many(estimator(), GRID, X, Y, weight, n_threads=n_threads, progress=False)
    alone = [clone(estimator()).set_params(**p).fit(X, Y, weight) for p in ParameterGrid(GRID)]
    assert_same_fits(many, alone)
    assert (many[0].predict_proba(X) == alone[0].predict_proba(X)).all()


def test_settings_come_in_their_order_and_may_be_any():
    settings = [{"dropout": 0.5}, {}, {"batch_norm": True, "early_stopping": True}, {"n_threads": 2}]
    given = estimator(learning_rate_init=0.01)
    many = fit_many(given, iter(settings), X, Y, progress=False)
    assert_same_fits(many, [clone(given).set_params(**p).fit(X, Y) for p in settings])
    assert not hasattr(given, "coefs_") and many[3].n_threads == 2


def test_regressors_and_data_of_other_kinds():
    many = fit_many(
        MLPRegressor(random_state=0, max_iter=9), {"alpha": [0, 1]}, X.tolist(), Y, progress=False
    )
    alone = [MLPRegressor(random_state=0, max_iter=9, alpha=alpha).fit(X, Y) for alpha in (0, 1)]
    assert all(a.loss_curve_ == b.loss_curve_ for a, b in zip(many, alone, strict=True))
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    for one in fit_many(estimator(), {"alpha": [0, 1]}, frame, Y, progress=False):
        assert one.feature_names_in_.tolist() == list("abcd")


def test_one_fit_a_thread():
    """Each with one thread of its own, and at most so many at a time."""
    seen = set()

    def watched(fitted):
        seen.add((threading.get_ident(), st.get_num_threads()))

    fit_many(estimator(callbacks=[watched]), {"alpha": [0, 1, 2, 3, 4]}, X, Y, n_threads=2, progress=False)
    assert len({thread for thread, _ in seen}) <= 2 and {number for _, number in seen} == {1}
    assert threading.get_ident() not in {thread for thread, _ in seen}


def test_the_first_error_ends_all():
    def fails(fitted):
        raise RuntimeError("enough")

    endless = {"max_iter": 10**9, "tol": 0.0, "n_iter_no_change": 10**9}
    settings = [endless, {"callbacks": [fails]}, endless]
    with pytest.raises(RuntimeError, match="enough"):
        fit_many(estimator(), settings, X, Y, n_threads=2, progress=False)


def test_ctrl_c_ends_all():
    endless = {"max_iter": 10**9, "tol": 0.0, "n_iter_no_change": 10**9}
    timer = threading.Timer(0.5, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fit_many(estimator(), [endless] * 3, X, Y, n_threads=2, progress=False)
    timer.join()


@pytest.mark.parametrize(
    ("parameters", "options", "error", "message"),
    [
        ([], {}, ValueError, "parameters has 0 settings, but at least 1 is needed"),
        ([{"depth": 3}], {}, ValueError, "Invalid parameter 'depth' for estimator MLPClassifier"),
        (
            [{"alpha": -1}],
            {},
            ValueError,
            "The 'alpha' parameter of MLPClassifier must be a float in the ran",
        ),
        ({"alpha": [1]}, {"n_threads": 0}, ValueError, "n_threads is 0, but must be at least 1"),
    ],
)
def test_bad_settings_are_named(parameters, options, error, message):
    with pytest.raises(error, match=message):
        fit_many(estimator(), parameters, X, Y, progress=False, **options)
    with pytest.raises(ValueError, match="Found input variables with inconsistent numbers of samples"):
        fit_many(estimator(), {"alpha": [1, 2]}, X, Y[:9], progress=False)


@pytest.mark.parametrize("progress", [True, False])
def test_there_is_one_bar(progress, monkeypatch, capsys):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fit_many(estimator(progress=False), {"alpha": [0, 1, 2]}, X, Y, progress=progress)
    shown = capsys.readouterr().err
    assert ("3/3" in shown) == progress
