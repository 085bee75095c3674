"""A graph of ONNX while it is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._checks import Array

# Element types, as `onnx.TensorProto` numbers them.
FLOAT, INTEGER, STRING, BOOLEAN, DOUBLE = 1, 7, 8, 9, 11
_ROWS = "rows"  # the name of the first size of all


class Graph:
    """Nodes and constants, each with a name of its own.

    Parameters
    ----------
    name : str
        Of the input, (rows, columns) of float32.
    columns : int
    """

    def __init__(self, name: str, columns: int) -> None:
        from onnx import helper

        self._helper = helper
        self._input = helper.make_tensor_value_info(name, FLOAT, [_ROWS, columns])
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[Any] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """The name of what a node makes."""
        name = f"{kind}_{len(self._nodes)}"
        self._nodes.append(self._helper.make_node(kind, inputs, [name], **attributes))
        return name

    def constant(self, values: Array | np.generic) -> str:
        """The name of an array, or of a number."""
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def cast(self, x: str, to: int) -> str:
        """The same in another type."""
        return self.node("Cast", x, to=to)

    def output(self, x: str, name: str, kind: int, shape: Sequence[int]) -> None:
        """Give something out under a name."""
        self._nodes.append(self._helper.make_node("Identity", [x], [name]))
        self._outputs.append(self._helper.make_tensor_value_info(name, kind, [_ROWS, *shape]))

    def model(self, opset: int, ir_version: int, release: str) -> Any:
        """All of it, as an `onnx.ModelProto`."""
        made = self._helper.make_graph(self._nodes, "steepest", [self._input], self._outputs, self._constants)
        return self._helper.make_model(
            made,
            opset_imports=[self._helper.make_opsetid("", opset)],
            ir_version=ir_version,
            producer_name="steepest",
            producer_version=release,
        )
