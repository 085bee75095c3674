"""Files of checkpoints: what is refused, and what is left when writing or reading fails."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from support.strategies import numbers
from support.tolerances import assert_equal_models

import steepest as st
from steepest.storage import checkpoint as files

X, Y = numbers((60, 4)), np.arange(60) % 3


LAYERS = st.Linear(4, 8), st.Tanh(), st.Linear(8, 3)


def fit(path, *, layers=LAYERS, rows=X, labels=Y, **settings):
    model = st.Sequential(*layers, seed=settings.pop("model_seed", 1))
    how = {"epochs": 3, "batch_size": 20, "progress": False, "checkpoint": path, "checkpoint_every": 1}
    model.fit(rows, labels, **how | settings)
    return model


def names(folder):
    return sorted(path.name for path in folder.iterdir())


CHANGED = X.copy()
CHANGED[31, 2] *= 1 + 1e-7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 10}, "there, batch_size is 20, but here it is 10"),
        ({"shuffle": False}, "there, shuffle is True, but here it is False"),
        ({"seed": 5}, "there, seed is 1, but here it is 5"),
        ({"loss": "hinge"}, "there, loss is SoftmaxCrossEntropy.*but here it is MulticlassHinge"),
        ({"optimizer": "adam"}, r"there, optimizer is SGD\(.*but here it is Adam"),
        ({"optimizer": st.SGD(0.2)}, r"learning_rate=0\.1.*but here it is SGD\(learning_rate=0\.2"),
        ({"penalty": st.L2(0.1)}, r"penalty is \(None, None\), but here it is \(L2"),
        ({"clip_norm": 1.0}, r"clip_norm is None, but here it is 1\.0"),
        ({"averaging": st.PolyakAverage()}, "averaging is None, but here it is PolyakAverage"),
        ({"metrics": ["accuracy"]}, r"metrics is \[\], but here it is \['accuracy'\]"),
        ({"callbacks": st.EarlyStopping(monitor="loss")}, r"callbacks is \[\], but here it is \['EarlyS"),
        (
            {"layers": (st.Linear(4, 8), st.ReLU(), st.Linear(8, 3))},
            r"layer 1 is Tanh\(\), but here it is ReLU",
        ),
        ({"layers": (st.Linear(4, 3),)}, "layer 0 is Linear"),
        ({"rows": CHANGED}, "training X is 60 x 4 of float32, SHA-256 .*but here it is 60 x 4 of"),
        ({"rows": X[:40], "labels": Y[:40]}, "training X is 60 x 4 of float32, .*but here it is 40 x 4"),
        ({"labels": Y[::-1]}, "training y is 60 of int64, SHA-256"),
        ({"validation_data": (X, Y)}, "samples to validate with is 0, but here it is 60"),
    ],
    ids=str,
)
def test_another_run_is_refused(tmp_path, change, message):
    fit(tmp_path / "run")
    before = (tmp_path / "run").read_bytes()
    with pytest.raises(ValueError, match=f"run is a checkpoint of another run: .*{message}"):
        fit(tmp_path / "run", resume=True, **change)
    assert (tmp_path / "run").read_bytes() == before


ONE_LABEL = Y.copy()
ONE_LABEL[7] = 0  # of class 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": ONE_LABEL}, "there, y is 60 of int64, SHA-256 .*but here it is 60 of int64"),
        ({"model_seed": 2}, "there, seed of validation_split is 1, but here it is 2"),
        ({"seed": 5}, "there, seed is 1, but here it is 5"),
        ({"rows": CHANGED}, "there, validation X is 12 x 4 of float32, SHA-256"),
        ({"validation_split": 0.4}, "there, number of samples to validate with is 12, but here it is 24"),
        ({"validation_split": 0.0}, "there, number of samples to validate with is 12, but here it is 0"),
        ({"sample_weight": np.ones(60)}, "there, training weights is none, but here it is 48 of"),
    ],
    ids=str,
)
def test_what_decides_which_samples_are_held_out_is_named(tmp_path, change, message):
    """Not that others are, then."""
    fit(tmp_path / "run", validation_split=0.2)
    with pytest.raises(ValueError, match=f"run is a checkpoint of another run: {message}"):
        fit(tmp_path / "run", resume=True, **{"validation_split": 0.2} | change)


def test_a_file_that_does_not_know_what_was_held_out_is_taken(tmp_path):
    """As of the version before: the samples themselves are compared."""
    expected = fit(tmp_path / "run", epochs=5, validation_split=0.2)
    fit(tmp_path / "run", epochs=2, validation_split=0.2)
    tree = dict(files.read(tmp_path / "run"))
    tree["identity"] = {
        k: v for k, v in tree["identity"].items() if k not in ("y", "seed of validation_split")
    }
    assert len(tree["identity"]) == len(files.read(tmp_path / "run")["identity"]) - 2
    files.write(tmp_path / "run", tree)
    with pytest.raises(ValueError, match="training X is 48 x 4"):
        fit(tmp_path / "run", epochs=5, validation_split=0.2, labels=ONE_LABEL, resume=True)
    assert_equal_models(fit(tmp_path / "run", epochs=5, validation_split=0.2, resume=True), expected)


def test_fewer_epochs_than_it_has_are_refused(tmp_path):
    fit(tmp_path / "run", epochs=3)
    with pytest.raises(ValueError, match="run is in epoch 3, but epochs is 2"):
        fit(tmp_path / "run", epochs=2, resume=True)


def test_what_may_change(tmp_path):
    expected = fit(tmp_path / "run", epochs=5)
    fit(tmp_path / "run", epochs=2)
    show = {"callbacks": lambda state: None, "batch_callbacks": lambda state: None, "progress": "lines"}
    other = tmp_path / "other"
    found = fit(other, epochs=5, resume=tmp_path / "run", checkpoint_every="7 steps", model_seed=1, **show)
    assert_equal_models(found, expected)
    assert other.exists()


def test_the_one_before_is_kept_and_used(tmp_path):
    path = tmp_path / "run"
    expected = fit(path)
    assert names(tmp_path) == ["run", "run.previous"]
    content = path.read_bytes()
    for damaged in (content[:-5], content[:500] + b"?" + content[501:], bytes(900), b""):
        path.write_bytes(damaged)
        with pytest.warns(
            RuntimeWarning, match=r"run is not a checkpoint .*; the fit goes on from the one before"
        ):
            assert_equal_models(fit(path, resume=True), expected)
    path.unlink()
    with pytest.warns(RuntimeWarning, match=r"No such file.*run.*; the fit goes on from the one before"):
        assert_equal_models(fit(path, resume=True), expected)
    for name in names(tmp_path):
        (tmp_path / name).write_bytes(content[:-9])
    with pytest.raises(st.ModelFileError, match=r"run\.previous is not a checkpoint"):
        fit(path, resume=True)


def test_every_damaged_byte_is_found(tmp_path):
    path = tmp_path / "run"
    fit(path, epochs=1)
    (tmp_path / "run.previous").unlink(missing_ok=True)
    content = path.read_bytes()
    for place in range(0, len(content), 37):
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        with pytest.raises(st.ModelFileError, match="run is not a checkpoint"):
            files.read(path)
    for length in range(0, len(content), 101):
        path.write_bytes(content[:length])
        with pytest.raises(st.ModelFileError, match="run is not a checkpoint"):
            files.read(path)


def test_values_keep_all_their_bits(tmp_path):
    tree = {"a": [1, None, "x", True, 0.1, float("nan"), float("-inf")], "b": {"c": np.array([2**62, -1])}}
    tree["d"] = np.array([[0.1, np.inf]], np.float32), np.zeros((0, 3)), -0.0
    files.write(tmp_path / "f", tree)
    found = files.read(tmp_path / "f")
    assert repr(found["a"]) == repr(tree["a"]) and found["b"]["c"].tolist() == [2**62, -1]
    assert found["d"][0].tobytes() == tree["d"][0].tobytes() and found["d"][1].shape == (0, 3)
    assert np.signbit(found["d"][2])


def test_a_model_is_no_checkpoint(tmp_path):
    path = tmp_path / "m"
    st.Sequential(st.Linear(4, 3)).save(path)
    with pytest.raises(st.ModelFileError, match=r"m is not a checkpoint .*: its metadata do not say so"):
        fit(None, resume=path)
    with pytest.raises(ValueError, match="m exists and is not a checkpoint: give another path, or remove it"):
        fit(path)
    fit(tmp_path / "run")
    with pytest.raises(st.ModelFileError, match="run is not a steepest model file"):
        st.load(tmp_path / "run")
    with pytest.raises(ValueError, match="it is not a regular file, and would not be replaced"):
        fit(tmp_path)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"checkpoint": 3}, TypeError, "checkpoint must be a path, not 3"),
        ({"checkpoint": ""}, TypeError, "checkpoint must be a path, not ''"),
        ({"resume": 3}, TypeError, "resume must be a path, not 3"),
        (
            {"checkpoint": None, "resume": True},
            ValueError,
            "resume=True goes on from the checkpoint: give its",
        ),
        ({"checkpoint": None}, ValueError, "checkpoint_every=1 says how often: give the path as checkpoint="),
        ({"resume": "nothing"}, FileNotFoundError, "nothing"),
        ({"checkpoint": "no/run"}, FileNotFoundError, r"there is no folder '.*no' for 'run'"),
        ({"checkpoint_every": 0}, ValueError, "checkpoint_every is 0, but must be at least 1"),
        ({"checkpoint_every": 1.5}, TypeError, r"checkpoint_every must be an integer, not 1\.5"),
        (
            {"checkpoint_every": "often"},
            ValueError,
            "checkpoint_every is 'often', but must be a text such as",
        ),
        ({"checkpoint_every": "0 steps"}, ValueError, "checkpoint_every is '0 steps', but must be"),
        ({"checkpoint_every": "1.5 epochs"}, ValueError, r"checkpoint_every is '1\.5 epochs', but must be"),
    ],
)
def test_arguments_are_checked(tmp_path, monkeypatch, settings, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        fit("run", **settings)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "every", ["1 step", "20 steps", "1 epoch", "0.5 seconds", "2 minutes", "1 hour", "3 s"]
)
def test_how_often_is_a_text(tmp_path, every):
    if every == "3 s":
        with pytest.raises(ValueError, match="is '3 s'"):
            fit(tmp_path / "run", checkpoint_every=every)
    else:
        fit(tmp_path / "run", checkpoint_every=every)
        assert (tmp_path / "run").exists()


def test_a_full_disk_leaves_the_last_one(tmp_path, monkeypatch):
    path = tmp_path / "run"
    epochs, sync = [], os.fsync

    def full(descriptor):
        if len(epochs) >= 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device.*run") as caught:
        fit(path, epochs=5, callbacks=lambda state: epochs.append(state.epoch))
    assert caught.value.filename == str(path) and len(epochs) == 2
    monkeypatch.undo()
    assert len(files.read(path)["history"]["loss"]) == 1 and names(tmp_path)[0] == "run"
    assert not [name for name in names(tmp_path) if name.endswith(".tmp")]
    assert_equal_models(fit(path, resume=True), fit(tmp_path / "whole"))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="run"):
        fit(tmp_path / "run")
    tmp_path.chmod(0o700)


def test_a_folder_that_vanishes(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()

    def vanish(state):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()

    with pytest.raises(FileNotFoundError, match="run"):
        fit(folder / "run", callbacks=vanish)
