"""The objective of a fit as its steps see it, without a step."""

from __future__ import annotations

import math

from ..backends import active
from ..backends.data import Batch, StepKey, TrainConfig
from ..backends.reference.losses import batch_size
from ..compile.compiled import Compiled


def objective_before_steps(
    compiled: Compiled, config: TrainConfig, batch: Batch, size: int, seed: int, rows: int
) -> float:
    """The mean objective of batches as an epoch has it, at the present parameters, which stay.

    That is with dropout, the statistics of each batch, and penalties. As many batches of `size` samples are
    looked at as have `rows` together, each spread over all samples, which may be sorted. NaN if a label
    among them was changed to one that is not a class.
    """
    network, batches = compiled.network(), -(-len(batch.x) // size)
    total = shares = 0.0
    for number in range(min(batches, -(-rows // size))):
        part = slice(number, None, batches)
        targets = batch.targets[part].copy()  # nobody changes it between its check and its use
        weight = None if batch.weight is None else batch.weight[part]
        if config.loss.takes_labels and active().first_bad_label(targets, compiled.out_features) >= 0:
            return math.nan
        share = batch_size(config.loss, len(targets), None if config.mean_by_count else weight)
        if share:
            key = StepKey(seed, number)
            loss, _ = network.loss_and_gradients(Batch(batch.x[part], targets, weight), config, key)
            total, shares = total + share * loss, shares + share
    return total / shares if shares else 0.0
