"""The last checkpoint of an interrupted fit: when there is none, and what happens while it is written."""

from __future__ import annotations

import errno
import os

import pytest
from support.interrupted.ending_fits import ALWAYS, MODES, Died, X, Y, assert_same, ctrl_c, dies, fit, nothing

import steepest as st
from steepest.storage import checkpoint as files


def test_before_the_first_step_nothing_is_written(tmp_path):
    for mode in MODES.values():
        with pytest.raises(Died):
            fit(tmp_path / "run", after=1, end=dies, **mode)
    with pytest.raises(Died):
        fit(tmp_path / "run", callbacks=dies)
    assert list(tmp_path.iterdir()) == []


def test_divergence_writes_nothing(tmp_path):
    grows = {"optimizer": st.SGD(1e5), "loss": "squared_error", "callbacks": nothing}
    model = st.Sequential(st.Linear(5, 1), seed=1)
    with pytest.raises(st.DivergenceError):
        model.fit(X, Y[:, None], checkpoint=tmp_path / "run", **ALWAYS | grows)
    assert list(tmp_path.iterdir()) == []


class Full:
    """A disk, from now on."""

    def __init__(self, monkeypatch, error):
        self.patch, self.error, self.tried = monkeypatch, error, 0

    def __call__(self, state):
        if getattr(state, "epoch", 3) == 3:
            self.patch.setattr(os, "fsync", self.fails)
            ctrl_c()

    def fails(self, descriptor):
        self.tried += 1
        raise self.error


@pytest.mark.parametrize("within", [True, False])
def test_a_full_disk_does_not_hide_ctrl_c(tmp_path, monkeypatch, within):
    path, how = tmp_path / "run", {"checkpoint_every": 2, "callbacks": nothing}
    full = Full(monkeypatch, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    with pytest.raises(KeyboardInterrupt) as caught:
        if within:
            fit(path, after=50, end=full, **how)
        else:
            fit(path, **how | {"callbacks": full})
    monkeypatch.undo()
    told = [*getattr(caught.value, "__notes__", []), str(caught.value.__context__)]
    assert full.tried == 1 and any("No space left on device" in text for text in told)
    assert len(files.read(path)["history"]["loss"]) == 2
    assert not list(tmp_path.glob("*.tmp"))
    assert_same(fit(path, resume=True, **how), fit(tmp_path / "whole", **how))


def test_a_full_disk_is_the_error_of_a_cancelled_fit(tmp_path, monkeypatch):
    def fails(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space left on device"):
        fit(tmp_path / "run", callbacks=lambda state: state.trainer.cancel())
    assert list(tmp_path.iterdir()) == []


def test_a_second_ctrl_c_leaves_the_file_before(tmp_path, monkeypatch):
    """It falls into the last write, which is not tried again."""
    path, how = tmp_path / "run", {"checkpoint_every": 2, "callbacks": nothing}
    full = Full(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=50, end=full, **how)
    monkeypatch.undo()
    assert full.tried == 1 and len(files.read(path)["history"]["loss"]) == 2
    assert not list(tmp_path.glob("*.tmp"))
    assert_same(fit(path, resume=True, **how), fit(tmp_path / "whole", **how))


def test_an_earlier_run_is_not_lost(tmp_path):
    """Whoever forgets to resume, and presses Ctrl-C or not, can go on with it all the same."""
    path, kept = tmp_path / "run", tmp_path / "run.earlier"
    expected = fit(tmp_path / "whole")
    fit(path, epochs=4)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        fit(path, after=80, end=ctrl_c)
    assert kept.read_bytes() == before != path.read_bytes()
    fit(path, epochs=6, checkpoint_every=1, resume=True)  # goes on, and keeps what it replaces beside it
    assert kept.read_bytes() == before
    assert_same(fit(path, resume=kept, checkpoint_every=1), expected)
    kept.write_text("mine")
    with pytest.raises(ValueError, match=r"run\.earlier exists and is not a checkpoint"):
        fit(path)
