"""A trained model to its file, with the preparation of its table and the report on it."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from .errors import UserError
from .output import STANDARD
from .run import Trained

REPORT = "report"  # its key in the file


def save(trained: Trained, document: dict[str, Any], path: Path) -> None:
    """Write the model; to standard output, if the path is that."""
    training = {key: value for key, value in document["training"].items() if key != "seconds"}
    document = {**document, "training": training}  # equal runs give equal files
    metadata = {REPORT: json.dumps(document, ensure_ascii=False, allow_nan=False)}
    model = trained.saved(metadata)
    try:
        if path != STANDARD:
            model.save(path)
            return
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.safetensors"
            model.save(file)
            sys.stdout.buffer.write(file.read_bytes())
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
