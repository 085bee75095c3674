"""Files: read if they are ordinary ones, so that nothing waits, and replaced whole or not at all."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: temporary files are not locked, so none is known to be left over
    fcntl = None  # type: ignore[assignment]

_LONGEST_NAME = 255  # bytes, on every common file system


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """An ordinary file, open to be read.

    Raises
    ------
    ValueError
        For a folder, a pipe or a device: opening a pipe would wait for a writer.
    OSError
        If it cannot be read, naming `path`.
    """
    source = Path(path)
    with _naming(source, source):
        if not stat.S_ISREG(source.stat().st_mode):
            raise ValueError("it is not a regular file")
        with open(source, "rb", opener=_open_at_once) as file:
            yield file


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """A new binary file that takes the place of `path` when the block ends, and vanishes if it fails.

    It lies in the same folder, as only a rename within one file system is atomic, and has the permissions
    that `open` would give: those of the file replaced, or the umask's. What killed processes left behind of
    earlier attempts is removed.

    Raises
    ------
    ValueError
        If `path` exists and is something else than a file.
    OSError
        If it cannot be written, naming `path`.
    """
    target = Path(os.path.realpath(path))  # through links: replace what they point to
    with _naming(path, target):
        old = _status(target)
        if old is not None and not stat.S_ISREG(old.st_mode):
            raise ValueError(f"{target} exists and is not a regular file")
        _remove_left_over(target)
        temporary, file = _create(target, private=old is not None)
        lock = None
        try:
            with file:
                lock = os.dup(file.fileno()) if fcntl else None  # keeps the lock until the file has its name
                yield file
                file.flush()
                os.fsync(file.fileno())
            if old is not None:
                temporary.chmod(stat.S_IMODE(old.st_mode))
            temporary.replace(target)
            _sync_folder(target.parent)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        finally:
            if lock is not None:
                os.close(lock)


@contextmanager
def _naming(path: str | os.PathLike[str], target: Path) -> Iterator[None]:
    """Let errors name `path`, neither nothing nor a temporary file for `target`."""
    try:
        yield
    except OSError as error:
        name = error.filename
        if error.errno is None or not (name is None or Path(str(name)).name.startswith(_stem(target))):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


def _open_at_once(name: str, flags: int) -> int:
    """Open without waiting, even if the file has become a pipe since it was looked at."""
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _stem(target: Path) -> str:
    """What the names of temporary files for `target` begin with."""
    name = target.name
    if len(os.fsencode(name)) + len("..01234567.tmp") > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}."


def _create(target: Path, *, private: bool) -> tuple[Path, IO[bytes]]:
    """A new file beside `target`, locked as long as it is open: so others see that it is in use."""

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, 0o600 if private else 0o666)

    while True:
        temporary = target.with_name(f"{_stem(target)}{os.urandom(4).hex()}.tmp")
        file = open(temporary, "xb", opener=opener)  # noqa: SIM115
        if fcntl is None:
            return temporary, file
        with suppress(OSError):  # a file system without locks: there nothing is taken for left over either
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return temporary, file
        file.close()  # between its creation and its lock somebody took it for left over


def _remove_left_over(target: Path) -> None:
    """Remove the temporary files for `target` whose writers have died: nobody holds their locks."""
    if fcntl is None:
        return
    pattern = re.compile(re.escape(_stem(target)) + "[0-9a-f]{8}[.]tmp")
    with suppress(OSError):
        for name in os.listdir(target.parent):  # noqa: PTH208
            if pattern.fullmatch(name):
                with suppress(OSError):
                    _remove_unlocked(target.with_name(name))


def _remove_unlocked(temporary: Path) -> None:
    if not stat.S_ISREG(temporary.lstat().st_mode):
        return
    descriptor = os.open(temporary, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an OSError if it is in use
        temporary.unlink()
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    """Let the new name survive a power cut, where folders can be synchronized."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
