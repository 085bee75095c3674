"""A fit that goes on from a checkpoint: parameters, history and callbacks are those of an unbroken one."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from support.implementations import needs_native
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st

X = numbers((150, 5))
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
LAYERS = (st.Standardize(5), st.Linear(5, 12), st.BatchNorm(12), st.Tanh(), st.Dropout(0.2), st.Linear(12, 2))


class Died(Exception):
    """What ends a fit in the middle."""


class Dies(st.EpochCallback):
    """Of an epoch, or with `batch_callbacks` of some batches; it has nothing to be kept."""

    def __init__(self, after):
        self.left = after

    def __call__(self, state):
        self.left -= 1
        if self.left == 0:
            raise Died


def fit(path, after=-1, *, learner=None, batches=False, calls=(), **settings):
    """A model and its history; it dies after so many calls."""
    model = st.Sequential(*LAYERS, seed=3) if learner is None else learner
    dies = {"batch_callbacks" if batches else "callbacks": [*calls, Dies(after)]}
    how = {"optimizer": st.Adam(0.01), "epochs": 9, "batch_size": 32, "validation_split": 0.2}
    how |= {"metrics": ["accuracy"], "checkpoint_every": 2} | dies | settings
    history = model.fit(X, Y, progress=False, checkpoint=path, **how)
    return model, history


def assert_same(found, expected):
    """Models and histories, but for times."""
    (model, history), (other, unbroken) = found, expected
    for key, value in other.state_dict().items():
        assert_same_bits(model.state_dict()[key], value)
    for name in ("loss", "validation_loss", "metrics", "status", "best_epoch"):
        assert getattr(history, name) == getattr(unbroken, name)
    assert len(history.seconds) == history.epochs


def broken(path, *arguments, **settings):
    with pytest.raises(Died):
        fit(path, *arguments, **settings)


@pytest.mark.parametrize("after", [1, 4, 9])
@pytest.mark.parametrize("every", [1, 2, "3 steps", "9 steps", "0.0000001 hours"])
def test_epochs_go_on(backend, tmp_path, every, after):
    with backend.computing():
        expected = fit(tmp_path / "whole", checkpoint_every=every)
        broken(tmp_path / "run", after, checkpoint_every=every)
        assert_same(fit(tmp_path / "run", checkpoint_every=every, resume=True), expected)


@pytest.mark.parametrize("group", [1, 3])
@pytest.mark.parametrize("after", [2, 5, 11])
def test_an_epoch_goes_on(tmp_path, after, group):
    settings = {"batches": True, "batch_group": group, "checkpoint_every": "2 steps"}
    expected = fit(tmp_path / "whole", **settings)
    broken(tmp_path / "run", after, **settings)
    assert_same(fit(tmp_path / "run", resume=True, **settings), expected)


@needs_native
def test_the_number_of_threads_may_change(tmp_path):
    with st.config(num_threads=1):
        expected = fit(tmp_path / "whole")
        broken(tmp_path / "run", 5)
    for threads in (2, 3):
        with st.config(num_threads=threads):
            assert_same(fit(tmp_path / "other", resume=tmp_path / "run"), expected)


@pytest.mark.parametrize("every", [1, "2 steps"])
@pytest.mark.parametrize(
    ("after", "optimizer", "between"),
    [
        (2, st.SGD(8.0, 0.9), ()),
        (6, st.SGD(8.0, 0.9), ()),
        (6, st.SGD(2.0), ()),
        (6, st.SGD(16.0), (st.BatchNorm(12),)),  # whose weight is seen through a view
    ],
)
def test_a_rise_is_gone_back_from_all_the_same(tmp_path, every, after, optimizer, between):
    """The loss is best in the first epoch, later, or in the last but one."""
    layers = st.Linear(5, 12), *between, st.ReLU(), st.Linear(12, 2)

    def rising(path, **settings):
        learner = st.Sequential(*layers, seed=1)
        how = {
            "optimizer": optimizer,
            "validation_split": 0.0,
            "checkpoint_every": every,
            "epochs": 12,
        }
        return fit(path, learner=learner, **how | settings)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        expected = rising(tmp_path / "whole")
        with pytest.raises(Died):
            rising(tmp_path / "run", after=after)
        found = rising(tmp_path / "run", resume=True)
    assert len({str(warning.message) for warning in caught}) == 1 and len(caught) == 2
    assert expected[1].best_epoch is not None
    assert_same(found, expected)


CALLS = {
    "early stopping": lambda folder: [st.EarlyStopping(patience=5, monitor="accuracy")],
    "smaller steps": lambda folder: [st.ReduceOnPlateau(0.5, patience=1, monitor="loss", min_delta=0.05)],
    "best model": lambda folder: [st.ModelCheckpoint(folder / "best-{epoch}.model", save_best_only=True)],
    "table": lambda folder: [st.CSVLog(folder / "log.csv")],
}


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("after", [3, 5])
def test_callbacks_go_on(tmp_path, calls, after):
    made, folders = CALLS[calls], [tmp_path / "whole", tmp_path / "run"]
    for folder in folders:
        folder.mkdir()
    averaging = {"averaging": st.ExponentialAverage(0.9)}
    whole, again = made(folders[0]), made(folders[1])
    expected = fit(folders[0] / "c", calls=whole, **averaging)
    broken(folders[1] / "c", after, calls=made(folders[1]), **averaging)
    assert_same(fit(folders[1] / "c", calls=again, resume=True, **averaging), expected)
    files = [{path.name for path in folder.iterdir()} - {"c", "c.previous"} for folder in folders]
    assert files[0] == files[1]
    if calls == "table":
        rows = [
            [line.split(",")[:-1] for line in (folder / "log.csv").read_text().splitlines()]
            for folder in folders
        ]
        assert rows[0] == rows[1] and len(rows[0]) == 10
    if calls == "smaller steps":
        assert whole[0].reductions == again[0].reductions != []


def test_a_table_that_was_cut_off_loses_no_whole_line(tmp_path):
    log = tmp_path / "log.csv"
    broken(tmp_path / "run", 5, calls=[st.CSVLog(log)])
    kept = log.read_bytes()[:-60]
    log.write_bytes(kept)
    fit(tmp_path / "run", calls=[st.CSVLog(log)], resume=True)
    lines = log.read_bytes().splitlines()
    assert lines[: kept.count(b"\n")] == kept.splitlines()[: kept.count(b"\n")]
    assert lines[-1].startswith(b"8,") and all(line.count(b",") == 4 for line in lines)
    log.unlink()
    fit(tmp_path / "run", calls=[st.CSVLog(log)], resume=True)
    assert log.read_text().startswith("epoch,")


@pytest.mark.parametrize("after", [3, 4, 7])
def test_deaths_in_a_row(tmp_path, after):
    how = {"calls": [Swap(st.SGD(0.05, 0.9))], "checkpoint_every": "5 steps", "optimizer": st.SGD(0.05, 0.5)}
    expected = fit(tmp_path / "whole", **how)
    broken(tmp_path / "run", after, **how)
    for _ in range(2):
        broken(tmp_path / "run", 2, resume=True, **how)
    assert_same(fit(tmp_path / "run", resume=True, **how), expected)


def test_a_fit_that_has_ended_has_ended(tmp_path):
    steps = []
    count = {"batch_callbacks": lambda state: steps.append(state.step)}
    expected = fit(tmp_path / "run")
    assert_same(fit(tmp_path / "run", resume=True, **count), expected)
    assert_same(fit(tmp_path / "copy", resume=tmp_path / "run", **count), expected)
    assert_same(fit(tmp_path / "copy", resume=True, **count), expected)
    calls = {"calls": [st.EarlyStopping(patience=2, min_delta=1.0, monitor="loss")]}
    stopped = fit(tmp_path / "stopped", **calls)
    assert (stopped[1].epochs, stopped[1].status) == (3, "stopped")
    assert_same(fit(tmp_path / "stopped", resume=True, **calls, **count), stopped)
    assert steps == []


def test_time_that_is_over_is_not_over_for_the_next(tmp_path):
    _, short = fit(tmp_path / "run", calls=[st.TerminateOnTime(1e-9)], checkpoint_every="1 steps")
    assert short.status == "timed_out"
    found = fit(tmp_path / "run", calls=[st.TerminateOnTime(1e9)], resume=True)
    assert_same(found, fit(tmp_path / "whole", calls=[st.TerminateOnTime(1e9)]))


def test_more_epochs_go_on(tmp_path):
    expected = fit(tmp_path / "whole", epochs=9)
    fit(tmp_path / "run", epochs=4)
    assert_same(fit(tmp_path / "run", epochs=9, resume=True), expected)


def test_one_epoch_and_then_more_have_the_way_back_too(tmp_path):
    """At this rate the first epoch is the best one."""
    how = {"optimizer": st.SGD(30.0), "batch_size": None, "validation_split": 0.0, "checkpoint_every": 1}

    def learner():
        return st.Sequential(st.Linear(5, 12), st.ReLU(), st.Linear(12, 2), seed=1)

    with pytest.warns(RuntimeWarning, match="the steps are too long"):
        expected = fit(tmp_path / "whole", learner=learner(), **how)
    fit(tmp_path / "run", learner=learner(), **how | {"epochs": 1})
    with pytest.warns(RuntimeWarning, match="the steps are too long"):
        assert_same(fit(tmp_path / "run", learner=learner(), resume=True, **how), expected)
    assert expected[1].best_epoch == 0


class Swap(st.EpochCallback):
    """Another optimizer from the third epoch on."""

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def __call__(self, state):
        if state.epoch == 2:
            state.trainer.optimizer = self.optimizer


@pytest.mark.parametrize("every", [1, "3 steps"])
@pytest.mark.parametrize("other", [st.SGD(0.01, 0.9), st.AdamW(0.02), st.RMSProp(0.01), st.Lion()], ids=str)
@pytest.mark.parametrize("first", [st.Adam(0.01), st.SGD(0.05)], ids=["adam", "sgd"])
def test_an_optimizer_that_a_callback_set_goes_on(tmp_path, first, other, every):
    how = {"checkpoint_every": every, "calls": [Swap(other)], "optimizer": first}
    expected = fit(tmp_path / "whole", **how)
    broken(tmp_path / "run", 5, **how)
    assert_same(fit(tmp_path / "run", resume=True, **how), expected)


def test_a_schedule_that_a_callback_set_is_refused(tmp_path):
    how = {"checkpoint_every": 1, "calls": [Swap(st.Adam(st.schedules.Cosine(0.1, 60)))]}
    broken(tmp_path / "run", 5, **how)
    with pytest.raises(
        st.ModelFileError, match=r"a callback had set the schedule Cosine\(.*no file can hold"
    ):
        fit(tmp_path / "run", resume=True, **how)


def test_a_trainer_goes_on_after_other_fits(tmp_path):
    """Schedules, shuffles and momentum are those of the fits before, too."""

    def trainer():
        made = st.Trainer(st.Sequential(*LAYERS, seed=3), optimizer=st.SGD(st.schedules.Cosine(0.1, 60), 0.9))
        made.fit(X, Y, epochs=2, progress=False)
        return made

    first, second, third = (
        trainer(),
        trainer(),
        st.Trainer(st.Sequential(*LAYERS, seed=3), optimizer=st.SGD(st.schedules.Cosine(0.1, 60), 0.9)),
    )
    how = {"epochs": 6, "progress": False, "checkpoint_every": 1}
    first.fit(X, Y, checkpoint=tmp_path / "whole", **how)
    with pytest.raises(Died):
        second.fit(X, Y, checkpoint=tmp_path / "run", callbacks=Dies(3), **how | {"checkpoint_every": 2})
    third.model.standardize(X)
    third.fit(X, Y, resume=tmp_path / "run", callbacks=Dies(-1), **how)
    assert (third.steps_done, third.epochs_done) == (first.steps_done, first.epochs_done)
    for key, value in first.state_dict().items():
        assert_same_bits(third.state_dict()[key], value)


def test_draws_are_those_of_the_fit_that_goes_on(tmp_path):
    """The second fit of a model has others than its first; a new process has a new model."""
    twice = st.Sequential(*LAYERS, seed=3)
    twice.fit(X, Y, epochs=1, progress=False)
    start = twice.state_dict()
    expected = fit(tmp_path / "whole", learner=twice)
    again = st.Sequential(*LAYERS, seed=3)
    again.load_state_dict(start)
    again.fits_done = 1
    broken(tmp_path / "run", 5, learner=again)
    assert_same(fit(tmp_path / "run", learner=st.Sequential(*LAYERS, seed=3), resume=True), expected)


@pytest.mark.parametrize("sparse", [False, True])
def test_sparse_rows_and_weights(tmp_path, sparse):
    scipy = pytest.importorskip("scipy.sparse")
    rows = scipy.csr_array(np.where(X > 0.5, X, 0)) if sparse else X
    how = {
        "epochs": 4,
        "sample_weight": np.linspace(0.1, 1, len(X)),
        "progress": False,
        "checkpoint_every": 1,
    }

    def made(path, **settings):
        model = st.Sequential(st.Linear(5, 16), st.ReLU(), st.Linear(16, 2), seed=1)
        history = model.fit(rows, Y, checkpoint=path, **how, **settings)
        return model, history

    expected = made(tmp_path / "whole", callbacks=Dies(-1))
    with pytest.raises(Died):
        made(tmp_path / "run", callbacks=Dies(2))
    assert_same(made(tmp_path / "run", callbacks=Dies(-1), resume=True), expected)
    with pytest.raises(
        ValueError, match=r"training weights is 150 of float32, SHA-256 .* but here it is none"
    ):
        how["sample_weight"] = None
        made(tmp_path / "run", callbacks=Dies(-1), resume=True)
