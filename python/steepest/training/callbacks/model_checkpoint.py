"""`ModelCheckpoint`: the model of each epoch, or of the best one, in a file."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from string import Formatter
from typing import Any, ClassVar, Literal

from ... import _checks
from ..._description import Description, Rule
from ...metrics import Metric
from .monitoring import MODES, Watch, monitor_name
from .states import EpochCallback, EpochState, RunningTrainer

__all__ = ["ModelCheckpoint"]


def path_of(value: object, name: str) -> str:
    """`value`, a string or a `Path`, as a string."""
    if not isinstance(value, str | os.PathLike) or not isinstance(path := os.fspath(value), str):
        raise TypeError(f"{name} must be a path, not {value!r:.80}")
    return path


@dataclass
class ModelCheckpoint(Description, EpochCallback):
    """Save the model after each epoch, or whenever it is better than before.

    `st.load` reads the files. Each is replaced in one step, so that there is always a whole one, whenever the
    program ends.

    Parameters
    ----------
    path : path
        The file. In braces it may have the number of the epoch and what the fit computes for it, as in
        "model-{epoch:03d}-{validation_loss:.4f}.safetensors"; other braces must be doubled. Epochs count from
        0 over all fits of a `Trainer`. Without braces the file always has the last model saved.
    save_best_only : bool, default False
        Save only after epochs in which the monitored value is better than in all before in this fit.
    every : int, default 1
        Look only at each so many epochs, at least 1: with 5, at those with the numbers 4, 9, 14, ...
    monitor : str, default "validation_loss"
        With `save_best_only`: "loss", "validation_loss" or the name of one of the fit's metrics.
    mode : {"auto", "min", "max"}, default "auto"
        Whether the monitored value should be minimized or maximized; see `EarlyStopping`.

    Raises
    ------
    ValueError, TypeError
        If an argument is outside its range or has another type. A fit raises ValueError before it begins if
        it does not compute the monitored value or what the path has in braces, or if "auto" cannot decide.
    OSError
        By a fit, before it begins if the folder does not exist, or later if a file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> model = st.Sequential(st.Linear(2, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save = st.ModelCheckpoint(f"{folder}/{{epoch}}.safetensors", every=2)
    ...     history = model.fit(X, y, epochs=4, callbacks=[save], progress=False)
    ...     same = st.load(f"{folder}/3.safetensors")
    >>> bool((same(X) == model(X)).all())
    True
    """

    path: str | os.PathLike[str]
    save_best_only: bool = False
    every: int = 1
    monitor: str = "validation_loss"
    mode: Literal["auto", "min", "max"] = "auto"
    _watch: Watch | None = field(default=None, init=False, repr=False, compare=False)
    _rules: ClassVar[Mapping[str, Rule]] = {
        "path": path_of,
        "save_best_only": _checks.flag,
        "every": partial(_checks.integer, minimum=1),
        "monitor": monitor_name,
        "mode": MODES,
    }

    def begin(self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None]) -> None:
        """Check that all files will have names and a folder."""
        best_only = self.save_best_only
        self._watch = Watch(self.monitor, self.mode, 0.0, monitored) if best_only else None
        path, known = str(self.path), ["epoch", *monitored]
        try:
            for _, name, _, _ in Formatter().parse(path):
                if name is not None and name not in known:
                    raise ValueError(f"{{{name}}} is not one of {', '.join(known)}, which this fit has")
            folder = Path(path.format(**dict.fromkeys(monitored, 0.0), epoch=0)).parent
        except (ValueError, KeyError, IndexError) as error:
            raise ValueError(f"path is {path!r}, but {error}; double braces that mean themselves") from None
        if not Path(path).name or Path(path).is_dir():
            raise ValueError(f"path is {path!r}, but must be the name of a file")
        if "{" not in str(Path(path).parent) and not folder.is_dir():
            raise FileNotFoundError(f"path is {path!r}, but there is no folder {str(folder)!r}")

    def state_dict(self) -> dict[str, Any]:
        """The best value so far."""
        return {"best": math.inf if self._watch is None else self._watch.best}

    def resume(
        self, trainer: RunningTrainer, monitored: Mapping[str, Metric | None], state: Mapping[str, Any]
    ) -> None:
        """Go on with it."""
        self.begin(trainer, monitored)
        if self._watch is not None:
            self._watch.best = state["best"]

    def __call__(self, state: EpochState) -> None:
        """Save the model, if it is its turn."""
        epoch, history = state.trainer.epochs_done - 1, state.history
        if (epoch + 1) % self.every or (self._watch is not None and not self._watch.improves(history)):
            return
        values = {name: values[-1] for name, values in history.to_dict().items()}
        state.model.save(str(self.path).format(**{**values, "epoch": epoch}))
