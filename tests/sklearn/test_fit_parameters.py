"""What a fit is told beyond scikit-learn's: callbacks, validation data, schedules, threads."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn.base")  # "sklearn" alone is this folder where there is no other
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV
from support.networks import assert_same_models
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import LinearClassifier, MLPClassifier, MLPRegressor

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


def test_callbacks_see_each_epoch_and_end_the_fit():
    seen = []

    def watch(model):
        seen.append((model.n_iter_, model.loss_, model.coefs_[0].copy()))
        return model.n_iter_ == 3

    model = classifier(callbacks=[watch, lambda model: None]).fit(X, Y)
    assert [epoch for epoch, *_ in seen] == [1, 2, 3] and model.n_iter_ == 3 == len(model.loss_curve_)
    assert [loss for _, loss, _ in seen] == model.loss_curve_
    assert_same_models(model, classifier(max_iter=3).fit(X, Y))
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
    assert_same_models(model, classifier(max_iter=2).fit(X, Y))
    with pytest.raises(TypeError, match="callbacks must be instances following the FitCallback protocol"):
        classifier().set_callbacks(print)


@pytest.mark.parametrize("kind", [LinearClassifier, MLPClassifier])
def test_the_last_callback_sees_the_weights_of_the_best_epoch(kind):
    pytest.importorskip("sklearn.callback")

    class Watch:
        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
            self.last = fitted_estimator.predict_proba(X)

    watch = Watch()
    options = {"early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.5, "random_state": 1}
    model = kind(max_iter=30, **options).set_callbacks(watch).fit(X, Y)
    assert model.validation_scores_[-1] < max(model.validation_scores_)  # so that there is a better one
    assert_same_bits(watch.last, model.predict_proba(X))


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
    assert_same_models(search.best_estimator_, classifier(max_iter=3, **search.best_params_).fit(X, Y))


def test_a_progress_bar_of_scikit_learn(capsys):
    pytest.importorskip("rich")
    callback = pytest.importorskip("sklearn.callback")
    model = classifier().set_callbacks(callback.ProgressBar()).fit(X, Y)
    assert "MLPClassifier" in capsys.readouterr().out
    assert_same_models(model, classifier().fit(X, Y))


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
    assert_same_models(model, classifier(max_iter=12).fit(*train))
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
    assert_same_models(model, same)


def test_a_schedule_counts_epochs_over_partial_fits():
    """Each call is one; a fit has several, and partial_fit goes on from there."""
    epochs = []

    def rate(epoch):
        epochs.append(epoch)
        return 0.01

    model = classifier(learning_rate_schedule=rate, batch_size=200, max_iter=2)
    for _ in range(3):
        model.partial_fit(X, Y, classes=range(10))
    model.partial_fit(X[:450], Y[:450])  # of other sizes
    assert epochs == [0, 1, 2, 3]
    del epochs[:]
    model.fit(X, Y)
    model.partial_fit(X, Y)
    assert epochs == [0, 1, 2]


def test_a_fit_that_goes_back_counts_from_its_best_epoch():
    asked = []

    def rate(epoch):
        asked.append(epoch)
        return 0.01 if epoch < 3 else 1.0

    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 6))
    y = x @ rng.standard_normal(6)
    options = {"solver": "sgd", "learning_rate_schedule": rate, "max_iter": 6, "random_state": 0}
    model = MLPRegressor(hidden_layer_sizes=(8,), **options).fit(x, y)
    assert np.argmin(model.loss_curve_) == 2 and asked == [0, 1, 2, 3, 4, 5]
    del asked[:]
    model.partial_fit(x, y)
    assert asked == [3]


def test_a_schedule_by_epoch_is_that_of_its_steps():
    rates = {"learning_rate_schedule": st.schedules.Step(0.1, 2, 0.5, by="epoch"), "batch_size": 200}
    by_step = {"learning_rate_schedule": st.schedules.Step(0.1, 6, 0.5), "batch_size": 200}
    models = [classifier(**options, solver="sgd").fit(X, Y) for options in (rates, by_step)]
    assert_same_models(*models)


@pytest.mark.parametrize(
    "options", [{}, {"dropout": 0.2, "batch_norm": True}, {"solver": "sgd"}, {"solver": "lbfgs"}]
)
def test_threads_change_no_bit(options):
    models = [
        classifier(**options, hidden_layer_sizes=(90, 20), n_threads=n).fit(X, Y) for n in (None, 1, 2, 3)
    ]
    for model in models[1:]:
        assert_same_models(models[0], model)


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
