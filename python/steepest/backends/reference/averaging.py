"""The specification of averages of parameters."""

from __future__ import annotations

from collections.abc import Sequence

from ..._checks import Array
from ...averaging import Averaging
from ..data import Average
from .quiet import quiet


def average_share(averaging: Averaging, updates: int) -> float:
    """What the parameters count for in the average after one more update than `updates`: 0 before a start."""
    if averaging.uniform:
        return 0.0 if updates < averaging.start else 1 / (updates - averaging.start + 1)
    return 1 - averaging.decay if updates else 1.0


@quiet
def averaged(mean: Array, value: Array, share: float) -> Array:
    """The mean after it has taken in a value, of which it becomes a part of `share`."""
    if (part := value.dtype.type(share)) == 1:
        return value  # whatever the mean was
    moved: Array = mean + part * (value - mean)
    return moved


def average_changes(
    average: Average, means: Sequence[Array], values: Sequence[Array]
) -> list[tuple[Array, Array]]:
    """What its count and its arrays, the means, become after the update that gave these values."""
    changes = [(average.updates, average.updates + 1)]
    share = average_share(average.averaging, int(average.updates[0]))
    if share > 0:
        changes += [(mean, averaged(mean, value, share)) for mean, value in zip(means, values, strict=True)]
    return changes
