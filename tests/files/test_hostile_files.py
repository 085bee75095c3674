"""Model files written to do harm: each is refused with a reason, before it costs time or memory."""

from __future__ import annotations

import json

import pytest
from support.strategies import EARLIER_FILE, numbers_begin

import steepest as st


def hostile(change, length=None):
    """The earlier release's file with another header."""
    begin = numbers_begin(EARLIER_FILE)
    header = json.loads(EARLIER_FILE[8:begin])
    text = change(header)
    text = (json.dumps(header) if text is None else text).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + EARLIER_FILE[begin:]


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
    (tmp_path / "file").write_bytes(described(change))
    with pytest.raises(st.ModelFileError, match="is not a steepest model file"):
        st.load(tmp_path / "file")


def test_more_than_the_longest_header_is_refused_unread(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.write((2**40).to_bytes(8, "little"))
        file.truncate(2**40 + 8)  # takes no room on the disk
    with pytest.raises(st.ModelFileError, match="1099511627776 bytes, but may have at most 8388608"):
        st.load(tmp_path / "file")
