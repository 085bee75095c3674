"""A fit that is interrupted writes a last checkpoint, and goes on from it to the bits of an unbroken one."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from support.implementations import needs_native
from support.interrupted.ending_fits import MODES, Died, assert_same, ctrl_c, dies, fit, nothing
from support.processes import forked

import steepest as st
from steepest.storage import checkpoint as files


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after", [14, 40, 78, 79, 107])
@pytest.mark.parametrize(("end", "error"), [(ctrl_c, KeyboardInterrupt), (dies, Died)])
def test_an_error_within_a_call(backend, tmp_path, mode, after, end, error):
    path = tmp_path / "run"
    with backend.computing():
        expected = fit(tmp_path / "whole", **MODES[mode])
        with pytest.raises(error):
            fit(path, after=after, end=end, **MODES[mode])
        assert path.exists()
        assert_same(fit(path, resume=True, **MODES[mode]), expected)


@pytest.mark.parametrize("mode", ["many epochs in a call", *list(MODES)[2:]])
@pytest.mark.parametrize("after", [70, 129, 235])
def test_an_error_in_a_long_epoch(tmp_path, mode, after):
    """Of 120 batches; what is run again is a call of the core, or 64 batches where calls are shorter."""
    how = MODES[mode] | {"batch_size": 1, "epochs": 2, "layers": (st.Linear(5, 4), st.Linear(4, 2))}
    expected = fit(tmp_path / "whole", **how)
    with pytest.raises(Died):
        fit(tmp_path / "run", after=after, end=dies, **how)
    tree = files.read(tmp_path / "run")
    done = len(tree["history"]["loss"]) * 120 + (tree["begun"] or {"batches": 0})["batches"]
    assert after - 1 - (120 if mode == "many epochs in a call" else 64 + 5) <= done < after
    assert_same(fit(tmp_path / "run", resume=True, **how), expected)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("after", [30, 76, 100])
def test_cancelled_and_gone_on_with(tmp_path, mode, after):
    """By another thread, within a call of the core, which then ends at once."""

    def cancel(trainer):
        thread = threading.Thread(target=trainer.cancel)
        thread.start()
        thread.join()
        time.sleep(0.05)  # until the core asks

    expected = fit(tmp_path / "whole", **MODES[mode])
    _, history = fit(tmp_path / "run", after=after, end=cancel, **MODES[mode])
    assert history.status == "cancelled" and 0 < history.epochs < 9
    assert_same(fit(tmp_path / "run", resume=True, **MODES[mode]), expected)


@pytest.mark.parametrize("group", [None, 1, 5])
def test_time_is_over_within_an_epoch(tmp_path, group):
    parts = {} if group is None else {"batch_callbacks": nothing, "batch_group": group}
    expected = fit(tmp_path / "whole", callbacks=st.TerminateOnTime(1e9), **parts)
    limit, path = st.TerminateOnTime(1e9), tmp_path / "run"

    def over(trainer):
        limit._end = 0.0
        time.sleep(0.05)  # until the core asks

    for after in (31, 40, 14):  # of each fit: its clock starts anew
        _, short = fit(path, after=after, end=over, callbacks=limit, resume=True, **parts)
        assert short.status == "timed_out"
    assert 4 <= short.epochs < 9
    assert_same(fit(path, callbacks=st.TerminateOnTime(1e9), resume=True, **parts), expected)


class Counts(st.EpochCallback):
    """Its state changes in place, and in each epoch; the error comes when others know of the epoch."""

    def __init__(self, epochs=-1):
        self.seen, self.sums, self.left = [], np.zeros(2), epochs

    def begin(self, trainer, monitored):
        self.seen, self.sums = [], np.zeros(2)

    def state_dict(self):
        return {"seen": self.seen, "sums": self.sums}

    def resume(self, trainer, monitored, state):
        self.seen, self.sums = state["seen"], state["sums"]

    def __call__(self, state):
        self.seen.append(state.epoch)
        self.sums += state.loss
        self.left -= 1
        if self.left == 0:
            raise Died


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("epochs", [1, 2, 6])
def test_callbacks_are_those_of_the_parameters(tmp_path, epochs, place):
    def calls(folder, counts):
        folder.mkdir(exist_ok=True)
        others = [
            st.EarlyStopping(patience=3, monitor="loss", min_delta=0.01),
            st.ReduceOnPlateau(0.5, patience=1, monitor="loss", min_delta=0.05),
            st.CSVLog(folder / "log.csv"),
            st.ModelCheckpoint(folder / "best-{epoch}", save_best_only=True, monitor="loss"),
        ]
        return [counts, *others] if place == "first" else [*others, counts]

    counts, again = Counts(), Counts()
    whole, run = tmp_path / "whole", tmp_path / "run"
    made = calls(whole, counts)
    expected = fit(whole / "c", callbacks=made)
    with pytest.raises(Died):
        fit(run / "c", callbacks=calls(run, Counts(epochs)))
    assert (run / "c").exists() == (epochs > 1)
    resumed = calls(run, again)
    assert_same(fit(run / "c", callbacks=resumed, resume=True), expected)
    assert again.seen == counts.seen == list(range(expected[1].epochs))
    np.testing.assert_array_equal(again.sums, counts.sums)
    reductions = [
        next(c for c in all_ if isinstance(c, st.ReduceOnPlateau)).reductions for all_ in (made, resumed)
    ]
    assert reductions[0] == reductions[1] != []
    logs = [[line.split(",")[:-1] for line in (f / "log.csv").read_text().splitlines()] for f in (whole, run)]
    assert logs[0] == logs[1]


@pytest.mark.parametrize("mode", ["each epoch a call", "each part of an epoch a call"])
def test_what_a_callback_cancels_is_not_run_again(tmp_path, mode):
    """One that ends a fit every other epoch comes to its end."""

    def pauses(state):
        if state.epoch % 2 and pauses.last != state.epoch:
            pauses.last = state.epoch
            state.trainer.cancel()

    how = MODES[mode] | {"callbacks": [pauses]}
    pauses.last, epochs, history = None, [], None
    while history is None or history.status == "cancelled":
        found = fit(tmp_path / "run", resume=True, **how)
        history = found[1]
        epochs.append(history.epochs)
    assert epochs == [2, 4, 6, 8, 9]
    assert_same(found, fit(tmp_path / "whole", **MODES[mode]))


def test_a_fit_that_stops_as_it_is_cancelled_has_stopped(tmp_path):
    stop = {"callbacks": [st.EarlyStopping(patience=2, min_delta=9.0, monitor="loss")]}
    expected = fit(tmp_path / "whole", **stop)

    def cancels(state):
        state.trainer.cancel() if state.epoch == 2 else None

    _, history = fit(tmp_path / "run", callbacks=[*stop["callbacks"], cancels])
    assert (history.status, history.epochs) == ("cancelled", 3)
    assert_same(fit(tmp_path / "run", resume=True, **stop), expected)


@pytest.mark.parametrize("mode", ["many epochs in a call", "each epoch a call", "each batch a call"])
@pytest.mark.parametrize("after", [12, 31, 52])
def test_a_rise_is_gone_back_from_all_the_same(tmp_path, mode, after):
    def rising(path, **settings):
        layers = st.Linear(5, 12), st.ReLU(), st.Linear(12, 2)
        how = MODES[mode] | {
            "optimizer": st.SGD(8.0, 0.9),
            "validation_split": 0.0,
            "batch_size": 32,
            "epochs": 12,
        }
        return fit(path, layers=layers, **how, **settings)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        expected = rising(tmp_path / "whole")
        with pytest.raises(Died):
            rising(tmp_path / "run", after=after, end=dies)
        found = rising(tmp_path / "run", resume=True)
    assert expected[1].best_epoch is not None and len(caught) == 2
    assert_same(found, expected)


@needs_native
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX")
@pytest.mark.parametrize("mode", MODES)
def test_ctrl_c_at_any_moment(tmp_path, mode):
    """Without the last checkpoints it would begin anew each time, and not come to its end."""
    chance, path, how = random.Random(mode), tmp_path / "run", MODES[mode] | {"epochs": 60, "loss": "softmax"}
    how |= {"checkpoint_every": "1 hour"} | MODES[mode]
    started = time.perf_counter()
    expected = fit(tmp_path / "whole", **how)
    seconds, interrupted, done = time.perf_counter() - started, 0, []
    while True:
        child = forked(lambda: fit(path, resume=True, **how))
        if len(done) < 40:
            time.sleep(chance.uniform(0.5, 1.2) * seconds)
            os.kill(child, signal.SIGINT)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code in (0, 3)
        if path.exists():
            done.append(len(files.read(path)["history"]["loss"]))
        interrupted += code != 0
        if code == 0:
            break
    assert done == sorted(done)
    assert_same(fit(path, resume=True, **how), expected)
