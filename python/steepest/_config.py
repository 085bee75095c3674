"""Choose: backend, number of threads, instruction set. `current` is called in every step, so it is cheap.

A choice comes from the innermost `config` that makes it, else (threads only) from `set_num_threads`,
else from the environment, which is read once, when first needed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple, cast

from . import _checks, _extension
from ._version import __version__

__all__ = ["build_info", "config", "get_num_threads", "set_num_threads"]

BackendName = Literal["native", "reference"]
_BACKENDS = ("native", "reference")
_MAX_THREADS = 1024


@dataclass(frozen=True)
class Settings:
    """What holds now; 0 threads and "" leave the choice to the native backend."""

    backend: BackendName
    num_threads: int
    isa: str


class _Choice(NamedTuple):
    """What was asked for at one place; None for nothing."""

    backend: str | None = None
    num_threads: int | None = None
    isa: str | None = None


_choice: ContextVar[_Choice] = ContextVar("steepest_config", default=_Choice())  # noqa: B039  (it is immutable)
_process_threads: int | None = None
_resolved: dict[_Choice, Settings] = {}  # replaced when `_process_threads` changes


def current() -> Settings:
    """The settings that hold here.

    Raises
    ------
    ValueError
        If the environment asks for what does not exist or cannot run.
    """
    choice = _choice.get()
    try:
        return _resolved[choice]
    except KeyError:
        return _resolve(choice)


@contextmanager
def config(
    backend: BackendName | None = None, num_threads: int | None = None, isa: str | None = None
) -> Iterator[None]:
    """Choose backend, threads and instruction set within a ``with`` block; blocks nest.

    Parameters
    ----------
    backend : {"native", "reference"}, optional
        Compiled kernels, or plain NumPy.
    num_threads : int, optional
        Number of threads of the native backend, at least 1. The reference backend ignores it: NumPy has its
        own setting.
    isa : {"sse2", "avx2", "avx512", "neon"}, optional
        Instruction set of the native backend.

    Raises
    ------
    ValueError
        For an unknown name, for a choice that cannot run on this machine, and for an instruction set with the
        reference backend.

    Notes
    -----
    The choice holds in this thread or asyncio task. An argument that is not given keeps the value of the
    enclosing block, of `set_num_threads`, or of the environment variables STEEPEST_BACKEND,
    STEEPEST_NUM_THREADS and STEEPEST_ISA, in this order.

    Examples
    --------
    >>> import steepest as st
    >>> with st.config(num_threads=1):
    ...     st.get_num_threads()
    1
    """
    if backend is not None:
        backend = _checks.one_of(backend, "backend", _BACKENDS)
    if num_threads is not None:
        num_threads = _checks.integer(num_threads, "num_threads", minimum=1, maximum=_MAX_THREADS)
    if isa is not None and not isinstance(isa, str):
        raise TypeError(f"isa must be a name such as 'avx2', not {isa!r:.80}")
    isa = str(isa) if isa else None
    outer = _choice.get()
    # Another backend than the enclosing block's makes that block's instruction set meaningless.
    inherited_isa = None if backend == "reference" else outer.isa
    choice = _Choice(backend or outer.backend, num_threads or outer.num_threads, isa or inherited_isa)
    _resolve(choice)  # raises here and now if it cannot run
    token = _choice.set(choice)
    try:
        yield
    finally:
        _choice.reset(token)


def set_num_threads(num_threads: int | None) -> None:
    """Set the number of threads for the whole process; None returns to the default.

    Parameters
    ----------
    num_threads : int or None
        Number of threads of the native backend, at least 1. `config` takes precedence within its block.

    Examples
    --------
    >>> import steepest as st
    >>> st.set_num_threads(2)
    >>> st.get_num_threads()
    2
    >>> st.set_num_threads(None)
    """
    global _process_threads, _resolved
    if num_threads is not None:
        num_threads = _checks.integer(num_threads, "num_threads", minimum=1, maximum=_MAX_THREADS)
    _process_threads, _resolved = num_threads, {}


def get_num_threads() -> int:
    """Return the number of threads that the next native call may use; 1 without the native backend.

    Examples
    --------
    >>> import steepest as st
    >>> st.get_num_threads() >= 1
    True
    """
    return current().num_threads or _extension.default_num_threads()


def build_info() -> dict[str, Any]:
    """Return the version and how the native backend was built, or why it is missing.

    Examples
    --------
    >>> import steepest as st
    >>> st.build_info()["version"] == st.__version__
    True
    """
    info = {"version": __version__, "backend": current().backend, "num_threads": get_num_threads()}
    return info | _extension.build_info(current().isa)


@cache
def _environment() -> _Choice:
    backend = os.environ.get("STEEPEST_BACKEND") or None
    if backend is not None:
        _checks.one_of(backend, "STEEPEST_BACKEND", _BACKENDS)
    threads = os.environ.get("STEEPEST_NUM_THREADS") or None
    if threads is not None and not (
        threads.isascii() and threads.isdigit() and 1 <= int(threads[:9]) <= _MAX_THREADS
    ):
        raise ValueError(
            f"STEEPEST_NUM_THREADS is {threads!r:.80}, but must be an integer from 1 to {_MAX_THREADS}"
        )
    return _Choice(backend, int(threads) if threads else None, os.environ.get("STEEPEST_ISA") or None)


def _resolve(choice: _Choice) -> Settings:
    known = _resolved  # before the threads are read: if they change now, it is no longer looked at
    environment = _environment()
    backend = choice.backend or environment.backend or ("native" if _extension.core else "reference")
    threads = choice.num_threads or _process_threads or environment.num_threads
    if backend == "native" and _extension.core is None:
        raise ValueError(f"backend is 'native', but it cannot be used here: {_extension.error}")
    # An explicit reference backend silences the environment's instruction set, but never an explicit one.
    isa = choice.isa or (None if choice.backend == "reference" else environment.isa)
    if isa is not None and backend == "reference":
        raise ValueError(f"isa is {isa!r:.80}, but the reference backend has no instruction sets")
    if isa is not None and _extension.core is not None:
        _checks.one_of(isa, "isa", _extension.available_isas())
    settings = known[choice] = Settings(cast(BackendName, backend), threads or 0, isa or "")
    return settings
