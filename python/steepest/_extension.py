"""The compiled extension, or the reason why it is missing. Nothing else loads it first."""

from __future__ import annotations

import platform
from importlib import import_module
from types import ModuleType
from typing import Any

core: ModuleType | None = None
error: str | None = None

try:
    core = import_module("steepest._core")
except ImportError as missing:
    error = f"the compiled extension did not load: {missing}"


def available_isas() -> tuple[str, ...]:
    """Instruction sets that this machine can run, the best first; none without the extension."""
    return tuple(core.available_isas()) if core else ()


def default_num_threads() -> int:
    """OpenMP's limit, capped by the processors and the CPU quota of this process; 1 without the extension."""
    return int(core.default_threads()) if core else 1


def build_info(isa: str) -> dict[str, Any]:
    """How the extension was built, and what of it runs here, by default with the instruction set `isa`."""
    if core is None:
        return {"native": False, "native_error": error}
    return {
        "native": True,
        "compiler": core.compiler,
        "threading": core.threading,
        "machine": platform.machine(),
        "isa_built": core.built_isas(),
        "isa_available": core.available_isas(),
        "isa_active": isa or core.available_isas()[0],
    }
