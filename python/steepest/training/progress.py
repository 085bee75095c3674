"""The progress bar of a fit."""

from __future__ import annotations

from typing import Any

from .history import History


class ProgressBar:
    """Progress in batches, on stderr; does nothing, and imports nothing, if not wanted."""

    def __init__(self, epochs: int, batches: int, wanted: bool) -> None:
        self._batches = batches
        self._bar: Any = None
        if wanted and epochs:
            from tqdm import tqdm  # costs as much to import as the rest of this package

            # disable=None: no bar where stderr is no terminal
            self._bar = tqdm(total=epochs * batches, unit="batch", disable=None, dynamic_ncols=True)

    def close(self) -> None:
        """Leave it as it stands."""
        if self._bar is not None:
            self._bar.close()

    def move(self, epochs_done: float) -> None:
        """Show the number of finished epochs, which may be fractional."""
        if self._bar is not None:
            self._bar.update(round(epochs_done * self._batches) - self._bar.n)

    def show(self, history: History) -> None:
        """Show the last losses and metrics beside the bar."""
        if self._bar is not None and history.loss:
            values = {"loss": f"{history.loss[-1]:.4g}"}
            if history.validation_loss:
                values["validation_loss"] = f"{history.validation_loss[-1]:.4g}"
            values |= {name: f"{course[-1]:.4g}" for name, course in history.metrics.items()}
            self._bar.set_postfix(values, refresh=False)
