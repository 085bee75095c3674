"""Where output goes: files that are checked before any work, and a stdout that may be closed at any time."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from .errors import UserError

STANDARD = Path("-")  # standard input or output


def check_output(path: Path, force: bool, *inputs: Path | None) -> None:
    """Refuse, before any work, a path that cannot be written, and one that would destroy a file."""
    if path == STANDARD:
        return
    folder = path.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{path}: the folder {folder} does not exist")
    if path.exists() and not path.is_file():
        raise UserError(f"{path}: exists and is not a file")
    for source in inputs:
        if source is not None and source.exists() and path.exists() and path.samefile(source):
            raise UserError(f"{path}: is the input too; choose another name")
    if path.exists() and not force:
        raise UserError(f"{path}: exists already; --force replaces it")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{path}: the folder {folder} cannot be written: {error.strerror}") from None


class Lines:
    """Lines of a report: a reader that stops early, as in ``steepest train ... | head``, ends no training."""

    def __init__(self, stream: Callable[[], TextIO]) -> None:
        self._stream = stream
        self._closed = False

    def __call__(self, text: str = "") -> None:
        """Write a line, at once, so that a log can be followed."""
        self._attempt(lambda stream: print(text, file=stream, flush=True))

    def beside_bar(self, text: str) -> None:
        """Write a line, above a progress bar if there is one."""
        from tqdm import tqdm

        self._attempt(lambda stream: tqdm.write(text, file=stream))

    def _attempt(self, write: Callable[[TextIO], object]) -> None:
        if self._closed:
            return
        try:
            write(self._stream())
        except BrokenPipeError:
            self._closed = True
            abandon_stdout()


def to_stdout() -> TextIO:
    """The process's stdout of this moment."""
    return sys.stdout


def to_stderr() -> TextIO:
    """The process's stderr of this moment."""
    return sys.stderr


def silent() -> TextIO:
    """A stream that keeps nothing."""
    return io.StringIO()


def warn(text: str) -> None:
    """A line on stderr that is no error."""
    _say(f"steepest: warning: {text}")


def note(text: str) -> None:
    """A line on stderr that says what was decided."""
    _say(f"steepest: note: {text}")


def interrupted(interruption: KeyboardInterrupt) -> None:
    """A line on stderr about Ctrl-C."""
    _say(": ".join(["steepest: interrupted", *map(str, interruption.args)]))


def _say(line: str) -> None:
    """Write it, if somebody reads: a closed stderr ends no training."""
    with contextlib.suppress(BrokenPipeError):
        print(line.replace("\n", " "), file=sys.stderr, flush=True)


def abandon_stdout() -> None:
    """Let what stdout still holds go nowhere, if it cannot be written, rather than fail again at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
