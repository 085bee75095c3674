"""A linear classifier of the bundled digits, whose weights are pictures: one template for each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._checks import Array
from ...datasets import load_digits, stratified_split
from ...initializers import Zeros
from ...layers import Linear
from ...metrics import accuracy
from ...model import Sequential
from ...optimizers import SGD
from ...penalties import L2
from ...training.trainer import Trainer
from .plane import LOSSES

_RATE, _BATCH = 0.02, 64


class Digits:
    """A classifier at the beginning, all weights 0, to be trained epoch by epoch."""

    def __init__(self, loss: str, strength: float) -> None:
        X, self._y = load_digits()
        self._X = X / 16
        self._train, self._test = stratified_split(self._y, 0.2, seed=0)
        self._model = Sequential(Linear(64, 10, initializer=Zeros()), seed=0)
        penalty = L2(strength)
        self._trainer = Trainer(self._model, loss=LOSSES[loss], optimizer=SGD(_RATE), penalty=penalty)

    def train(self, epochs: int) -> None:
        """Go on for some epochs."""
        X, y = self._X[self._train], self._y[self._train]
        self._trainer.fit(X, y, epochs=epochs, batch_size=_BATCH, progress=False)

    def shown(self) -> dict[str, Any]:
        """Epochs done, and the shares of digits that are recognized."""
        return {
            "epochs": self._trainer.epochs_done,
            "train_accuracy": self._accuracy(self._train),
            "test_accuracy": self._accuracy(self._test),
        }

    def templates(self) -> Array:
        """One picture (8, 8) for each digit, as shares of the largest weight, from -1 to 1."""
        weight = self._model.state_dict()["0.weight"].T
        largest = float(np.abs(weight).max())
        return (weight / (largest or 1.0)).reshape(10, 8, 8)

    def _accuracy(self, rows: Array) -> float:
        return float(accuracy(self._y[rows], self._model(self._X[rows])))
