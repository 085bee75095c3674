"""The callbacks of models in fits of estimators: what they see, what they may change, which are refused."""

from __future__ import annotations

import csv
import pickle

import numpy as np
import pytest

networks = pytest.importorskip("steepest.sklearn")

import steepest as st  # noqa: E402
from steepest.training.callbacks import terminate_on_time  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
X = np.random.default_rng(0).standard_normal((300, 6))
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def classifier(kind="mlp", **options):
    if kind == "linear":
        return networks.LinearClassifier(**{"solver": "adam", "random_state": 0, "max_iter": 6} | options)
    return networks.MLPClassifier((5,), **{"random_state": 0, "max_iter": 6} | options)


@pytest.fixture(params=["mlp", "linear"])
def kind(request, backend):
    with backend.computing():
        yield request.param


def same(one, other):
    def arrays(model):
        return [*model.coefs_, *model.intercepts_] if hasattr(model, "coefs_") else [model.coef_]

    return all(np.array_equal(a, b) for a, b in zip(arrays(one), arrays(other), strict=True))


class Watch(st.EpochCallback):
    def __init__(self):
        self.seen = []

    def begin(self, trainer, monitored):
        self.seen.append(("begin", *monitored))

    def __call__(self, state):
        self.seen.append((state.epoch, state.loss, state.model.n_iter_, state.trainer.epochs_done))
        return state.epoch == 3

    def end(self, trainer, history):
        self.seen.append(("end", history.epochs))


def test_an_epoch_callback_frames_a_fit(kind):
    watch = Watch()
    model = classifier(kind, callbacks=watch).fit(X, Y)
    losses = model.loss_curve_
    assert watch.seen == [("begin", "loss"), *((i, losses[i], i + 1, i + 1) for i in range(4)), ("end", 4)]
    assert same(model, classifier(kind, max_iter=4).fit(X, Y))


def test_a_log(kind, tmp_path):
    path = tmp_path / "log.csv"
    model = classifier(kind, callbacks=[st.CSVLog(path)], early_stopping=True).fit(X, Y)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "validation_loss", "validation_score", "seconds"]
    assert [float(row["loss"]) for row in rows] == model.loss_curve_
    assert [float(row["validation_loss"]) for row in rows] == model.validation_loss_curve_
    assert [float(row["validation_score"]) for row in rows] == model.validation_scores_
    assert all(float(row["seconds"]) > 0 for row in rows)


def test_a_log_over_partial_fits(kind, tmp_path):
    path = tmp_path / "log.csv"
    model = classifier(kind, callbacks=st.CSVLog(path, append=True))
    for _ in range(3):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert [line.split(",")[0] for line in path.read_text().splitlines()] == ["epoch", "0", "1", "2"]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_rate_is_reduced(kind, solver):
    """As a schedule by epochs would."""
    slower = st.ReduceOnPlateau(0.5, patience=2, min_delta=1e9, monitor="loss")
    options = {"solver": solver, "learning_rate_init": 0.02}
    model = classifier(kind, callbacks=[slower], **options).fit(X, Y)
    assert slower.reductions == [2, 4]
    rates = [0.02, 0.02, 0.02, 0.01, 0.01, 0.005]
    planned = classifier(kind, learning_rate_schedule=lambda epoch: rates[epoch], **options).fit(X, Y)
    assert same(model, planned)


def test_a_score_is_known_to_become_large(kind):
    slower = st.ReduceOnPlateau(patience=1, min_delta=2.0, monitor="validation_score")
    classifier(kind, callbacks=[slower], early_stopping=True).fit(X, Y)
    assert slower.reductions == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["mlp", "linear"])
@pytest.mark.parametrize(
    "options",
    [{"learning_rate_schedule": lambda step: 0.01}, {"solver": "sgd", "learning_rate": "invscaling"}],
)
def test_rates_with_a_rule_are_not_reduced(name, options):
    model = classifier(name, callbacks=[st.ReduceOnPlateau(monitor="loss")], **options)
    with pytest.raises(ValueError, match="ReduceOnPlateau multiplies a learning rate that is a number"):
        model.fit(X, Y)


def test_nothing_but_the_rate_may_change(kind):
    def change(optimizer):
        class Change(st.EpochCallback):
            def __call__(self, state):
                state.trainer.optimizer = optimizer

        return classifier(kind, callbacks=Change())

    for optimizer in (st.SGD(0.1), st.Adam(lambda step: 0.1), st.Adam(0.1, beta_1=0.5)):
        with pytest.raises(ValueError, match="may change its learning rate to another number, and nothing"):
            change(optimizer).fit(X, Y)


def test_time_ends_a_fit(kind, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(terminate_on_time, "perf_counter", lambda: now[0])

    def later(model):
        now[0] += 1

    model = classifier(kind, callbacks=[later, st.TerminateOnTime(2.5)]).fit(X, Y)
    assert model.n_iter_ == 3 and same(model, classifier(kind, max_iter=3).fit(X, Y))


def test_time_ends_a_fit_within_an_epoch(kind):
    """What it has learned by then stays, and it is no error."""
    rows = np.tile(X, (400, 1)), np.tile(Y, 400)
    model = classifier(kind, callbacks=st.TerminateOnTime(1e-3), batch_size=8, max_iter=10**6).fit(*rows)
    assert model.n_iter_ < 10**6 and model.predict(X).shape == (300,)


def test_cancelling(kind):
    class Cancel(st.EpochCallback):
        def __call__(self, state):
            state.trainer.cancel()

    assert classifier(kind, callbacks=[Cancel()]).fit(X, Y).n_iter_ == 1


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([st.EarlyStopping()], "EarlyStopping is for models, not for estimators: set early_stopping=True"),
        (st.ModelCheckpoint("a"), "ModelCheckpoint is for models, not for estimators: write a function that"),
        ([st.CSVLog], r"a callback is the class CSVLog, .* write st.CSVLog\(path\)"),
        ([3], "a callback must be callable, not 3"),
    ],
)
def test_what_does_not_fit_is_refused(callbacks, message):
    with pytest.raises(TypeError, match=message):
        classifier(callbacks=callbacks).fit(X, Y)


def test_functions_are_called_with_the_estimator_in_their_turn(kind):
    order = []

    class Second(st.EpochCallback):
        def __call__(self, state):
            order.append(("second", state.model.n_iter_))

    callbacks = [lambda model: order.append(("first", model.n_iter_)), Second()]
    model = classifier(kind, callbacks=callbacks, max_iter=2).fit(X, Y)
    assert order == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]
    model.callbacks = [st.TerminateOnTime(60)]
    assert pickle.loads(pickle.dumps(model)).get_params()["callbacks"] == model.callbacks
