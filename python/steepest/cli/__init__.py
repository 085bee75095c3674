"""The command line: `steepest train`, `predict`, `evaluate` and `info`."""

from .parser import main

__all__ = ["main"]
