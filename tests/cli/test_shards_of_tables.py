"""What decides whether processes train together, and which rows they hold out."""

from __future__ import annotations

import sys
from argparse import Namespace

import numpy as np
import pytest
from support.commands import GOOD, Run, assert_refused, flowers, write
from support.ranks.threads import on_threads

from steepest.cli import splits
from steepest.tables import Peers
from steepest.training.ranks import launched
from steepest.training.ranks import ranks as ranks_module
from steepest.training.ranks.ranks import bounds_of


@pytest.mark.parametrize(
    ("environment", "processes"),
    [
        ({}, 1),
        ({"PMI_SIZE": "4", "PMI_RANK": "0"}, 4),
        ({"OMPI_COMM_WORLD_SIZE": "2"}, 2),
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, 1),  # the shell of a batch script
        ({"SLURM_NTASKS": "8", "SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "8"}, 8),
        ({"PMI_SIZE": ""}, 1),
    ],
)
def test_launchers_are_known(environment: dict[str, str], processes: int) -> None:
    assert launched(environment) == processes


def test_without_mpi_several_processes_do_not_train_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("t.csv", GOOD)
    monkeypatch.setenv("PMI_SIZE", "4")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    assert_refused(run, ["train", "t.csv"], "pip install 'steepest[mpi]', or give --no-ranks")


def test_one_process_is_none_of_several(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("t.csv", GOOD)
    monkeypatch.setenv("PMI_SIZE", "4")
    one = Namespace(COMM_WORLD=Namespace(Get_size=lambda: 1))
    monkeypatch.setitem(sys.modules, "mpi4py", Namespace(MPI=one))
    assert_refused(run, ["train", "t.csv"], "4 processes were started, but MPI knows of one")
    code, _, _ = run("train", "t.csv", "--no-ranks", "--epochs", 1, "--quiet")
    assert code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cv", 3], "--cv trains in one process"),
        (["--model", "tabular"], "--model tabular trains in one process"),
        (["--shards", 3], "--shards is 3, but must be a power of 2"),
        (["--shards", 64], "t.csv has 60 rows, but each of 64 shards needs one"),
        (["--batch-size", 3], "60 rows in batches of 3 are 20 batches, but each of 4 shards has 15 rows"),
    ],
)
def test_what_shards_cannot_do_is_refused(run: Run, options: list[object], message: str) -> None:
    write("t.csv", flowers())
    assert_refused(run, ["train", "t.csv", "--shards", 4, *options], message)


def test_each_shard_holds_out_a_row(run: Run) -> None:
    write("t.csv", flowers())
    code, _, err = run("train", "t.csv", "--shards", 16)
    assert code == 2 and "12 of 60 rows are held out, and 48 stay, but each of 16 shards needs one" in err


def test_one_process_trains_shards_without_mpi(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    write("t.csv", flowers(90))
    code, out, _ = run("train", "t.csv", "--shards", 4, "--quiet", "--epochs", 50)
    assert code == 0 and "test accuracy 1.0000 (18 of 18)" in out


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("rows", [24, 101])
def test_rows_are_held_out_of_each_shard(rows: int, ranks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "_end_all_on_errors", lambda: None)
    classes = np.array([0, 1, 1, 2])[np.arange(rows) % 4]
    classes[rows // 2] = 3  # alone

    def held(peers: Peers) -> np.ndarray:
        bounds = bounds_of(rows, peers.shards)
        own = np.arange(bounds[peers.own.start], bounds[peers.own.stop])
        return own[splits.held_out(classes[own], np.arange(len(own)), 0.25, peers)[1]]

    out = np.concatenate([np.asarray(one) for one in on_threads(ranks, 4, held)])
    np.testing.assert_array_equal(out, np.concatenate(on_threads(1, 4, held)))
    assert len(out) == round(rows / 4) and len(set(out)) == len(out)
    assert rows // 2 not in out and {0, 1, 3}.isdisjoint(out)  # the first rows of all classes
    left = np.diff(bounds_of(rows, 4)) - np.histogram(out, bounds_of(rows, 4))[0]
    np.testing.assert_array_equal(left, np.diff(bounds_of(rows - len(out), 4)))  # shards of what stays
    shares = np.bincount(classes[out], minlength=4) / len(out)
    np.testing.assert_allclose(shares, [0.25, 0.5, 0.25, 0], atol=0.17)


def test_more_rows_than_firsts_of_classes_can_be_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each row is one, some of them are."""
    (out,) = on_threads(1, 4, lambda p: splits.held_out(np.arange(16), np.arange(16), 0.5, p)[1])
    assert len(out) == 8
