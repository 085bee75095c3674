"""The estimators on both backends: whatever is asked for, the reference learns and says the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies
from support.implementations import BACKENDS, needs_native

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from scipy import sparse
from support.strategies import bounded
from support.tolerances import FUNCTION, assert_close, assert_same_bits

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    needs_native,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:lbfgs failed to converge"),
]

random = np.random.default_rng(11)
X = random.standard_normal((60, 5)) * (random.random((60, 5)) < 0.6)
TARGETS = np.exp(X @ [0.5, -0.3, 0.2, 0, 0.1])
LABELS = (TARGETS > 0.8).astype(int) + (TARGETS > 1.3)
WEIGHTS = random.integers(0, 3, 60) + 0.5 * (np.arange(60) % 2)
MULTILABEL = np.stack([TARGETS > 0.8, X[:, 0] > 0], axis=1).astype(int)
EPOCHS, BATCH, UNITS = 5, 16, 8

CLASSIFIERS = (MLPClassifier, LinearClassifier)
NETWORKS = (MLPClassifier, MLPRegressor)
ESTIMATORS = (MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor)
LOSSES = {
    MLPClassifier: ("log_loss", "hinge", "squared_hinge"),
    MLPRegressor: ("squared_error", "poisson", "huber", "absolute_error"),
    LinearClassifier: ("softmax", "hinge", "squared_hinge"),
    LinearRegressor: ("squared_error", "huber", "absolute_error", "poisson"),
}
SGD = {"solver": "sgd", "learning_rate_init": 0.02}
OF_ALL = [
    {"solver": "sgd"},
    {"solver": "adam"},
    *({"penalty": name, "alpha": 0.5} for name in ("l1", "l2", "elasticnet", None)),
    SGD | {"penalty": "l1", "alpha": 0.5, "momentum": 0},
    SGD | {"momentum": 0.9, "nesterovs_momentum": False},
    SGD | {"momentum": 0.9, "clip_norm": 0.1},
    SGD | {"clip_value": 0.01},
    SGD | {"learning_rate": "invscaling"},
    SGD | {"learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.1},
    {"learning_rate_schedule": st.schedules.Exponential(0.02, 0.9)},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"shuffle": False, "batch_size": 60},
]
OF_NETWORKS = [
    {"solver": "lbfgs"},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": (8, 4), "activation": ["tanh", "relu"], "dropout": [0.3, 0.1]},
    {"dropout": 0.4},
    *({"batch_norm": True, "penalty": name, "alpha": 0.5} for name in ("l1", "l2", "elasticnet", None)),
    {"batch_norm": True, "dropout": 0.2, "early_stopping": True, "validation_fraction": 0.2},
    *(
        {"activation": name}
        for name in ("identity", "logistic", "leaky_relu", "elu", "selu", "gelu", "mish", "softplus")
    ),
    {"activation": "lecun_tanh"},
]
# What is fitted to: names of the functions below.
WAYS = ["dense", "sparse", "weighted", "validated", "partial", "warm"]


def made(kind, options):
    # Adam divides by epsilon what has no gradient but that of rounding, as an intercept before a batch_norm.
    base = {"max_iter": EPOCHS, "batch_size": BATCH, "random_state": 1, "epsilon": 0.01}
    if kind in NETWORKS:
        base |= {"hidden_layer_sizes": (UNITS,)}
    return kind(**base | options)


def fitted(model, y, way, dtype):
    x = X.astype(dtype)
    if way == "sparse":
        return model.fit(sparse.csr_array(x), y)
    if way == "weighted":
        return model.fit(x, y, WEIGHTS)
    if way == "validated":
        return model.fit(x[:40], y[:40], validation_data=(x[40:], y[40:], WEIGHTS[40:]))
    if way == "partial":
        known = {"classes": np.unique(y)} if isinstance(model, CLASSIFIERS) else {}
        for part in (slice(20), slice(20, 40), slice(40, 60)):
            model.partial_fit(x[part], y[part], **known)
        return model
    model.fit(x, y)
    return model.set_params(warm_start=True).fit(x[::-1], y[::-1]) if way == "warm" else model


def said(model, x):
    """All that a fitted model holds and says, by name."""
    names = (
        ("coefs_", "intercepts_", "batch_norms_") if isinstance(model, NETWORKS) else ("coef_", "intercept_")
    )
    held = {name: getattr(model, name) for name in names if hasattr(model, name)}
    curves = ("loss_", "loss_curve_", "validation_loss_curve_", "validation_scores_")
    held |= {name: getattr(model, name) for name in curves if getattr(model, name, None) is not None}
    held |= {"n_iter_": model.n_iter_, "predict": model.predict(x)}
    for name in ("decision_function", "predict_proba"):
        if hasattr(model, name):
            held[name] = getattr(model, name)(x)
    return held


def depth(model):
    """Roundings that follow each other: in each step those of a sum over inputs, units and samples."""
    size = BATCH if model.batch_size == "auto" else model.batch_size
    steps = 2 * EPOCHS * (-(-len(X) // size))
    return steps * (X.shape[1] + 2 * UNITS + len(X) + 2 * FUNCTION)


def assert_same_on_both(kind, options, way="dense", dtype=np.float64, y=None):
    if y is None:
        y = LABELS if kind in CLASSIFIERS else TARGETS
    results = []
    for backend in BACKENDS:
        with backend.computing():
            model = fitted(made(kind, options), y, way, dtype)
            results.append(said(model, X.astype(dtype)))
    reference, native = results
    assert reference.keys() == native.keys()
    for name, expected in reference.items():
        several = name.startswith(("coefs", "intercepts", "batch_norms"))
        for a, b in zip(
            *((native[name], expected) if several else ([native[name]], [expected])), strict=True
        ):
            a, b = np.asarray(a), np.asarray(b)
            if b.dtype.kind != "f":
                np.testing.assert_array_equal(a, b, name)
            else:
                assert_close(a, b, depth(model), np.abs(b).max(initial=1), dtype)


CASES = [(kind, options) for kind in ESTIMATORS for options in OF_ALL]
CASES += [(kind, options) for kind in NETWORKS for options in OF_NETWORKS]
CASES += [(kind, {"loss": loss}) for kind in ESTIMATORS for loss in LOSSES[kind]]
CASES += [(kind, {"class_weight": given}) for kind in CLASSIFIERS for given in ("balanced", {0: 3, 2: 0})]
CASES += [(kind, {"fit_intercept": False}) for kind in (LinearClassifier, LinearRegressor)]


@pytest.mark.parametrize(("kind", "options"), CASES, ids=lambda v: getattr(v, "__name__", str(v)))
def test_settings(kind, options):
    assert_same_on_both(kind, options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_ways_to_fit(kind, way, dtype):
    for options in ({"solver": "sgd"}, {"solver": "adam", "loss": LOSSES[kind][1]}):
        assert_same_on_both(kind, options, way, dtype)
    if kind in NETWORKS:
        assert_same_on_both(kind, {"batch_norm": True, "dropout": 0.2, "alpha": 0.5}, way, dtype)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("way", ["dense", "sparse", "weighted"])
def test_other_numbers_of_outputs(kind, way):
    """Two classes or targets, and several labels."""
    y = (TARGETS > 1).astype(int) if kind in CLASSIFIERS else np.stack([TARGETS, 2 * TARGETS], axis=1)
    for loss in LOSSES[kind]:
        assert_same_on_both(kind, {"loss": loss}, way, y=y)
    if kind is MLPClassifier:
        assert_same_on_both(kind, {}, way, y=MULTILABEL)


@pytest.mark.parametrize("kind", NETWORKS)
def test_scales_are_not_penalized(kind, backend):
    """The first step changes them by the loss alone, however strong the penalty."""
    with backend.computing():
        y = LABELS if kind in CLASSIFIERS else TARGETS
        one_step = SGD | {"batch_norm": True, "max_iter": 1, "batch_size": len(X)}
        light, heavy = (made(kind, one_step | {"alpha": alpha}).fit(X, y) for alpha in (0, 100))
        assert np.abs(light.coefs_[0] - heavy.coefs_[0]).max() > 0.01
        for a, b in zip(light.batch_norms_, heavy.batch_norms_, strict=True):
            assert_same_bits(a, b)


def _options(draw, kind):
    """Random settings that fit each other; those of "l1" alone differ where a weight crosses 0."""
    options = {
        "loss": draw(LOSSES[kind]),
        "penalty": draw(["l2", None]),
        "alpha": draw([1e-4, 0.01, 0.5]),
        "batch_size": draw([5, 16, "auto"]),
        "learning_rate": draw(["constant", "invscaling", "adaptive"]),
        "shuffle": draw([True, False]),
        "solver": draw(["sgd", "adam"]),
        "momentum": draw([0.0, 0.9]),
        "nesterovs_momentum": draw([True, False]),
        "clip_norm": draw([None, 0.05]),
        "max_iter": draw([1, EPOCHS]),
        "early_stopping": draw([False, True]),
    }
    if kind in NETWORKS:
        options["hidden_layer_sizes"] = draw([(), (8,), (8, 5, 3)])
        options["activation"] = draw(["tanh", "relu", "gelu"])
        options |= {"batch_norm": draw([False, True]), "dropout": draw([0.0, 0.3])}
    if kind in CLASSIFIERS:
        options["class_weight"] = draw([None, {0: 3, 2: 0}])
    return options


@bounded
@given(strategies.data())
def test_random_settings(data):
    def draw(choices):
        return data.draw(strategies.sampled_from(choices))

    kind, way = draw(ESTIMATORS), draw(WAYS)
    options = _options(draw, kind)
    if way == "partial":
        options["early_stopping"] = False
    assert_same_on_both(kind, options, way, draw([np.float32, np.float64]))
