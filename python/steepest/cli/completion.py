"""Scripts that complete words of the command line in a shell, made by shtab."""

from __future__ import annotations

import argparse
from pathlib import Path

SHELLS = ("bash", "zsh", "tcsh")


def show(parser: argparse.ArgumentParser, shell: str) -> None:
    """Print the script of a shell."""
    try:
        import shtab
    except ImportError:
        raise ImportError(
            "shell completion is made by shtab, which is missing: pip install 'steepest[completion]'"
        ) from None
    _mark_files(parser, shtab.FILE)
    print(shtab.complete(parser, shell))


def _mark_files(parser: argparse.ArgumentParser, files: object) -> None:
    """Let arguments that are paths complete names of files."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                _mark_files(child, files)
        elif action.type is Path:
            action.complete = files  # type: ignore[attr-defined]
