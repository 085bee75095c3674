"""The machine: its peak, its description, and how all libraries are limited to some of its CPUs."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

import steepest as st
from steepest import _core

BYTES_READ = 1 << 28  # far more than a last-level cache holds
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")


def usable_cpus() -> int:
    """How many CPUs this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def limit_threads(threads: int) -> None:
    """Start anew with the limits that most libraries only read when they are loaded; XLA obeys affinity."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    limits = dict.fromkeys(LIMITS, str(threads))
    if any(os.environ.get(name) != limit for name, limit in limits.items()):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], os.environ | limits)


def peak(dtype: str, threads: int, seconds: float) -> float:
    """FLOP/s of multiply-adds that touch no memory, two operations each."""
    isa = st.build_info()["isa_active"]
    return 2 * _best(lambda n: _core.multiply_adds(dtype, 10_000 * n, isa, threads), seconds)


def bandwidth(threads: int, seconds: float) -> float:
    """Bytes a second that are read from memory."""
    isa = st.build_info()["isa_active"]
    return _best(lambda n: _core.read_bandwidth(_beyond_caches(), n, isa, threads), seconds)


def _best(rate: Callable[[int], float], seconds: float) -> float:
    """The greatest of some ten rates: a limit is what the machine does when nothing else runs."""
    best, calls, start = 0.0, 1, time.perf_counter()
    while (now := time.perf_counter()) < start + seconds:
        best = max(best, rate(calls))
        if time.perf_counter() - now < seconds / 8:
            calls *= 2
    return best


@cache
def _beyond_caches() -> Any:
    return np.ones(BYTES_READ // 4, np.float32)  # written, so that every page is memory of its own


def facts() -> dict[str, Any]:
    """Machine and versions."""
    cpuinfo = Path("/proc/cpuinfo")
    models = cpuinfo.read_text().partition("model name\t: ")[2] if cpuinfo.exists() else ""
    packages = {"python": platform.python_version()}
    for name in ("numpy", "torch", "jax", "scikit-learn"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = "not installed"
    return {
        "machine": f"{models.partition(chr(10))[0] or platform.processor()}, {os.cpu_count()} CPUs",
        "steepest": st.build_info(),
        "versions": packages,
    }
