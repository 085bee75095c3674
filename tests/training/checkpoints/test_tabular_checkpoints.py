"""A fit to a table that goes on from a checkpoint is that of a fit that nothing has interrupted."""

from __future__ import annotations

import os
import random
import signal
import threading
import time

import numpy as np
import pytest

pytest.importorskip("sklearn.base")
from sklearn.exceptions import ConvergenceWarning
from support.tables.fits import MADE, PRICES, ROWS, SMALL, A, Died, assert_same, dies, fit

from steepest.sklearn import TabularRegressor
from steepest.sklearn._tabular import base as base_module
from steepest.sklearn._tabular import checkpoints as checkpoints_module
from steepest.sklearn._tabular import together as together_module
from steepest.storage import checkpoint as files


@pytest.mark.parametrize("made", MADE)
def test_a_fit_goes_on(monkeypatch, tmp_path, made):
    make, path = MADE[made], tmp_path / "run"
    expected = fit(make())
    for writes in (3, 16, 28):
        dies(monkeypatch, writes, make(), path)
        found = fit(make(), path, resume=True)
        assert_same(found, expected, tmp_path)
        if made == "its own generator":
            np.testing.assert_equal(found.random_state.get_state(), expected.random_state.get_state())
    assert_same(fit(make(), resume=path), expected, tmp_path)  # it has ended


def test_both_backends(backend, monkeypatch, tmp_path):
    with backend.computing():
        expected = fit(MADE["classes"]())
        dies(monkeypatch, 40, MADE["classes"](), tmp_path / "run")
        assert_same(fit(MADE["classes"](), tmp_path / "run", resume=True), expected, tmp_path)


@pytest.mark.parametrize("made", ["classes", "its own generator"])
def test_ctrl_c_leaves_a_last_checkpoint(tmp_path, made):
    """Where none would be written for an hour; a fit that it ends before the first epoch leaves none."""
    make, path, chance, lasts = MADE[made], tmp_path / "run", random.Random(made), 0
    expected = fit(make(max_steps=300))
    for _ in range(8):
        timer = threading.Timer(chance.uniform(0.02, 0.2), signal.raise_signal, [signal.SIGINT])
        timer.start()
        try:
            found = fit(make(max_steps=300), path, every="1 hour", resume=True)
            timer.cancel()
            break
        except KeyboardInterrupt:
            lasts += path.exists()
    else:
        found = fit(make(max_steps=300), path, every="1 hour", resume=True)
    assert lasts
    assert_same(found, expected, tmp_path)


def test_networks_that_have_ended_do_not_learn_again(monkeypatch, tmp_path):
    """With one thread, they learn one after the other: first the two that show which embedding is better."""
    path, expected, make = tmp_path / "run", fit(MADE["numbers"]()), MADE["numbers"]
    kept = dies(monkeypatch, 10, make(n_threads=1), path)
    assert kept["ramps"]["ended"] and kept["cosines"]["begun"] and not kept["cosines"]["ended"]
    kept = dies(monkeypatch, 24, make(n_threads=1), path, resume=True)
    assert [*kept] == ["0", "1", "2"] and kept["0"]["ended"] and not kept["1"]["ended"]
    calls = []
    monkeypatch.setattr(base_module.recipes, "optimizer", _counting(base_module.recipes.optimizer, calls))
    assert_same(fit(make(n_threads=3), path, resume=True), expected, tmp_path)
    assert len(calls) == 2
    assert_same(fit(make(), path, resume=True), expected, tmp_path)
    assert len(calls) == 2


def _counting(function, calls):
    return lambda *given: calls.append(given) or function(*given)


def test_the_best_epoch_may_be_before_the_checkpoint(monkeypatch, tmp_path):
    """Of targets that are noise, an early epoch is the best one."""
    path, noise = tmp_path / "run", np.random.default_rng(7).standard_normal(ROWS)

    def make():
        return MADE["cosines"](n_members=1, max_steps=60, hidden_layer_sizes=(64,))

    expected = fit(make(), targets=noise)
    writes = expected.members_[0].epochs - 2
    kept = dies(monkeypatch, writes, make(), path, targets=noise)["0"]["begun"]
    assert kept["callbacks"][0]["epoch"] == expected.best_epochs_[0] < writes - 1
    assert_same(fit(make(), path, resume=True, targets=noise), expected, tmp_path)


@pytest.mark.parametrize(("every", "most"), [(10, 14), ("20 steps", 14), ("60 seconds", 5)])
def test_as_often_as_asked(monkeypatch, tmp_path, every, most):
    """And when a network has ended, and when all have."""
    calls = []
    monkeypatch.setattr(files, "write", lambda *given, **keep: calls.append(given))
    fit(MADE["classes"](), tmp_path / "run", every)
    assert 5 <= len(calls) <= most


def test_draws_of_everybody_are_those_of_the_fit_that_goes_on(monkeypatch, tmp_path):
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(9)  # noqa: NPY002
        expected = fit(MADE["classes"](random_state=None))
        np.random.seed(9)  # noqa: NPY002
        dies(monkeypatch, 30, MADE["classes"](random_state=None), tmp_path / "run")
        before = np.random.get_state()  # noqa: NPY002
        found = fit(MADE["classes"](random_state=None), tmp_path / "run", resume=True)
        assert_same(found, expected, tmp_path)
        np.testing.assert_equal(np.random.get_state(), before)  # noqa: NPY002
    finally:
        np.random.set_state(state)  # noqa: NPY002


def test_weights_targets_and_rows_that_do_not_count(monkeypatch, tmp_path):
    weight = np.arange(ROWS) % 3 * 0.5
    given = {"sample_weight": weight, "targets": np.column_stack([PRICES, A])}
    expected = fit(MADE["numbers"](n_threads=1), **given)
    dies(monkeypatch, 30, MADE["numbers"](n_threads=3), tmp_path / "run", **given)
    assert_same(fit(MADE["numbers"](n_threads=2), tmp_path / "run", resume=True, **given), expected, tmp_path)


class Ticks:
    """A clock that an epoch moves by one; it is the metric, too."""

    def __init__(self):
        self.now = 0

    def __call__(self, y, answers):
        self.now += 1
        return -float(np.mean((y - answers) ** 2))

    def __repr__(self):
        return "ticks"

    def __deepcopy__(self, memory):
        return self


@pytest.fixture
def ticks(monkeypatch):
    clock = Ticks()
    for module in (base_module, checkpoints_module, together_module):
        monkeypatch.setattr(module, "perf_counter", lambda: clock.now)
    return clock


def timed(ticks, max_time):
    return TabularRegressor(
        **SMALL, embedding="piecewise_linear", n_threads=1, metric=ticks, max_time=max_time
    )


def test_a_fit_that_time_has_ended_goes_on_with_more(ticks, tmp_path):
    path, whole = tmp_path / "run", fit(timed(ticks, None))
    short = fit(timed(ticks, 12), path, "1 hour")
    assert [member.epochs for member in short.members_] == [4, 4, 4]
    again = fit(timed(ticks, 12), path, resume=True)
    assert_same(again, short, tmp_path)
    before = ticks.now
    assert_same(fit(timed(ticks, None), path, resume=True), whole, tmp_path)
    assert ticks.now - before == sum(member.epochs for member in whole.members_) - 3 * 4 + 1


def test_networks_that_a_failure_cuts_short_go_on(monkeypatch, tmp_path):
    """They learn side by side, and the first that fails ends all."""
    path, metric = tmp_path / "run", Ticks()

    def make():
        return MADE["numbers"](metric=metric, embedding="piecewise_linear", n_threads=3, max_steps=90)

    def fails(y, answers):
        if metric.now == 20:
            metric.now += 1  # the others do not fail
            raise Died
        return plain(metric, y, answers)

    expected, metric.now, plain = fit(make()), 0, Ticks.__call__
    with monkeypatch.context() as patch:
        patch.setattr(Ticks, "__call__", lambda own, y, answers: fails(y, answers))
        with pytest.raises(Died):
            fit(make(), path)
    assert_same(fit(make(), path, resume=True), expected, tmp_path)


def test_a_fit_without_time_begins_later(tmp_path):
    path, whole = tmp_path / "run", fit(MADE["ramps"]())
    for resume in (False, True):
        with pytest.warns(ConvergenceWarning, match="no member finished an epoch"):
            assert fit(MADE["ramps"](max_time=1e-9), path, resume=resume).best_epochs_ == [-1, -1, -1]
    assert_same(fit(MADE["ramps"](), path, resume=True), whole, tmp_path)


def test_time_of_the_fit_before_counts(ticks, monkeypatch, tmp_path):
    path, before = tmp_path / "run", ticks.now
    dies(monkeypatch, 10, timed(ticks, 24), path)
    ticks.now += 1000  # when nothing computes
    found = fit(timed(ticks, 24), path, resume=True)
    first, *others = [member.epochs for member in found.members_]
    assert first == 8 and sum(others) == 16  # and one that has ended has had its part
    assert ticks.now - before - 1000 <= 24 + 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
@pytest.mark.parametrize("made", ["classes", "numbers"])
def test_killed_fits_go_on(tmp_path, made):
    """At any moment, with any number of threads: with a checkpoint each epoch, often while it is written."""
    chance, path, make, kills, ended = random.Random(2), tmp_path / "run", MADE[made], 0, 0
    expected = fit(make())
    while kills < 12 or not ended:
        if not (child := os.fork()):
            try:
                fit(make(n_threads=chance.choice([1, 2, 3])), path, resume=True)
                os._exit(0)
            finally:
                os._exit(1)
        if kills < 12:
            time.sleep(chance.uniform(0.005, 0.25))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            kills += 1
            continue
        assert os.WEXITSTATUS(status) == 0
        ended += 1
        assert_same(fit(make(), path, resume=True), expected, tmp_path)
        for file in tmp_path.glob("*run*"):
            file.unlink()
