"""What estimators learn is the same to the last bit for any number of threads, in every run, under load."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
import scipy.sparse
from support.implementations import needs_native

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [needs_native, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]

THREADS = (1, 2, 3, 4, 7)
NETWORKS = (MLPClassifier, MLPRegressor)
SAMPLES, FEATURES = 300, 900
random = np.random.default_rng(0)
SPARSE = scipy.sparse.random(SAMPLES, FEATURES, 0.02, format="csr", random_state=0, dtype=np.float32)
DENSE = random.standard_normal((SAMPLES, 120)).astype(np.float32)
CLASSES = random.integers(0, 4, SAMPLES)
TARGETS = random.standard_normal((SAMPLES, 3))
WEIGHT = random.random(SAMPLES)

SETTINGS = {
    "plain": {"alpha": 0.0},
    "l2": {"alpha": 1e-3},  # put off, for sparse samples of linear models
    "l1": {"penalty": "l1", "alpha": 1e-4},
    "elasticnet": {"penalty": "elasticnet", "alpha": 1e-3, "l1_ratio": 0.3},
    "momentum": {"momentum": 0.9},
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "clipped values": {"clip_value": 1e-3},
    "clipped norm": {"clip_norm": 1e-2},
    "fading": {"learning_rate": "invscaling"},
    "adaptive": {"learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    "stops early": {"early_stopping": True, "n_iter_no_change": 2},
    "tol": {"tol": 0.02, "n_iter_no_change": 2},
    "schedule": {"learning_rate_schedule": lambda step: 0.01 / (1 + step)},
}
OF_NETWORKS = {
    "lbfgs": {"solver": "lbfgs", "max_iter": 4},
    "dropout and batch_norm": {"dropout": 0.3, "batch_norm": True},
}


def fitted(kind, samples, options, threads):
    """Every number that a fit leaves, as bytes."""
    network = {"hidden_layer_sizes": (33,)} if kind in NETWORKS else {}
    solver = {"solver": "sgd"} if kind in NETWORKS else {}
    model = kind(**{"max_iter": 8, "random_state": 0, "batch_size": 128} | network | solver | options)
    model.set_params(n_threads=threads)
    y = CLASSES if kind in (MLPClassifier, LinearClassifier) else TARGETS
    early = options.get("early_stopping") or options.get("solver") == "lbfgs"
    model.fit(samples, y, sample_weight=None if early else WEIGHT)
    arrays = [*model.coefs_, *model.intercepts_] if kind in NETWORKS else [model.coef_, model.intercept_]
    curve = getattr(model, "loss_curve_", []), getattr(model, "validation_scores_", []), model.n_iter_
    return str(curve), [np.asarray(array).tobytes() for array in arrays]


@pytest.fixture(scope="module")
def busy():
    """Two programs that want the cores."""
    programs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    yield
    for program in programs:
        program.kill()
        program.wait()


@pytest.mark.parametrize("name", [*SETTINGS, *OF_NETWORKS])
@pytest.mark.parametrize("samples", [SPARSE, DENSE], ids=["sparse", "dense"])
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor])
def test_threads_change_no_bit(kind, samples, name):
    if kind not in NETWORKS and name in OF_NETWORKS:
        pytest.skip("of networks only")
    options = (SETTINGS | OF_NETWORKS)[name]
    expected = fitted(kind, samples, options, 1)
    for threads in THREADS[1:]:
        assert fitted(kind, samples, options, threads) == expected, threads


@pytest.mark.parametrize("name", ["l2", "tol", "adam", "l1", "clipped norm"])
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor, MLPClassifier])
@pytest.mark.usefixtures("busy")
def test_runs_under_load_are_the_same(kind, name):
    expected = fitted(kind, SPARSE, SETTINGS[name], 1)
    for _ in range(5):
        for threads in (2, 3, 7):
            assert fitted(kind, SPARSE, SETTINGS[name], threads) == expected, threads
