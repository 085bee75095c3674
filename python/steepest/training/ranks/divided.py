"""Check: the samples of a fit, and how the ranks divide it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from ..._checks import Array
from ...backends.data import Batch
from ...backends.memory import write
from ...backends.sparse import SparseRows
from ...compile.compiled import Compiled
from ...compile.pool import POOL
from ...losses import CustomLoss
from ...optimizers import is_lazy
from ..arguments import Arguments
from ..callbacks import RunningTrainer
from ..checkpoints import data_of, named
from ..fit import Fit
from ..given import Given, given
from ..learning import Learning
from .fit import RankedFit
from .parts import Parts
from .pool import RankedPool
from .ranks import Alone, Ranks


class Divided(NamedTuple):
    """What a fit learns from, how many samples a batch has, what makes the fit, and checksums.

    The last are of all ranks' samples, if they are wanted; None if there are no others.
    """

    samples: Given
    size: int
    kind: Callable[..., Fit]
    data: Mapping[str, str] | None


def divided(
    group: Ranks | Alone,
    trainer: RunningTrainer,
    on: tuple[Any, ...],
    checked: Arguments,
    draws: int,
    *,
    checksums: bool,
) -> Divided:
    """The samples of a fit, checked, and how the ranks divide it; see `given` for what they are given.

    All ranks hold what rank 0 does, then.

    Raises
    ------
    ValueError, TypeError
        If samples cannot be used, or the model or the samples cannot be divided.
    RuntimeError
        If settings differ between ranks.
    """
    learning, compiled = trainer.learning, trainer.learning.compiled
    if isinstance(group, Alone):
        samples = given(compiled, learning.loss, POOL, *on)
        count = len(samples.batch.x)
        size = min(checked.batch_size or count, count)
        learning.check_lazy(samples.batch.x)
        compiled.check_masks(size)
        return Divided(samples, size, Fit, None)

    group.together(lambda: _refuse_undivided(compiled, learning))
    layers = {f"layer {place}": named(layer) for place, layer in enumerate(compiled.layers)}
    average = learning.state.average
    known = {"dtype": str(compiled.dtype), "learning": named(learning.state.config)}
    known |= {"averaging": named(None if average is None else average.averaging)}
    group.require_same({**layers, **known}, "the models")
    told = {name: getattr(checked, name) for name in ("epochs", "batch_size", "shuffle", "batch_group")}
    told |= {"seed": draws, "metrics": [*checked.metrics], "class_weight": named(on[3])}
    told |= {"number of callbacks": (len(checked.callbacks), len(checked.batch_callbacks))}
    told |= {"validation_data": on[4] is not None, "validation_split": on[5]}
    group.require_same(told, "the arguments of fit")
    if (inputs := compiled.inputs) is not None:
        statistics = group.same(inputs.statistics)  # which may be known
        compiled.turns.compute(lambda: write([(inputs.statistics, statistics)]))
    pool = RankedPool(group)
    samples = given(compiled, learning.loss, pool, *on)
    group.together(lambda: _refuse_lazy(learning, samples.batch))
    weighted = samples.validated and samples.measured.weight is not None
    group.require_same({"weights of validation_data": weighted}, "the arguments of fit")
    parts = Parts(group, samples.batch, checked.batch_size, pool.learned, pool.held)

    def state() -> tuple[int, int, list[Array]]:
        arrays = [array.copy() for array in _all_arrays(learning)]
        return trainer.epochs_done, learning.state.optimizer.state_start, arrays

    trainer.epochs_done, start, arrays = group.first(state)
    learning.begin_state(start)
    compiled.turns.compute(lambda: write(list(zip(_all_arrays(learning), arrays, strict=True))))
    texts = group.every(_checksums(group, parts, samples)) if checksums else []
    data = {name: text for one in texts for name, text in one.items()}
    return Divided(samples, parts.size, partial(RankedFit, ranks=group, parts=parts), data)


def _all_arrays(learning: Learning) -> list[Array]:
    """What learning changes, and what inputs have learned."""
    inputs = learning.compiled.inputs
    return learning.changed_arrays() + ([] if inputs is None else [inputs.statistics])


def _checksums(group: Ranks, parts: Parts, samples: Given) -> dict[str, str]:
    """Of each own shard."""
    texts: dict[str, str] = {}
    for place, shard in enumerate(group.own):
        other = parts.shard(samples.measured.batch, place) if samples.validated else None
        own = data_of(parts.shard(samples.batch, place), other)
        texts |= {f"{name} of shard {shard}": text for name, text in own.items()}
    return texts


def _refuse_lazy(learning: Learning, batch: Batch) -> None:
    learning.check_lazy(batch.x)
    if isinstance(batch.x, SparseRows) and is_lazy(learning.optimizer):
        raise ValueError("a lazy optimizer updates what a batch has, of which each rank has a part")


def _refuse_undivided(compiled: Compiled, learning: Learning) -> None:
    """Refuse what needs all samples at once."""
    if any(stage.mask is not None and len(stage.mask) > 1 for stage in compiled.stages):
        raise ValueError("a Dropout with a mask of rows is of whole batches, of which each rank has a part")
    if compiled.running:
        raise ValueError("BatchNorm needs the statistics of whole batches, of which each rank has a part")
    if isinstance(learning.loss, CustomLoss):
        raise ValueError("a loss of one's own is of a whole batch, of which each rank has a part")
