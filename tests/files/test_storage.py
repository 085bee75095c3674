"""Model files: bits survive, other files are refused, and a file is never half-written."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.files import load_with_metadata
from support.tolerances import assert_equal_models, assert_same_bits

import steepest as st


def every_layer(dtype=np.float64):
    layers = st.Sigmoid(), st.Linear(6, 5), st.Tanh(), st.Identity(), st.Linear(5, np.int64(3), bias=False)
    largest = st.LeakyReLU(float(np.finfo(dtype).max))
    slopes = st.LeakyReLU(1 / 3), st.LeakyReLU(2), st.ELU(), st.ELU(5e-324), largest
    others = st.ReLU(), st.LeCunTanh(), st.Softplus(), st.GELU(), st.SELU(), st.Mish()
    model = st.Sequential(*layers, *slopes, *others, dtype=dtype, seed=2**64 - 1)
    limits = np.finfo(dtype)
    edge = [limits.max, limits.smallest_subnormal, -0.0, 1 / 3, -limits.max]
    model.load_state_dict(model.state_dict() | {"1.bias": edge})
    return model


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_round_trips_keep_every_bit(tmp_path, dtype):
    path, model = tmp_path / "model.safetensors", every_layer(dtype)
    model.save(path, metadata={"classes": '["é"]', "": ""})
    again, metadata = load_with_metadata(path)
    assert metadata == {"classes": '["é"]', "": ""} and repr(again) == repr(model)
    assert again.layers == model.layers and again.seed == 2**64 - 1
    assert_equal_models(again, model)
    for key, value in model.state_dict().items():
        assert_same_bits(load_file(path)[key], value, key)  # any safetensors reader finds the same
    content = path.read_bytes()
    st.load(str(path)).save(path, metadata=metadata)
    assert path.read_bytes() == content  # equal models give equal files


def test_a_loaded_model_trains_on(tmp_path, backend):
    X, y = np.random.default_rng(0).standard_normal((50, 4)), np.arange(50) % 3
    model = st.Sequential(st.Linear(4, 3))
    with backend.computing():
        model.fit(X, y, epochs=2, progress=False, seed=5)
        model.save(tmp_path / "model")
        again = st.load(tmp_path / "model")
        assert_same_bits(again(X), model(X))
        for each in (model, again):
            each.fit(X, y, epochs=2, progress=False, seed=5)
    assert_equal_models(again, model)


def test_permissions_and_links_are_those_of_a_plain_write(tmp_path):
    path, link, model = tmp_path / "model", tmp_path / "link", every_layer()
    model.save(path)
    assert path.stat().st_mode & 0o777 == 0o666 & ~os.umask(os.umask(0o22))
    path.chmod(0o640)
    link.symlink_to(path)
    model.save(link)
    assert link.is_symlink() and path.stat().st_mode & 0o777 == 0o640
    assert sorted(file.name for file in tmp_path.iterdir()) == ["link", "model"]


@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, function):
    path = tmp_path / "model"
    every_layer().save(path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(*(os, "fsync", fail) if function == "fsync" else (type(path), "replace", fail))
    with pytest.raises(OSError, match="No space left"):
        every_layer(np.float32).save(path)
    assert path.read_bytes() == before and [file.name for file in tmp_path.iterdir()] == ["model"]


def test_impossible_paths_and_metadata_are_refused(tmp_path):
    model = every_layer()
    with pytest.raises(ValueError, match="exists and is not a regular file"):
        model.save(tmp_path)
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "no" / "such" / "folder")
    for metadata in ({"a": 1}, {1: "a"}):
        with pytest.raises(TypeError, match="metadata maps strings to strings"):
            model.save(tmp_path / "model", metadata=metadata)
    with pytest.raises(FileNotFoundError):
        st.load(tmp_path / "none")
    with pytest.raises(st.ModelFileError, match="it is not a regular file"):
        st.load(tmp_path)
    assert list(tmp_path.iterdir()) == []


def write_description(path, description, weight=None, key="steepest"):
    text = description if isinstance(description, str) else json.dumps(description)
    save_file({"0.weight": np.zeros((6, 3)) if weight is None else weight}, path, metadata={key: text})


def description():
    layers = [{"layer": "Linear", "in_features": 6, "out_features": 3, "bias": False}]
    return {"version": 1, "layers": layers, "dtype": "float64", "seed": 0, "metadata": {}}


LINEAR = {"layer": "Linear", "in_features": 3, "out_features": 2, "bias": True}
POOL = {"layer": "FractionalMaxPool2d", "height": 4, "width": 4, "channels": 1, "ratio": 2.0}


def leaky(slope):
    return {"layer": "LeakyReLU", "negative_slope": slope}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["layers"][0].update(layer="os.system"),
            "unknown layer 'os.system'; known are BatchNorm",
        ),
        (
            lambda d: d["layers"][0].update(in_features=10**12),
            r"has shape \[6, 3\], but its layer needs",
        ),
        (lambda d: d["layers"][0].update(in_features=6.0), "in_features must be an integer"),
        (lambda d: d["layers"][0].update(bias=1), "bias must be True or False"),
        (lambda d: d["layers"].append(leaky(-1.0)), "negative_slope is -1.0, but must be finite"),
        (lambda d: d["layers"].append(leaky(float("nan"))), "NaN is not a number of JSON"),
        (lambda d: d["layers"].append(leaky(10**400)), "negative_slope is an integer of 1329 bits, but"),
        (lambda d: d["layers"].append(leaky("0.1")), r"layer 1 \(LeakyReLU\): negative_slope must be a real"),
        (lambda d: d["layers"].append(leaky(None)), r"layer 1 \(LeakyReLU\): negative_slope must be a real"),
        (
            lambda d: d["layers"].append({"layer": "ELU", "alpha": 0}),
            "alpha is 0, but must be finite",
        ),
        (lambda d: d["layers"].append({"layer": "GELU", "tanh": True}), "GELU takes the fields"),
        (lambda d: d["layers"].append(LINEAR), r"tensors are not those of its layers \(1.bias, 1.weight\)"),
        (lambda d: d["layers"].append(POOL), "but the layer before gives 3 features"),
        (lambda d: d.update(layers=[]), r"tensors are not those of its layers \(0.weight\)"),
        (lambda d: d.update(layers={}), "its layers are not a list"),
        (lambda d: d.update(dtype="float32"), "0.weight has dtype F64, but the description says float32"),
        (lambda d: d.update(dtype="float16"), "dtype is 'float16', but must be one of 'float32', 'float64'"),
        (lambda d: d.update(seed=-1), "seed is -1"),
        (lambda d: d.update(version=2), "its version is 2, but this release reads 1"),
        (lambda d: d.pop("version"), "its version is None, but this release reads 1"),
        (lambda d: d.update(code="import os"), "must have version, layers, dtype, seed and metadata"),
        (lambda d: d.pop("seed"), "must have version, layers, dtype, seed and metadata"),
        (lambda d: d.update(metadata=[]), "its metadata are not an object"),
        (lambda d: d.update(metadata={"a": 1}), "its metadata hold values that are not strings"),
    ],
)
def test_doctored_files_are_refused(tmp_path, change, message):
    doctored = description()
    write_description(tmp_path / "model", doctored)
    st.load(tmp_path / "model")
    change(doctored)
    write_description(tmp_path / "model", doctored)
    with pytest.raises(st.ModelFileError, match=message):
        st.load(tmp_path / "model")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (("{",), "its description is not JSON"),
        (("[" * 100_000,), "its description is not JSON"),
        (("[]",), "its description is not a JSON object"),
        ((description(), None, "onnx"), "its metadata do not say so"),
        ((description(), np.full((6, 3), np.nan)), "0.weight holds NaN or an infinity"),
        ((description(), np.ones((3, 6))), r"0.weight has shape \[3, 6\], but its layer needs \[6, 3\]"),
    ],
)
def test_foreign_files_are_refused(tmp_path, content, message):
    write_description(tmp_path / "file", *content)
    with pytest.raises(st.ModelFileError, match=message):
        st.load(tmp_path / "file")


def test_damaged_files_are_refused(tmp_path):
    path = tmp_path / "file"
    every_layer().save(path)
    content = path.read_bytes()
    others = b"", b"PK\x03\x04" * 9, b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", content + b"\0"
    for damaged in (*others, *(content[:n] for n in (*range(0, len(content), 37), len(content) - 1))):
        path.write_bytes(damaged)
        with pytest.raises(st.ModelFileError, match="file is not a steepest model file"):
            st.load(path)
