"""fit_many in other processes: the bits of single fits, whichever engine has the processes."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import ParameterGrid
from support.networks import assert_single_fits

import steepest as st
from steepest.sklearn import LinearClassifier, MLPClassifier, MLPRegressor, TabularClassifier, fit_many

X, Y = load_iris(return_X_y=True)
GRID = {"alpha": [1e-4, 1.0], "hidden_layer_sizes": [(5,), (4, 3)]}
ignoring_max_iter = pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning")


def network(**options):
    return MLPClassifier(random_state=1, max_iter=9, **options)


@ignoring_max_iter
@pytest.mark.parametrize("n_threads", [None, 1])
def test_workers_give_the_bits_of_single_fits(engine, n_threads):
    weight = np.random.default_rng(0).random(len(X))
    many = fit_many(network(), GRID, X, Y, weight, backend=engine, n_threads=n_threads, progress=False)
    assert_single_fits(many, network(), ParameterGrid(GRID), X, Y, sample_weight=weight)
    assert many[0].partial_fit(X, Y) is many[0]  # whose arrays may be written to


@pytest.mark.parametrize(
    "estimator",
    [
        LinearClassifier(random_state=0, tol=0.01),
        TabularClassifier(random_state=0, max_steps=40, n_members=2, hidden_layer_sizes=(8,)),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_other_estimators_and_frames(engine, estimator):
    frame = pytest.importorskip("pandas").DataFrame(X, columns=list("abcd"))
    parameter = "dropout" if isinstance(estimator, TabularClassifier) else "alpha"
    settings = [{parameter: 0.125}, {parameter: 0.25}]
    many = fit_many(estimator, settings, frame, Y, backend=engine, progress=False)
    assert_single_fits(many, estimator, settings, frame, Y)


@ignoring_max_iter
def test_large_data_in_fortran_order_and_sparse(engine):
    """Of more than a megabyte, which joblib maps from a file, and others put into a store."""
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.asfortranarray(np.random.default_rng(0).random((3000, 90)))
    settings = [{"alpha": 0.0, "max_iter": 2}, {"alpha": 1.0, "max_iter": 2}]
    for X in (dense, sparse.csr_array(np.where(dense > 0.3, dense, 0.0))):
        y = np.arange(3000) % 3
        many = fit_many(network(), settings, X, y, backend=engine, progress=False)
        assert_single_fits(many, network(), settings, X, y)


def where(process, threads):
    def watched(fitted):
        fitted.seen = process(), threads()

    return watched


@ignoring_max_iter
def test_each_fit_has_one_thread_in_another_process(engine):
    watched = where(os.getpid, st.get_num_threads)
    many = fit_many(network(callbacks=watched), {"alpha": [0] * 4}, X, Y, backend=engine, progress=False)
    assert {threads for _, threads in (one.seen for one in many)} == {1}
    assert os.getpid() not in {process for process, _ in (one.seen for one in many)}


@ignoring_max_iter
@pytest.mark.usefixtures("joblib_backend")
def test_the_enclosing_block_of_joblib_is_obeyed():
    many = fit_many(network(callbacks=where(os.getpid, os.getpid)), {"alpha": [0, 1]}, X, Y, progress=False)
    assert os.getpid() not in {one.seen[0] for one in many}


@ignoring_max_iter
@pytest.mark.parametrize("block", [{"backend": "threading", "n_jobs": 2}, {"backend": "loky"}, {"n_jobs": 1}])
def test_threads_are_taken_where_no_workers_are_asked_for(block):
    with joblib.parallel_config(**block):
        many = fit_many(
            network(callbacks=where(os.getpid, os.getpid)), {"alpha": [0, 1]}, X, Y, progress=False
        )
    assert {one.seen[0] for one in many} == {os.getpid()}


@ignoring_max_iter
def test_workers_compute_on_the_callers_backend(engine):
    def watched(fitted):
        fitted.seen = st.build_info()["backend"]

    with st.config(backend="reference"):
        many = fit_many(network(callbacks=watched), {"alpha": [0, 1]}, X, Y, backend=engine, progress=False)
        assert {one.seen for one in many} == {"reference"}
        assert_single_fits(many, network(callbacks=watched), [{"alpha": 0}, {"alpha": 1}], X, Y)


def test_warnings_come_back(engine):
    with pytest.warns(ConvergenceWarning, match="Maximum iterations") as warned:
        fit_many(network(), {"alpha": [0, 1, 2]}, X, Y, backend=engine, progress=False)
    assert len(warned) == 3 and {one.filename for one in warned} == {__file__}


def test_the_first_error_ends_all(engine):
    with pytest.raises(ValueError, match="The 'alpha' parameter of MLPClassifier must be"):
        fit_many(network(), {"alpha": [-1, -2]}, X, Y, backend=engine, progress=False)


@ignoring_max_iter
@pytest.mark.parametrize("progress", [True, False])
def test_there_is_one_bar_of_all_fits(engine, progress, monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fit_many(network(), {"alpha": [0, 1, 2]}, X, Y, backend=engine, progress=progress)
    assert ("3/3" in capsys.readouterr().err) == progress


@ignoring_max_iter
def test_a_client_of_dask_is_a_backend(client):
    settings = [{"alpha": alpha} for alpha in range(5)]
    many = fit_many(network(), settings, X, Y, backend=client, progress=False)
    assert_single_fits(many, network(), settings, X, Y)


@ignoring_max_iter
def test_a_fit_in_a_worker_may_have_many(client):
    """Which wait for no place that they hold themselves."""

    def nested(seed):
        with joblib.parallel_config("dask"):
            many = fit_many(MLPRegressor(max_iter=2), {"random_state": [seed, 5]}, X, Y, progress=False)
        return [one.loss_ for one in many]

    losses = client.gather([client.submit(nested, seed) for seed in range(3)], errors="raise")
    assert len({first for first, _ in losses}) == 3 and len({second for _, second in losses}) == 1


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("locky", ValueError, ", or 'dask' or 'ray'"),
        (
            3,
            TypeError,
            "backend must be the name of a backend of joblib, such as 'loky', 'dask' or 'ray', or",
        ),
    ],
)
def test_other_backends_are_refused(given, error, message):
    with pytest.raises(error, match=re.escape(message)):
        fit_many(network(), {"alpha": [1]}, X, Y, backend=given, progress=False)


def test_a_missing_engine_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"backend='ray' needs Ray: pip install 'steepest\[ray\]'"):
        fit_many(network(), {"alpha": [1]}, X, Y, backend="ray", progress=False)


@ignoring_max_iter
def test_ctrl_c_ends_the_processes():
    endless = {"max_iter": 10**9, "tol": 0.0, "n_iter_no_change": 10**9}
    fit_many(network(), {"alpha": [0, 1]}, X, Y, backend="loky", n_threads=2, progress=False)  # start them
    timer = threading.Timer(1, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        fit_many(network(), [endless] * 3, X, Y, backend="loky", n_threads=2, progress=False)
    timer.join()
