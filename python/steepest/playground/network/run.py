"""`Run`: one network that learns, epoch by epoch, and can go back to where it was."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..._checks import Array
from ...backends.data import Batch, FitRequest
from ...backends.memory import write
from ...compile.objective import batch_of
from ...losses import BinaryCrossEntropy, Loss, PoissonDeviance
from ...training.rates import AHEAD, Place, Rates
from ...training.trainer import Trainer
from . import parts, settings

_SNAPSHOTS = 200  # as far as one can step back
_TOO_LARGE = 1e9  # a loss beyond is divergence, though it may still be finite


class Snapshot(NamedTuple):
    """What learning had come to: epochs, and every array that a step changes."""

    epochs: int
    arrays: list[Array]


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
        self.threshold = math.log(0.5) if isinstance(self.loss, PoissonDeviance) else 0.0  # of one output
        y, outputs = targets(self.loss, y, classes)
        self.blocks = settings.blocks(chosen, outputs)
        self.model = settings.model(chosen, outputs)
        self.trainer = Trainer(self.model, self.loss, settings.optimizer(chosen), settings.penalty(chosen))
        self._chosen, self._snapshots = chosen, deque[Snapshot](maxlen=_SNAPSHOTS)
        self.trainer.fit(
            X[~held_out], y[~held_out], epochs=0, progress=False
        )  # checks, and Standardize's units
        self._data = {"train": (X[~held_out], y[~held_out]), "test": (X[held_out], y[held_out])}
        self._batch = self._made_batch()
        self._seconds = 0.0  # of an epoch
        self._beginning = self._snapshot()

    def _made_batch(self) -> Batch:
        return batch_of(self.model.compiled, *self._data["train"], None, self.loss)

    def change(self, chosen: Mapping[str, Any]) -> None:
        """Go on with other rates, batches or strengths, as `settings.LIVE` has them."""
        now = self._snapshot().arrays
        trainer = Trainer(self.model, self.loss, settings.optimizer(chosen), settings.penalty(chosen))
        trainer.epochs_done = self.trainer.epochs_done
        self.trainer, self._chosen, self._seconds = trainer, chosen, 0.0
        self._restore(Snapshot(trainer.epochs_done, now))

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return self.trainer.epochs_done

    @property
    def batches(self) -> int:
        """Steps of an epoch."""
        return -(-len(self._batch.x) // int(self._chosen["batch_size"]))

    # ---- learning -----------------------------------------------------------------------------------------

    def remember(self) -> None:
        """Keep what it has come to, for `back`."""
        self._snapshots.append(self._snapshot())

    def learn(self, seconds: float, most: int) -> str | None:
        """So many epochs at most, for about so long, at least one; a sentence if the loss diverged.

        Epochs that diverge are undone, up to the last `remember`.
        """
        deadline, done = time.perf_counter() + seconds, 0
        while done < most:
            left = deadline - time.perf_counter()
            if done and left < self._seconds:
                break
            count = max(1, min(most - done, AHEAD * 8 // self.batches, int(left / max(self._seconds, 1e-6))))
            began = time.perf_counter()
            if (rate := self._diverges(1 if not self._seconds else count)) is not None:
                self.back()
                return (
                    f"diverged at the learning rate {rate:.4g} after epoch {self.epochs}: try a smaller one"
                )
            count = 1 if not self._seconds else count
            self._seconds = (time.perf_counter() - began) / count
            done += count
        return None

    def _diverges(self, epochs: int) -> float | None:
        """Learn from all batches so often; the learning rate if that could not be done."""
        trainer, learning = self.trainer, self.trainer.learning
        batches, size = self.batches, min(self._chosen["batch_size"], len(self._batch.x))
        steps = epochs * batches
        place = Place(learning.steps_done, trainer.epochs_done, 0, batches)
        rates = Rates(learning.optimizer.learning_rate, place, steps, self.model.dtype)
        request = FitRequest(
            epochs=epochs,
            batch_size=size,
            shuffle=True,
            seed=self.model.seed,
            rates=rates.of(learning.steps_done, steps),
            first_epoch=trainer.epochs_done,
        )
        results = learning.compiled.network().fit(self._batch, learning.state, request, None)
        trainer.epochs_done += len(results.losses)
        good = results.status == "finished" and results.losses[-1] < _TOO_LARGE
        return None if good else float(request.rates[-1])

    def edit(self, layer: int, row: int, column: int, value: float) -> None:
        """Set a weight of a hidden layer, or the output's, from an input or unit (-1: the bias) to a unit."""
        if layer >= len(self.blocks):
            raise ValueError(f"layer {layer} does not exist: there are {len(self.blocks)}")
        first, end = settings.offsets(self.blocks)[layer]
        state, kind = self.model.state_dict(), "bias" if row < 0 else "weight"
        name = next(key for key in state if first <= int(key.partition(".")[0]) < end and key.endswith(kind))
        array = state[name] if row >= 0 else state[name][np.newaxis]
        if array.ndim != 2:
            raise ValueError("a weight of Maxout has several pieces: it cannot be set here")
        if row >= len(array) or column >= array.shape[1]:
            raise ValueError(f"weight ({row}, {column}) does not exist: there are {array.shape}")
        array[max(row, 0), column] = value
        self.model.load_state_dict(state)

    # ---- going back ---------------------------------------------------------------------------------------

    def back(self) -> bool:
        """To what was remembered last; False if nothing was."""
        if not self._snapshots:
            return False
        self._restore(self._snapshots.pop())
        return True

    def begin(self) -> None:
        """To the initial weights."""
        self._restore(self._beginning)
        self._snapshots.clear()

    def _snapshot(self) -> Snapshot:
        copies = self.trainer.learning.copies()
        return Snapshot(self.epochs, [copy for _, copy in copies])

    def _restore(self, snapshot: Snapshot) -> None:
        arrays = [array for array, _ in self.trainer.learning.copies()]
        write(list(zip(arrays, snapshot.arrays, strict=True)))
        self.trainer.epochs_done = snapshot.epochs

    # ---- what it has come to ------------------------------------------------------------------------------

    def measures(self) -> dict[str, dict[str, float | None]]:
        """Loss, and accuracy or R^2, of both parts of the samples; None for what is not finite."""
        return {part: self._measured(*data) for part, data in self._data.items()}

    def _measured(self, X: Array, y: Array) -> dict[str, float | None]:
        if not len(X):
            return {"loss": None, "score": None}
        found = self.model.evaluate(X, y, loss=self.loss, metrics=[])
        with np.errstate(all="ignore"):
            scores = self.model(X).astype(np.float64)
        return {
            "loss": _finite(found["loss"]),
            "score": _finite(score(scores, y, self.classes, self.threshold)),
        }


def targets(loss: Loss, y: Array, classes: int) -> tuple[Array, int]:
    """What the loss takes for these labels or numbers, and the number of outputs.

    For labels and a loss of numbers: one output for two classes, else one for each; 1 and -1, or 1 and 0 for
    losses that take no negative ones.
    """
    if not classes:
        if loss.takes_labels:
            raise ValueError(f"{type(loss).__name__} is for classes, but the data have numbers to predict")
        return y.astype(np.float32)[:, np.newaxis], 1
    if loss.takes_labels:
        return y, classes
    low = 0.0 if isinstance(loss, BinaryCrossEntropy | PoissonDeviance) else -1.0
    columns = np.array([1]) if classes == 2 else np.arange(classes)
    return np.where(y[:, np.newaxis] == columns, 1.0, low).astype(np.float32), len(columns)


def score(scores: Array, y: Array, classes: int, threshold: float) -> float:
    """The accuracy, if there are classes; else R^2, NaN where all targets are equal."""
    if not classes:
        spread = float(np.sum((y - y.mean()) ** 2))
        return 1 - float(np.sum((scores - y) ** 2)) / spread if spread else math.nan
    truth = y if y.ndim == 1 else predicted(np.where(y == 1, 1, -1))
    return float(np.mean(predicted(scores, threshold) == truth))


def predicted(scores: Array, threshold: float = 0.0) -> Array:
    """The class of each row of scores: the largest, or whether the only one is above the threshold."""
    if scores.shape[1] > 1:
        return np.asarray(scores.argmax(axis=1), np.int64)
    return (scores[:, 0] > threshold).astype(np.int64)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
