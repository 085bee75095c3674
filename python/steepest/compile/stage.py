"""Stage: what layers are compiled to, and what a backend runs. Plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .._checks import Array

# What a stage learns: nothing, a weight (inputs, outputs) and maybe a bias, a weight (1, outputs) and maybe a
# bias, or a weight (rows, inputs). Only a matrix has penalties, weight decay and a maximal norm.
ParameterShape: TypeAlias = Literal["none", "matrix", "scale", "rows"]


@dataclass(frozen=True)
class Stage:
    """One step of a compiled model, rows in and rows out: y = activation(f(x)).

    Attributes
    ----------
    inputs, outputs : int
        Features in, and out.
    activation : str
        A name of `layers.ACTIVATIONS`; "identity" for kinds that have none.
    kind : str
        What f is. Backends know it by this name: backends/reference/stages has a file for each.
    slope : float
        The parameter of the activation, if it has one: negative_slope, alpha.
    number : int
        Of the layer, which keys its random draws.
    rate : float
        The probability that something is dropped.
    momentum, epsilon : float
        Of a normalization.
    partner : int
        Of a stage that works with another one: the place of the other.
    rows : int
        Of a weight that has a number for each input in each row, or for each of `columns`.
    columns : tuple of int
        Of such a weight: which inputs, ascending; all if it is empty.
    image : tuple of int
        Height, width and channels, and height and width of what comes out.
    ramps : tuple of int
        How many ramps each encoded input has, of a first stage that multiplies them: its last inputs.
    mask : ndarray of bool, (1 or samples, outputs), or None
        Which elements are kept, instead of draws.
    parameters : {"none", "matrix", "scale", "rows"}
        What it learns, see `ParameterShape`.
    running_start : tuple of float
        What each row of its running statistics, (running_rows, outputs), begins with; empty if it has none.
    """

    inputs: int
    outputs: int
    activation: str = "identity"
    kind: str = "dense"
    slope: float = 0.0
    number: int = 0
    rate: float = 0.0
    momentum: float = 0.0
    epsilon: float = 0.0
    partner: int = 0
    rows: int = 0
    columns: tuple[int, ...] = ()
    image: tuple[int, ...] = ()
    ramps: tuple[int, ...] = ()
    mask: Array | None = field(default=None, compare=False)
    parameters: ParameterShape = "matrix"
    running_start: tuple[float, ...] = ()

    @property
    def has_parameters(self) -> bool:
        """Whether it learns."""
        return self.parameters != "none"

    @property
    def has_matrix(self) -> bool:
        """Whether its weight is a matrix (inputs, outputs)."""
        return self.parameters == "matrix"

    @property
    def running_rows(self) -> int:
        """Rows of its running statistics."""
        return len(self.running_start)

    @property
    def weight_rows(self) -> int:
        """Rows of its weight, if it has one."""
        return self.inputs if self.has_matrix else max(self.rows, 1)

    @property
    def weight_columns(self) -> int:
        """And columns."""
        return len(self.columns) or self.inputs if self.parameters == "rows" else self.outputs
