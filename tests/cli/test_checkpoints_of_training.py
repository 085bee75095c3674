"""`steepest train --checkpoint --resume`: the model of a training that nothing has interrupted."""

from __future__ import annotations

import json
import random
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from support.commands import Run, assert_refused, flowers, process, write
from support.tolerances import assert_same_bits

import steepest as st

TRAIN = ("train", "t.csv", "--epochs", "300", "--no-early-stopping", "--quiet", "--checkpoint", "run.ckpt")


@pytest.fixture(autouse=True)
def table(run: Run) -> None:
    write("t.csv", flowers(600))


TABULAR = ("train", "t.csv", "--model", "tabular", "--hidden", "16,16", "--quiet", "--checkpoint", "run.ckpt")


def assert_same_models(first: str, second: str) -> None:
    state, other = (st.load(path).model.state_dict() for path in (first, second))
    for key, value in state.items():
        assert_same_bits(value, other[key])


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_a_killed_training_goes_on(run: Run) -> None:
    command = [*TRAIN, "--checkpoint-every", "1", "--resume", "--output", "m"]
    with process(*command, folder=Path()) as started:
        while not Path("run.ckpt").exists():
            time.sleep(0.01)
        started.send_signal(signal.SIGKILL)
    assert started.returncode == -signal.SIGKILL and not Path("m").exists()
    code, out, _ = run(*command, "--json")
    assert code == 0 and json.loads(out)["training"]["epochs"] == 300
    assert run(*TRAIN, "--checkpoint", "other", "--output", "unbroken")[0] == 0
    assert_same_models("m", "unbroken")
    assert run(*command)[0] == 0  # it has ended, and its model is there
    assert_same_models("m", "unbroken")
    Path("run.ckpt").unlink()
    assert_refused(run, command, "m: exists already; --force replaces it")  # whoever's it is


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_a_killed_training_of_tables_goes_on(run: Run) -> None:
    """At random moments, with one thread or two."""
    pytest.importorskip("sklearn.base")
    command, chance = [*TABULAR, "--checkpoint-every", "1", "--resume", "--output", "m"], random.Random(3)
    for threads in ("1", "2", "1"):
        before = Path("run.ckpt").read_bytes() if Path("run.ckpt").exists() else b""
        with process(*command, "--threads", threads, folder=Path()) as started:
            while not Path("run.ckpt").exists() or Path("run.ckpt").read_bytes() == before:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.2))
            started.send_signal(signal.SIGKILL)
        assert started.returncode == -signal.SIGKILL and not Path("m").exists()
    assert run(*command)[0] == 0
    assert run(*TABULAR, "--checkpoint", "other", "--output", "unbroken")[0] == 0
    first, second = st.load("m"), st.load("unbroken")
    assert first.answers == second.answers and first.encodings == second.encodings
    for member, other in zip(first.members, second.members, strict=True):
        for key, value in member.state_dict().items():
            assert_same_bits(value, other.state_dict()[key])
    report, other = (json.loads(one.metadata["report"]) for one in (first, second))
    assert report | {"model": ""} == other | {"model": ""}
    assert run(*command)[0] == 0  # it has ended, and its model is there
    code, _, err = run(*command, "--hidden", "8", "--force")
    assert code == 2 and "there, hidden_layer_sizes is (16, 16), but here it is (8,)" in err
    assert "t.csv" not in err
    assert run(*TRAIN, "--epochs", "1", "--output", "network", "--checkpoint", "network.ckpt")[0] == 0
    code, _, err = run(*command, "--checkpoint", "network.ckpt", "--force")
    assert code == 2 and "network.ckpt is a checkpoint of a model's fit, from which" in err


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
def test_ctrl_c_keeps_what_was_learned(run: Run) -> None:
    """By a file that is written only then."""
    command = [*TRAIN, "--epochs", "3000", "--checkpoint-every", "1 hour", "--resume", "--output", "m"]
    ended = 0
    while not Path("run.ckpt").exists():
        with process(*command, folder=Path()) as started:
            time.sleep(0.5 + ended / 5)  # until it learns, however busy the machine is
            started.send_signal(signal.SIGINT)
            _, err = started.communicate()
        ended += 1
        assert started.returncode in (130, -signal.SIGINT, 1)
    assert started.returncode == 130 and not Path("m").exists()
    assert err.endswith("steepest: interrupted: --resume goes on from run.ckpt\n")
    assert run(*command)[0] == 0
    assert run(*TRAIN, "--epochs", "3000", "--checkpoint", "other", "--output", "unbroken")[0] == 0
    assert_same_models("m", "unbroken")


def test_folds_have_no_checkpoint(run: Run) -> None:
    assert run(*TRAIN, "--cv", "3", "--output", "m", "--json")[0] == 0
    before = Path("run.ckpt").read_bytes()
    code, out, _ = run(*TRAIN, "--cv", "3", "--resume", "--output", "again", "--json")
    assert code == 0 and len(json.loads(out)["folds"]) == 3
    assert_same_models("m", "again")
    assert len(before) == Path("run.ckpt").stat().st_size
    often = [*TRAIN, "--cv", "2", "--checkpoint-every", "100", "--output", "often"]
    for more in ([], ["--resume"]):
        assert run(*often, *more, "--force")[0] == 0
        assert_same_models("m", "often")


def test_folds_of_tables_have_no_checkpoint(run: Run) -> None:
    pytest.importorskip("sklearn.base")
    command = [*TABULAR, "--cv", "2", "--hidden", "4", "--checkpoint-every", "9", "--output", "m", "--json"]
    code, out, _ = run(*command)
    assert code == 0 and len(json.loads(out)["folds"]) == 2 and Path("run.ckpt").exists()


@pytest.mark.parametrize("damage", [b"", b"steepes", bytes(900)], ids=["empty", "short", "zeros"])
def test_a_training_goes_on_from_the_checkpoint_before_a_damaged_one(run: Run, damage: bytes) -> None:
    command = [*TRAIN, "--epochs", "3", "--checkpoint-every", "1"]
    assert run(*command, "--output", "unbroken")[0] == 0
    Path("run.ckpt").write_bytes(damage)
    code, _, err = run(*command, "--resume", "--output", "m")
    assert code == 0 and "the fit goes on from the one before" in err and "run.ckpt.previous" in err
    assert_same_models("m", "unbroken")
    Path("run.ckpt").write_bytes(damage)
    Path("run.ckpt.previous").write_bytes(bytes(900))
    which = "run.ckpt" if damage else "run.ckpt.previous"
    assert_refused(run, [*command, "--resume", "--output", "n"], f"{which} exists and is not a checkpoint")


def test_what_is_refused(run: Run) -> None:
    train = ["train", "t.csv"]
    assert_refused(run, [*train, "--resume"], "--resume goes on from the file of --checkpoint: give both")
    shutil.copy("t.csv", "mine.csv")
    assert_refused(run, [*train, "--checkpoint", "mine.csv"], "mine.csv exists and is not a checkpoint")
    for beside in ("c.previous", "c.earlier"):
        shutil.copy("t.csv", beside)
        assert_refused(run, [*train, "--checkpoint", "c"], f"{beside} exists and is not a checkpoint")
        Path(beside).unlink()
    assert_refused(
        run, [*train, "--checkpoint", "m", "--output", "m"], "--checkpoint and --output are the same"
    )
    assert_refused(run, [*train, "--checkpoint", "no/c"], "there is no folder 'no'")
    assert_refused(
        run, [*train, "--checkpoint", "c", "--checkpoint-every", "often"], "must be a text such as"
    )
    tabular = [*train, "--model", "tabular"]
    for command in ([*train], tabular, [*train, "--cv", "2"], [*tabular, "--cv", "2"]):
        often = "--checkpoint-every says how often the file of --checkpoint is written: give both"
        assert_refused(run, [*command, "--checkpoint-every", "2"], often)
    assert_refused(run, [*tabular, "--resume"], "--resume goes on from the file of --checkpoint: give both")
    assert_refused(run, [*tabular, "--checkpoint", "mine.csv"], "mine.csv exists and is not a checkpoint")
    assert run(*TRAIN, "--output", "m")[0] == 0
    code, _, err = run(*TRAIN, "--resume", "--batch-size", 7, "--output", "n")
    assert (
        code == 2 and err.endswith("there, batch_size is 32, but here it is 7\n") and not Path("n").exists()
    )
