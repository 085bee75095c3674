"""Damaged and hostile model files, made of valid ones by a few kinds of change.

Each function yields pairs of a name and the bytes of a file that must be refused.
"""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

import steepest as st

from .model_files import in_place, layered, parts, saved, table_ensemble, table_model

Case = tuple[str, bytes]


def damaged(content: bytes) -> Iterator[Case]:
    """Shorter, longer, with a bit flipped, with another length, or with numbers that no model has."""
    begin = 8 + int.from_bytes(content[:8], "little")
    places = {0, 1, 7, 8, 9, begin - 1, begin, begin + 1, len(content) - 1, len(content) // 2}
    for place in sorted(places):
        yield f"cut at {place}", content[:place]
    for place in [0, 3, 7, *np.random.default_rng(0).integers(8, len(content), 20).tolist()]:
        yield f"byte {place}", content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :]
    for length in (0, 1, begin - 9, begin - 7, len(content), 10**8, 2**31, 2**63, 2**64 - 1):
        yield f"length {length}", length.to_bytes(8, "little") + content[8:]
    yield "a byte more", content + b"\0"
    header, _, numbers = parts(content)
    whole, made = in_place(content, "header")
    plain = made(json.dumps(whole))
    start = len(plain) - len(numbers)
    for key, tensor in header.items():
        wrong = {"running_var": -1.0, "knots": 1e30}.get(key.rpartition(".")[2], np.inf)
        if key != "__metadata__":
            at = start + tensor["data_offsets"][0]
            for value in (np.nan, wrong):
                yield f"{key} holds {value}", plain[:at] + np.float32(value).tobytes() + plain[at + 4 :]


WRONG: tuple[Any, ...] = (None, {}, [[]], float("nan"), "\x1b[2J")
LARGE = (0, -1, 2**40, 2**64, 10**4000)
TEXTS = {
    "nothing": "", "null": "null", "list": "[]", "half": "{", "NaN": "NaN", "string": '"a"', "NUL": "\0",
    "digits": "9" * 10_000, "two": "{}{}", "twice": '{"a": 1, "a": 2}', "surrogate": '{"\\ud800": 1}',
    "nested lists": "[" * 100_000, "nested objects": '{"a":' * 50_000,
}  # fmt: skip
LARGE_TEXTS = {
    "long": '"' + "x" * 10**6 + '"', "long key": f'{{"{"k" * 10**6}": 1}}',
    "closed lists": "[" * 10**5 + "]" * 10**5,
    "commas": "[" + "1," * 10**6 + "1]", "empty lists": "[" + "[]," * 300_000 + "[]]",
    "names": json.dumps(dict.fromkeys(range(100_000))), "quotes": "[" + '"",' * 10**6 + '""]',
    "escapes": '"' + '\\"' * 10**6, "backslashes": "\\" * 10**6,
}  # fmt: skip


def texts(content: bytes, place: str) -> Iterator[Case]:
    """Other texts in the place of JSON: none, of another kind, or large and deep."""
    _, made = in_place(content, place)
    for name, text in (TEXTS | (LARGE_TEXTS if place in ("header", "table") else {})).items():
        yield f"{place} is {name}", made(text)


def mutations(content: bytes, place: str) -> Iterator[Case]:
    """Each value of JSON replaced; each name left out, there twice, or beside one more."""
    whole, made = in_place(content, place)
    for way, value in walk(whole):
        name = f"{place} {'/'.join(map(str, way))}"
        for wrong in wrong_for(value, place, way):
            yield f"{name} is {wrong!s:.12}", made(changed(whole, way, wrong))
        if isinstance(value, dict):
            for key in value:
                less = {other: one for other, one in value.items() if other != key}
                yield f"{name} without {key}", made(changed(whole, way, less))
                twice = changed(whole, way, value | {"TWICE": 0}).replace('"TWICE"', json.dumps(key))
                yield f"{name} with {key} twice", made(twice)
            yield f"{name} with more", made(changed(whole, way, value | {"__class__": 1}))


def walk(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """All values of JSON, with the way to each."""
    yield way, value
    if isinstance(value, dict | list):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(one, (*way, key))


def changed(whole: Any, way: tuple[Any, ...], value: Any) -> str:
    """JSON with another value at the end of a way."""
    own = [copy.deepcopy(whole)]
    part: Any = own
    *before, last = 0, *way
    for key in before:
        part = part[key]
    part[last] = value
    return json.dumps(own[0])


def wrong_for(value: Any, place: str, way: tuple[Any, ...]) -> Iterator[Any]:
    """What cannot stand in the place of a value."""
    named = isinstance(value, str) and way[-1] not in ("layer", "kind", "task", "dtype")
    yield from (wrong for wrong in WRONG if wrong != value and not (named and isinstance(wrong, str)))
    sized = place == "header" or "layers" in way
    if isinstance(value, bool):
        yield int(value)
    elif isinstance(value, int):
        yield from (float(value), str(value), *(wrong for wrong in LARGE if sized and wrong != value))
    elif isinstance(value, float):
        yield from (str(value), [value], *((-1.0, 10**400) if sized else ()))


def layer(kind: str, **fields: Any) -> dict[str, Any]:
    """The description of one."""
    return {"layer": kind, **fields}


def nested(depth: int, inner: list[Any]) -> str:
    """Residuals inside of each other, written without recursion."""
    before = '{"layer": "Residual", "survival_probability": 1.0, "layers": ['
    return before * depth + json.dumps(inner)[1:-1] + "]}" * depth


def hostile(content: bytes) -> Iterator[Case]:
    """Layers that are none, many or deep, or say they are large: little to write, much to do."""
    described, made = in_place(content, "description")
    own = described["layers"]

    def model(name: str, layers: Any) -> Case:
        text = layers if isinstance(layers, str) else json.dumps(layers)
        return name, made(json.dumps(described | {"layers": "HERE"}).replace('"HERE"', text))

    kinds = (
        "__class__",
        "os.system",
        "Layer",
        "MatrixLayer",
        "Activation",
        "object",
        "linear",
        "Linear\0",
        "",
        1,
        ["Linear"],
    )
    for kind in (*kinds, "x" * 10**6, "\ud800", "\x1b[2J"):
        yield model(f"a layer is {kind!a:.20}", [layer(kind), *own])  # type: ignore[arg-type]
    rules = (
        {"initializer": "os.system"},
        {"initializer": "Initializer"},
        {"initializer": "Normal", "std": -1},
        [],
        1,
    )
    for rule in (*rules, {"initializer": "LeCunNormal"}, {"initializer": []}):
        linear = layer("Linear", in_features=2, out_features=2, bias=True, bias_initializer=rule)
        yield model(f"an initializer is {rule}", [*own[:-1], linear])
    relu, linear = layer("ReLU"), layer("Linear", in_features=2, out_features=2, bias=False)
    for depth in (33, 60, 150, 20_000):
        for inner in ([relu], [linear], [relu] * 900):
            yield model(f"{len(inner)} {inner[0]['layer']} at depth {depth}", f"[{nested(depth, inner)}]")
    ramps = layer("PiecewiseLinear", features=2**20, bins=2000, keep_features=True)
    image = layer("FractionalMaxPool2d", height=65535, width=65535, channels=65535, ratio=65535.0)
    for count in (1, 30, 1000):
        for one in (relu, linear, ramps, image):
            yield model(f"{count} {one['layer']}", [one] * count)
            yield model(f"{count} {one['layer']} before others", [one] * count + own)
            yield model(f"{count} models of {one['layer']}", [[one, linear]] * count)
    for count in (1500, 10_000):
        yield model(f"{count} layers", [*own, *[relu] * count])
        yield model(f"{5 * count} models", [[linear]] * 5 * count)
        yield model(f"{count} layers inside", f"[{nested(32, [relu] * count)}]")
    yield model("a layer with many fields", [layer("ReLU", **{str(i): i for i in range(20_000)})])
    wide = layer("Residual", survival_probability=1.0, layers=[linear, *[relu] * 900, layer("Dropout", p=2)])
    yield model("a message of many layers", [*own, wide])
    for size in (2**32, 2**40, 2**62, 2**63 - 1):
        yield model(f"a weight of {size} squared", [linear | {"in_features": size, "out_features": size}])


def tensors(content: bytes) -> Iterator[Case]:
    """What the header says of tensors."""
    header, made = in_place(content, "header")
    first, second = [key for key in header if key != "__metadata__"][:2]
    own = header[first]
    names = "", "../../etc/passwd", f"{first}\0", "\x1b[2J\x1b[31m", "\ud800", "0" * 10_000, f"0/{first}"
    for name in names:
        renamed = {name if key == first else key: value for key, value in header.items()}
        yield f"a tensor is named {name!a:.20}", made(json.dumps(renamed))
    wrong = {
        "dtype": ("F16", "F64", "I32", "f32", "", "object", "F32\0", "\x1b[2J", "F" * 10**6),
        "shape": ([], [0], [1, *own["shape"]], [2**32, 2**32], [2**63, 2], [10**30], [True], [99] * 20_000),
        "data_offsets": ([0], [0, 1, 2], [4, 0], [0, 2**63], [2**64, 2**65], header[second]["data_offsets"]),
    }  # fmt: skip
    for field, values in wrong.items():
        for value in values:
            yield f"{field} is {value!a:.20}", made(json.dumps(header | {first: own | {field: value}}))
    swapped = header | {first: header[second], second: own}
    yield "two tensors are swapped", made(json.dumps(swapped))
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    for count in (1, 5_000, 50_000):
        yield f"{count} tensors more", made(json.dumps(header | {f"m{i}": empty for i in range(count)}))
    yield "metadata that is no string", made(json.dumps(header | {"__metadata__": {"a": 1}}))
    for metadata in ([], None, "steepest", {}, {"steepest": ""}, {"other": "a"}):
        yield f"metadata are {metadata}", made(json.dumps(header | {"__metadata__": metadata}))


LOSSES = (
    '{"loss": "os.system"}', '{"loss": "Huber", "delta": NaN}', '{"loss": "Huber", "delta": -1}',
    '{"loss": []}',
    '{"loss": "Huber", "delta": 1e400}', '{"loss": "Huber", "loss": "Huber"}', '{"loss": "\\u001b[2J"}',
    '{"loss": "SquaredError", "more": 1}', '{"loss": "CustomLoss"}',
    '{"loss": "SoftmaxCrossEntropy", "class_weight": [1.0, 1.0]}',
    '{"loss": "SoftmaxCrossEntropy", "class_weight": "balanced"}',
    '{"loss": "SoftmaxCrossEntropy", "label_smoothing": 2}',
)  # fmt: skip


def senseless(content: bytes, place: str) -> Iterator[Case]:
    """Descriptions of tables whose values are of the right types, but do not go together."""
    numbers = {"mean": [0, 0], "scale": [1, 1], "lowest": [5, 5], "highest": [0, 0], "one": False}
    changes: dict[str, Any] = {
        "version": 9, "columns": [], "answers": numbers, "targets": ["size"], "loss": "os.system",
        "labels": ["a", "a"],
    }  # fmt: skip
    whole, made = in_place(content, place)
    for key, value in changes.items():
        if key in whole:
            yield f"{place} has {key} {value}", made(json.dumps(whole | {key: value}))
    column, other = whole["columns"]
    for change in (
        {"name": other["name"]},
        {"scale": -1},
        {"scale": 10**400},
        {"distinct": 0},
        {"kind": "x"},
    ):
        if change.keys() <= column.keys():
            yield f"{place}: {change!s:.30}", made(json.dumps(whole | {"columns": [column | change, other]}))
    if place == "table":
        twice = {"task": "multilabel", "targets": ["a", "a"], "labels": None}
        yield "targets repeat", made(json.dumps(whole | twice))
    else:
        for value in (0, -1, 5e-324, 1e400, True):
            answers = whole["answers"] | {"temperature": value}
            yield f"temperature {value}", made(json.dumps(whole | {"answers": answers}))


def of_others() -> Iterator[Case]:
    """Files of other programs."""
    archive, array = io.BytesIO(), io.BytesIO()
    np.savez(archive, a=np.zeros(3))
    np.save(array, np.zeros(3))
    yield "npz", archive.getvalue()
    yield "npy", array.getvalue()
    yield "pickle", pickle.dumps({"model": [1.0] * 100})
    yield "pickle that runs code", b"cos\nsystem\n(S'exit 1'\ntR."
    yield "CSV", b"a,b,c\n1,2,3\n" * 20
    yield "JSON", json.dumps({"layers": []}).encode()
    yield "page", b"<!DOCTYPE html><html><body>404 Not Found</body></html>"
    yield "pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
    for name, start in {
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "PNG": b"\x89PNG\r\n\x1a\n",
        "gzip": b"\x1f\x8b",
    }.items():
        yield name, start + bytes(100)
    for byte in (0, 32, 255):
        yield f"bytes {byte}", bytes([byte]) * 4096
    yield "random bytes", np.random.default_rng(0).bytes(4096)


def cases() -> Iterator[Case]:
    """All; names say of what."""
    files = {
        "layered": saved(layered()),
        "table": saved(table_model()),
        "table_ensemble": saved(table_ensemble()),
    }
    for content in files.values():
        yield from damaged(content)
    for place in ("header", "description", "steepest.loss", "table"):
        yield from texts(files["table"], place)
    yield from mutations(files["table"], "header")
    several = saved(st.Ensemble([st.Sequential(st.Linear(2, 2), seed=seed) for seed in (0, 1)]))
    for content in (files["layered"], several):
        yield from mutations(content, "description")
    for place in ("table", "table_ensemble"):
        yield from mutations(files[place], place)
        yield from senseless(files[place], place)
    yield from hostile(files["layered"])
    yield from tensors(files["table"])
    _, with_loss = in_place(files["layered"], "steepest.loss")
    yield from ((f"the loss is {text}", with_loss(text)) for text in LOSSES)
    yield from of_others()
