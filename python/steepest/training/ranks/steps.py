"""Epochs of steps that all ranks make together."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from ...backends.data import EpochResults, FitRequest, Overflowed, ShouldStop, Status
from ...backends.memory import write
from ...backends.protocol import Network
from ...backends.throttling import throttled
from ..learning import Learning
from .gradients import Gradients, PartedBatch
from .parts import Parts
from .ranks import Ranks


@dataclass
class Steps:
    """Makes them, each an update by the gradient of a batch of which every shard has a part.

    restores: whether an epoch that fails leaves everything as it found it, which takes a copy of all that
    learning changes.
    """

    ranks: Ranks
    learning: Learning
    parts: Parts
    restores: bool = True

    def __post_init__(self) -> None:
        self._gradients = Gradients(self.ranks, self.learning)

    def run(self, network: Network, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """The epochs of a request, as `Network.fit` runs them."""
        with self._gradients.threads():
            return self._run(network, request, should_stop)

    def _run(self, network: Network, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        batches = self.parts.batches
        numbers = range(batches)[request.first_batch :][: request.batches]
        losses: list[float] = []
        seconds: list[float] = []
        sums, rates = request.sums, itertools.cycle(request.rates.tolist())
        stops = throttled(should_stop)
        for epoch in range(request.epochs):
            began = perf_counter()
            orders = self.parts.orders(request.seed, request.first_epoch + epoch, request.shuffle)
            weights, samples = self.parts.weights(orders), self.parts.sizes()
            before = self.learning.copies() if self.restores else []
            own, sums = (0.0, 0.0), request.sums
            for number in numbers:
                rows = [self.parts.rows(order, number) for order in orders]
                step = int(self.learning.state.optimizer.steps[0])
                batch = PartedBatch(rows, float(weights[number]), int(samples[number]), request.seed, step)
                first = (epoch, number) == (0, numbers[0])  # a call makes at least one step
                asked = None if first else partial(stops, epoch + number / batches)
                try:
                    told = self._gradients.compute(network, self.parts, batch, asked)
                except Exception:
                    write(before)
                    raise
                if told is None:  # the last step was the last one
                    return EpochResults(losses, seconds, "cancelled", sums=sums)
                status = self._update(network, told, next(rates))
                if status is not None:
                    write(before)
                    return EpochResults(losses, seconds, status, number)
                share = 1.0 if self.learning.loss.sums else float(weights[number])
                own = own[0] + share * told, own[1] + share
                sums = sums[0] + share * told, sums[1] + share
            losses.append(own[0] / own[1] if own[1] else 0.0)
            seconds.append(perf_counter() - began)
        return EpochResults(losses, seconds, "finished", sums=sums)

    def objective(self, network: Network, rows: int, seed: int) -> float:
        """As `objective_before_steps`, of batches that are spread over the samples of each shard."""
        with self._gradients.threads():
            return self._objective(network, rows, seed)

    def _objective(self, network: Network, rows: int, seed: int) -> float:
        parts, loss = self.parts, self.learning.loss
        total = shares = 0.0
        for number in range(min(parts.batches, -(-rows // parts.size))):
            own, samples = parts.spread(number)
            if self.ranks.any(any(parts.first_changed(rows) >= 0 for rows in own)):
                return math.nan
            weight = parts.total_weight(own, samples)
            batch = PartedBatch(own, weight, samples, seed, number)
            told = self._gradients.objective(network, parts, batch)
            share = 1.0 if loss.sums else weight
            total, shares = total + share * (told or 0.0), shares + share
        return total / shares if shares else 0.0

    def _update(self, network: Network, objective: float, rate: float) -> Status | None:
        """By the gradient; why it failed, on all ranks alike."""
        if not math.isfinite(objective):
            return "diverged"
        try:
            network.update(self._gradients.sum, self.learning.state, rate, self._gradients.statistics)
        except Overflowed:
            return "overflowed"
        return None
