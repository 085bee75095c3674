"""The gradient of a batch of which every shard has a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from ..._checks import Array
from ...backends import active
from ...backends.custom import evaluate
from ...backends.data import Parameters, Whole
from ...backends.protocol import Network
from ...losses import CustomLoss
from ..learning import Learning
from .meeting import Broken, Meeting
from .parts import Parts, added
from .ranks import Ranks
from .sums import Sums


class PartedBatch(NamedTuple):
    """Which rows each own shard has, and what those of all shards weigh and count; the key of its draws."""

    rows: Sequence[Array]
    weight: float
    samples: int
    seed: int
    step: int


@dataclass
class Gradients:
    """Computes them by the parts of the shards. It is kept for a whole fit, with memory for each own shard.

    Attributes
    ----------
    statistics : list of ndarray
        Mean and biased variance of the last batch for each batch_norm, (2, outputs).
    """

    ranks: Ranks
    learning: Learning

    def __post_init__(self) -> None:
        compiled = self.learning.compiled
        self._networks: list[Network] = []  # of the own shards, where these compute side by side
        self._pool: ThreadPoolExecutor | None = None
        self.statistics: list[Array] = []
        first = next((place for place, stage in enumerate(compiled.stages) if stage.has_parameters), 0)
        normal = [place for place, stage in enumerate(compiled.stages) if stage.running_rows]
        self._meetings = len(normal) + sum(place > first for place in normal)
        self._meetings += isinstance(self.learning.loss, CustomLoss)
        self._sums = Sums(self.ranks, compiled.zeros(), meet=self._meetings > 0)

    @property
    def sum(self) -> Sequence[Parameters]:
        """That of the last batch."""
        return self._sums.total

    @contextmanager
    def threads(self) -> Iterator[None]:
        """A block in which own shards that meet have a thread each, or sums have one beside the shards."""
        if not self._meetings or len(self.ranks.own) == 1:
            with self._sums.thread():
                yield
            return
        with ThreadPoolExecutor(len(self.ranks.own) - 1, "steepest-shard") as self._pool:
            yield

    def compute(
        self, network: Network, parts: Parts, batch: PartedBatch, stops: Callable[[], bool] | None = None
    ) -> float | None:
        """The objective; its gradient is in `sum` then. None if a rank wants to stop.

        An error on one rank is one on all of them.
        """
        self._sums.begin()
        objective = self.objective(network, parts, batch, stops)
        if objective is not None:
            self._sums.add_up()
        return objective

    def objective(
        self, network: Network, parts: Parts, batch: PartedBatch, stops: Callable[[], bool] | None = None
    ) -> float | None:
        """The objective of all shards, whose gradients are not added up. None if a rank wants to stop."""
        values, failure, stop = [0.0] * len(batch.rows), None, False
        meeting = Meeting(self.ranks, self._meetings)
        try:
            self.ranks.check()
            stop = stops is not None and stops()
            if not stop:
                values = self._of_shards(network, parts, batch, meeting)
        except Broken:
            pass  # all are told why
        except BaseException as error:
            failure = error
        meeting.leave()
        self._sums.end()
        told = self.ranks.tell([float(failure is not None), float(stop), *values])
        self.ranks.require_well(told[:, 0].tolist(), failure)
        return None if told[:, 1].any() else added(told[:, 2:].ravel())

    def _of_shards(self, network: Network, parts: Parts, batch: PartedBatch, meeting: Meeting) -> list[float]:
        self.statistics = []
        own = partial(self._of_shard, parts, batch, meeting)
        if not self._meetings:
            return [own(place, network) for place in range(len(batch.rows))]
        compiled = self.learning.compiled
        while len(self._networks) < len(batch.rows) - 1:
            self._networks.append(active().network(compiled.stages, compiled.parameters, compiled.running))
        networks = [network, *self._networks]
        return meeting.run(lambda place: own(place, networks[place]), self._pool)

    def _of_shard(
        self, parts: Parts, batch: PartedBatch, meeting: Meeting, place: int, network: Network
    ) -> float:
        """What a shard has of the objective and of its gradient; the first one of all has the penalties."""
        config, rows = self.learning.state.config, batch.rows[place]
        if self.ranks.own[place] != 0:
            config = replace(config, penalties=(None,) * len(config.penalties))
        scale = 1.0 if config.loss.sums else 1 / batch.weight if batch.weight else 0.0
        if isinstance(config.loss, CustomLoss):
            config = replace(config, loss=CustomLoss(partial(self._custom_loss, config.loss, meeting, place)))
        told = self._sums.on_gradient if place == len(batch.rows) - 1 else None
        whole = Whole(batch.samples, partial(self._exchange, meeting, place, len(rows)), told)
        objective, _ = network.loss_and_gradients(
            parts.taken(rows),
            config,
            parts.key(place, batch.seed, batch.step),
            sample_scale=scale,
            into=self._sums.own[place],
            whole=whole if self._meetings or told else None,
        )
        return objective

    def _exchange(self, meeting: Meeting, place: int, rows: int, own: Array, back: bool) -> Array:
        """Statistics of the whole batch, on the way forward or back, from those of a shard."""
        whole = meeting.tell(place, (rows, own), _summed if back else _pooled)
        if place == 0 and not back:
            self.statistics.append(whole)
        return whole

    def _custom_loss(
        self, loss: CustomLoss, meeting: Meeting, place: int, scores: Array, targets: Array
    ) -> tuple[float, Array]:
        """The loss of the whole batch for the first shard of all, 0 for others, and a shard's gradient."""

        def of_all(told: list[tuple[Array, Array]]) -> tuple[float, list[Array]]:
            all_scores, all_targets = (np.concatenate(arrays) for arrays in zip(*told, strict=True))
            value, gradient = evaluate(loss, all_scores, all_targets)
            ends = np.cumsum([len(own) for own, _ in told])
            return value, np.split(gradient, ends[:-1])

        value, gradients = meeting.tell(
            place, (scores, targets), lambda told: self.ranks.first(lambda: of_all(told))
        )
        shard = self.ranks.own[place]
        # NaN where the loss is not finite: a gradient that is not is an error only beside a finite loss.
        return value if shard == 0 else 0.0 * value, gradients[shard]


def _pooled(told: list[tuple[int, Array]]) -> Array:
    """Mean and biased variance of all samples, from those of each part."""
    counts = np.array([[rows] for rows, _ in told], np.float64)
    means, variances = (np.array([own[row] for _, own in told], np.float64) for row in (0, 1))
    mean = (counts * means).sum(axis=0) / counts.sum()
    variance = (counts * (variances + (means - mean) ** 2)).sum(axis=0) / counts.sum()
    return np.stack([mean, variance]).astype(told[0][1].dtype)


def _summed(told: list[tuple[int, Array]]) -> Array:
    """Of all samples, from those of each part."""
    total = np.sum([own for _, own in told], axis=0, dtype=np.float64)
    return total.astype(told[0][1].dtype)
