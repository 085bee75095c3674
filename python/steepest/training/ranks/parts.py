"""Which samples each shard has in each batch: a part of every batch of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from ..._checks import Array
from ...backends import active
from ...backends.data import Batch, StepKey
from ..divergence import of_label
from .ranks import Ranks, bounds_of

Bounds: TypeAlias = Sequence[int]
_ODD = 0x9E3779B97F4A7C15  # what the seeds of shards differ by: 2**64 over the golden ratio


class Parts:
    """Of one fit: the shards of this rank's samples, in order, and what is known of the others'.

    Batch b of B has the samples at b n / B ... (b + 1) n / B of each shard of n samples, shuffled within the
    shard.

    Parameters
    ----------
    ranks : Ranks
    batch : Batch
        The samples of this rank.
    size : int or None
        Samples of a batch, of all ranks together; None for all.
    learned, held : sequence of int, optional
        Where the shards of these samples, and of those that the fit is measured on, begin, and the last one
        ends; by default they are even.
    classes : int, optional
        How many there are, if targets are labels that may be changed meanwhile.

    Attributes
    ----------
    samples : int
        Of all ranks.
    batches : int
        Of an epoch.

    Raises
    ------
    ValueError
        If a shard has fewer samples than an epoch has batches, or some ranks give weights and some do not.
    """

    def __init__(
        self,
        ranks: Ranks,
        batch: Batch,
        size: int | None,
        learned: Bounds | None = None,
        held: Bounds | None = None,
        classes: int | None = None,
    ) -> None:
        self._ranks, self._batch, self._held, self._classes = ranks, batch, held, classes
        own, each = len(batch.x), len(ranks.own)
        self._bounds = bounds_of(own, each) if learned is None else learned
        told = ranks.tell([batch.weight is not None, *np.diff(self._bounds)])
        self._counts = [int(count) for count in told[:, 1:].ravel()]
        self.samples = sum(self._counts)
        self.size = min(size or self.samples, self.samples)
        self.batches = -(-self.samples // self.size)
        if len(set(told[:, 0])) > 1:
            raise ValueError("some ranks give weights of their samples, and some do not")
        if min(self._counts) < self.batches:
            least = min(self._counts)
            shard, enough = self._counts.index(least), -(-self.samples // max(least, 1))
            raise ValueError(
                f"shard {shard} of {ranks.shards} (rank {shard // each}) has {least} samples, "
                f"but an epoch has {self.batches} batches of {self.size}, and each takes some of every "
                f"shard: give {f'a batch_size of {enough} or more, or ' if least else ''}fewer shards"
            )

    def orders(self, seed: int, epoch: int, shuffle: bool) -> list[Array]:
        """Of each own shard: the rows in the order of an epoch, whose batches they fill evenly."""
        orders = []
        for shard, first, end in zip(self._ranks.own, self._bounds, self._bounds[1:], strict=False):
            order = np.arange(first, end)
            if shuffle:
                key = np.random.SeedSequence((seed, shard, epoch))
                np.random.RandomState(np.random.MT19937(key)).shuffle(order)
            orders.append(order)
        return orders

    def rows(self, order: Array, number: int) -> Array:
        """Those of a shard in a batch."""
        n = len(order)
        return order[number * n // self.batches : (number + 1) * n // self.batches]

    def shard(self, batch: Batch, place: int) -> Batch:
        """What an own shard has of these samples of this rank, or of those that the fit is measured on."""
        bounds = self._bounds if batch is self._batch else self._held
        if bounds is None:
            bounds = bounds_of(len(batch.x), len(self._ranks.own))
        return part_of(batch, slice(bounds[place], bounds[place + 1]))

    def taken(self, rows: Array) -> Batch:
        """Some samples of this rank.

        Raises
        ------
        ValueError
            If a label is no class: it was changed since it was checked.
        """
        part = part_of(self._batch, rows)  # a copy, which nobody changes between its check and its use
        if self._classes is not None and (bad := active().first_bad_label(part.targets, self._classes)) >= 0:
            raise of_label(int(rows[bad]), self._classes)
        return part

    def first_changed(self, rows: Array) -> int:
        """Which of these rows has a label that was changed and is no class; -1 if none has."""
        if self._classes is None:
            return -1
        return active().first_bad_label(self._batch.targets[rows], self._classes)

    def sizes(self) -> Array:
        """How many samples each batch of an epoch has, of all shards."""
        places = np.arange(self.batches + 1)
        sizes: Array = np.sum([np.diff(places * n // self.batches) for n in self._counts], axis=0)
        return sizes

    def weights(self, orders: list[Array]) -> Array:
        """What all samples of each batch of an epoch weigh together."""
        if self._batch.weight is None:
            return self.sizes().astype(np.float64)
        own = [
            float(self._batch.weight[self.rows(order, number)].sum(dtype=np.float64))
            for order in orders
            for number in range(self.batches)
        ]
        shards = self._ranks.tell(own).reshape(self._ranks.shards, self.batches)
        return np.array([added(column) for column in shards.T])

    def spread(self, number: int) -> tuple[list[Array], int]:
        """Of each own shard as many rows as a batch has, from all over it; and how many all shards have."""
        ends = zip(self._bounds, self._bounds[1:], strict=False)
        rows = [np.arange(first + number, end, self.batches) for first, end in ends]
        return rows, sum(len(range(number, n, self.batches)) for n in self._counts)

    def total_weight(self, rows: list[Array], samples: int) -> float:
        """What rows of all shards weigh together, which are so many samples."""
        if self._batch.weight is None:
            return float(samples)
        own = [float(self._batch.weight[part].sum(dtype=np.float64)) for part in rows]
        return added(self._ranks.tell(own).ravel())

    def key(self, place: int, seed: int, step: int) -> StepKey:
        """That of the random draws of an own shard in a step."""
        return StepKey((seed + self._ranks.own[place] * _ODD) % 2**64, step)


def part_of(batch: Batch, rows: Array | slice) -> Batch:
    """Some of the samples."""
    weight = None if batch.weight is None else batch.weight[rows]
    return Batch(batch.x[rows], batch.targets[rows], weight)


def added(values: Array) -> float:
    """Their sum: of neighbors first, then of neighboring pairs, and so on."""
    sums = [float(value) for value in values]
    while len(sums) > 1:
        sums = [sum(sums[i : i + 2]) for i in range(0, len(sums), 2)]
    return sums[0]
