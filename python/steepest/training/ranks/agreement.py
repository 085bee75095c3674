"""What ranks must have alike, and how the others come to hold what rank 0 does."""

from __future__ import annotations

import zlib

import numpy as np

from ..._checks import Array
from ..._config import current
from ..._extension import build_info
from ...backends.memory import write
from ...backends.sparse import SparseRows
from ...optimizers import is_lazy
from ..callbacks import RunningTrainer
from ..checkpoints import named
from ..learning import Learning
from .ranks import Ranks


def require_same_model(ranks: Ranks, learning: Learning) -> None:
    """Refuse a model that cannot be divided, and one that is not the same in all ranks.

    Raises
    ------
    ValueError
        If it cannot be divided.
    RuntimeError
        If one differs, or is computed in another arithmetic: parameters would drift apart.
    """
    ranks.together(lambda: _refuse_undivided(learning))
    compiled, average = learning.compiled, learning.state.average
    layers = {f"layer {place}": named(layer) for place, layer in enumerate(compiled.layers)}
    known = {"dtype": str(compiled.dtype), "learning": named(learning.state.config)}
    known |= {"averaging": named(None if average is None else average.averaging)}
    ranks.require_same({**layers, **known}, "the models")
    ranks.require_same({"the arithmetic": _arithmetic()}, "the processes")


def take_from_first(ranks: Ranks, trainer: RunningTrainer) -> None:
    """Let all hold what rank 0 has learned."""
    learning = trainer.learning

    def state() -> tuple[int, int, list[Array]]:
        arrays = [array.copy() for array in _all_arrays(learning)]
        return trainer.epochs_done, learning.state.optimizer.state_start, arrays

    trainer.epochs_done, start, arrays = ranks.first(state)
    learning.begin_state(start)
    learning.compiled.turns.compute(lambda: write(list(zip(_all_arrays(learning), arrays, strict=True))))


def take_inputs_from_first(ranks: Ranks, learning: Learning) -> None:
    """Let all hold what rank 0 knows of inputs, which may be nothing."""
    if (inputs := learning.compiled.inputs) is not None:
        statistics = ranks.same(inputs.statistics)
        learning.compiled.turns.compute(lambda: write([(inputs.statistics, statistics)]))


def require_same_parameters(ranks: Ranks, learning: Learning, after: str) -> None:
    """Refuse to go on where a rank has others than rank 0.

    Raises
    ------
    RuntimeError
        On all ranks.
    """
    ranks.require_same({"their checksum": checksum(learning)}, f"the parameters after {after}")


def checksum(learning: Learning) -> int:
    """Of all that learning changes."""
    sum_of = 0
    for array in learning.changed_arrays():
        sum_of = zlib.crc32(np.ascontiguousarray(array).data, sum_of)
    return sum_of


def refuse_lazy(learning: Learning, x: Array | SparseRows) -> None:
    """Refuse a lazy optimizer that would leave weights alone by what one rank has."""
    learning.check_lazy(x)
    if isinstance(x, SparseRows) and is_lazy(learning.optimizer):
        raise ValueError("a lazy optimizer updates what a batch has, of which each rank has a part")


def _all_arrays(learning: Learning) -> list[Array]:
    """What learning changes, and what inputs have learned."""
    inputs = learning.compiled.inputs
    return learning.changed_arrays() + ([] if inputs is None else [inputs.statistics])


def _arithmetic() -> str:
    """What rounds alike: all instruction sets do but SSE2, which has no fused multiply-add."""
    settings = current()
    if settings.backend == "reference":
        return "that of the reference backend"
    without = build_info(settings.isa)["isa_active"] == "sse2"
    return f"native, {'of SSE2' if without else 'with fused multiply-adds'}"


def _refuse_undivided(learning: Learning) -> None:
    """Refuse what needs all samples at once."""
    compiled = learning.compiled
    if any(stage.mask is not None and len(stage.mask) > 1 for stage in compiled.stages):
        raise ValueError("a Dropout with a mask of rows is of whole batches, of which each rank has a part")
