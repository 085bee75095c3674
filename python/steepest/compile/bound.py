"""`BoundLayer`: a layer of a model together with its arrays."""

from __future__ import annotations

from typing import Any

from .._checks import Array
from ..layers import Layer
from .compiled import Compiled


class BoundLayer:
    """A layer of a model, as ``model[0]`` gives it: its description's attributes, and its arrays by name.

    Arrays such as `weight` and `bias` are read-only views, which show what a fit has learned since. A bias
    that the layer does not have is None.
    """

    def __init__(self, compiled: Compiled, number: int) -> None:
        self.layer: Layer = compiled.layers[number]
        self._compiled, self._prefix = compiled, f"{number}."

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        for key, array in self._compiled.state():
            if key == self._prefix + name:
                return _read_only(array)
        if name == "bias" and hasattr(self.layer, "initializer"):
            return None
        return getattr(self.layer, name)

    def __repr__(self) -> str:
        return repr(self.layer)


def _read_only(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view
