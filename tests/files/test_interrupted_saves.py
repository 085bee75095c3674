"""Saves that fail, are killed or run at the same time: the old file or the new one, and nothing beside it."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
from support.tolerances import assert_equal_models

import steepest as st
from steepest import storage

needs_locks = pytest.mark.skipif(os.name == "nt", reason="Windows has no advisory locks")


def model(seed=0):
    return st.Sequential(st.Linear(6, 3), st.BatchNorm(3), seed=seed)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Names and errors.


@pytest.mark.parametrize("name", ["a" * n for n in (240, 241, 242, 243, 255)] + ["é" * 127, "a" + "é" * 127])
def test_every_name_that_a_file_may_have(tmp_path, name):
    for seed in (0, 1):
        model(seed).save(tmp_path / name)
    assert st.load(tmp_path / name).seed == 1 and names(tmp_path) == [name]


def test_errors_name_the_file(tmp_path):
    for path in (tmp_path / "no" / "model", tmp_path / ("a" * 256)):
        with pytest.raises(OSError) as caught:
            model().save(path)
        assert caught.value.filename == str(path) and ".tmp" not in str(caught.value)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for act in (st.load, model().save):
        with pytest.raises(OSError, match="loop'"):
            act(tmp_path / "loop")


FULL_DISK = """
import resource, sys
import steepest as st
from steepest.cli import main
path = sys.argv[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    st.Sequential(st.Linear(100, 100)).save(path)
except OSError as error:
    print(error)
st.Sequential(st.Linear(2, 2)).save(path + "2")  # there is room for this
sys.exit(main(["train", "--epochs", "1", "--quiet", "--force", "--output", path]))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit for the size of files")
def test_a_full_disk(tmp_path):
    path = tmp_path / "model"
    model().save(path)
    before = path.read_bytes()
    command = [sys.executable, "-W", "ignore", "-c", FULL_DISK, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[0] == f"[Errno 27] File too large: '{path}'"
    assert (done.returncode, done.stderr) == (2, f"steepest: error: {path}: File too large\n")
    assert path.read_bytes() == before and names(tmp_path) == ["model", "model2"]


def test_the_folder_is_synchronised_after_the_rename(tmp_path, monkeypatch):
    kinds = []
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: kinds.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
    )
    model().save(tmp_path / "model")
    assert kinds == ([stat.S_IFREG] if os.name == "nt" else [stat.S_IFREG, stat.S_IFDIR])


# Processes that end, and others that save at the same time.

SAVING = """
import sys
import steepest as st
models = [st.Sequential(st.Linear(500, 500), seed=seed) for seed in (0, 1)]
print("ready", flush=True)
while True:
    for model in models:
        model.save(sys.argv[1])
"""


@contextmanager
def child(code, path):
    command = [sys.executable, "-W", "ignore", "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@needs_locks
def test_a_process_killed_while_it_saves(tmp_path):
    path = tmp_path / "model"
    models = [st.Sequential(st.Linear(500, 500), seed=seed) for seed in (0, 1)]
    models[0].save(path)
    for delay in (0.002, 0.01, 0.03, 0.05):
        with child(SAVING, path) as process:
            threading.Event().wait(delay)
        assert process.returncode == -signal.SIGKILL
        again = st.load(path)
        assert_equal_models(again, models[again.seed])
    models[0].save(path)
    assert names(tmp_path) == ["model"]


WAITING = """
import sys, time
from steepest.storage import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""


@needs_locks
@pytest.mark.parametrize("name", ["model", "m" * 255])
def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path, name):
    path = tmp_path / name
    others = [".model.safetensors.0123abcd.tmp", ".model.0123abcd.tmp.old", ".model.0123abc.tmp", "model.tmp"]
    for other in others:
        (tmp_path / other).write_bytes(b"other")
    (tmp_path / ".model.01234567.tmp").mkdir()
    others.append(".model.01234567.tmp")
    with child(WAITING, path):
        model(1).save(path)  # while the other process lives its file stays
        (left,) = set(names(tmp_path)) - {name, *others}
        assert left.endswith(".tmp") and len(os.fsencode(left)) <= 255
    assert (tmp_path / left).read_bytes() == b"half"
    model(2).save(path)
    assert st.load(path).seed == 2 and names(tmp_path) == sorted([name, *others])


@needs_locks
def test_threads_that_save_to_one_name(tmp_path):
    path, errors = tmp_path / "model", []
    model().save(path)

    def save(seed):
        try:
            for _ in range(20):
                model(seed).save(path)
                assert_equal_models(again := st.load(path), model(again.seed))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and names(tmp_path) == ["model"]


@needs_locks
def test_two_saves_at_once(tmp_path):
    path = tmp_path / "model"
    with storage.replacing(path) as first:
        model(1).save(path)
        first.write(path.read_bytes())
        assert len(names(tmp_path)) == 2
    assert st.load(path).seed == 1 and names(tmp_path) == ["model"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_a_private_file_is_private_while_it_is_written(tmp_path):
    path = tmp_path / "model"
    path.touch(0o600)
    with storage.replacing(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600
