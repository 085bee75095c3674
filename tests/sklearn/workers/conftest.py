"""The engines that fits are spread over: joblib's own processes, a cluster of Dask and one of Ray."""

from contextlib import contextmanager

import joblib
import pytest


@contextmanager
def dask_cluster(workers):
    """A client of as many worker processes, each with one thread."""
    distributed = pytest.importorskip("distributed")
    options = {"threads_per_worker": 1, "dashboard_address": ":0"}  # of several test processes, one port each
    with (
        distributed.LocalCluster(n_workers=workers, **options) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextmanager
def ray_cluster(workers):
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    register_ray()
    try:
        yield
    finally:
        ray.shutdown()


@pytest.fixture(scope="package")
def client():
    with dask_cluster(2) as client:
        yield client


@pytest.fixture
def mortal_client():
    """One whose workers a test may kill: Dask does not always start them again."""
    with dask_cluster(2) as client:
        yield client


@pytest.fixture(scope="package")
def _ray():
    with ray_cluster(2):
        yield


@pytest.fixture(params=["loky", "dask", pytest.param("ray", marks=pytest.mark.slow)])
def engine(request):
    """The name of a backend of joblib with 2 workers, which are there."""
    if request.param != "loky":
        request.getfixturevalue({"dask": "client", "ray": "_ray"}[request.param])
    return request.param


@pytest.fixture
def joblib_backend(engine):
    """Within a block in which scikit-learn's tools use that backend."""
    with joblib.parallel_config(engine, n_jobs=2):
        yield engine
