"""Damaged, hostile and changing model files: each is refused with a reason, at no cost in time or memory."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies
from samples import bounded
from tolerances import assert_equal_models

import steepest as st
from steepest import _safetensors

# What the release before checksums wrote for Sequential(Linear(2, 1), dtype=float64, seed=1).
EARLIER = (
    b'@\x01\0\0\0\0\0\0{"__metadata__":{"steepest":"{\\"version\\": 1, \\"layers\\": [{\\"layer\\": '
    b'\\"Linear\\", \\"in_features\\": 2, \\"out_features\\": 1, \\"bias\\": true}], \\"dtype\\": '
    b'\\"float64\\", \\"seed\\": 1, \\"metadata\\": {}}"},'
    b'"0.bias":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},'
    b'"0.weight":{"dtype":"F64","shape":[2,1],"data_offsets":[8,24]}}'
    b"\0\0\0\0\0\0\0\0V\xd3\n\x92YG\xcf?\xf5F\x13\x17R\x97\xe2?"
)


def model():
    return st.Sequential(st.Linear(2, 3), st.LeakyReLU(1e-5), dtype=np.float64, seed=7)


@pytest.fixture
def path(tmp_path):
    model().save(tmp_path / "model", metadata={"é": "1e-05"})
    return tmp_path / "model"


def numbers_begin(content):
    return 8 + int.from_bytes(content[:8], "little")


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
    (tmp_path / "model").write_bytes(EARLIER)
    again, expected = st.load(tmp_path / "model"), st.Sequential(st.Linear(2, 1), dtype=np.float64, seed=1)
    assert repr(again) == repr(expected)
    assert_equal_models(again, expected)


@bounded
@given(strategies.data())
def test_damage_to_a_file_without_checksums_does_no_harm(tmp_path_factory, data):
    path, content = tmp_path_factory.getbasetemp() / "damaged", bytearray(EARLIER)
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


# Headers that were written to do harm.


def hostile(change, length=None):
    """The earlier release's file with another header."""
    begin = numbers_begin(EARLIER)
    header = json.loads(EARLIER[8:begin])
    text = change(header)
    text = (json.dumps(header) if text is None else text).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + EARLIER[begin:]


def weight(**fields):
    return lambda header: header["0.weight"].update(fields)


SHAPE, OFFSETS, TYPES = r"has shape \[", "has the data_offsets", "have the wrong type"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (hostile(lambda h: None, 2**63), "its header should have 9223372036854775808 bytes, but only"),
        (hostile(lambda h: None, 2**64 - 1), "its header should have 18446744073709551615 bytes, but only"),
        (hostile(lambda h: None, 0), "its header is not JSON"),
        (hostile(lambda h: "[" * 1_000_000), "its header is not JSON"),
        (hostile(lambda h: '{"a":' * 100_000), "its header is not JSON"),
        (hostile(lambda h: "9" * 10_000), "its header is not"),
        (hostile(lambda h: "[]"), "its header is not a JSON object"),
        (hostile(lambda h: '{"a": 1, "a": 2}'), "an object has a key twice"),
        (hostile(lambda h: "{}"), "24 bytes|0 bytes of numbers should follow its header, not 24"),
        (hostile(lambda h: h.update(__metadata__=[])), "does not map strings to strings"),
        (hostile(lambda h: h["__metadata__"].update(steepest=1)), "does not map strings to strings"),
        (hostile(lambda h: h["__metadata__"].clear()), "its metadata do not say so"),
        (hostile(lambda h: h.update({"0.weight": 5})), "is not described by dtype, shape and data_offsets"),
        (hostile(weight(more=1)), "is not described by dtype, shape and data_offsets"),
        (hostile(weight(shape=[2, True])), TYPES),
        (hostile(weight(shape=[2.0, 1])), TYPES),
        (hostile(weight(shape=[-2, -1])), TYPES),
        (hostile(weight(shape="21")), TYPES),
        (hostile(weight(dtype=64)), TYPES),
        (hostile(weight(shape=[2**63, 2**63])), SHAPE),
        (hostile(weight(shape=[10**4000, 1])), SHAPE),
        (hostile(weight(shape=[99] * 100_000)), SHAPE),
        (hostile(weight(shape=[])), SHAPE),
        (hostile(weight(dtype="F32")), "0.weight has dtype F32, but the description says float64"),
        (hostile(weight(dtype="BF16")), "0.weight has dtype BF16, but the description says float64"),
        (hostile(weight(data_offsets=[8.0, 24])), TYPES),
        (hostile(weight(data_offsets=[8])), OFFSETS),
        (hostile(weight(data_offsets=[24, 8])), OFFSETS),
        (hostile(weight(data_offsets=[0, 24])), "begins at byte"),
        (hostile(weight(data_offsets=[16, 24])), "begins at byte 16 of the numbers, not at 8"),
        (hostile(weight(data_offsets=[8, 2**63])), "9223372036854775808 bytes of numbers should follow"),
        (hostile(weight(data_offsets=[8, 16])), "16 bytes of numbers should follow its header, not 24"),
        (hostile(lambda h: (weight(data_offsets=[16, 24])(h), h["0.bias"].update(data_offsets=[0, 16]))[2:]
                 or None), "bytes, but shape .* of float64 needs"),
    ],
)  # fmt: skip
def test_hostile_headers_are_refused(tmp_path, content, message):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(st.ModelFileError, match=message):
        st.load(tmp_path / "file")


def described(change):
    """The earlier release's file with another description."""

    def edit(header):
        fields = json.loads(header["__metadata__"]["steepest"])
        text = change(fields)
        header["__metadata__"]["steepest"] = json.dumps(fields) if text is None else text

    return hostile(edit)


def nested(depth):
    layer = '{"layer": "ReLU"}'
    for _ in range(depth):
        layer = '{"layer": "Residual", "survival_probability": 1.0, "layers": [' + layer + "]}"
    return lambda fields: json.dumps(fields).replace("[", f"[{layer}, ", 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(version=True),
        lambda d: d.update(version=1.0),
        lambda d: d.update(seed=True),
        lambda d: d.update(sha256=None),
        lambda d: d.update(sha256={}),
        lambda d: d.update(sha256={"header": "0" * 64, "0.bias": "0" * 64, "0.weight": "0" * 63 + "A"}),
        lambda d: d.update(sha256={"header": "0" * 64, "0.bias": "0" * 64, "0.weight": 0}),
        lambda d: d.update(sha256={"header": "0" * 64, "0.bias": "0" * 64, "0.weight": "0" * 64}),
        lambda d: json.dumps(d).replace('"seed"', '"seed": 1, "seed"'),
        lambda d: d["layers"][0].update(in_features=2**63),
        lambda d: d["layers"][0].update(in_features=10**4000),
        nested(300),
        nested(20_000),
    ],
)
def test_hostile_descriptions_are_refused(tmp_path, change):
    refusal(tmp_path / "file", described(change))


def test_more_than_the_longest_header_is_refused_unread(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write((2**40).to_bytes(8, "little"))
        file.truncate(2**40 + 8)  # takes no room on the disk
    with pytest.raises(st.ModelFileError, match="1099511627776 bytes, but may have at most 100000000"):
        st.load(tmp_path / "file")


# Files that change, that cannot be read, or for which there is no memory.


@pytest.mark.parametrize("checksums", [True, False])
def test_a_file_that_changes_while_it_is_read(path, monkeypatch, checksums):
    if not checksums:
        path.write_bytes(EARLIER)
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
    refused = 0
    try:
        for _ in range(150):
            try:
                again = st.load(path)
            except st.ModelFileError:
                refused += 1
            else:
                assert_equal_models(again, models[again.seed])
    finally:
        done.set()
        thread.join()
    assert refused


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull)):
        with pytest.raises(st.ModelFileError, match="it is no ordinary file"):
            st.load(path)
        with pytest.raises(ValueError, match="exists and is no ordinary file"):
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
