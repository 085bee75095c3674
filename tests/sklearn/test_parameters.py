"""What may happen to networks with parameters beyond scikit-learn's, and which are refused."""

from __future__ import annotations

import signal
import threading

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn import config_context
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import InvalidParameterError
from support.networks import assert_same_models
from support.tolerances import assert_same_bits

from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.usefixtures("on_backend"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
X, Y = load_digits(return_X_y=True)
X, Y = X[:600] / 16, Y[:600]
Z, PROGRESS = load_diabetes(return_X_y=True)
PROGRESS = PROGRESS / 100


def classifier(**options):
    return MLPClassifier(**{"hidden_layer_sizes": (12, 9), "random_state": 1, "max_iter": 8} | options)


# ---- what may happen to it --------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_learned():
    timer = threading.Timer(0.05, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))

    def begin(model):
        if model.n_iter_ == 40:
            timer.start()

    model = classifier(max_iter=10**7, n_iter_no_change=10**7, callbacks=[begin])
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, Y)
    timer.join()
    assert model.n_iter_ >= 40 and model.score(X, Y) > 0.5


def test_a_memory_map_predicts_and_goes_on(tmp_path):
    model = classifier(batch_norm=True).fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert not mapped.coefs_[0].flags.writeable
    assert_same_bits(mapped.predict_proba(X), model.predict_proba(X))
    assert_same_models(mapped.partial_fit(X, Y), model.partial_fit(X, Y))


@pytest.mark.usefixtures("rows_of_their_own")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_does_not_depend_on_its_batch(dtype):
    rows = X.astype(dtype)
    model = classifier(hidden_layer_sizes=(70, 5)).fit(rows, Y)
    together = model.predict_proba(rows)
    assert_same_bits(np.vstack([model.predict_proba(rows[i : i + 1]) for i in range(50)]), together[:50])
    assert_same_bits(model.predict_proba(rows[::-1].copy())[::-1], together)


def test_coefs_may_be_set():
    model = classifier(hidden_layer_sizes=(4,)).fit(X, Y)
    model.coefs_ = [np.zeros((64, 4)), np.zeros((4, 10))]
    model.intercepts_[1] = np.arange(10.0)
    assert (model.predict(X) == 9).all()


def test_weights_that_do_not_stay_finite():
    model = MLPRegressor(solver="sgd", learning_rate_init=1e3, random_state=0)
    with pytest.raises(
        ValueError, match=r"Solver produced non-finite parameter weights\. The input data may"
    ):
        model.fit(Z * 1e100, PROGRESS)
    assert all(np.isfinite(array).all() for array in model.coefs_)


# ---- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dropout": 1.0}, "The 'dropout' parameter of MLPClassifier must be a float in the range"),
        ({"dropout": [0.1]}, "dropout has 1 rates, but there are 2 hidden layers"),
        ({"dropout": [0.1, 1.5]}, "is 1.5, but must be in"),
        ({"activation": ["relu"]}, "activation has 1 names, but there are 2 hidden layers"),
        ({"activation": ["relu", "sigmoid"]}, "activation is 'sigmoid', but must be one of 'identity', 'log"),
        ({"activation": "sigmoid"}, "The 'activation' parameter of MLPClassifier must be a str among"),
        ({"penalty": "L2"}, "The 'penalty' parameter of MLPClassifier must be a str among"),
        ({"l1_ratio": 2}, "The 'l1_ratio' parameter of MLPClassifier must be a float in the range"),
        ({"loss": "huber"}, "The 'loss' parameter of MLPClassifier must be a str among"),
        ({"clip_norm": 0}, "The 'clip_norm' parameter of MLPClassifier must be a float in the range"),
        ({"n_threads": 0}, "The 'n_threads' parameter of MLPClassifier must be an int in the range"),
        ({"class_weight": "even"}, "The 'class_weight' parameter of MLPClassifier must be a str among"),
        (
            {"solver": "lbfgs", "dropout": 0.1},
            "dropout needs a stochastic solver such as 'sgd' or 'adam', but solver is 'lbfgs'",
        ),
        (
            {"solver": "lbfgs", "batch_norm": True},
            "batch_norm needs a stochastic solver such as 'sgd' or 'adam'",
        ),
        (
            {"solver": "lbfgs", "clip_value": 1.0},
            "clip_value needs a stochastic solver such as 'sgd' or 'adam'",
        ),
        (
            {"solver": "lbfgs", "callbacks": [print]},
            "callbacks needs a stochastic solver such as 'sgd' or 'adam'",
        ),
        (
            {"solver": "lbfgs", "clip_norm": 1.0},
            "clip_norm needs a stochastic solver such as 'sgd' or 'adam'",
        ),
        (
            {"solver": "lbfgs", "learning_rate_schedule": abs},
            "learning_rate_schedule needs a stochastic solver",
        ),
        ({"solver": "sgd", "momentum": 1.0}, r"momentum is 1.0, but must be in \[0, 1\)"),
        ({"clip_value": -1}, "The 'clip_value' parameter of MLPClassifier must be a float in the range"),
        ({"batch_norm": "yes"}, "The 'batch_norm' parameter of MLPClassifier must be an instance of 'bool'"),
        ({"callbacks": 3}, "The 'callbacks' parameter of MLPClassifier must be an instance of 'list'"),
        ({"progress": 1.5}, "The 'progress' parameter of MLPClassifier must be an instance of 'bool'"),
        ({"learning_rate_schedule": 0.1}, "The 'learning_rate_schedule' parameter of MLPClassifier must be"),
    ],
    ids=str,
)
def test_bad_parameters_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        classifier(**options).fit(X, Y)


def test_bad_calls_are_named():
    with pytest.raises(ValueError, match="multilabel targets need the loss 'log_loss', but loss is 'hinge'"):
        classifier(loss="hinge").fit(X, np.eye(10, dtype=int)[Y] | 1)
    with pytest.raises(ValueError, match="class_weight is not defined for multilabel targets: use sample_w"):
        classifier(class_weight={0: 1}).fit(X, np.stack([Y > 3, Y > 5], axis=1).astype(int))
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported for partial_fit"):
        classifier(class_weight="balanced").partial_fit(X, Y, classes=range(10))
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        classifier(early_stopping=True).partial_fit(X, Y, classes=range(10))
    with pytest.raises(ValueError, match="Negative values in data passed to `sample_weight`"):
        classifier().fit(X, Y, -np.ones(len(Y)))
    with pytest.raises(TypeError, match=r"validation_data must be \(X, y\) or \(X, y, sample_weight\)"):
        classifier().fit(X, Y, validation_data=X)
    with pytest.raises(ValueError, match="X has 9 features, but MLPClassifier is expecting 64 features"):
        classifier().fit(X, Y, validation_data=(X[:, :9], Y))
    with pytest.raises(
        ValueError,
        match="validation_data needs a stochastic solver such as 'sgd' or 'adam', but solver is 'lbf",
    ):
        classifier(solver="lbfgs").fit(X, Y, validation_data=(X, Y))
    with pytest.raises(ValueError, match="The 'huber_delta' parameter of MLPRegressor must be a float in"):
        MLPRegressor(loss="huber", huber_delta=0.0).fit(Z, PROGRESS)
    with pytest.raises(ValueError, match=r"y holds -1.0, but targets of the loss 'poisson' must be at"):
        MLPRegressor(loss="poisson").fit(Z, np.full(len(Z), -1.0))
    with pytest.raises(ValueError, match="batch_norm is True, but the network was fitted without it: fit it"):
        classifier().fit(X, Y).set_params(batch_norm=True).predict(X)
    with pytest.warns(ConvergenceWarning, match="Maximum iterations .8. reached and the optimization hasn't"):
        classifier().fit(X, Y)


@pytest.mark.parametrize("name", ["solver", "loss", "penalty", "alpha"])
@pytest.mark.parametrize("kind", [LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor])
def test_parameters_set_between_calls_of_partial_fit_are_validated(kind, name):
    """scikit-learn's decorator looks at those of the first call only."""
    model = kind(random_state=0)
    if kind in (LinearClassifier, MLPClassifier):
        model.partial_fit(X, Y, classes=np.unique(Y))
    model.partial_fit(X, Y)
    before = model.predict(X)
    model.set_params(**{name: "bogus"})
    # scikit-learn's networks have no partial_fit with a solver that is not stochastic, nor have ours.
    hidden = name == "solver" and kind in (MLPClassifier, MLPRegressor)
    error = AttributeError if hidden else InvalidParameterError
    with pytest.raises(
        error, match="partial_fit" if hidden else f"The '{name}' parameter of {kind.__name__}"
    ):
        model.partial_fit(X, Y)
    assert (model.predict(X) == before).all()


@pytest.mark.parametrize("kind", [LinearRegressor, MLPRegressor])
def test_partial_fit_skips_the_validation_of_parameters_where_scikit_learn_is_told_to(kind):
    model = kind(random_state=0).partial_fit(Z, PROGRESS).set_params(shuffle="yes")
    with config_context(skip_parameter_validation=True):
        model.partial_fit(Z, PROGRESS)
    with pytest.raises(InvalidParameterError, match="The 'shuffle' parameter"):
        model.partial_fit(Z, PROGRESS)
