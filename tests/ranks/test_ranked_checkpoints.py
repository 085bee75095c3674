"""Fits of several processes that are killed, and go on in another number of them."""

from __future__ import annotations

import os
import signal
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.processes import run
from support.ranks import launch, needs_mpi, started

pytestmark = needs_mpi

RUN = """
path, own, other, model = sys.argv[1], *(st.distributed.rows(n, shards=4) for n in (1003, 301)), made()
kept = {} if path == "-" else {"checkpoint": path, "checkpoint_every": "7 steps", "resume": True}
history = st.distributed.fit(model, X[own], y[own], shards=4, epochs=40, batch_size=100, progress=False,
    optimizer=st.Adam(1e-3), validation_data=(X[other], y[other]),
    callbacks=[st.ReduceOnPlateau(monitor="loss", patience=2)], **kept)
told(digest(model, history.loss), history.epochs)
"""


@cache
def unbroken():
    done = launch(1, RUN, "-")
    assert done[0] == 0, done[1]
    return done


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_fit_goes_on_with_another_number_of_ranks(tmp_path, seed):
    rng, path = np.random.default_rng(seed), tmp_path / "run.ckpt"
    for ranks in rng.permutation([1, 2, 4])[:2]:
        process = started(int(ranks), RUN, str(path))
        deadline = time.monotonic() + 60
        while not path.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.3))
        if (victims := children(process.pid)) and process.poll() is None:
            os.kill(int(rng.choice(victims)), signal.SIGKILL)
        process.communicate(timeout=60)
    status, output = launch(int(rng.choice([1, 2, 4])), RUN, str(path))
    assert (status, output) == unbroken(), output


def children(pid):
    """All that descend from a process, but for those that launch the others."""
    found, level = [], [pid]
    while level:
        level = [int(one) for parent in level for one in _children(parent)]
        found += [one for one in level if "python" in _command(one)]
    return found


def _children(pid):
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().partition("\0")[0]
    except OSError:
        return ""


def test_an_interrupted_rank_that_waits_for_others_loses_nothing(tmp_path):
    """It waits for a callback of rank 0, which learns of the interruption with the next step."""
    interrupt = """
pids = comm.allgather(os.getpid())

def interrupt(state):
    if state.step == 123 and not os.path.exists(path):
        os.kill(pids[1], signal.SIGINT)
        time.sleep(0.5)
"""
    code = interrupt + RUN.replace('"7 steps"', '"1 hour"').replace(
        "**kept", "batch_callbacks=interrupt, **kept"
    )
    path = tmp_path / "run.ckpt"
    status, output = launch(2, code, str(path))
    assert status != 0 and "rank 1 failed: KeyboardInterrupt" in output and path.exists(), output
    assert launch(2, code, str(path)) == unbroken()


def test_a_checkpoint_of_other_samples_is_refused(tmp_path):
    path = str(tmp_path / "run.ckpt")
    assert launch(2, RUN, path) == unbroken()
    status, output = launch(2, RUN.replace("path, own", "X[700] += 1; path, own"), path)
    assert status != 0 and "training X of shard 2 is" in output, output
    status, output = launch(2, RUN.replace("shards=4", "shards=2"), path)
    assert status != 0 and "of another run: there, shards is 4, but here it is 2" in output, output


def test_what_others_follow_from_is_named(tmp_path):
    """Not the weights of classes in another shard, or samples that are held out in place of others."""
    path, others = str(tmp_path / "run.ckpt"), "validation_data=(X[other], y[other])"
    code = RUN.replace(others, "class_weight='balanced'")
    assert launch(2, code, path)[0] == 0
    status, output = launch(2, code.replace("path, own", "y[700] = 1 - min(y[700], 1); path, own"), path)
    assert status != 0 and "there, training y of shard 2 is" in output, output
    path = str(tmp_path / "split.ckpt")
    code = RUN.replace(others, "validation_split=0.2")
    assert launch(2, code, path)[0] == 0
    status, output = launch(2, code.replace("history =", "model.seed += 1; history ="), path)
    assert status != 0 and "there, seed of validation_split is" in output, output


def test_an_ordinary_fit_does_not_go_on_from_it(tmp_path):
    path = str(tmp_path / "run.ckpt")
    assert launch(1, RUN, path) == unbroken()
    code = f"""
    try:
        trainer.fit(X, y, resume={path!r}, progress=False)
    except ValueError as error:
        print("checkpoint of another run" in str(error))
    """
    assert run(code) == (0, "True\n")


def test_a_folder_that_is_not_there_ends_all():
    status, output = launch(2, RUN, "/no/such/folder/run.ckpt")
    assert status != 0 and "rank 0 failed: FileNotFoundError" in output, output
