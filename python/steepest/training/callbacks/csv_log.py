"""`CSVLog`: a table of all epochs, written while a fit runs."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ... import _checks
from ..._description import Description, Rule
from ...metrics import Metric
from .model_checkpoint import path_of
from .states import EpochCallback, EpochState, RunningTrainer

__all__ = ["CSVLog"]


@dataclass
class CSVLog(Description, EpochCallback):
    """Write a line of losses and metrics to a CSV file after each epoch.

    The columns are "epoch", which counts from 0 over all fits of a `Trainer`, "loss", "validation_loss" and
    the metrics, as far as the fit has them, and "seconds". Numbers have all their digits.

    Parameters
    ----------
    path : path
        The file. Each line is complete as soon as its epoch is done.
    append : bool, default False
        Add the lines to those of a file that exists, where they would replace it otherwise. It must have the
        same columns.

    Raises
    ------
    TypeError
        If an argument has another type.
    ValueError
        By a fit, before it begins, if the file to be appended to has other columns.
    OSError
        By a fit, if the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = st.CSVLog(f"{folder}/log.csv")
    ...     history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=2, callbacks=[log], progress=False)
    ...     with open(f"{folder}/log.csv") as file:
    ...         lines = file.read().splitlines()
    >>> lines[0], len(lines)
    ('epoch,loss,seconds', 3)
    """

    path: str | os.PathLike[str]
    append: bool = False
    _columns: Sequence[str] = field(default=(), init=False, repr=False, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {"path": path_of, "append": _checks.flag}

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Write the header, or compare it with that of the file."""
        self._columns = ["epoch", *monitored, "seconds"]
        path = Path(self.path)
        if not self.append or not path.exists() or not path.stat().st_size:
            self._write("w", self._columns)
            return
        try:
            with path.open(newline="", encoding="utf-8") as file:
                header = next(csv.reader(file), [])
        except UnicodeDecodeError:
            raise ValueError(f"{str(self.path)!r} is not UTF-8 text: choose another path") from None
        if header != self._columns:
            raise ValueError(
                f"{str(self.path)!r} has the columns {', '.join(header):.200}, but this fit writes "
                f"{', '.join(self._columns):.200}: choose another path, or leave out append=True"
            )
        self._write("a")
        if not path.read_bytes().endswith(b"\n"):
            with path.open("ab") as file:
                file.write(b"\n")

    def state_dict(self) -> dict[str, Any]:
        """How long the file is."""
        path = Path(self.path)
        return {"bytes": path.stat().st_size if path.exists() else 0}

    def resume(
        self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None], state: Mapping[str, Any]
    ) -> None:
        """Cut off what was written after the checkpoint, or a line that is not whole.

        Of a file that is missing, begin a new one.
        """
        path = Path(self.path)
        keep = state["bytes"] if path.exists() else 0
        if keep and path.stat().st_size < keep:
            keep = path.read_bytes().rfind(b"\n") + 1
        if not keep:
            self.begin(trainer, monitored)
            return
        self._columns = ["epoch", *monitored, "seconds"]
        os.truncate(path, keep)

    def __call__(self, state: EpochState) -> None:
        """Write the line of this epoch."""
        values = [state.history[name][-1] for name in self._columns[1:]]
        self._write("a", [state.trainer.epochs_done - 1, *values])

    def _write(self, mode: str, *lines: Sequence[object]) -> None:
        """The file is open for no longer than this: an exception may end the fit."""
        with Path(self.path).open(mode, newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(lines)
