"""The scikit-learn estimators, as calls with drawn parameters and data."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy.sparse import csc_array, csr_matrix
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from steepest import sklearn as estimators
from steepest.sklearn._mlp.architecture import ACTIVATIONS

from .draw import Draw, promise
from .settings import COUNT, FLAG, FRACTION, INNER, POSITIVE, STRENGTH, WIDTHS, Kind

RATE = [0.01, 1e-3, np.float64(0.05), np.float32(0.01)]
STOCHASTIC: dict[str, Kind] = {
    "penalty": ["l1", "l2", "elasticnet", None],
    "alpha": STRENGTH,
    "l1_ratio": [0, 1, 0.5, np.float64(0.3)],
    "solver": ["sgd", "adam"],
    "batch_size": ["auto", 1, 7, np.int64(5)],
    "learning_rate": ["constant", "invscaling", "adaptive"],
    "learning_rate_init": RATE,
    "power_t": [0.5, np.float32(0.25)],
    "shuffle": FLAG,
    "random_state": [0, np.int64(3), 7],
    "tol": [1e-4, 0.0, np.float64(1e-3)],
    "warm_start": FLAG,
    "momentum": [*INNER, 0.0],
    "nesterovs_momentum": FLAG,
    "early_stopping": FLAG,
    "validation_fraction": [0.5, np.float64(0.4)],
    "beta_1": FRACTION,
    "beta_2": FRACTION,
    "epsilon": POSITIVE,
    "n_iter_no_change": COUNT,
    "clip_value": [None, *POSITIVE],
    "clip_norm": [None, *POSITIVE],
    "n_threads": [None, 1, 2, np.int64(3)],
}
NETWORK: dict[str, Kind] = {
    "hidden_layer_sizes": [3, (17,), (2, 3), [5], np.array([4]), (np.int64(3),), np.int32(7)],
    "activation": list(ACTIVATIONS),
    "dropout": [0.0, 0.5, np.float32(0.25), 0],
    "batch_norm": FLAG,
}
LINEAR: dict[str, Kind] = {"fit_intercept": FLAG}
CLASSIFIERS = estimators.MLPClassifier | estimators.LinearClassifier
NETWORKS = estimators.MLPClassifier | estimators.MLPRegressor
ROBUST = ["squared_error", "absolute_error", "huber"]
KINDS: dict[Any, dict[str, Kind]] = {
    estimators.MLPClassifier: STOCHASTIC | NETWORK | {"class_weight": [None, "balanced"]},
    estimators.MLPRegressor: STOCHASTIC | NETWORK | {"loss": ROBUST, "huber_delta": POSITIVE},
    estimators.LinearClassifier: STOCHASTIC
    | LINEAR
    | {"loss": ["softmax", "hinge", "squared_hinge"], "margin": POSITIVE, "class_weight": [None, "balanced"]},
    estimators.LinearRegressor: STOCHASTIC | LINEAR | {"loss": ROBUST, "huber_delta": POSITIVE},
}


SMOOTH = ["alpha", "random_state", "tol", "warm_start", "n_threads", "hidden_layer_sizes"]


@contextmanager
def documented_warnings() -> Iterator[None]:
    """Those that scikit-learn's estimators give too, to be expected after so few iterations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", DataConversionWarning)
        warnings.filterwarnings("ignore", "invalid value encountered in (reduce|cast)")  # its checks of X, y
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1 or larger")
        yield


def parameters(d: Draw, kind: Any) -> dict[str, Any]:
    """Some that fit each other."""
    kinds = KINDS[kind]
    if d.maybe(0.1) and issubclass(kind, NETWORKS):
        chosen = d.settings({name: kinds[name] for name in SMOOTH}, 0.3)
        return {"solver": "lbfgs", **chosen}
    return d.settings(kinds, 0.15)


def samples(d: Draw, kind: Any) -> tuple[Any, Any, Any]:
    """Thirty to a hundred samples, of which each class has many, and their weights or None."""
    n = d.choice([30, 64, 100])
    x = d.floats("X", (n, d.choice(WIDTHS)))
    if d.maybe(0.2) and np.ndim(x) == 2 and getattr(x, "dtype", None) in (np.float32, np.float64):
        x = d.choice([csr_matrix, csc_array])(np.where(x > 0.5, x, 0))
    weight = d.array("sample_weight", 0.1 + d.numbers.random(n)) if d.maybe(0.2) else None
    if not issubclass(kind, CLASSIFIERS):
        return x, d.floats("y", (n,)) if d.maybe(0.7) else d.whole("y", n, 100), weight
    names = d.choice([[0, 1, 2], [5, -2, 7], ["a", "b", "c"], [0.0, 1.0, 2.0]])
    return x, d.array("y", np.array(names)[np.arange(n) % d.choice([2, 3])]), weight


def fitted(d: Draw) -> Any:
    """An estimator that was fitted, asked, copied, converted and fitted on."""
    kind = d.choice(list(KINDS))
    d.log.append(kind.__name__)
    estimator = kind(max_iter=d.setting("max_iter", [1, 3, np.int64(2)], [0, -1, 1.5, None, "x", 2**64]))
    estimator.set_params(**parameters(d, kind))
    x, y, weight = samples(d, kind)
    with documented_warnings():
        estimator = clone(estimator).fit(x, y, weight)
        stochastic = estimator.solver != "lbfgs" and not estimator.early_stopping
        if d.maybe(0.3) and stochastic and getattr(estimator, "class_weight", None) is None:
            estimator.partial_fit(x, y)
        answers = [estimator.predict(d.floats("new", (3, estimator.n_features_in_)))]
        answers += [estimator.score(x, y, weight)] if d.maybe(0.2) else []
        if hasattr(estimator, "predict_proba"):
            answers.append(estimator.predict_proba(d.floats("new", (2, estimator.n_features_in_))))
    twin = pickle.loads(pickle.dumps(estimator)) if d.maybe() else copy.deepcopy(estimator)
    zeros = np.zeros((2, estimator.n_features_in_))
    promise((twin.predict(zeros) == estimator.predict(zeros)).all(), "a copy predicts otherwise")
    names = ["loss_curve_", "coefs_", "intercepts_", "coef_", "intercept_"]
    return answers, [getattr(estimator, name, None) for name in names]


def together(d: Draw) -> Any:
    """Several at once, each of which is what a fit alone gives."""
    kind = d.choice(list(KINDS))
    x, y, weight = samples(d, kind)
    estimator = kind(max_iter=2, random_state=0)
    with documented_warnings():
        grid = {"alpha": d.setting("alphas", [[1e-3, 0.1], [0.01]])}
        many = estimators.fit_many(estimator, grid, x, y, weight, n_threads=d.setting("n_threads", COUNT))
        alone = clone(estimator).set_params(alpha=grid["alpha"][0]).fit(x, y, weight)
    promise(many[0].loss_curve_ == alone.loss_curve_, "a fit among many has other losses than one alone")
    return [one.loss_curve_ for one in many]


def converted(d: Draw) -> Any:
    """An estimator that came from scikit-learn's twin, or was a `Sequential`, predicts what it did."""
    kind = d.choice([estimators.MLPClassifier, estimators.MLPRegressor])
    x, y, weight = samples(d, kind)
    names = ["alpha", "batch_size", "random_state", "warm_start", "momentum", "hidden_layer_sizes"]
    estimator = kind(
        max_iter=2, **d.settings({name: STOCHASTIC.get(name) or NETWORK[name] for name in names})
    )
    with documented_warnings():
        estimator.fit(x, y, weight)
        twin = estimators.from_sklearn(estimators.to_sklearn(estimator))
        predicted, expected = (each.predict(np.zeros((2, each.n_features_in_))) for each in (twin, estimator))
    promise((predicted == expected).all(), "what came back predicts otherwise")
    back = kind.from_sequential(estimator.to_sequential())
    same = all(map(np.array_equal, back._arrays(), estimator._arrays()))
    promise(same and back.out_activation_ == estimator.out_activation_, "what was a Sequential is another")
    return predicted if predicted.dtype.kind == "f" else None


CALLS = {"fitted": (8, fitted), "together": (1, together), "converted": (1, converted)}
