"""`ErrorDecomposition`: the parts of an error, with their spread over seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from .._checks import Array
from ..plots.drawing import axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PARTS = ("remaining", "approximation", "estimation", "optimization")


@dataclass(frozen=True, repr=False)
class ErrorDecomposition:
    """What `error_decomposition` returns: the test errors of four models, each with one limitation removed.

    Attributes
    ----------
    given, longer, more_data, wider : tuple of float
        The test error for each seed: of the model as given; trained for longer; also trained on all samples;
        and also wider.
    measure : {"loss", "error_rate"}
        What kind of error this is.

    Examples
    --------
    >>> import steepest as st
    >>> parts = st.ErrorDecomposition((0.5, 0.5), (0.25, 0.5), (0.25, 0.25), (0.125, 0.125), "error_rate")
    >>> parts.optimization, parts.estimation, parts.approximation, parts.remaining
    (0.125, 0.125, 0.125, 0.125)
    >>> parts.total
    0.5
    """

    given: tuple[float, ...]
    longer: tuple[float, ...]
    more_data: tuple[float, ...]
    wider: tuple[float, ...]
    measure: Literal["loss", "error_rate"]

    @property
    def optimization(self) -> float:
        """The optimization error: mean over the seeds of given - longer."""
        return self._estimate("optimization")[0]

    @property
    def estimation(self) -> float:
        """The estimation error: mean over the seeds of longer - more_data."""
        return self._estimate("estimation")[0]

    @property
    def approximation(self) -> float:
        """The approximation error: mean over the seeds of more_data - wider."""
        return self._estimate("approximation")[0]

    @property
    def remaining(self) -> float:
        """The error that the other three do not explain: mean over the seeds of wider."""
        return self._estimate("remaining")[0]

    @property
    def total(self) -> float:
        """The sum of the four parts: mean over the seeds of given."""
        return float(np.mean(self.given))

    @property
    def spread(self) -> dict[str, float]:
        """Standard deviation over the seeds of each of the four parts, by name."""
        return {part: self._estimate(part)[1] for part in _PARTS}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw a waterfall chart of the parts and their total.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a new figure.

        Returns
        -------
        matplotlib.axes.Axes
            Numbers above bars are their heights; error bars are one standard deviation over the seeds.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        ax = axes_or_new(ax)
        means, spreads = zip(*map(self._estimate, _PARTS), strict=True)
        bottoms = np.cumsum([0.0, *means[:-1]])
        colors = ["tab:gray", "tab:blue", "tab:orange", "tab:green"]
        spread = _spread(np.array(self.given))
        ax.bar(_PARTS, means, bottom=bottoms, yerr=spreads, capsize=4, color=colors)
        ax.bar("total", self.total, yerr=spread, capsize=4, color="black", alpha=0.6)
        tops = np.maximum(bottoms, bottoms + means) + spreads
        for place, (top, value) in enumerate(
            [*zip(tops, means, strict=True), (self.total + spread, self.total)]
        ):
            ax.annotate(
                f"{value:.3f}", (place, top), (0, 2), textcoords="offset points", ha="center", fontsize=8
            )
        ax.margins(y=0.08)
        ax.set_ylabel("test loss" if self.measure == "loss" else "test error rate")
        return ax

    def _estimate(self, part: str) -> tuple[float, float]:
        """Mean and standard deviation over the seeds."""
        given, longer, more_data, wider = map(np.array, (self.given, self.longer, self.more_data, self.wider))
        values = {
            "remaining": wider,
            "approximation": more_data - wider,
            "estimation": longer - more_data,
            "optimization": given - longer,
        }[part]
        return float(values.mean()), _spread(values)

    def __repr__(self) -> str:
        lines = [f"ErrorDecomposition({self.measure}, {len(self.given)} seeds)"]
        for part in _PARTS:
            mean, spread = self._estimate(part)
            lines.append(f"  {part:13} {mean:8.4f} +- {spread:.4f}")
        return "\n".join([*lines, f"  {'total':13} {self.total:8.4f} +- {_spread(np.array(self.given)):.4f}"])


def _spread(values: Array) -> float:
    return float(np.std(values, ddof=1))
