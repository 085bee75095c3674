"""The command line: `steepest train`, `predict` and `info`."""

from .parser import main

__all__ = ["main"]
