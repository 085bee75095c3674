"""`mpiexec -n 4 steepest train`: one model, one report, one error, whoever has which rows."""

from __future__ import annotations

import csv
import re
import signal
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.ranks import command, needs_mpi, started_command

import steepest as st

pytestmark = needs_mpi

KINDS = ("red\nish", "green, dark", "blue")
TRAIN = ("train", "t.csv", "--epochs", "8", "--batch-size", "64", "--quiet", "--output", "m.safetensors")


@cache
def rows() -> list[list[object]]:
    """Numbers with gaps, quoted newlines, and rows without a target, most of them in one part."""
    random, found = np.random.default_rng(0), []
    for i in range(600):
        a, b, kind = random.normal(5, 2), random.integers(0, 4), random.choice(KINDS)
        y = "high\nest" if a + b + (kind == "blue") > 7 else "low"
        found.append([f"{a:.3f}", b if i % 9 else "", kind, f"t{i}", "" if 100 < i < 160 and i % 2 else y])
    return found


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(rows())


def write(table: list[list[object]]) -> None:
    with Path("t.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "kind", "name", "y"], *table])


def trained(ranks: int, *options: str) -> tuple[str, bytes]:
    """What was printed, as lines of two streams that may change places, and the model.

    Without times, and without how many processes there were, which is said twice.
    """
    status, output = command(ranks, *TRAIN, *options)
    assert status == 0, output
    model = Path("m.safetensors").read_bytes()
    Path("m.safetensors").unlink()
    output, said = re.subn(
        rf"; {ranks} processes$|^.*{ranks} processes exchange .*\n", "", output, flags=re.M
    )
    assert said == (2 if ranks > 1 else 0)
    return "\n".join(sorted(re.sub(r", in .*", "", output).splitlines())), model


def test_ranks_change_no_byte() -> None:
    one = trained(1, "--shards", "4")
    assert "t.csv: 570 rows, 3 features (2 numbers, 1 category); classification of 'y', 2" in one[0]
    assert one[0].count("saved m.safetensors") == 1
    for ranks in (2, 4):
        output, model = trained(ranks, "--shards", "4")
        assert output == one[0]
        assert model == one[1]


def test_it_learns_as_well_as_one_process() -> None:
    scores = []
    for ranks in (1, 3):
        output, _ = trained(ranks, "--epochs", "60")
        scores.append(float(re.search(r"test accuracy ([\d.]+)", output)[1]))  # type: ignore[index]
    assert min(scores) > 0.9, scores


def test_an_error_of_one_rank_is_told_once_and_ends_all() -> None:
    write([["inf" if i == 589 else row[0], *row[1:]] for i, row in enumerate(rows())])
    message = "steepest: error: t.csv, row 590, column 'a': inf is infinite"
    assert command(4, *TRAIN) == (2, message)
    path = Path("t.csv")
    path.write_text(path.read_text().replace("inf", "1,2"))
    (line,) = (i for i, text in enumerate(path.read_text().splitlines(), 1) if text.startswith("1,2,"))
    message = f"steepest: error: t.csv: line {line} has 6 columns, but line 1 has 5"
    assert command(4, *TRAIN) == (2, message)
    assert not Path("m.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cv", "3"), "--cv trains in one process: leave out mpiexec and --shards, or --cv"),
        (("--shards", "3"), "--shards is 3, but must be a power of 2"),
    ],
)
def test_what_ranks_cannot_do_is_refused_once(options: tuple[str, ...], message: str) -> None:
    assert command(2, *TRAIN, *options) == (2, f"steepest: error: {message}")


def test_it_goes_on_from_a_checkpoint_with_another_number_of_ranks() -> None:
    settings = ("--shards", "4", "--no-early-stopping")
    _, whole = trained(1, *settings)
    saves = (*settings, "--checkpoint", "run.ckpt", "--checkpoint-every", "1")
    trained(2, *saves, "--epochs", "3")
    _, resumed = trained(4, *saves, "--resume")
    Path("a.safetensors").write_bytes(whole)
    Path("b.safetensors").write_bytes(resumed)
    a, b = st.load("a.safetensors"), st.load("b.safetensors")
    assert isinstance(a, st.TableModel) and isinstance(b, st.TableModel)
    assert a.preparation == b.preparation
    for one, two in zip(a.model.state_dict().values(), b.model.state_dict().values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_ctrl_c_ends_all_and_says_how_to_go_on() -> None:
    saves = ("--checkpoint", "run.ckpt", "--checkpoint-every", "1", "--no-early-stopping", "--force")
    process = started_command(2, *TRAIN, *saves, "--epochs", "1000000")
    while not Path("run.ckpt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)  # which the launcher passes on
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0 and "Traceback" not in output, output
    if "Sending Ctrl-C" not in output:
        pytest.skip("this launcher ends all itself")
    assert output.count("steepest: interrupted: --resume goes on from run.ckpt") == 1, output
    assert not Path("m.safetensors").exists()


def test_each_can_train_by_itself() -> None:
    status, output = command(2, "train", "--no-ranks", "--epochs", "1", "--quiet", "--output", "-", "--json")
    assert status == 2 and output.count("both need the standard output") == 2, output
