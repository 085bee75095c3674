"""Every parameter of every estimator takes NumPy's scalar of its kind, and does the same with it."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn.model_selection import GridSearchCV
from support.tolerances import assert_same_bits

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

random = np.random.default_rng(5)
X = random.standard_normal((40, 3))
TARGETS = X @ [1, -2, 0.5] + 3
LABELS = (TARGETS > 3).astype(int) + (TARGETS > 5)
ESTIMATORS = [MLPClassifier, MLPRegressor, LinearClassifier, LinearRegressor]

SGD = {"solver": "sgd", "learning_rate_init": 0.01}
ADAM = {"solver": "adam"}
STOPPING = {"early_stopping": True, "max_iter": 30, "tol": 0.01}
# Another value than the default of each parameter, and the others with which it acts.
OTHERS = {
    "activation": ("tanh", {}),
    "alpha": (0.1, {}),
    "batch_norm": (True, {}),
    "batch_size": (7, {}),
    "beta_1": (0.7, ADAM),
    "beta_2": (0.7, ADAM),
    "clip_norm": (0.1, SGD),
    "clip_value": (0.1, SGD),
    "dropout": (0.3, {}),
    "early_stopping": (True, {}),
    "epsilon": (0.1, ADAM),
    "fit_intercept": (False, {}),
    "hidden_layer_sizes": (4, {}),
    "huber_delta": (0.7, {"loss": "huber"}),
    "l1_ratio": (0.7, {"penalty": "elasticnet", "alpha": 0.1}),
    "learning_rate": ("invscaling", SGD),
    "learning_rate_init": (0.003, {}),
    "loss": (None, {}),  # of each estimator one of its own
    "margin": (0.7, {"loss": "hinge"}),
    "max_fun": (3, {"solver": "lbfgs"}),
    "max_iter": (3, {}),
    "momentum": (0.7, SGD),
    "n_iter_no_change": (2, STOPPING),
    "n_threads": (1, {}),
    "nesterovs_momentum": (False, SGD | {"momentum": 0.9}),
    "penalty": ("l1", {"alpha": 0.1}),
    "power_t": (0.3, SGD | {"learning_rate": "invscaling"}),
    "progress": (True, {}),
    "random_state": (4, {}),
    "shuffle": (False, {}),
    "solver": ("adam", {}),
    "tol": (0.3, STOPPING),
    "validation_fraction": (0.3, STOPPING),
    "verbose": (True, {}),
    "warm_start": (True, {}),
}
LOSSES = {"MLPClassifier": "hinge", "MLPRegressor": "huber", "LinearClassifier": "hinge"}
NO_SCALARS = {"callbacks", "class_weight", "learning_rate_schedule"}


def scalars(value):
    """NumPy's of the same value as a Python scalar, and that scalar: float32 has another value."""
    if isinstance(value, bool):
        return [(np.bool_(value), value)]
    if isinstance(value, str):
        return [(np.str_(value), value)]
    if isinstance(value, int):
        return [(np.int64(value), value), (np.min_scalar_type(value).type(value), value)]
    return [(np.float64(value), value), (np.float32(value), float(np.float32(value)))]


def fitted(kind, options):
    """After three epochs, twice, so that a warm start shows."""
    model = kind(**{"max_iter": 3, "random_state": 0} | options)
    y = LABELS if kind in (MLPClassifier, LinearClassifier) else TARGETS
    return model.fit(X, y).fit(X[::-1], y[::-1]), model.predict(X)


def learned(model):
    arrays = getattr(model, "coefs_", None) or [model.coef_, model.intercept_]
    return [*map(np.asarray, arrays), np.array(getattr(model, "loss_curve_", model.loss_))]


def cases():
    for kind in ESTIMATORS:
        for name, default in kind().get_params().items():
            if name in NO_SCALARS:
                continue
            other, context = OTHERS[name]
            if name == "loss":
                other = LOSSES.get(kind.__name__, "absolute_error")
            for value in (default, other):
                if isinstance(value, bool | str | int | float):
                    yield pytest.param(kind, name, value, context, id=f"{kind.__name__}-{name}-{value}")


@pytest.mark.parametrize(("kind", "name", "value", "context"), list(cases()))
def test_a_scalar_of_numpy_is_that_of_python(kind, name, value, context):
    for theirs, ours in scalars(value):
        model, predictions = fitted(kind, context | {name: theirs})
        expected, same = fitted(kind, context | {name: ours})
        for a, b in zip(learned(model), learned(expected), strict=True):
            assert_same_bits(a, b, f"{name}={theirs!r}")
        assert_same_bits(predictions, same)
        assert getattr(model, name) is theirs  # kept as it was given, for clone


def test_elements_of_a_parameter_may_be_scalars_of_numpy():
    given = {
        "hidden_layer_sizes": np.array([4, 3]),
        "activation": [np.str_("tanh"), np.str_("relu")],
        "dropout": np.array([0.3, 0.1], np.float32),
        "class_weight": {np.int64(0): np.float64(2), np.int64(2): np.float32(0.5)},
    }
    plain = {
        "hidden_layer_sizes": (4, 3),
        "activation": ("tanh", "relu"),
        "dropout": [float(np.float32(0.3)), float(np.float32(0.1))],
        "class_weight": {0: 2, 2: 0.5},
    }
    for a, b in zip(*(learned(fitted(MLPClassifier, options)[0]) for options in (given, plain)), strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_searches_take_arrays_of_numpy(kind):
    grid = {
        "momentum": np.linspace(0, 0.9, 2),
        "nesterovs_momentum": np.array([True, False]),
        "alpha": np.logspace(-4, -3, 2, dtype=np.float32),
    }
    y = LABELS if kind in (MLPClassifier, LinearClassifier) else TARGETS
    model = kind(max_iter=2, random_state=0, **SGD)
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
