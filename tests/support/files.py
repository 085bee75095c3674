"""Model files, and what stands in them beside the model."""

from __future__ import annotations

from os import PathLike

from steepest import Sequential, storage
from steepest.model import restored_with_metadata


def load_with_metadata(path: str | PathLike[str]) -> tuple[Sequential, dict[str, str]]:
    """A model, and the strings saved beside it."""
    description, state = storage.read(path)
    with storage.refusing(path):
        return restored_with_metadata(description, state)
