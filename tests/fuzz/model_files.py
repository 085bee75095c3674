"""Small valid model files, and how they are edited.

Checksums are removed before: a stranger can write whatever checksums he likes.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import steepest as st
from steepest.tables import Table, choose


def layered() -> st.Sequential:
    """One of most kinds of layers."""
    inside = st.Linear(6, 6), st.LeakyReLU(0.2), st.Residual(st.Scale(6))
    first = st.PiecewiseLinear(3, bins=2), st.Linear(6, 6), st.BatchNorm(6), st.ELU(0.5), st.Dropout(0.25)
    pool = st.FractionalMaxPool2d(4, 4, 1, ratio=1.5)
    middle = st.Residual(*inside, survival_probability=0.5), st.LayerNorm(6), st.Maxout(6, 16, pieces=2)
    return st.Sequential(*first, *middle, pool, st.Linear(4, 2))


def table_model(metadata: dict[str, str] | None = None) -> st.TableModel:
    """As the command line saves one."""
    size = np.linspace(1.0, 5.0, 40)
    kind = np.where(size < 3, "small", "large").astype(object)
    color = np.where(np.arange(40) % 2, "red", "blue").astype(object)
    plan = choose(Table("things", {"size": size, "color": color, "kind": kind}))
    preparation = plan.fit(plan.rows)
    network = st.Sequential(st.Linear(preparation.width, preparation.outputs))
    return st.TableModel(network, preparation, metadata)


def table_ensemble() -> Any:
    """As an estimator saves one."""
    from steepest.sklearn import TabularClassifier

    X = np.array([[i / 7, "abc"[i % 3]] for i in range(60)], dtype=object)
    y = np.where(np.arange(60) % 3 == 0, "yes", "no")
    return TabularClassifier(n_members=1, hidden_layer_sizes=(4,), max_steps=5, random_state=0).fit(X, y)


def saved(model: Any) -> bytes:
    """The file of one."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        return (Path(folder) / "model").read_bytes()


# ---- how files are edited --------------------------------------------------------------------------------


def parts(content: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, description without checksums, and numbers."""
    begin = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:begin])
    described = json.loads(header["__metadata__"]["steepest"])
    described.pop("sha256", None)
    return header, described, content[begin:]


def in_place(content: bytes, place: str) -> tuple[Any, Callable[[str], bytes]]:
    """The JSON at a place, and a function that makes the file that has another text there.

    Places are "header", "description", or a key of the metadata.
    """
    header, described, numbers = parts(content)

    def with_header(text: str) -> bytes:
        encoded = text.encode("utf-8", "surrogatepass")
        return len(encoded).to_bytes(8, "little") + encoded + numbers

    def with_description(text: str) -> bytes:
        own = header | {"__metadata__": header["__metadata__"] | {"steepest": text}}
        return with_header(json.dumps(own))

    def with_metadata(text: str) -> bytes:
        metadata = described["metadata"] | {place: text}
        return with_description(json.dumps(described | {"metadata": metadata}))

    if place == "header":
        header["__metadata__"]["steepest"] = json.dumps(described)
        return header, with_header
    if place == "description":
        return described, with_description
    return json.loads(described["metadata"].get(place, "{}")), with_metadata
