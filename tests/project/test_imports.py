"""Imports point down, in Python and in C++, and nothing imports in a circle."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.imports import circles, include_graph, python_graph, upward

ROOT = Path(__file__).parents[2]

# Lowest first: each may import what stands below it, and others of its own layer.
DESCRIPTIONS = ["averaging", "constraints", "initializers", "losses", "metrics", "optimizers", "penalties"]
LAYERS = [
    ["_version", "_advice", "_checks", "_core", "_extension", "_html"],
    ["_config", "_description"],
    [*DESCRIPTIONS, "schedules", "datasets", "polynomial"],
    ["compile.stage"],
    ["layers"],
    ["backends"],
    ["compile"],
    ["storage", "functional"],
    ["training"],
    ["model"],
    ["ensemble"],
    ["c99", "gradients", "onnx", "plots", "tables", "torch"],
    ["error_decomposition", "sklearn", "playground"],
    ["loading"],
    ["cli"],
    ["__main__"],
]
PYTHON = [[f"steepest.{name}" for name in layer] for layer in LAYERS] + [["steepest"]]
OPERATIONS = ["operations.hpp", "operations.cpp"]  # kernels as functions on arrays
CPP = [["base"], ["kernels"], ["network"], ["training"], OPERATIONS, ["bindings"], ["tests"]]


def test_no_module_imports_itself_by_way_of_others():
    assert not circles(python_graph(ROOT / "python"))


def test_imports_point_down():
    graph = python_graph(ROOT / "python")
    assert len(graph) > 100 and "steepest.training.loop" in graph["steepest.training.fit"]
    assert not upward(graph, PYTHON, ".")


def test_no_header_includes_itself_by_way_of_others():
    assert not circles(include_graph(ROOT / "cpp"))


def test_includes_point_down():
    graph = include_graph(ROOT / "cpp")
    assert len(graph) > 50 and "base/random.hpp" in graph["training/order.hpp"]
    assert not upward(graph, CPP, "/")


# A way to import steepest.model, which stands above, from training/history.py.
PLANTED = [
    "from ..model import Sequential",
    "from .. import model",
    "import steepest.model",
    "from steepest import model as name",
    "def late():\n    from ..model import Sequential",
    "if TYPE_CHECKING:\n    from ..model import Sequential",
    "late = import_module('steepest.model')",
    "class Some:\n    def late(self):\n        import importlib; importlib.import_module('steepest.model')",
]


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_circle_is_found(tmp_path, planted):
    package = tmp_path / "steepest"
    (package / "training").mkdir(parents=True)
    for name, text in {
        "__init__.py": "from .model import Sequential\n",
        "model.py": "from .training.trainer import Trainer\n",
        "training/__init__.py": "",
        "training/trainer.py": "from . import history\n",
        "training/history.py": "import math\n",
    }.items():
        (package / name).write_text(text)
    graph = python_graph(tmp_path)
    assert not circles(graph) and not upward(graph, PYTHON, ".")
    (package / "training/history.py").write_text(f"{planted}\n")
    graph = python_graph(tmp_path)
    assert circles(graph) == [{"steepest.model", "steepest.training.trainer", "steepest.training.history"}]
    assert upward(graph, PYTHON, ".") == ["steepest.training.history -> steepest.model"]


def test_a_planted_include_is_found(tmp_path):
    for name, text in {
        "base/types.hpp": "#pragma once\n",
        "kernels/table.hpp": '#include "base/types.hpp"\n#include <vector>\n',
        "kernels/isa.cpp": '#include "table.hpp"\n',
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = include_graph(tmp_path)
    assert graph["kernels/isa.cpp"] == {"kernels/table.hpp"}
    assert not circles(graph) and not upward(graph, CPP, "/")
    (tmp_path / "base/types.hpp").write_text('#pragma once\n#  include "kernels/table.hpp"\n')
    graph = include_graph(tmp_path)
    assert circles(graph) == [{"base/types.hpp", "kernels/table.hpp"}]
    assert upward(graph, CPP, "/") == ["base/types.hpp -> kernels/table.hpp"]


def test_a_module_without_a_layer_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no layer is given for odd"):
        upward({"odd": {"base"}, "base": set()}, CPP, "/")
