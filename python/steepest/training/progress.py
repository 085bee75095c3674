"""How a fit shows how far it is: a bar, a live line in a notebook, or a line for each epoch."""

from __future__ import annotations

import sys
from typing import Any, Literal, TypeAlias

import numpy as np

from .history import History

Wanted: TypeAlias = bool | Literal["bar", "lines"]


def checked_progress(progress: object) -> Wanted:
    """`progress` as True, False, "bar" or "lines"."""
    if isinstance(progress, bool | np.bool_):
        return bool(progress)
    if isinstance(progress, str) and progress in ("bar", "lines"):
        return "bar" if progress == "bar" else "lines"
    kind = ValueError if isinstance(progress, str) else TypeError
    raise kind(f"progress must be True, False, 'bar' or 'lines', not {progress!r:.80}")


def progress_of(wanted: Wanted, epochs: int, batches: int) -> Progress:
    """What shows a fit of that many epochs of that many batches; it imports nothing if not wanted."""
    if wanted == "lines":
        return Lines(epochs)
    if not (wanted and epochs):
        return Progress()
    if _in_notebook():
        return ProgressBar(epochs, batches, file=sys.stdout, disable=False)  # stderr would be red
    # disable=None: no bar where stderr is no terminal
    return ProgressBar(epochs, batches, disable=None if wanted is True else False, dynamic_ncols=True)


class Progress:
    """Nothing is shown."""

    def close(self) -> None:
        """Leave it as it stands."""

    def move(self, epochs_done: float) -> None:
        """Show the number of finished epochs, which may be fractional."""

    def show(self, history: History, epochs_done: int) -> None:
        """Show the last losses and metrics."""


class ProgressBar(Progress):
    """A line that is written again and again, by tqdm; progress is in batches."""

    def __init__(self, epochs: int, batches: int, **options: Any) -> None:
        from tqdm import tqdm  # costs as much to import as the rest of this package

        self._batches = batches
        self._bar = tqdm(total=epochs * batches, unit="batch", **options)

    def close(self) -> None:
        """Leave it as it stands."""
        self._bar.close()

    def move(self, epochs_done: float) -> None:
        """Show the number of finished epochs, which may be fractional."""
        self._bar.update(round(epochs_done * self._batches) - self._bar.n)

    def show(self, history: History, epochs_done: int) -> None:
        """Show the last losses and metrics beside the bar."""
        if history.loss:
            values = {name: f"{value:.4g}" for name, value in _values(history, -1).items()}
            self._bar.set_postfix(values, refresh=False)


class Lines(Progress):
    """A line on stderr for each epoch, such as ``epoch 3/10  loss 0.1234  1.2 s``."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._shown = 0

    def show(self, history: History, epochs_done: int) -> None:
        """Write the lines of the epochs since the last call."""
        for epoch in range(self._shown, epochs_done):
            back = epoch - epochs_done
            values = [f"{name} {value:.4g}" for name, value in _values(history, back).items()]
            if history.seconds:
                values.append(f"{history.seconds[back]:.3g} s")
            print("  ".join([f"epoch {epoch + 1}/{self._epochs}", *values]), file=sys.stderr, flush=True)
        self._shown = epochs_done


def _values(history: History, index: int) -> dict[str, float]:
    """Losses and metrics of an epoch, counted from the end."""
    validated = {"validation_loss": history.validation_loss} if history.validation_loss else {}
    courses = {"loss": history.loss, **validated, **history.metrics}
    return {name: course[index] for name, course in courses.items()}


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook; IPython is not imported to find out."""
    ask = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return ask is not None and any(kind.__name__ == "ZMQInteractiveShell" for kind in type(ask()).__mro__)
