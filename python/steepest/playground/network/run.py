"""`Run`: one network that learns, epoch by epoch, and what it has come to."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._checks import Array
from ...backends.data import Batch, FitRequest
from ...backends.memory import write
from ...losses import Loss
from ...metrics import accuracy, r2
from ...training.rates import AHEAD, Place, Rates
from ...training.trainer import Trainer
from ...training.validation import Measured, data_loss, measure, measured
from . import parts, settings
from .scores import targets, threshold

_TOO_LARGE = 1e9  # a loss beyond is divergence, though it may still be finite


class Snapshot(NamedTuple):
    """What learning had come to: epochs, and every array that a step changes."""

    epochs: int
    arrays: list[Array]


class _Part(NamedTuple):
    """The samples that are learned from, or those held out, and their labels or numbers."""

    samples: Measured
    y: Array


class Run:
    """One network, its trainer and the samples.

    Parameters
    ----------
    chosen : mapping
        Settings as `settings.RULES` accepts them.
    loss : mapping
        The part that describes it.
    X, y : ndarray
        The inputs, and labels or targets.
    held_out : ndarray of bool
        Which samples are not learned from.
    classes : int
        0 for a regression.
    """

    def __init__(
        self,
        chosen: Mapping[str, Any],
        loss: Mapping[str, Any],
        X: Array,
        y: Array,
        held_out: Array,
        classes: int,
    ) -> None:
        self.loss: Loss = parts.made(parts.LOSSES, loss)
        self.classes = classes
        goals, outputs = targets(self.loss, y, classes)
        self.blocks = settings.blocks(chosen, outputs)
        self.model = settings.model(self.blocks, chosen["seed"])
        self.keys = settings.keys(self.blocks, self.model.state_dict())
        self.trainer = Trainer(self.model, self.loss, settings.optimizer(chosen), settings.penalty(chosen))
        # Checks, and the units of a Standardize, which the batches below need.
        self.trainer.fit(X[~held_out], goals[~held_out], epochs=0, progress=False)
        parted = {"train": ~held_out, "test": held_out}
        self._parts = {name: self._part(X[rows], goals[rows], y[rows]) for name, rows in parted.items()}
        self._chosen = chosen
        self._seconds = 0.0  # of an epoch

    def _part(self, X: Array, goals: Array, y: Array) -> _Part | None:
        """Some of the samples, checked once for all that follows; None for none of them."""
        if not len(X):
            return None
        return _Part(measured(self.model.compiled, (X, goals), self.loss, ""), y)

    @property
    def _batch(self) -> Batch:
        part = self._parts["train"]
        assert part is not None
        return part.samples.batch

    def change(self, chosen: Mapping[str, Any]) -> None:
        """Go on with other rates, batches or strengths, as `settings.LIVE` has them."""
        now = self.snapshot()
        trainer = Trainer(self.model, self.loss, settings.optimizer(chosen), settings.penalty(chosen))
        self.trainer, self._chosen, self._seconds = trainer, chosen, 0.0
        self.restore(now)

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return self.trainer.epochs_done

    @property
    def batches(self) -> int:
        """Steps of an epoch."""
        return -(-len(self._batch.x) // int(self._chosen["batch_size"]))

    # ---- learning -----------------------------------------------------------------------------------------

    def learn(self, seconds: float, most: int) -> float | None:
        """So many epochs at most, for about so long, at least one; the learning rate if the loss diverged."""
        deadline, done = time.perf_counter() + seconds, 0
        while done < most:
            began = time.perf_counter()
            left = deadline - began
            if done and left < self._seconds:
                break
            at_once = int(left / self._seconds) if self._seconds else 1
            count = max(1, min(most - done, AHEAD * 8 // self.batches, at_once))
            if (rate := self._diverges(count)) is not None:
                return rate
            self._seconds = (time.perf_counter() - began) / count
            done += count
        return None

    def _diverges(self, epochs: int) -> float | None:
        """Learn from all batches so often; the learning rate if that could not be done."""
        trainer, learning, batch = self.trainer, self.trainer.learning, self._batch
        steps = epochs * self.batches
        place = Place(learning.steps_done, trainer.epochs_done, 0, self.batches)
        rates = Rates(learning.optimizer.learning_rate, place, steps, self.model.dtype)
        request = FitRequest(
            epochs=epochs,
            batch_size=min(self._chosen["batch_size"], len(batch.x)),
            shuffle=True,
            seed=self.model.seed,
            rates=rates.of(learning.steps_done, steps),
            first_epoch=trainer.epochs_done,
        )
        results = learning.compiled.network().fit(batch, learning.state, request, None)
        trainer.epochs_done += len(results.losses)
        # The loss of an epoch is that before its steps: the last ones are seen here alone.
        good = results.status == "finished" and data_loss(self.model.compiled, self.loss, batch) < _TOO_LARGE
        return None if good else float(request.rates[-1])

    def edit(self, layer: int, row: int, column: int, value: float) -> None:
        """Set a weight of a hidden layer, or the output's, from an input or unit (-1: the bias) to a unit."""
        if layer >= len(self.blocks):
            raise ValueError(f"layer {layer} does not exist: there are {len(self.blocks)}")
        state, kind = self.model.state_dict(), "bias" if row < 0 else "weight"
        name = next(key for key in self.keys[layer].values() if key.endswith(kind))
        array = state[name] if row >= 0 else state[name][np.newaxis]
        if array.ndim != 2:
            raise ValueError("a weight of Maxout has several pieces: it cannot be set here")
        if row >= len(array) or column >= array.shape[1]:
            raise ValueError(f"weight ({row}, {column}) does not exist: there are {array.shape}")
        array[max(row, 0), column] = value
        self.model.load_state_dict(state)

    # ---- what it has come to ------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """All of it, to `restore`."""
        return Snapshot(self.epochs, [copy for _, copy in self.trainer.learning.copies()])

    def restore(self, snapshot: Snapshot) -> None:
        """To what it had come to, to the last bit."""
        arrays = [array for array, _ in self.trainer.learning.copies()]
        write(list(zip(arrays, snapshot.arrays, strict=True)))
        self.trainer.epochs_done = snapshot.epochs

    def measures(self) -> dict[str, dict[str, float | None]]:
        """Loss, and accuracy or R^2, of both parts of the samples; None for what is not finite."""
        return {name: self._measures(part) for name, part in self._parts.items()}

    def _measures(self, part: _Part | None) -> dict[str, float | None]:
        if part is None:
            return {"loss": None, "score": None}

        def score(goals: Array, scores: Array) -> float:
            """Of the labels: the goals of other losses than the usual ones are none."""
            return accuracy(part.y, scores - threshold(self.loss)) if self.classes else r2(goals, scores)

        loss, found = measure(self.model.compiled, self.loss, part.samples, {"score": score})
        return {"loss": _finite(loss), "score": _finite(found["score"])}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
