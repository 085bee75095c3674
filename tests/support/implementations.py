"""The one list of what can compute - backend x instruction set x threads - and the proof of which one did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pytest

import steepest as st
from steepest.backends import native, native_error

from .tolerances import assert_same_bits

if native is not None:
    from steepest import _core

# Where a sanitizer watches, and each test takes long, fewer are asked for.
THREADS = tuple(int(n) for n in os.environ.get("TEST_THREADS", "1 2 3 7").split())
ISAS: tuple[str, ...] = native.available_isas() if native is not None else ()
# Those that round alike: SSE2 has no fused multiply-add and is a class of its own.
FUSED = tuple(isa for isa in ISAS if isa != "sse2")

needs_native = pytest.mark.skipif(native is None, reason=f"without the native backend: {native_error}")


@dataclass(frozen=True)
class Implementation:
    """One way to compute."""

    backend: str
    isa: str = ""
    threads: int = 0

    def __str__(self) -> str:
        return f"{self.isa}-{self.threads}" if self.isa else self.backend

    @contextmanager
    def computing(self, *, all_threads: bool = False) -> Iterator[None]:
        """Compute so within the block; prove at its end that the last call did, with all threads or fewer."""
        before = _forget(self.isa)
        with st.config(self.backend, self.threads or None, self.isa or None), taking_all_threads():
            yield
        if native is None:
            return
        isa, threads = _core.last_run()
        if self.isa:
            assert isa == self.isa, f"{self} was asked for, but {isa} computed"
            low = self.threads if all_threads else 1
            assert low <= threads <= self.threads, f"{self} was asked for, but {threads} threads computed"
        else:
            assert (isa, threads) == before, f"the reference was asked for, but {isa} computed"


@contextmanager
def taking_all_threads() -> Iterator[None]:
    """Take all threads for the smallest work within the block: tests are small, and would be left to one."""
    if native is None:
        yield
        return
    _core.use_all_threads(True)
    try:
        yield
    finally:
        _core.use_all_threads(False)


def _forget(isa: str) -> tuple[str, int]:
    """Make another instruction set than `isa` the last that ran in this thread, where there is another."""
    if native is None:
        return "", 0
    other = next((name for name in reversed(ISAS) if name != isa), isa)
    _core.function("exp", np.zeros(1), other)
    return _core.last_run()


REFERENCE = Implementation("reference")
NATIVE = [Implementation("native", isa, threads) for isa in ISAS for threads in THREADS]
IMPLEMENTATIONS = [REFERENCE, *NATIVE]
# One of each backend, for tests of what does not depend on the kernels: the best instruction set, 2 threads.
BACKENDS = [REFERENCE, *NATIVE[1:2]]


def on_each_isa(function, *arguments, **options):
    """The results of one call on each instruction set, and first those of the reference."""
    results = {}
    for implementation in [REFERENCE, *(Implementation("native", isa, 1) for isa in ISAS)]:
        with implementation.computing():
            results[implementation.isa] = function(*arguments, **options)
    for isa in FUSED[1:]:
        assert_same_bits(results[isa], results[FUSED[0]], f"{isa} and {FUSED[0]}")
    return results
