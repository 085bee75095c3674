"""Damaged, hostile and changing model files: each is refused with a reason, at no cost in time or memory."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies
from support.strategies import EARLIER_FILE, bounded, numbers_begin
from support.tolerances import assert_equal_models

import steepest as st
from steepest.storage import safetensors as _safetensors


def model():
    return st.Sequential(st.Linear(2, 3), st.LeakyReLU(1e-5), dtype=np.float64, seed=7)


@pytest.fixture
def path(tmp_path):
    model().save(tmp_path / "model", metadata={"é": "1e-05"})
    return tmp_path / "model"


def refusal(path, content):
    path.write_bytes(content)
    with pytest.raises(st.ModelFileError) as caught:
        st.load(path)
    return str(caught.value)


def test_every_flipped_bit_is_found(path):
    content = path.read_bytes()
    tensors = _safetensors.parsed_header(content[8 : numbers_begin(content)]).tensors
    with path.open("r+b", buffering=0) as file:
        for place, bit in product(range(len(content)), range(8)):
            overwrite(file, place, content[place] ^ 1 << bit)
            with pytest.raises(st.ModelFileError) as caught:
                st.load(path)
            if (offset := place - numbers_begin(content)) >= 0:
                (key,) = (k for k, tensor in tensors.items() if tensor.begin <= offset < tensor.end)
                assert f"{key} is damaged: its SHA-256 checksum is " in str(caught.value)
            overwrite(file, place, content[place])
    assert_equal_models(st.load(path), model())


def overwrite(file, place, byte):
    file.seek(place)
    file.write(bytes([byte]))


def test_the_description_is_named(path):
    content = path.read_bytes()
    for old, new in ((b"1e-05}", b"1E-05}"), (b"u00e9", b"u00E9"), (b'seed\\\\": 7', b'seed\\\\": 8')):
        old, new = old.replace(b"\\\\", b"\\"), new.replace(b"\\\\", b"\\")
        assert content.count(old) == 1
        assert "its description is damaged" in refusal(path, content.replace(old, new))


def test_every_shorter_or_longer_file_is_refused(path):
    content = path.read_bytes()
    for length in reversed(range(len(content))):
        os.truncate(path, length)
        with pytest.raises(st.ModelFileError):
            st.load(path)
    for more in (b"\0", b" " * 8, content):
        refusal(path, content + more)


def test_files_of_earlier_releases_load(tmp_path):
    (tmp_path / "model").write_bytes(EARLIER_FILE)
    again, expected = st.load(tmp_path / "model"), st.Sequential(st.Linear(2, 1), dtype=np.float64, seed=1)
    assert repr(again) == repr(expected)
    assert_equal_models(again, expected)


@bounded
@given(strategies.data())
def test_damage_to_a_file_without_checksums_does_no_harm(tmp_path_factory, data):
    path, content = tmp_path_factory.getbasetemp() / "damaged", bytearray(EARLIER_FILE)
    for _ in range(data.draw(strategies.integers(1, 3))):
        place = data.draw(strategies.integers(0, len(content) - 1))
        content[place : place + data.draw(strategies.integers(0, 2))] = data.draw(
            strategies.binary(max_size=3)
        )
    path.write_bytes(content)
    try:
        st.load(path)
    except st.ModelFileError as error:
        assert str(error).startswith(f"{path} is not a steepest model file: ")


@bounded
@given(strategies.binary(max_size=300), strategies.booleans())
def test_garbage_is_refused(tmp_path_factory, garbage, framed):
    path = tmp_path_factory.getbasetemp() / "garbage"
    refusal(path, len(garbage).to_bytes(8, "little") + garbage if framed else garbage)


# Files that change, that cannot be read, or for which there is no memory.


@pytest.mark.parametrize("checksums", [True, False])
def test_a_file_that_changes_while_it_is_read(path, monkeypatch, checksums):
    if not checksums:
        path.write_bytes(EARLIER_FILE)
    content, read = path.read_bytes(), _safetensors.read_tensor

    def reading(change):
        path.write_bytes(content)
        monkeypatch.setattr(_safetensors, "read_tensor", lambda *arguments: (change(), read(*arguments))[1])
        with pytest.raises(st.ModelFileError) as caught:
            st.load(path)
        return str(caught.value)

    # Beyond what the operating system hands out at once the numbers are read later than the header.
    monkeypatch.setattr(_safetensors, "read_header", unbuffered(_safetensors.read_header))
    assert "it became shorter while it was read" in reading(lambda: os.truncate(path, len(content) - 1))
    overwritten = reading(lambda: path.write_bytes(content[:-1] + b"\0"))
    assert ("is damaged" if checksums else "it changed while it was read") in overwritten


def unbuffered(read_header):
    def read(file):
        header = read_header(file)
        file.seek(file.tell() + 2**20)  # forgets what was read ahead
        file.seek(8 + len(header.text))
        return header

    return read


def test_two_models_written_in_place_by_another_thread(tmp_path):
    path, contents, models = tmp_path / "model", [], []
    for seed in (0, 1):
        models.append(st.Sequential(st.Linear(300, 300), seed=seed))
        models[-1].save(path)
        contents.append(path.read_bytes())
    done = threading.Event()

    def rewrite():
        with path.open("r+b", buffering=0) as file:
            while not done.is_set():
                for content in contents:
                    file.seek(0)
                    file.write(content)

    thread = threading.Thread(target=rewrite)
    thread.start()
    try:
        for _ in range(150):
            with suppress(st.ModelFileError):  # a mixture
                again = st.load(path)
                assert_equal_models(again, models[again.seed])
    finally:
        done.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(st.ModelFileError, match="it is not a regular file"):
            st.load(path)
        with pytest.raises(ValueError, match="exists and is not a regular file"):
            model().save(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read anything")
def test_a_file_that_may_not_be_read(path):
    path.chmod(0)
    with pytest.raises(PermissionError, match=path.name):
        st.load(path)


LITTLE_MEMORY = """
import resource, sys
import steepest as st
path = sys.argv[1]
st.load(sys.argv[2])  # everything is imported
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
outcomes, (before, most) = set(), resource.getrlimit(resource.RLIMIT_AS)
for more in range(0, 120, 8):
    resource.setrlimit(resource.RLIMIT_AS, (used + more * 2**20, most))
    for act in (lambda: st.load(path), lambda: st.load(path).save(path)):
        try:
            act()
            outcomes.add("works")
        except (MemoryError, st.ModelFileError) as error:
            outcomes.add(type(error).__name__)
resource.setrlimit(resource.RLIMIT_AS, (before, most))
st.load(path)
print(sorted(outcomes))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's count of pages")
def test_little_memory_is_an_exception(path, tmp_path):
    st.Sequential(st.Linear(4096, 1024)).save(tmp_path / "large")  # 16 MB
    arguments = [sys.executable, "-c", LITTLE_MEMORY, str(tmp_path / "large"), str(path)]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "['MemoryError', 'works']\n", "")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["large", "model"]


def test_checksums_are_those_of_other_tools(path):
    content = path.read_bytes()
    header = _safetensors.parsed_header(content[8 : numbers_begin(content)])
    checksums = json.loads(header.metadata["steepest"])["sha256"]
    for key, tensor in header.tensors.items():
        numbers = content[numbers_begin(content) :][tensor.begin : tensor.end]
        assert checksums.pop(key) == hashlib.sha256(numbers).hexdigest()
    own = checksums.pop("header").encode()
    assert own.decode() == hashlib.sha256(header.text.replace(own, b"0" * 64)).hexdigest() and not checksums
