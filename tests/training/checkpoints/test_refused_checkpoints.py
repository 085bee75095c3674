"""Fits that cannot write, or go on: nothing is changed, replaced or lost, and the message says why."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_same_bits

import steepest as st
from steepest.storage import checkpoint as files

X, Y = numbers((60, 4)), np.arange(60) % 3
LAYERS = st.Linear(4, 8), st.Tanh(), st.Linear(8, 3)


def fit(path, **settings):
    model = st.Sequential(*LAYERS, seed=1)
    how = {"epochs": 3, "batch_size": 20, "progress": False, "checkpoint": path, "checkpoint_every": 1}
    model.fit(X, Y, **how | settings)
    return model


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_refused_fit_leaves_the_trainer_as_it_was(tmp_path):
    stop = st.EarlyStopping(monitor="loss")
    fit(tmp_path / "run", optimizer="adam", callbacks=stop)
    trainer = st.Trainer(st.Sequential(*LAYERS, seed=1), optimizer="adam")
    trainer.step(X, Y)
    before, optimizer = trainer.state_dict(), trainer.optimizer
    how = {"epochs": 3, "batch_size": 20, "progress": False, "resume": tmp_path / "run"}
    stop.monitor = "los"
    with pytest.raises(ValueError, match="monitor is 'los'"):
        trainer.fit(X, Y, callbacks=stop, **how)
    stop.monitor, tree = "loss", files.read(tmp_path / "run")
    for part in (
        {"way_back": {}},
        {"begun": {"batches": 9}},
        {"trainer": {}},
        {"optimizer": {"kind": "sgd"}},
    ):
        files.write(tmp_path / "run", {**tree, **part})
        with pytest.raises(st.ModelFileError):
            trainer.fit(X, Y, callbacks=stop, **how | {"epochs": 4})
    files.write(tmp_path / "run", {name: part for name, part in tree.items() if name != "way_back"})
    (tmp_path / "run.previous").unlink()
    with pytest.raises(
        st.ModelFileError, match="run is a checkpoint of a model's fit, from which this one cannot go on"
    ):
        trainer.fit(X, Y, callbacks=stop, **how)
    assert trainer.optimizer == optimizer
    for key, value in trainer.state_dict().items():
        assert_same_bits(value, before[key])


class Odd(st.EpochCallback):
    """It wants to keep what it is made with."""

    def __init__(self, kept):
        self.kept = kept

    def __call__(self, state):
        return None

    def state_dict(self):
        return self.kept


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"$float": 1.0}, r"callbacks\[0\] has the name '\$float'"),
        ({1: 1.0}, r"callbacks\[0\] has the name 1"),
        ({"a": {1}}, r"callbacks\[0\]\.a is \{1\}"),
        ({"a": np.zeros(2, np.float16)}, r"callbacks\[0\]\.a is array"),
    ],
    ids=["reserved", "number", "set", "dtype"],
)
def test_what_a_file_cannot_hold_is_named(tmp_path, kept, message):
    with pytest.raises(TypeError, match=message):
        fit(tmp_path / "run", callbacks=Odd(kept))
    assert names(tmp_path) == []


def test_more_than_a_file_may_hold_is_refused(tmp_path):
    with pytest.raises(ValueError, match="brackets and names"):
        fit(tmp_path / "run", callbacks=Odd({"a": [0.5] * 300_000}))
    assert names(tmp_path) == []


def test_names_of_values_do_not_meet(tmp_path):
    tree = {"a.b": np.ones(2), "a": {"b": np.zeros(2), "c": [np.float32(0.1), np.int64(3), np.bool_(True)]}}
    files.write(tmp_path / "f", tree)
    found = files.read(tmp_path / "f")
    assert found["a.b"].tolist() == [1, 1] and found["a"]["b"].tolist() == [0, 0]
    assert found["a"]["c"] == [float(np.float32(0.1)), 3, True]


def test_paths(tmp_path, monkeypatch):
    (tmp_path / "mine.previous").write_text("precious")
    with pytest.raises(ValueError, match=r"mine\.previous exists and is not a checkpoint"):
        fit(tmp_path / "mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    fit("run", callbacks=lambda state: os.chdir(tmp_path))
    assert names(folder) == ["run", "run.previous"]
    (folder / "link").symlink_to(tmp_path / "target")
    fit(folder / "link", resume=True)
    assert (tmp_path / "target").is_file() and (folder / "link").is_symlink()


def test_a_damaged_file_never_takes_the_place_of_a_whole_one(tmp_path, monkeypatch):
    path = tmp_path / "run"
    fit(path, epochs=2)
    whole = (tmp_path / "run.previous").read_bytes()
    path.write_bytes(b"")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    for source in (True, "run", "./run"):
        with pytest.warns(RuntimeWarning), pytest.raises(OSError, match="full"):
            fit(path, resume=source)
        assert (tmp_path / "run.previous").read_bytes() == whole


def test_an_optimizer_of_ones_own_is_refused(tmp_path):
    class Mine(st.Adam):
        pass

    with pytest.raises(ValueError, match="can hold the optimizers of steepest, but not a Mine"):
        fit(tmp_path / "run", optimizer=Mine())
