"""Each parameter beyond scikit-learn's acts, and changes nothing by default."""

from __future__ import annotations

import pickle
import signal
import threading

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_class_weight
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import MLPClassifier, MLPRegressor

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


def arrays(model):
    return [*model.coefs_, *model.intercepts_, *getattr(model, "batch_norms_", [])]


def assert_same(a, b):
    for p, q in zip(arrays(a), arrays(b), strict=True):
        assert_same_bits(p, q)


def differ(a, b):
    return any(not np.array_equal(p, q) for p, q in zip(arrays(a), arrays(b), strict=False))


# ---- the network -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        *({"dropout": rate} for rate in (0.3, [0.3, 0.0], (0.0, 0.5))),
        {"batch_norm": True},
        *({"activation": name} for name in ("leaky_relu", "elu", "gelu", "softplus", "lecun_tanh")),
        {"activation": ["tanh", "relu"]},
        {"class_weight": "balanced"},
        {"class_weight": {0: 5.0, 3: 0.1}},
        {"penalty": "l1", "alpha": 0.1},
        {"penalty": "elasticnet", "alpha": 0.1},
        {"penalty": None, "alpha": 0.1},
        {"loss": "hinge"},
        {"loss": "squared_hinge"},
        {"clip_value": 1e-4, "solver": "sgd"},
        {"clip_norm": 1e-3, "solver": "sgd"},
        {"learning_rate_schedule": st.schedules.Exponential(0.02, 0.99)},
    ],
    ids=str,
)
def test_it_acts_learns_and_is_pickled(options):
    model = classifier(**options).fit(X, Y)
    assert differ(model, classifier(solver=model.solver, alpha=model.alpha).fit(X, Y))
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict(X) == model.predict(X)).all()
    longer = (
        classifier(**options, max_iter=80, learning_rate_init=0.01).fit(X, Y)
        if "clip" not in str(options)
        else model
    )
    assert longer.score(X, Y) > (0.85 if longer is not model else 0)
    if model.class_weight != "balanced":
        assert_same(again.partial_fit(X, Y), model.partial_fit(X, Y))
        assert_same(again.partial_fit(X, Y), model.partial_fit(X, Y))


def test_defaults_change_nothing():
    """The parameters as they would be without them: those of the parity tests."""
    neutral = {"dropout": [0, 0], "activation": ["relu", "relu"], "l1_ratio": 0.9, "callbacks": []}
    neutral |= {"penalty": "elasticnet", "l1_ratio": 0.0, "clip_norm": 1e9}
    assert_same(
        classifier().fit(X, Y), classifier(**neutral, class_weight=dict.fromkeys(range(10), 1)).fit(X, Y)
    )


def test_activations_by_layer_are_those_of_the_layers():
    model = classifier(activation=["tanh", "elu"]).fit(X, Y)
    hidden = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    hidden = hidden @ model.coefs_[1] + model.intercepts_[1]
    hidden = np.where(hidden > 0, hidden, np.expm1(hidden))
    scores = hidden @ model.coefs_[2] + model.intercepts_[2]
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-9)


def test_batch_norms_are_kept():
    model = classifier(batch_norm=True).fit(X, Y)
    assert [norm.shape for norm in model.batch_norms_] == [(4, 12), (4, 9)]
    scale, shift, mean, variance = model.batch_norms_[0]
    sums = X @ model.coefs_[0] + model.intercepts_[0]
    hidden = np.maximum((sums - mean) / np.sqrt(variance + 1e-5) * scale + shift, 0)
    scale, shift, mean, variance = model.batch_norms_[1]
    sums = hidden @ model.coefs_[1] + model.intercepts_[1]
    hidden = np.maximum((sums - mean) / np.sqrt(variance + 1e-5) * scale + shift, 0)
    scores = hidden @ model.coefs_[2] + model.intercepts_[2]
    np.testing.assert_allclose(model.decision_function(X), scores, atol=1e-9)


@pytest.mark.parametrize(("penalty", "ratio"), [("l1", 1.0), ("l2", 0.0), ("elasticnet", 0.3), (None, None)])
def test_penalties_are_what_is_documented(penalty, ratio):
    """One step of plain descent on all samples, with and without."""
    options = {"solver": "sgd", "momentum": 0.0, "batch_size": 600, "max_iter": 1, "learning_rate_init": 0.1}
    start = classifier(**options, alpha=0, learning_rate_schedule=lambda step: 1e-300).fit(X, Y)
    without = classifier(**options, alpha=0).fit(X, Y)
    model = classifier(**options, alpha=20.0, penalty=penalty, l1_ratio=0.3).fit(X, Y)
    for w, plain, before in zip(model.coefs_, without.coefs_, start.coefs_, strict=True):
        slope = 0 if ratio is None else ratio * np.sign(before) + (1 - ratio) * before
        np.testing.assert_allclose(w, plain - 0.1 * 20.0 / 600 * slope, atol=1e-12)
    value = (
        sum(ratio * np.abs(w).sum() + (1 - ratio) / 2 * (w**2).sum() for w in start.coefs_) if penalty else 0
    )
    assert model.loss_ == pytest.approx(without.loss_ + 20.0 / 600 * value, rel=1e-12)


def test_class_weights_are_sample_weights():
    balanced = compute_class_weight("balanced", classes=np.unique(Y), y=Y)
    assert_same(classifier(class_weight="balanced").fit(X, Y), classifier().fit(X, Y, balanced[Y]))
    given = {3: 2.5, 4: 0.0}
    weight = np.array([given.get(label, 1.0) for label in Y])
    sample = np.random.default_rng(0).random(len(Y))
    assert_same(classifier(class_weight=given).fit(X, Y, sample), classifier().fit(X, Y, weight * sample))
    assert_same(
        classifier(class_weight=given).partial_fit(X, Y, classes=range(10)),
        classifier().partial_fit(X, Y, weight, classes=range(10)),
    )


def test_class_weights_have_the_precision_of_the_samples():
    single, sample = X.astype(np.float32), np.random.default_rng(0).random(len(Y))
    for given in ({}, {"sample_weight": sample}):
        model = classifier(class_weight="balanced").fit(single, Y, **given)
        assert model.coefs_[0].dtype == np.float32 and model.score(single, Y) > 0.1


def test_hinges_have_scores_but_no_probabilities():
    for y in (Y, np.where(Y > 4, "many", "few")):
        model = classifier(loss="hinge", max_iter=60, learning_rate_init=0.01).fit(X, y)
        scores = model.decision_function(X)
        assert not hasattr(model, "predict_proba") and not hasattr(model, "predict_log_proba")
        chosen = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
        assert (model.classes_[chosen] == model.predict(X)).all() and model.score(X, y) > 0.8
    with pytest.raises(AttributeError, match="has no attribute 'predict_proba'"):
        model.predict_proba(X)


@pytest.mark.parametrize(
    "options", [{"loss": "huber"}, {"loss": "huber", "huber_delta": 0.1}, {"loss": "absolute_error"}]
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_losses_of_a_regressor(options, solver):
    common = {"hidden_layer_sizes": (9,), "random_state": 0, "max_iter": 300, "solver": solver, "alpha": 0}
    outliers = PROGRESS.copy()
    outliers[::20] += 1000
    robust, square = (MLPRegressor(**common, **o).fit(Z, outliers) for o in (options, {}))
    good = np.arange(len(Z)) % 20 != 0
    errors = [np.abs(one.predict(Z) - PROGRESS)[good].mean() for one in (robust, square)]
    assert errors[0] < errors[1] / 2
    assert MLPRegressor(**common, loss="huber", huber_delta=0.1).fit(Z, PROGRESS).loss_ != pytest.approx(
        MLPRegressor(**common, loss="huber", huber_delta=1.0).fit(Z, PROGRESS).loss_
    )


# ---- the fit ---------------------------------------------------------------------------------------------


def test_callbacks_see_each_epoch_and_end_the_fit():
    seen = []

    def watch(model):
        seen.append((model.n_iter_, model.loss_, model.coefs_[0].copy()))
        return model.n_iter_ == 3

    model = classifier(callbacks=[watch, lambda model: None]).fit(X, Y)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3] and model.n_iter_ == 3 == len(model.loss_curve_)
    assert [loss for _, loss, _ in seen] == model.loss_curve_
    assert_same(model, classifier(max_iter=3).fit(X, Y))
    assert_same_bits(seen[0][2], classifier(max_iter=1).fit(X, Y).coefs_[0])


def test_callbacks_of_scikit_learn():
    pytest.importorskip("sklearn.callback")

    class Recorder:
        def __init__(self):
            self.events, self.scores = [], []

        def setup(self, estimator, context):
            self.events.append("setup")

        def on_fit_task_begin(self, estimator, context, *, X=None):
            self.events.append(("begin", context.task_name))

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            self.events.append(("end", context.task_name))
            self.scores.append(fitted_estimator.score(X, y))
            return context.task_name == "epoch" and len(self.scores) == 2

        def teardown(self, estimator, context):
            self.events.append("teardown")

    recorder = Recorder()
    model = classifier().set_callbacks(recorder).fit(X, Y)
    epochs = [("begin", "epoch"), ("end", "epoch")] * 2
    assert recorder.events == ["setup", ("begin", "fit"), *epochs, ("end", "fit"), "teardown"]
    assert model.n_iter_ == 2 and recorder.scores[-1] == model.score(X, Y)
    assert_same(model, classifier(max_iter=2).fit(X, Y))
    with pytest.raises(TypeError, match="callbacks must be instances following the FitCallback protocol"):
        classifier().set_callbacks(print)


def test_callbacks_of_scikit_learn_itself():
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = classifier().set_callbacks(monitor).fit(X, Y)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == model.n_iter_ and scores[-1] == model.score(X, Y)


@pytest.mark.parametrize("jobs", [None, 2])
def test_callbacks_of_scikit_learn_in_a_search(jobs):
    callback = pytest.importorskip("sklearn.callback")
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = classifier(max_iter=3).set_callbacks(monitor)
    search = GridSearchCV(model, {"alpha": [1e-4, 1.0]}, cv=2, n_jobs=jobs).fit(X, Y)
    rows = monitor.get_logs().data
    names = [row["task_name"] for row in rows]
    fits = 2 * 2 + 1  # the last on all samples
    assert names.count("fit") == fits and names.count("epoch") == 3 * fits
    assert_same(search.best_estimator_, classifier(max_iter=3, **search.best_params_).fit(X, Y))


def test_a_progress_bar_of_scikit_learn(capsys):
    pytest.importorskip("rich")
    callback = pytest.importorskip("sklearn.callback")
    model = classifier().set_callbacks(callback.ProgressBar()).fit(X, Y)
    assert "MLPClassifier" in capsys.readouterr().out
    assert_same(model, classifier().fit(X, Y))


def test_lbfgs_says_that_it_calls_nobody():
    callback = pytest.importorskip("sklearn.callback")
    model = classifier(solver="lbfgs").set_callbacks(callback.ScoringMonitor(scoring="accuracy"))
    with pytest.warns(UserWarning, match="This estimator has solver='lbfgs', callbacks will be ignored"):
        model.fit(X, Y)


def test_validation_data_may_lack_classes():
    held = X[Y < 7], Y[Y < 7]
    model = classifier(warm_start=True).fit(X, Y).fit(X, Y, validation_data=held)
    assert len(model.validation_loss_curve_) == model.n_iter_
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        classifier().fit(*held, validation_data=(X, Y))


def test_validation_data_give_curves_and_stop():
    train, held = (X[:400], Y[:400]), (X[400:], Y[400:])
    model = classifier(max_iter=12).fit(*train, validation_data=held)
    assert_same(model, classifier(max_iter=12).fit(*train))
    assert len(model.validation_loss_curve_) == 12 and model.validation_scores_ is None
    log_loss = -np.log(model.predict_proba(held[0])[np.arange(200 - 0), held[1]]).mean()
    assert model.validation_loss_curve_[-1] == pytest.approx(log_loss, rel=1e-9)
    weight = np.random.default_rng(0).random(len(held[1]))
    weighted = classifier(max_iter=12).fit(*train, validation_data=(*held, weight))
    assert weighted.validation_loss_curve_ != model.validation_loss_curve_
    stopped = classifier(max_iter=500, early_stopping=True, n_iter_no_change=3).fit(
        *train, validation_data=held
    )
    assert stopped.n_iter_ < 500 and stopped.score(*held) == stopped.best_validation_score_
    assert max(stopped.validation_scores_) == stopped.best_validation_score_


def test_a_schedule_counts_steps_over_partial_fits():
    steps = []

    def rate(step):
        steps.append(step)
        return 0.01

    model = classifier(learning_rate_schedule=rate, batch_size=200)
    for _ in range(3):
        model.partial_fit(X, Y, classes=range(10))
    assert steps == list(range(9))
    same = classifier(learning_rate_init=0.01, batch_size=200)
    for _ in range(3):
        same.partial_fit(X, Y, classes=range(10))
    assert_same(model, same)


@pytest.mark.parametrize(
    "options", [{}, {"dropout": 0.2, "batch_norm": True}, {"solver": "sgd"}, {"solver": "lbfgs"}]
)
def test_threads_change_no_bit(options):
    models = [
        classifier(**options, hidden_layer_sizes=(90, 20), n_threads=n).fit(X, Y) for n in (None, 1, 2, 3)
    ]
    for model in models[1:]:
        assert_same(models[0], model)


def test_n_threads_is_obeyed():
    seen = []
    classifier(n_threads=3, callbacks=[lambda model: seen.append(st.get_num_threads())]).fit(X, Y)
    assert set(seen) == {3}


def test_progress_is_a_bar(monkeypatch, capsys):
    import sys

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    classifier(progress=True).fit(X, Y)
    assert "loss=" in capsys.readouterr().err
    classifier().fit(X, Y)
    assert capsys.readouterr().err == ""


# ---- what may happen to it --------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_learned():
    timer = threading.Timer(0.3, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    timer.start()
    model = classifier(max_iter=10**7, n_iter_no_change=10**7)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model.fit(X, Y)
    timer.join()
    assert model.score(X, Y) > 0.5


def test_a_memory_map_predicts_and_goes_on(tmp_path):
    model = classifier(batch_norm=True).fit(X, Y)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert not mapped.coefs_[0].flags.writeable
    assert_same_bits(mapped.predict_proba(X), model.predict_proba(X))
    assert_same(mapped.partial_fit(X, Y), model.partial_fit(X, Y))


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
        ({"callbacks": print}, "The 'callbacks' parameter of MLPClassifier must be an instance of 'list'"),
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
