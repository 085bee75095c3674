"""fit_many when workers are killed: all fits are done in the end, to the bit, or an error says why not."""

from __future__ import annotations

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest
from sklearn.datasets import load_iris
from support.networks import assert_single_fits

from steepest.sklearn import MLPClassifier, fit_many

pytestmark = [
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer:UserWarning"),
    pytest.mark.filterwarnings("ignore:resource_tracker:UserWarning"),
]
X, Y = load_iris(return_X_y=True)
SETTINGS = [{"alpha": alpha} for alpha in (0, 0.25, 0.5, 1, 2, 4, 8, 16)]


def network(callbacks=None):
    return MLPClassifier((6,), random_state=0, max_iter=8, callbacks=callbacks)


def killer(folder, times, others=()):
    """A callback that kills processes and its own in the middle of one of the fits, so many times."""

    def kill(fitted):
        if fitted.alpha == 2 and fitted.n_iter_ == 4:
            (folder / f"{len(list(folder.iterdir()))}").touch()
            if len(list(folder.iterdir())) <= times:
                for process in [*(other for other in others if other != os.getpid()), os.getpid()]:
                    os.kill(process, signal.SIGKILL)

    return kill


def assert_all_are_done(many, callback):
    assert_single_fits(many, network(callback), SETTINGS, X, Y)


def test_a_killed_worker_of_dask_costs_nothing(mortal_client, tmp_path):
    workers = set(mortal_client.nthreads())
    callback = killer(tmp_path, 1)
    many = fit_many(network(callback), SETTINGS, X, Y, backend=mortal_client, progress=False)
    assert len(list(tmp_path.iterdir())) == 2  # it was killed, and has come by again
    assert not workers <= set(mortal_client.nthreads())
    assert_all_are_done(many, callback)


@pytest.mark.slow
@pytest.mark.usefixtures("_ray")
def test_a_killed_worker_of_ray_costs_nothing(tmp_path):
    callback = killer(tmp_path, 1)
    many = fit_many(network(callback), SETTINGS, X, Y, backend="ray", progress=False)
    assert len(list(tmp_path.iterdir())) == 2
    assert_all_are_done(many, callback)


def test_what_a_killed_worker_of_joblib_takes_along_begins_again(tmp_path):
    callback = killer(tmp_path, 2)
    with pytest.warns(RuntimeWarning, match=r"a worker died \(TerminatedWorkerError\): \d of 8 fits begin"):
        many = fit_many(network(callback), SETTINGS, X, Y, backend="loky", n_threads=2, progress=False)
    assert len(list(tmp_path.iterdir())) == 3
    assert_all_are_done(many, callback)


def test_data_lost_with_all_workers_are_sent_again(mortal_client, tmp_path):
    callback = killer(tmp_path, 1, mortal_client.run(os.getpid).values())
    many = fit_many(network(callback), SETTINGS, X, Y, backend=mortal_client, progress=False)
    assert len(list(tmp_path.iterdir())) == 2
    assert_all_are_done(many, callback)


@pytest.mark.filterwarnings("ignore:a worker died:RuntimeWarning")
@pytest.mark.slow
def test_a_fit_that_kills_each_worker_of_joblib_ends(tmp_path):
    with pytest.raises(RuntimeError, match="workers died 4 times in a row while 1 of 1 fits") as error:
        fit_many(
            network(killer(tmp_path, 99)), SETTINGS[4:5], X, Y, backend="loky", n_threads=2, progress=False
        )
    assert isinstance(error.value.__cause__, BrokenProcessPool)
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.slow
def test_a_fit_that_kills_each_worker_of_dask_ends(mortal_client, tmp_path):
    from distributed import KilledWorker

    with pytest.raises(KilledWorker, match="died while running it"):
        fit_many(network(killer(tmp_path, 99)), SETTINGS, X, Y, backend=mortal_client, progress=False)
    assert len(list(tmp_path.iterdir())) == 4
