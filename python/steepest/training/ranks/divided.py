"""Check: the samples of a fit, and how the ranks divide it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from ... import _checks
from ...backends.data import Batch
from ...compile.pool import POOL
from ..arguments import Arguments
from ..callbacks import RunningTrainer
from ..checkpoints import ALL_OF_Y, data_of, fingerprint, named
from ..fit import Fit
from ..given import Given, given
from .agreement import refuse_lazy, require_same_model, take_from_first, take_inputs_from_first
from .fit import RankedFit
from .parts import Parts, part_of
from .pool import RankedPool
from .ranks import Alone, Ranks

_COMPARED = 256  # samples of each rank


class Divided(NamedTuple):
    """What a fit learns from, how many samples a batch has, what makes the fit, and checksums.

    The last are of all ranks' samples, if they are wanted, with the number of those of a batch, which may
    depend on them.
    """

    samples: Given
    size: int
    kind: Callable[..., Fit]
    data: Mapping[str, str]


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
    class_weight, validation_data, validation_split = on[3:6]
    if isinstance(group, Alone):
        samples = given(compiled, learning.loss, POOL, *on)
        count = len(samples.batch.x)
        size = min(checked.batch_size or count, count)
        learning.check_lazy(samples.batch.x)
        compiled.check_masks(size)
        data = {**_known(samples), "batch_size": str(size)} if checksums else {}
        return Divided(samples._replace(targets=None), size, Fit, data)

    require_same_model(group, learning)
    told = {name: getattr(checked, name) for name in ("epochs", "batch_size", "shuffle", "batch_group")}
    told |= {"seed": draws, "metrics": [*checked.metrics], "class_weight": named(class_weight)}
    told |= {"the number of callbacks": len(checked.callbacks)}
    told |= {"the number of batch_callbacks": len(checked.batch_callbacks)}
    told |= {"validation_data": validation_data is not None, "validation_split": validation_split}
    group.require_same(told, "the arguments of fit")
    take_inputs_from_first(group, learning)
    pool = RankedPool(group)
    samples = given(compiled, learning.loss, pool, *on)
    group.together(lambda: refuse_lazy(learning, samples.batch.x))
    weighted = samples.validated and samples.measured.weight is not None
    group.require_same({"weights of validation_data": weighted}, "the arguments of fit")
    classes = compiled.out_features if learning.loss.takes_labels else None
    _warn_of_copies(group, samples.batch)
    parts = Parts(group, samples.batch, checked.batch_size, pool.learned, pool.held, classes)
    take_from_first(group, trainer)
    data = {"shards": str(group.shards)}
    for own in group.every(_checksums(group, parts, samples)) if checksums else ():
        data |= own
    data = dict(sorted(data.items(), key=_follows_from_others)) | {"batch_size": str(parts.size)}
    kind = partial(RankedFit, ranks=group, parts=parts)
    return Divided(samples._replace(targets=None), parts.size, kind, data)


def _warn_of_copies(group: Ranks, batch: Batch) -> None:
    """Say so where two ranks have the same samples, as if nobody had divided them."""
    first = part_of(batch, slice(_COMPARED))
    every = group.every(data_of(first, None) if len(first.x) > 1 else None)
    copies = [
        (one, two)
        for two, data in enumerate(every)
        for one in range(two)
        if data is not None and data == every[one]
    ]

    def warn() -> None:
        if copies and group.leads:
            one, two = copies[0]
            warnings.warn(
                f"ranks {one} and {two} begin with the same samples, which count twice then: give each its "
                "own, X[st.distributed.rows(len(X))]",
                RuntimeWarning,
                stacklevel=_checks.caller_level(),
            )

    group.together(warn)


def _known(samples: Given) -> dict[str, str]:
    """What all samples are known by: what decides which are held out, before these."""
    validation = samples.measured.batch if samples.validated else None
    texts = {} if samples.targets is None else {ALL_OF_Y: fingerprint(samples.targets)}
    texts["number of samples to validate with"] = str(0 if validation is None else len(validation.x))
    return texts | data_of(samples.batch, validation)


def _follows_from_others(named_text: tuple[str, str]) -> bool:
    """Whether it may differ because another one does: weights of classes count those of all shards."""
    return " weights of " in named_text[0]


def _checksums(group: Ranks, parts: Parts, samples: Given) -> dict[str, str]:
    """Of each own shard."""
    texts: dict[str, str] = {}
    for place, shard in enumerate(group.own):
        other = parts.shard(samples.measured.batch, place) if samples.validated else None
        own = data_of(parts.shard(samples.batch, place), other)
        texts |= {f"{name} of shard {shard}": text for name, text in own.items()}
    return texts
