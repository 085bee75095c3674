"""An estimator's fit that goes on from a checkpoint is that of an estimator that nothing has interrupted."""

from __future__ import annotations

import os
import random
import signal
import time

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st
from steepest.sklearn import LinearClassifier, LinearRegressor, MLPClassifier, MLPRegressor
from steepest.storage import checkpoint as files

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = numbers((180, 6))
Y = np.array(["no", "yes", "perhaps"])[(X[:, 0] * X[:, 1] > 0) + (X[:, 2] > 1).astype(int)]
Z = X[:, 0] + X[:, 1] ** 2
HIDDEN = {"hidden_layer_sizes": (12,), "learning_rate_init": 0.01, "random_state": 3}
LINEAR = {"max_iter": 9, "random_state": 3}

MADE = {
    "network": lambda: MLPClassifier(max_iter=9, **HIDDEN),
    "draws within": lambda: MLPClassifier(max_iter=9, dropout=0.2, batch_norm=True, **HIDDEN),
    "momentum": lambda: MLPClassifier(max_iter=9, solver="sgd", batch_size=32, **HIDDEN),
    "stops": lambda: MLPClassifier(max_iter=60, tol=0.02, **HIDDEN),
    "score stops": lambda: MLPClassifier(max_iter=60, early_stopping=True, n_iter_no_change=8, **HIDDEN),
    "adaptive": lambda: MLPClassifier(
        max_iter=60, tol=0.05, solver="sgd", learning_rate="adaptive", n_iter_no_change=2, **HIDDEN
    ),
    "fading": lambda: MLPClassifier(max_iter=9, solver="sgd", learning_rate="invscaling", **HIDDEN),
    "in order": lambda: MLPClassifier(max_iter=9, shuffle=False, **HIDDEN),
    "rises": lambda: MLPClassifier(max_iter=9, solver="sgd", **HIDDEN | {"learning_rate_init": 8.0}),
    "schedule": lambda: MLPClassifier(
        max_iter=9, solver="sgd", learning_rate_schedule=st.schedules.Exponential(0.1, 0.95), **HIDDEN
    ),
    "callbacks": lambda: MLPClassifier(
        max_iter=9, solver="sgd", callbacks=[st.ReduceOnPlateau(0.5, 1, monitor="loss")], **HIDDEN
    ),
    "numbers": lambda: MLPRegressor(max_iter=9, **HIDDEN),
    "its own generator": lambda: MLPRegressor(
        max_iter=9, **HIDDEN | {"random_state": np.random.RandomState(5)}
    ),
    "linear": lambda: LinearClassifier(solver="sgd", **LINEAR),
    "linear adam": lambda: LinearClassifier(solver="adam", loss="hinge", **LINEAR),
    "linear numbers": lambda: LinearRegressor(solver="sgd", early_stopping=True, **LINEAR),
}
SHOWN = (
    "n_iter_",
    "t_",
    "loss_",
    "best_loss_",
    "loss_curve_",
    "validation_scores_",
    "best_validation_score_",
    "validation_loss_curve_",
)


class Died(Exception):
    """What ends a fit in the middle."""


def fit(make, path=None, every=2, rows=X, **settings):
    estimator = make()
    targets = Y if hasattr(estimator, "predict_log_proba") or hasattr(estimator, "class_weight") else Z
    asked = {} if path is None else {"checkpoint": path, "checkpoint_every": every}
    return estimator.fit(rows, targets, **asked | settings)


def dies(monkeypatch, writes, make, path, **settings):
    """After so many checkpoints."""
    write, left = files.write, iter(range(writes - 1, -1, -1))

    def dying(*arguments, **options):
        write(*arguments, **options)
        if next(left) == 0:
            raise Died

    with monkeypatch.context() as patch:
        patch.setattr(files, "write", dying)
        with pytest.raises(Died):
            fit(make, path, **settings)


def assert_same(found, expected):
    for name in SHOWN:
        np.testing.assert_equal(getattr(found, name), getattr(expected, name), name)
    for array, other in zip(found._arrays(), expected._arrays(), strict=True):
        assert_same_bits(np.asarray(array), np.asarray(other))


@pytest.mark.parametrize("made", MADE)
def test_a_fit_goes_on(backend, monkeypatch, tmp_path, made):
    make, path = MADE[made], tmp_path / "run"
    with backend.computing():
        expected = fit(make)
        dies(monkeypatch, 2, make, path)
        assert_same(fit(make, path, 4, resume=True), expected)
        assert_same(fit(make, path, resume=True), expected)  # it has ended


@pytest.mark.parametrize("every", [1, "3 steps", "0.000000001 hours"])
def test_as_often_as_asked(monkeypatch, tmp_path, every):
    make, path = MADE["network"], tmp_path / "run"
    expected = fit(make)
    dies(monkeypatch, 3, make, path, every=every)
    assert_same(fit(make, path, every, resume=True), expected)


def test_many_epochs_at_once_and_a_rise(monkeypatch, tmp_path):
    """The best epoch is run again, with the order of its samples, which the file does not have."""
    make, path = MADE["rises"], tmp_path / "run"
    expected = fit(make)
    with pytest.warns(ConvergenceWarning, match="The loss rose"):
        assert_same(fit(make, path, 7), expected)
    dies(monkeypatch, 1, make, path, every=7)
    with pytest.warns(ConvergenceWarning, match="The loss rose"):
        assert_same(fit(make, path, 7, resume=True), expected)


def test_draws_of_everybody_are_those_of_the_fit_that_goes_on(monkeypatch, tmp_path):
    """The validation samples, the weights and the orders are random: the file knows how they were."""

    def make():
        return MLPClassifier(max_iter=9, early_stopping=True, **HIDDEN | {"random_state": None})

    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(9)  # noqa: NPY002
        expected = fit(make)
        np.random.seed(9)  # noqa: NPY002
        dies(monkeypatch, 2, make, tmp_path / "run")
        before = np.random.get_state()  # noqa: NPY002
        assert_same(fit(make, tmp_path / "run", resume=True), expected)
        np.testing.assert_equal(np.random.get_state(), before)  # noqa: NPY002
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_more_iterations_sparse_rows_weights_and_other_threads(monkeypatch, tmp_path):
    def make(iterations):
        return lambda: MLPClassifier(max_iter=iterations, **HIDDEN)

    rows, weight = sparse.csr_array(X), np.arange(len(X)) % 3 + 1.0
    given = {"rows": rows, "sample_weight": weight, "validation_data": (X, Y)}
    expected = fit(make(9), **given)
    with st.config(num_threads=1):
        fit(make(4), tmp_path / "run", 3, **given)
    with st.config(num_threads=3):
        assert_same(fit(make(9), tmp_path / "other", 3, resume=tmp_path / "run", **given), expected)
        assert_same(fit(make(9), resume=tmp_path / "other", **given), expected)


def test_warnings_are_those_of_an_unbroken_fit(tmp_path):
    make = MADE["network"]
    for resume in (False, True):
        with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(9\) reached"):
            fit(make, tmp_path / "run", resume=resume)


@pytest.mark.parametrize(
    ("make", "given", "message"),
    [
        (lambda: MLPRegressor(max_iter=4, **HIDDEN), {}, "estimator is 'MLPClassifier', but .*'MLPRegr"),
        (
            lambda: MLPClassifier(max_iter=4, **HIDDEN | {"random_state": 4}),
            {},
            "random_state is 3, but here it is 4",
        ),
        (lambda: MLPClassifier(max_iter=4, alpha=0.1, **HIDDEN), {}, "alpha is 0.0001, but here it is 0.1"),
        (MADE["network"], {"rows": X * 2}, "training X is 180 x 6 of float64, SHA-256"),
        (MADE["network"], {"sample_weight": np.ones(180)}, "training weights is none, but here it is 180 of"),
        (MADE["network"], {"validation_data": (X, Y)}, "validation X is none, but here it is 180 x 6"),
        (lambda: MLPClassifier(max_iter=2, **HIDDEN), {}, "run is in epoch 4, but max_iter is 2"),
    ],
)
def test_another_run_is_refused(tmp_path, make, given, message):
    fit(lambda: MLPClassifier(max_iter=4, **HIDDEN), tmp_path / "run")
    with pytest.raises(ValueError, match=message):
        fit(make, tmp_path / "run", resume=True, **given)


@pytest.mark.parametrize("kind", [MLPClassifier, LinearRegressor], ids=lambda kind: kind.__name__)
def test_a_changed_target_is_named_whatever_is_held_out(tmp_path, kind):
    """Not the X of other samples that are learned from, then."""
    y = np.arange(180) % 3
    other = np.where(np.arange(180) == 7, 0, y)

    def make():
        solver = {} if kind is MLPClassifier else {"solver": "sgd"}
        return kind(max_iter=4, early_stopping=True, random_state=3, **solver)

    make().fit(X, y, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match=r"there, y is 180 x . of .*SHA-256 .*but here it is 180 x"):
        make().fit(X, other, resume=tmp_path / "run")
    with pytest.raises(ValueError, match="there, training X is 162 x 6 of float64, SHA-256"):
        make().fit(X * 2, y, resume=tmp_path / "run")


def test_other_names_of_classes_are_refused(tmp_path):
    make = MADE["network"]
    fit(make, tmp_path / "run")
    with pytest.raises(ValueError, match=r"classes is \['no', 'perhaps', 'yes'\], but here it is \['NO', "):
        make().fit(X, np.char.upper(Y), resume=tmp_path / "run")


def test_a_checkpoint_of_a_model_is_none_of_an_estimator(tmp_path):
    """Nor is the one before it looked for: the file is whole."""
    model, labels = st.Sequential(st.Linear(6, 3), seed=0), np.arange(180) % 3
    for _ in range(2):
        model.fit(X, labels, epochs=1, progress=False, checkpoint=tmp_path / "model")
        fit(MADE["network"], tmp_path / "run")
    with pytest.raises(
        st.ModelFileError, match="model is a checkpoint of a model's fit, from which this one"
    ):
        fit(MADE["network"], resume=tmp_path / "model")
    with pytest.raises(st.ModelFileError, match="run is a checkpoint of the fit of MLPClassifier, from"):
        model.fit(X, labels, epochs=1, progress=False, resume=tmp_path / "run")
    with pytest.raises(st.ModelFileError, match=r"it is a checkpoint, from which fit\(resume=...\) goes on"):
        st.load(tmp_path / "run")


@pytest.mark.parametrize("missing", ["draws", "estimator", "arrays", "solver", "history"])
def test_a_file_that_lacks_something_is_named(tmp_path, missing):
    path = tmp_path / "run"
    fit(MADE["network"], path)
    tree = dict(files.read(path))
    tree[missing] = {"bit_generator": "MT19937"} if missing == "draws" else {}
    files.write(path, tree)
    files.previous(path).unlink()
    with pytest.raises(st.ModelFileError, match="run is not a checkpoint of this release"):
        fit(MADE["network"], resume=path)


@pytest.mark.parametrize(
    ("make", "solver"),
    [
        (lambda: MLPClassifier(solver="lbfgs"), "lbfgs"),
        (lambda: LinearClassifier(solver="lbfgs"), "lbfgs"),
        (lambda: LinearClassifier(solver="online"), "online"),
        (lambda: LinearRegressor(solver="sdca"), "sdca"),
    ],
)
def test_solvers_without_epochs_are_refused(tmp_path, make, solver):
    with pytest.raises(ValueError, match=f"checkpoint needs a stochastic solver .*solver is '{solver}'"):
        fit(make, tmp_path / "run")


def test_a_checkpoint_changes_no_solver(tmp_path):
    assert fit(LinearClassifier).solver_ == "lbfgs"
    with pytest.raises(ValueError, match=r"stochastic solver .*, but solver='auto' has chosen 'lbfgs' for"):
        fit(LinearClassifier, tmp_path / "run")


def test_a_warm_start_is_refused(tmp_path):
    estimator = MLPClassifier(max_iter=2, warm_start=True, **HIDDEN).fit(X, Y, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="warm_start=True goes on from the fit before"):
        estimator.fit(X, Y, checkpoint=tmp_path / "run")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
def test_killed_fits_go_on(tmp_path):
    chance, path, make = random.Random(1), tmp_path / "run", MADE["draws within"]
    expected, kills = fit(make), 0
    while kills < 8:
        if not (child := os.fork()):
            try:
                fit(make, path, 1, resume=True)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0.002, 0.08))
        os.kill(child, signal.SIGKILL)
        kills += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if kills % 4 == 0:
            assert_same(fit(make, path, resume=True), expected)
            for file in tmp_path.glob("*run*"):
                file.unlink()


def test_a_refused_fit_leaves_the_estimator_as_it_was(tmp_path):
    generator = np.random.RandomState(5)
    estimator = MLPClassifier(max_iter=4, **HIDDEN | {"random_state": generator})
    estimator.fit(X, Y, checkpoint=tmp_path / "run")
    scores, state = estimator.predict_proba(X), generator.get_state()
    estimator.set_params(alpha=0.1)
    with pytest.raises(ValueError, match=r"alpha is 0\.0001, but here it is 0\.1"):
        estimator.fit(X, Y, resume=tmp_path / "run")
    assert_same_bits(estimator.predict_proba(X), scores)
    np.testing.assert_equal(generator.get_state(), state)
