"""Pictures of the plane: what each unit, and the output, makes of every point, computed by the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..._checks import Array
from ...model import Sequential
from .plane import INPUTS, SIDE, inputs
from .run import Run
from .scores import certainty, predicted

SIZE = 96  # pixels of a side of the output's picture
UNIT_SIZE = 32  # of a unit's
_STRIDE = SIZE // UNIT_SIZE
_FULL = 127  # int8


def grid() -> Array:
    """The centers of the pixels, row by row from the top left: (SIZE**2, 2)."""
    along = (np.arange(SIZE) + 0.5) / SIZE * 2 * SIDE - SIDE
    across, down = np.meshgrid(along, -along)
    return np.column_stack([across.ravel(), down.ravel()])


def of_inputs() -> Array:
    """A picture of each possible input: (inputs, UNIT_SIZE, UNIT_SIZE) int8."""
    return _signed(inputs(grid(), [*INPUTS]))


class Painter:
    """Draws a run again and again.

    The model is cut into the parts between which the page looks: each hidden layer, and the output.

    Parameters
    ----------
    run : Run
    names : sequence of str
        Of the inputs.
    """

    def __init__(self, run: Run, names: Sequence[str]) -> None:
        self._run = run
        self._parts = [Sequential(*block) for block in run.blocks]
        self._grid = inputs(grid(), names)

    def arrays(self, prefix: str) -> Mapping[str, Array]:
        """Pictures of the hidden units and of the output, and the weights between them."""
        state = self._run.model.state_dict()
        found: dict[str, Array] = {}
        values = self._grid
        for number, (keys, part) in enumerate(zip(self._run.keys, self._parts, strict=True)):
            own = {key: state[whole] for key, whole in keys.items()}
            part.load_state_dict(own)
            with np.errstate(all="ignore"):
                values = part(values)
            if not np.isfinite(values).all():
                values = np.nan_to_num(values, posinf=1e30, neginf=-1e30)
            weight = next(array for key, array in own.items() if key.endswith("weight") and array.ndim > 1)
            bias = next((array for key, array in own.items() if key.endswith("bias")), np.zeros(1))
            found[f"{prefix}weight{number}"] = _flat(weight)
            found[f"{prefix}bias{number}"] = _flat(bias[np.newaxis])[0]
            if number < len(self._parts) - 1:
                found[f"{prefix}units{number}"] = _signed(values)
        return found | {prefix + name: array for name, array in self._output(values).items()}

    def _output(self, scores: Array) -> Mapping[str, Array]:
        """Classes and how sure they are (0 to 255), or values from -1 to 1 (as -127 to 127)."""
        if not self._run.classes:
            values = np.clip(scores[:, 0], -1, 1) * _FULL
            return {"value": values.astype(np.int8).reshape(SIZE, SIZE)}
        sure = certainty(self._run.loss, scores)
        return {
            "class": predicted(self._run.loss, scores).astype(np.uint8).reshape(SIZE, SIZE),
            "certainty": np.round(255 * np.clip(sure, 0, 1)).astype(np.uint8).reshape(SIZE, SIZE),
        }


def _signed(values: Array) -> Array:
    """Columns of values on the grid as small pictures, each scaled to its largest absolute value."""
    square = values.reshape(SIZE, SIZE, -1)[_STRIDE // 2 :: _STRIDE, _STRIDE // 2 :: _STRIDE]
    scale = np.abs(square).max(axis=(0, 1))
    scaled = square / np.where(scale > 0, scale, 1) * _FULL
    return np.moveaxis(np.round(scaled), 2, 0).astype(np.int8)


def _flat(weight: Array) -> Array:
    """A weight (inputs, outputs); of Maxout's pieces the one that is largest."""
    if weight.ndim == 3:
        largest = np.abs(weight).argmax(axis=2)[..., np.newaxis]
        weight = np.take_along_axis(weight, largest, axis=2)[..., 0]
    return weight.astype(np.float32)
