"""What a fit reports: one value per epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .. import _advice, _html

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["History"]


_SHOWN = 10  # epochs in a notebook: beyond, the first and the last ones


@dataclass(repr=False)
class History:
    """The record of one fit; every list has one value per epoch.

    ``history[name]`` is one of these lists, of losses, metrics and times alike: iterating over a history, and
    ``dict(history)``, give all names that this fit has. Notebooks show a table.

    Attributes
    ----------
    loss : list of float
        The objective (data loss + penalty) before each update, averaged over the samples of the epoch (over
        its batches if the loss is a sum over samples).
    validation_loss : list of float
        The data loss, without penalty, on the validation data after each epoch; empty without such data.
    metrics : dict of list of float
        By name: the value of each metric after each epoch, on the validation data or, without such, on the
        samples that were learned from.
    seconds : list of float
        Wall-clock time of each epoch's training in seconds, without validation and callbacks.
    samples_per_second : list of float
        Training speed in each epoch.
    status : {"finished", "cancelled", "stopped", "timed_out"}
        "finished" if all epochs ran, "cancelled" if `Trainer.cancel` ended them, "stopped" if a callback did,
        "timed_out" if that was `TerminateOnTime`.
    best_epoch : int or None
        The best epoch, counted from 0, as found by `EarlyStopping` or by a fit that went back to it because
        the loss rose, or is above that before the first step; None otherwise.

    Examples
    --------
    >>> import steepest as st
    >>> X, y = st.datasets.two_moons()
    >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=3, progress=False)
    >>> history.epochs, history.status, len(history.seconds), history.validation_loss
    (3, 'finished', 3, [])
    >>> list(history), len(history["loss"])
    (['loss', 'seconds', 'samples_per_second'], 3)
    """

    loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    metrics: dict[str, list[float]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    samples_per_second: list[float] = field(default_factory=list)
    status: Literal["finished", "cancelled", "stopped", "timed_out"] = "finished"
    best_epoch: int | None = None
    _draw: ClassVar[Callable[..., Any]]  # set by `steepest.plots`, which stands above this module

    @property
    def epochs(self) -> int:
        """Number of finished epochs."""
        return len(self.loss)

    def __getitem__(self, name: str) -> list[float]:
        lists = self._lists()
        if isinstance(name, str) and name in lists:
            return lists[name]
        without = ": it has no validation data" if name == "validation_loss" else ""
        raise KeyError(f"this fit recorded {', '.join(lists)}, but not {name!r:.80}{without}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists())

    def keys(self) -> list[str]:
        """The names of all lists that this fit has.

        Returns
        -------
        list of str
            "loss", "validation_loss" if there are validation data, the metrics, "seconds" and
            "samples_per_second".

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, metrics=["accuracy"], progress=False)
        >>> history.keys()
        ['loss', 'accuracy', 'seconds', 'samples_per_second']
        """
        return list(self)

    def to_dict(self) -> dict[str, list[float]]:
        """Return copies of all lists by name.

        Returns
        -------
        dict of list of float
            With the names of `keys`. Plain numbers, which `json.dumps` takes.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> fit = {"epochs": 2, "validation_data": (X, y), "metrics": ["accuracy"], "progress": False}
        >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, **fit)
        >>> list(history.to_dict())
        ['loss', 'validation_loss', 'accuracy', 'seconds', 'samples_per_second']
        """
        return {name: list(values) for name, values in self._lists().items()}

    def to_frame(self) -> Any:
        """Return all lists as a table with one row per epoch.

        Returns
        -------
        pandas.DataFrame
            Its index, "epoch", counts from 0; its columns are the names of `keys`.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> import steepest as st
        >>> X, y = st.datasets.two_moons()
        >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=3, progress=False)
        >>> history.to_frame().shape
        (3, 3)
        """
        try:
            from pandas import DataFrame, RangeIndex  #
        except ImportError as error:
            raise ImportError("to_frame needs pandas, which is missing: pip install pandas") from error
        return DataFrame(self.to_dict(), RangeIndex(self.epochs, name="epoch"))

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """Draw the losses and metrics of each epoch; see `plots.learning_curves`.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If there is no epoch.
        ImportError
            If matplotlib is not installed.

        Examples
        --------
        >>> import steepest as st
        >>> from matplotlib.figure import Figure
        >>> X, y = st.datasets.two_moons()
        >>> history = st.Sequential(st.Linear(2, 2)).fit(X, y, epochs=3, progress=False)
        >>> history.plot(ax=Figure().subplots()).get_xlabel()
        'epoch'
        """
        axes: Axes = History._draw(self, ax=ax)
        return axes

    def _lists(self) -> dict[str, list[float]]:
        validated = {"validation_loss": self.validation_loss} if self.validation_loss else {}
        speed = {"seconds": self.seconds, "samples_per_second": self.samples_per_second}
        return {"loss": self.loss, **validated, **self.metrics, **speed}

    def __repr__(self) -> str:
        course = f", loss {self.loss[0]:.4g} -> {self.loss[-1]:.4g}" if self.loss else ""
        return f"History({self.epochs} epochs{course}, {self.status})"

    def _repr_html_(self) -> str:
        """What notebooks show: losses and metrics of the first, the best and the last epochs."""
        lists = {name: values for name, values in self._lists().items() if name != "samples_per_second"}
        shown = set(range(self.epochs))
        if self.epochs > _SHOWN:
            shown = {0, 1, 2, self.best_epoch or 0, *range(self.epochs - 5, self.epochs)}
        rows, before = [], -1
        for epoch in sorted(shown):
            if epoch > before + 1:
                rows.append(["…"] * (len(lists) + 1))
            best = " (best)" if epoch == self.best_epoch else ""
            values = [f"{values[epoch]:.4g}" if epoch < len(values) else "" for values in lists.values()]
            rows.append([f"{epoch}{best}", *values])
            before = epoch
        return _html.table(repr(self), ["epoch", *lists], rows)


_advice.lacking(History, _advice.IN_HISTORIES)
