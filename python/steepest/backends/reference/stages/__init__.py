"""The specification of the stages: each file of this folder has the formulas of a kind, or of two.

A new kind is a new file here with a class derived from `StageType`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from .base import StageType

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def _derived(base: type[Any]) -> Iterator[type[Any]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _derived(kind)


# By `Stage.kind`.
STAGES: Mapping[str, StageType] = {kind.kind: kind() for kind in _derived(StageType)}
