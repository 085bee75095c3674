"""Epochs of steps that all ranks make together."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter

import numpy as np

from ..._checks import Array
from ...backends.data import EpochResults, FitRequest, Overflowed, Parameters, ShouldStop, Status
from ...backends.memory import write
from ...backends.protocol import Network
from ...backends.throttling import throttled
from ..learning import Learning
from .parts import Parts, added
from .ranks import Ranks


@dataclass
class Steps:
    """Makes them, each an update by the gradient of a batch of which every shard has a part.

    It is kept for a whole fit, with memory for the gradient of each own shard. `restores`: whether parameters
    that an update made infinite or NaN are those of the epoch's beginning then; that takes a copy.
    """

    ranks: Ranks
    learning: Learning
    parts: Parts
    restores: bool = True

    def __post_init__(self) -> None:
        shapes = self.learning.compiled.zeros()
        sizes = [array.size for p in shapes for array in (p.weight, p.bias) if array is not None]
        self._sums = np.zeros((len(self.ranks.own), sum(sizes)), self.learning.compiled.dtype)
        self._gradients = [_views(sums, shapes) for sums in self._sums]

    def run(self, network: Network, request: FitRequest, should_stop: ShouldStop) -> EpochResults:
        """The epochs of a request, as `Network.fit` runs them."""
        batches = self.parts.batches
        numbers = range(batches)[request.first_batch :][: request.batches]
        losses: list[float] = []
        seconds: list[float] = []
        sums, rates = request.sums, itertools.cycle(request.rates.tolist())
        stops = throttled(should_stop)
        for epoch in range(request.epochs):
            began = perf_counter()
            orders = self.parts.orders(request.seed, request.first_epoch + epoch, request.shuffle)
            weights = self.parts.weights(orders)
            before = self.learning.copies() if self.restores else self.learning.running_copies()
            own, sums = (0.0, 0.0), request.sums
            for number in numbers:
                rows = [self.parts.rows(order, number) for order in orders]
                first, done = (epoch, number) == (0, numbers[0]), epoch + number / batches
                asked = partial(_never if first else stops, done)
                try:
                    told = self._gradient(network, rows, float(weights[number]), request.seed, asked)
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

    def _gradient(
        self, network: Network, rows: Sequence[Array], weight: float, seed: int, stops: Callable[[], bool]
    ) -> float | None:
        """The objective; its gradient is that of the first own shard then. None if a rank wants to stop.

        An error on one rank is one on all of them.
        """
        values, failure, stop = [0.0] * len(rows), None, False
        try:
            self.ranks.check()
            stop = stops()
            if not stop:
                values = [self._of_shard(network, j, own, weight, seed) for j, own in enumerate(rows)]
        except BaseException as error:
            failure = error
        told = self.ranks.tell([float(failure is not None), float(stop), *values])
        self.ranks.require_well(told[:, 0].tolist(), failure)
        if told[:, 1].any():
            return None
        distance, sums = 1, self._sums
        while distance < len(sums):
            for j in range(0, len(sums), 2 * distance):
                sums[j] += sums[j + distance]
            distance *= 2
        self.ranks.add_up(sums[0])
        return added(told[:, 2:].ravel())

    def _of_shard(self, network: Network, place: int, rows: Array, weight: float, seed: int) -> float:
        """What a shard has of the objective and of its gradient; the first one of all has the penalties."""
        state = self.learning.state
        config = state.config
        if self.ranks.own[place] != 0:
            config = replace(config, penalties=(None,) * len(config.penalties))
        scale = 1.0 if config.loss.sums else 1 / weight if weight else 0.0
        objective, _ = network.loss_and_gradients(
            self.parts.taken(rows),
            config,
            self.parts.key(place, seed, int(state.optimizer.steps[0])),
            sample_scale=scale,
            into=self._gradients[place],
        )
        return objective

    def _update(self, network: Network, objective: float, rate: float) -> Status | None:
        """By the gradient; why it failed, on all ranks alike."""
        if not math.isfinite(objective):
            return "diverged"
        try:
            network.update(self._gradients[0], self.learning.state, rate)
        except Overflowed:
            return "overflowed"
        return None


def _never(done: float) -> bool:
    return False


def _views(sums: Array, shapes: Sequence[Parameters]) -> list[Parameters]:
    """A vector as the gradients of parameters of these shapes, one behind the other."""
    views, first = [], 0
    for p in shapes:
        weight = sums[first : first + p.weight.size].reshape(p.weight.shape)
        first += p.weight.size
        bias = None
        if p.bias is not None:
            bias = sums[first : first + p.bias.size]
            first += p.bias.size
        views.append(Parameters(weight, bias))
    return views
